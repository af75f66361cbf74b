/*
 * A recursive mutex shared by two processes let both in, and one that checks errors said EDEADLK to the second (uwsgi, samba's tdb): the
 * first thread of each process had the same tid, by which such a mutex knows its owner. A writer of a shared rwlock likewise.
 */
#include "must.h"
#include <sys/mman.h>

enum { ROUNDS = 30, PROCESSES = 3 };

static struct shared {
	pthread_mutex_t m;
	pthread_rwlock_t rw;
	int in, writers;
} *s;

static void *plays(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		MUST(!pthread_mutex_lock(&s->m));
		MUST(!__atomic_fetch_add(&s->in, 1, __ATOMIC_SEQ_CST));
		pause_us(200);
		__atomic_fetch_sub(&s->in, 1, __ATOMIC_SEQ_CST);
		MUST(!pthread_mutex_unlock(&s->m));
		MUST(!pthread_rwlock_wrlock(&s->rw));
		MUST(!__atomic_fetch_add(&s->writers, 1, __ATOMIC_SEQ_CST));
		pause_us(200);
		__atomic_fetch_sub(&s->writers, 1, __ATOMIC_SEQ_CST);
		MUST(!pthread_rwlock_unlock(&s->rw));
	}
	return arg;
}

static void try(int type, int robust)
{
	pthread_mutexattr_t m;
	pthread_rwlockattr_t r;
	pid_t pid[PROCESSES];
	int st;

	memset(s, 0, sizeof(*s));
	pthread_mutexattr_init(&m);
	MUST(!pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED) && !pthread_mutexattr_settype(&m, type));
	MUST(!pthread_mutexattr_setrobust(&m, robust) && !pthread_mutex_init(&s->m, &m));
	pthread_rwlockattr_init(&r);
	MUST(!pthread_rwlockattr_setpshared(&r, PTHREAD_PROCESS_SHARED) && !pthread_rwlock_init(&s->rw, &r));
	for (int i = 0; i < PROCESSES; i++)
		if (!(pid[i] = fork())) {
			MUST(!pthread_join(start(plays, NULL), NULL));
			_exit(0);
		}
	for (int i = 0; i < PROCESSES; i++)
		MUST(waitpid(pid[i], &st, 0) == pid[i] && !st);
}

int main(void)
{
	static const int types[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK };

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(s != MAP_FAILED);
	for (int i = 0; i < 3; i++) {
		try(types[i], PTHREAD_MUTEX_STALLED);
		try(types[i], PTHREAD_MUTEX_ROBUST);
	}
	return 0;
}
