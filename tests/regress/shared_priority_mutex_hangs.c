/*
 * A mutex with priority inheritance, shared with a process that has one thread: the kernel looked for its owner by a tid that it does not know, the
 * other process waited for ever, and unlocking what it had waited for failed with EPERM. All kinds of it.
 */
#include "must.h"
#include <sys/mman.h>

enum { ROUNDS = 500 };

static struct shared {
	pthread_mutex_t m;
	atomic_int inside, n;
} *s;

static void *plays(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		MUST(!pthread_mutex_lock(&s->m));
		MUST(!s->inside++);
		if (!(i % 4))
			pause_us(20);
		s->n++;
		s->inside--;
		MUST(!pthread_mutex_unlock(&s->m));
		if (!(i % 16))
			pause_us(50);
	}
	return arg;
}

static void play(int kind, int robust)
{
	pthread_mutexattr_t attr;
	pthread_t t;
	pid_t pid;
	int st;

	pthread_mutexattr_init(&attr);
	MUST(!pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) && !pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT));
	MUST(!pthread_mutexattr_settype(&attr, kind) && !pthread_mutexattr_setrobust(&attr, robust));
	MUST(!pthread_mutex_init(&s->m, &attr));
	s->n = 0;
	if (!(pid = fork())) {
		alarm(30);
		plays(NULL);
		_exit(0);
	}
	t = start(plays, NULL);
	plays(NULL);
	MUST(!pthread_join(t, NULL) && waitpid(pid, &st, 0) == pid && !st && s->n == 3 * ROUNDS);
}

int main(void)
{
	s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(s != MAP_FAILED);
	alarm(50);
	for (int robust = 0; robust < 2; robust++) {
		play(PTHREAD_MUTEX_NORMAL, robust);
		play(PTHREAD_MUTEX_RECURSIVE, robust);
		play(PTHREAD_MUTEX_ERRORCHECK, robust);
	}
	return 0;
}
