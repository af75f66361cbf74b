/*
 * For regress/library_makes_the_first_thread.c: as OpenBLAS and jemalloc do, it has a thread before main and before other constructors, and
 * in the child of a fork again: its handler is registered before ours.
 */
#include <pthread.h>
#include <unistd.h>

volatile int library_flag;

static void *set(void *arg)
{
	for (;;) {
		usleep(1000);
		library_flag = 1;
	}
	return arg;
}

static void first(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, set, NULL))
		_exit(90);
}

__attribute__((constructor)) static void start(void)
{
	if (pthread_atfork(NULL, NULL, first))
		_exit(91);
	first();
}
