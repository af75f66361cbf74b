/*
 * Mutex, condition, semaphore, barrier and rwlock in shared memory, between this program with its threads and one that runs without us:
 * each wakes the other; and who is killed with a robust mutex in his hands leaves it to a thread that waits.
 */
#define TICK_US 1000
#include "must.h"
#include "ticker.h"
#include <sys/mman.h>

enum { ROUNDS = 200 };

static struct shared {
	pthread_mutex_t mutex, robust;
	pthread_cond_t cond;
	pthread_rwlock_t rwlock;
	pthread_barrier_t barrier;
	sem_t sem[2];
	int turn, sum, held;
} *s;

static void play(int me)
{
	for (int i = 0; i < ROUNDS; i++) {
		MUST(!pthread_mutex_lock(&s->mutex));
		while (s->turn != me)
			MUST(!pthread_cond_wait(&s->cond, &s->mutex));
		s->turn = !me;
		MUST(!pthread_cond_signal(&s->cond) && !pthread_mutex_unlock(&s->mutex));
	}
	for (int i = 0; i < ROUNDS; i++) {
		MUST(!sem_wait(&s->sem[me]));
		MUST(!sem_post(&s->sem[!me]));
	}
	for (int i = 0; i < ROUNDS; i++) {
		MUST(!pthread_rwlock_wrlock(&s->rwlock));
		s->sum++;
		MUST(!pthread_rwlock_unlock(&s->rwlock));
	}
	for (int i = 0; i < 20; i++) {
		int r = pthread_barrier_wait(&s->barrier);

		MUST(!r || r == PTHREAD_BARRIER_SERIAL_THREAD);
	}
}

static void *plays(void *arg)
{
	play(0);
	return arg;
}

static void *inherits(void *arg)
{
	MUST(pthread_mutex_lock(&s->robust) == EOWNERDEAD);
	MUST(!pthread_mutex_consistent(&s->robust) && !pthread_mutex_unlock(&s->robust));
	return arg;
}

static void make(void)
{
	pthread_mutexattr_t m;
	pthread_condattr_t c;
	pthread_rwlockattr_t r;
	pthread_barrierattr_t b;

	pthread_mutexattr_init(&m);
	pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
	MUST(!pthread_mutex_init(&s->mutex, &m));
	pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST);
	MUST(!pthread_mutex_init(&s->robust, &m));
	pthread_condattr_init(&c);
	pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
	MUST(!pthread_cond_init(&s->cond, &c));
	pthread_rwlockattr_init(&r);
	pthread_rwlockattr_setpshared(&r, PTHREAD_PROCESS_SHARED);
	MUST(!pthread_rwlock_init(&s->rwlock, &r));
	pthread_barrierattr_init(&b);
	pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_SHARED);
	MUST(!pthread_barrier_init(&s->barrier, &b, 2));
	MUST(!sem_init(&s->sem[0], 1, 1) && !sem_init(&s->sem[1], 1, 0));
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? atoi(argv[1]) : memfd_create("shared", 0), st, then;
	pthread_t t;
	char number[16];
	pid_t pid;

	MUST(fd >= 0 && !ftruncate(fd, sizeof(*s)));
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(s != MAP_FAILED);
	if (argc > 1) { /* without us */
		play(1);
		MUST(!pthread_mutex_lock(&s->robust));
		__atomic_store_n(&s->held, 1, __ATOMIC_SEQ_CST);
		for (;;)
			pause();
	}
	make();
	snprintf(number, sizeof(number), "%d", fd);
	if (!(pid = fork())) {
		unsetenv("LD_PRELOAD");
		execl("/proc/self/exe", argv[0], number, (char *)NULL);
		_exit(99);
	}
	start(ticker, NULL);
	MUST(!pthread_join(start(plays, NULL), NULL) && s->sum == 2 * ROUNDS);
	while (!__atomic_load_n(&s->held, __ATOMIC_SEQ_CST))
		pause_us(500);
	t = start(inherits, NULL);
	then = ticks;
	pause_us(20000);
	MUST(ticks > then + 1);
	MUST(!kill(pid, SIGKILL) && waitpid(pid, &st, 0) == pid && WIFSIGNALED(st));
	MUST(!pthread_join(t, NULL));
	return 0;
}
