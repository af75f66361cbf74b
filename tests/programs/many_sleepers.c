/* modes: native async */
/*
 * many_sleepers.c - usage: many_sleepers [THREADS [MS]]. Proves that any number of threads sleep at the same time, that nobody
 * wakes early, and that all are done soon after. The time it took goes to stderr, so that stdout is always the same.
 */
#include "check.h"

static long ms = 1000;

static void *sleeper(void *arg)
{
	uint64_t start = now_ns();
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	CHECK_EQ(nanosleep(&ts, NULL), 0);
	CHECK(now_ns() - start >= (uint64_t)ms * 1000000);
	return arg;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1000;
	uint64_t start = now_ns();
	pthread_t *threads;

	if (argc > 2)
		ms = atol(argv[2]);
	if (argc > 3 || n < 1 || ms < 0 || !(threads = calloc((size_t)n, sizeof(*threads)))) {
		fprintf(stderr, "usage: many_sleepers [THREADS [MS]]\n");
		return 2;
	}
	for (long i = 0; i < n; i++)
		threads[i] = spawn(sleeper, (void *)i);
	for (long i = 0; i < n; i++)
		CHECK_EQ(join(threads[i]), i);
	printf("many_sleepers: %ld threads slept %ld ms each, nobody woke early\n", n, ms);
	fprintf(stderr, "wall %.3f s\n", (double)(now_ns() - start) / 1e9);
	free(threads);
	return 0;
}
