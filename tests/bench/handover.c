/*
 * handover.c - W4: the price of handing over from one thread to another and back: strict alternation, each step checked.
 *
 *   handover yield|cond SECONDS
 *   handover fsbase SECONDS      the system call alone that each switch needs where the kernel lacks FSGSBASE
 */
#include "bench.h"
#include "fsbase.h"
#include <sched.h>
#include <stdatomic.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned[2] = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };
static atomic_long step; /* even: thread 0 is to move */
static long steps;
static bool by_cond;

static void yields(long me)
{
	for (long i = me; i < steps; i += 2) {
		while (atomic_load_explicit(&step, memory_order_acquire) != i)
			sched_yield();
		atomic_store_explicit(&step, i + 1, memory_order_release);
	}
}

static void signals(long me)
{
	PTHREAD(pthread_mutex_lock(&lock));
	for (long i = me; i < steps; i += 2) {
		while (atomic_load_explicit(&step, memory_order_relaxed) % 2 != me)
			PTHREAD(pthread_cond_wait(&turned[me], &lock));
		CHECK(atomic_load_explicit(&step, memory_order_relaxed) == i);
		atomic_store_explicit(&step, i + 1, memory_order_relaxed);
		PTHREAD(pthread_cond_signal(&turned[1 - me]));
	}
	PTHREAD(pthread_mutex_unlock(&lock));
}

static void *player(void *arg)
{
	(by_cond ? signals : yields)((long)arg);
	return NULL;
}

static void play(long n)
{
	pthread_t threads[2];

	steps = n;
	step = 0;
	for (long i = 0; i < 2; i++)
		PTHREAD(pthread_create(&threads[i], NULL, player, (void *)i));
	for (long i = 0; i < 2; i++)
		PTHREAD(pthread_join(threads[i], NULL));
	CHECK(step == n);
}

static void load_only(long n)
{
	while (n--)
		load_fs_base();
}

int main(int argc, char **argv)
{
	if (argc < 3)
		die("yield, cond or fsbase, and the seconds");
	by_cond = !strcmp(argv[1], "cond");
	cost_of_unit(strcmp(argv[1], "fsbase") ? play : load_only, 2000, atof(argv[2]));
	return 0;
}
