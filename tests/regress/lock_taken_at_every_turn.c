/*
 * A loop that releases a lock for a moment and takes it again (an interpreter's, around each system call) gave way at the same call of
 * each round, with the lock taken: whoever was told that it is free never found it so. CPython's test_ftplib hung.
 */
#include "must.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static bool locked;
static atomic_bool got;

static void take(void)
{
	pthread_mutex_lock(&m);
	while (locked)
		pthread_cond_wait(&c, &m);
	locked = true;
	pthread_mutex_unlock(&m);
}

static void drop(void)
{
	pthread_mutex_lock(&m);
	locked = false;
	pthread_cond_signal(&c);
	pthread_mutex_unlock(&m);
}

static void *waiter(void *arg)
{
	take();
	got = true;
	drop();
	return arg;
}

int main(void)
{
	for (int calls = 1; calls < 140; calls++) { /* made in each round while the lock is held */
		uint64_t end = now_us() + 3000000;
		pthread_t t;

		take();
		got = false;
		t = start(waiter, NULL);
		while (!got) {
			for (int i = 0; i < calls; i++) {
				pthread_mutex_lock(&other);
				pthread_mutex_unlock(&other);
			}
			MUST(now_us() < end || !dprintf(2, "%d calls a round\n", calls));
			drop();
			take();
		}
		drop();
		MUST(!pthread_join(t, NULL));
	}
	return 0;
}
