/*
 * sync_zoo.c - proves the answers of the synchronisation calls: rwlock, barrier, spin lock, once and semaphore, every timed variant
 * on each clock (none early), and what each kind of lock says to its owner and to others. mutex_zoo.c has mutexes and conditions.
 */
#include "check.h"
#include <sched.h>
#include <semaphore.h>

/* A timed call that nobody satisfies: ETIMEDOUT, and not before the time on the clock that was asked for. */
#define TIMES_OUT(clock, call)                                                                                                 \
	do {                                                                                                                   \
		struct timespec until = in_ms(clock, 15);                                                                      \
		CHECK_EQ(call, ETIMEDOUT);                                                                                     \
		CHECK(clock_ns(clock) >= ts_ns(until));                                                                        \
	} while (0)

enum { N = 8 };

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static sem_t go, done;
static int inside;

static void *tries_rwlock_while_written(void *arg)
{
	struct timespec bad = { 0, 1000000000 }, past = { 0 };

	CHECK_EQ(pthread_rwlock_tryrdlock(&rw), EBUSY);
	CHECK_EQ(pthread_rwlock_trywrlock(&rw), EBUSY);
	TIMES_OUT(CLOCK_REALTIME, pthread_rwlock_timedrdlock(&rw, &until));
	TIMES_OUT(CLOCK_REALTIME, pthread_rwlock_timedwrlock(&rw, &until));
	TIMES_OUT(CLOCK_MONOTONIC, pthread_rwlock_clockrdlock(&rw, CLOCK_MONOTONIC, &until));
	TIMES_OUT(CLOCK_REALTIME, pthread_rwlock_clockwrlock(&rw, CLOCK_REALTIME, &until));
	CHECK_EQ(pthread_rwlock_timedrdlock(&rw, &past), ETIMEDOUT);
	CHECK_EQ(pthread_rwlock_timedwrlock(&rw, &bad), EINVAL);
	CHECK_EQ(pthread_rwlock_clockrdlock(&rw, CLOCK_PROCESS_CPUTIME_ID, &past), EINVAL);
	return arg;
}

static void *reads(void *arg)
{
	struct timespec until = in_ms(CLOCK_MONOTONIC, 5000);

	CHECK_EQ(arg ? pthread_rwlock_rdlock(&rw) : pthread_rwlock_clockrdlock(&rw, CLOCK_MONOTONIC, &until), 0);
	CHECK_EQ(pthread_rwlock_trywrlock(&rw), EBUSY);
	__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
	/* All N readers must be in at the same time before one may leave. */
	CHECK_EQ(sem_post(&done), 0);
	CHECK_EQ(sem_wait(&go), 0);
	__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(pthread_rwlock_unlock(&rw), 0);
	return arg;
}

static void *writes(void *arg)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 5000);

	CHECK_EQ(arg ? pthread_rwlock_wrlock(&rw) : pthread_rwlock_timedwrlock(&rw, &until), 0);
	CHECK_EQ(__atomic_load_n(&inside, __ATOMIC_SEQ_CST), 0);
	CHECK_EQ(pthread_rwlock_unlock(&rw), 0);
	return arg;
}

static void rwlocks(void)
{
	pthread_t readers[N], writers[2];

	CHECK_EQ(pthread_rwlock_wrlock(&rw), 0);
	CHECK_EQ(pthread_rwlock_rdlock(&rw), EDEADLK);
	CHECK_EQ(pthread_rwlock_wrlock(&rw), EDEADLK);
	join(spawn(tries_rwlock_while_written, NULL));
	for (int i = 0; i < N; i++)
		readers[i] = spawn(reads, i % 2 ? &rw : NULL);
	CHECK_EQ(pthread_rwlock_unlock(&rw), 0);
	for (int i = 0; i < N; i++)
		CHECK_EQ(sem_wait(&done), 0);
	CHECK_EQ(__atomic_load_n(&inside, __ATOMIC_SEQ_CST), N);
	CHECK_EQ(pthread_rwlock_tryrdlock(&rw), 0);
	CHECK_EQ(pthread_rwlock_unlock(&rw), 0);
	for (int i = 0; i < 2; i++)
		writers[i] = spawn(writes, i ? &rw : NULL);
	TIMES_OUT(CLOCK_REALTIME, pthread_rwlock_timedwrlock(&rw, &until));
	for (int i = 0; i < N; i++)
		CHECK_EQ(sem_post(&go), 0);
	for (int i = 0; i < N; i++)
		join(readers[i]);
	for (int i = 0; i < 2; i++)
		join(writers[i]);
	CHECK_EQ(pthread_rwlock_destroy(&rw), 0);
}

static void *waits_to_write(void *lock)
{
	CHECK_EQ(pthread_rwlock_wrlock(lock), 0);
	CHECK_EQ(pthread_rwlock_unlock(lock), 0);
	return NULL;
}

static void *wants_to_read(void *lock)
{
	TIMES_OUT(CLOCK_REALTIME, pthread_rwlock_timedrdlock(lock, &until));
	CHECK_EQ(pthread_rwlock_tryrdlock(lock), EBUSY);
	return NULL;
}

/* A lock that prefers writers lets no new reader pass one that waits, and an old one out. */
static void rwlock_preference(void)
{
	pthread_rwlockattr_t attr;
	pthread_rwlock_t lock;
	pthread_t writer;

	CHECK_EQ(pthread_rwlockattr_init(&attr), 0);
	CHECK_EQ(pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP), 0);
	CHECK_EQ(pthread_rwlock_init(&lock, &attr), 0);
	CHECK_EQ(pthread_rwlock_rdlock(&lock), 0);
	writer = spawn(waits_to_write, &lock);
	for (uint64_t start = now_ns(); pthread_rwlock_tryrdlock(&lock) == 0;) {
		CHECK_EQ(pthread_rwlock_unlock(&lock), 0);
		CHECK(now_ns() - start < 2000000000); /* or the waiting writer does not keep readers out */
		sched_yield();
	}
	join(spawn(wants_to_read, &lock));
	CHECK_EQ(pthread_rwlock_unlock(&lock), 0);
	join(writer);
	CHECK_EQ(pthread_rwlock_destroy(&lock), 0);
}

static pthread_barrier_t barrier;
static int serials, arrived;

static void *meets(void *arg)
{
	for (int round = 1; round <= 50; round++) {
		int r;

		__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
		r = pthread_barrier_wait(&barrier);
		CHECK(r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD);
		CHECK(__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) >= round * N);
		if (r)
			__atomic_add_fetch(&serials, 1, __ATOMIC_SEQ_CST);
	}
	return arg;
}

static void barriers(void)
{
	pthread_t threads[N];

	CHECK_EQ(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
	CHECK_EQ(pthread_barrier_init(&barrier, NULL, N), 0);
	for (int i = 0; i < N; i++)
		threads[i] = spawn(meets, NULL);
	for (int i = 0; i < N; i++)
		join(threads[i]);
	CHECK_EQ(serials, 50);
	CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
}

static pthread_spinlock_t spin;
static int spun;

static void *spins(void *arg)
{
	for (int i = 0; i < 20; i++) {
		int before;

		CHECK_EQ(pthread_spin_lock(&spin), 0);
		before = spun;
		sched_yield(); /* others now find it locked */
		spun = before + 1;
		CHECK_EQ(pthread_spin_unlock(&spin), 0);
	}
	return arg;
}

static void spin_locks(void)
{
	pthread_t threads[4];

	CHECK_EQ(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE), 0);
	CHECK_EQ(pthread_spin_trylock(&spin), 0);
	CHECK_EQ(pthread_spin_trylock(&spin), EBUSY);
	for (int i = 0; i < 4; i++)
		threads[i] = spawn(spins, NULL);
	CHECK_EQ(pthread_spin_unlock(&spin), 0);
	for (int i = 0; i < 4; i++)
		join(threads[i]);
	CHECK_EQ(spun, 80);
	CHECK_EQ(pthread_spin_destroy(&spin), 0);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_calls, once_done;

static void slow_init(void)
{
	once_calls++;
	usleep(5000);
	once_done = 1;
}

static void *inits(void *arg)
{
	CHECK_EQ(pthread_once(&once, slow_init), 0);
	CHECK_EQ(once_done, 1);
	return arg;
}

static void onces(void)
{
	pthread_t threads[N];

	for (int i = 0; i < N; i++)
		threads[i] = spawn(inits, NULL);
	for (int i = 0; i < N; i++)
		join(threads[i]);
	CHECK_EQ(once_calls, 1);
}

#define SEM_TIMES_OUT(clock, call)                                                                                             \
	do {                                                                                                                   \
		struct timespec until = in_ms(clock, 15);                                                                      \
		CHECK_ERR(call, ETIMEDOUT);                                                                                    \
		CHECK(clock_ns(clock) >= ts_ns(until));                                                                        \
	} while (0)

static void *posts(void *arg)
{
	for (int i = 0; i < 3; i++)
		CHECK_EQ(sem_post(arg), 0);
	return NULL;
}

static void semaphores(void)
{
	struct timespec bad = { 0, -1 }, past = { 0 }, later;
	pthread_t poster;
	sem_t sem;
	int value;

	CHECK_EQ(sem_init(&sem, 0, 2), 0);
	CHECK_EQ(sem_getvalue(&sem, &value), 0);
	CHECK_EQ(value, 2);
	CHECK_EQ(sem_timedwait(&sem, &past), 0); /* the time is not looked at where there is nothing to wait for */
	CHECK_EQ(sem_trywait(&sem), 0);
	CHECK_ERR(sem_trywait(&sem), EAGAIN);
	CHECK_ERR(sem_timedwait(&sem, &past), ETIMEDOUT);
	CHECK_ERR(sem_timedwait(&sem, &bad), EINVAL);
	CHECK_ERR(sem_clockwait(&sem, CLOCK_THREAD_CPUTIME_ID, &past), EINVAL);
	SEM_TIMES_OUT(CLOCK_REALTIME, sem_timedwait(&sem, &until));
	SEM_TIMES_OUT(CLOCK_REALTIME, sem_clockwait(&sem, CLOCK_REALTIME, &until));
	SEM_TIMES_OUT(CLOCK_MONOTONIC, sem_clockwait(&sem, CLOCK_MONOTONIC, &until));
	poster = spawn(posts, &sem);
	CHECK_EQ(sem_wait(&sem), 0);
	later = in_ms(CLOCK_REALTIME, 5000);
	CHECK_EQ(sem_timedwait(&sem, &later), 0);
	later = in_ms(CLOCK_MONOTONIC, 5000);
	CHECK_EQ(sem_clockwait(&sem, CLOCK_MONOTONIC, &later), 0);
	join(poster);
	CHECK_EQ(sem_getvalue(&sem, &value), 0);
	CHECK_EQ(value, 0);
	CHECK_EQ(sem_destroy(&sem), 0);
}

int main(void)
{
	CHECK_EQ(sem_init(&go, 0, 0), 0);
	CHECK_EQ(sem_init(&done, 0, 0), 0);
	rwlocks();
	rwlock_preference();
	barriers();
	spin_locks();
	onces();
	semaphores();
	printf("sync_zoo: rwlocks, barriers, spin locks, once, semaphores\n");
	return 0;
}
