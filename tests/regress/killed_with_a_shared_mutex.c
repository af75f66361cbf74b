/*
 * A process that ended while a thread other than main held a robust mutex shared with others left it locked for ever: they never heard
 * EOWNERDEAD (uwsgi --thunder-lock: a worker killed, and all the others stood still).
 */
#include "must.h"
#include <sys/mman.h>

static struct shared {
	pthread_mutex_t m[3];
	int held;
} *s;

static void (*leave)(void);
static int type;

static void by_status(void) { _exit(0); }
static void by_exit(void) { exit(0); }
static void by_kill(void) { kill(getpid(), SIGKILL); }
static void by_fault(void) { raise(SIGTERM); }
static void by_exec(void) { execl("/bin/sleep", "sleep", "0", (char *)NULL); }

static void *holds(void *arg)
{
	MUST(!pthread_mutex_lock(&s->m[0]) && !pthread_mutex_lock(&s->m[1]) && !pthread_mutex_lock(&s->m[2]));
	MUST(!pthread_mutex_unlock(&s->m[1]) && pthread_mutex_unlock(&s->m[1]) == EPERM);
	MUST(!pthread_mutex_lock(&s->m[1]));
	if (type == PTHREAD_MUTEX_RECURSIVE) {
		MUST(!pthread_mutex_lock(&s->m[1]) && !pthread_mutex_trylock(&s->m[1]));
		MUST(!pthread_mutex_unlock(&s->m[1]) && !pthread_mutex_unlock(&s->m[1]));
	} else {
		MUST(type != PTHREAD_MUTEX_ERRORCHECK || pthread_mutex_lock(&s->m[1]) == EDEADLK);
	}
	__atomic_add_fetch(&s->held, 1, __ATOMIC_SEQ_CST);
	if (!leave)
		return arg;
	for (;;)
		pause();
}

static void child(void)
{
	struct timespec soon;

	start(holds, s);
	while (!__atomic_load_n(&s->held, __ATOMIC_SEQ_CST))
		pause_us(500);
	clock_gettime(CLOCK_REALTIME, &soon);
	if (leave) {
		MUST(pthread_mutex_unlock(&s->m[0]) == EPERM && pthread_mutex_trylock(&s->m[0]) == EBUSY);
		MUST(pthread_mutex_timedlock(&s->m[2], &soon) == ETIMEDOUT);
		__atomic_add_fetch(&s->held, 1, __ATOMIC_SEQ_CST);
		pause_us(20000);
		leave();
	}
	__atomic_add_fetch(&s->held, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

static void *inherits(void *arg)
{
	struct timespec t;

	for (int i = 0; i < 3; i++) {
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec += 5;
		MUST(pthread_mutex_timedlock(&s->m[i], &t) == EOWNERDEAD);
		MUST(!pthread_mutex_consistent(&s->m[i]) && !pthread_mutex_unlock(&s->m[i]));
		MUST(!pthread_mutex_lock(&s->m[i]) && !pthread_mutex_unlock(&s->m[i]));
	}
	return arg;
}

static void try(void (*how)(void), int t, int protocol, int by_thread)
{
	pthread_mutexattr_t a;
	pid_t pid;
	int st;

	memset(s, 0, sizeof(*s));
	leave = how;
	type = t;
	pthread_mutexattr_init(&a);
	MUST(!pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED) && !pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST));
	MUST(!pthread_mutexattr_settype(&a, type) && !pthread_mutexattr_setprotocol(&a, protocol));
	for (int i = 0; i < 3; i++)
		MUST(!pthread_mutex_init(&s->m[i], &a));
	if (!(pid = fork()))
		child();
	while (__atomic_load_n(&s->held, __ATOMIC_SEQ_CST) < 2)
		pause_us(500);
	if (by_thread)
		MUST(!pthread_join(start(inherits, NULL), NULL));
	else
		inherits(NULL);
	kill(pid, SIGKILL);
	MUST(waitpid(pid, &st, 0) == pid);
}

int main(void)
{
	static void (*const ways[])(void) = { by_status, by_exit, by_kill, by_fault, by_exec, NULL };
	static const int types[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK };

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(s != MAP_FAILED);
	for (int heir = 0; heir < 2; heir++) /* main, before there are greenlets; then a thread */
		for (int i = 0; i < 6; i++)
			for (int k = 0; k < 3; k++)
				try(ways[i], types[k], PTHREAD_PRIO_NONE, heir);
	for (int i = 0; i < 6; i++)
		try(ways[i], PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, 1);
	return 0;
}
