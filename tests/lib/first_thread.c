/* For regress/library_makes_the_first_thread.c: as OpenBLAS and jemalloc do, it has a thread before main and before other constructors. */
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

__attribute__((constructor)) static void first(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, set, NULL))
		_exit(90);
}
