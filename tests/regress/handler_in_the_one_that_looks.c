/*
 * Two threads wait for a mutex that another process holds. The first looks for both, and a handler of its own waits for the second: nobody saw
 * that the mutex was free.
 */
#include "must.h"
#include <sys/mman.h>

static struct shared {
	pthread_mutex_t m;
	atomic_int held, release;
} *s;
static atomic_int second;

static void waits(int sig)
{
	(void)sig;
	while (!second)
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

static void *locks(void *arg)
{
	pause_us(20000);
	MUST(!pthread_mutex_lock(&s->m));
	second = 1;
	MUST(!pthread_mutex_unlock(&s->m));
	return arg;
}

static void *signals(void *arg)
{
	pause_us(60000);
	MUST(!kill(getpid(), SIGUSR1));
	pause_us(30000);
	s->release = 1;
	return arg;
}

int main(void)
{
	pthread_mutexattr_t attr;
	sigset_t all;
	pthread_t t;
	pid_t pid;
	int st;

	s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&attr);
	MUST(s != MAP_FAILED && !pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) && !pthread_mutex_init(&s->m, &attr));
	on(SIGUSR1, waits, SA_RESTART);
	if (!(pid = fork())) {
		MUST(!pthread_mutex_lock(&s->m));
		s->held = 1;
		while (!s->release)
			pause_us(1000);
		MUST(!pthread_mutex_unlock(&s->m));
		_exit(0);
	}
	while (!s->held)
		pause_us(1000);
	sigfillset(&all);
	MUST(!pthread_sigmask(SIG_BLOCK, &all, NULL));
	t = start(locks, NULL);
	start(signals, NULL);
	MUST(!pthread_sigmask(SIG_UNBLOCK, &all, NULL));
	MUST(!pthread_mutex_lock(&s->m) && !pthread_mutex_unlock(&s->m));
	MUST(!pthread_join(t, NULL) && waitpid(pid, &st, 0) == pid && !st);
	return 0;
}
