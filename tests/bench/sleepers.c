/*
 * sleepers.c - W5: threads that sleep, and nobody may wake early.
 *
 *   sleepers N US         N threads at once sleep so many microseconds: wall time, lateness, peak memory
 *   sleepers N US ROUNDS  each of them so many times in a row
 */
#include "bench.h"

static long rounds = 1;
static struct timespec request;
static long long *late; /* N * rounds, each thread writes its own */

static void *sleeper(void *arg)
{
	long first = (long)arg * rounds;

	for (long i = first; i < first + rounds; i++) {
		long long t = now_ns();

		MUST(nanosleep(&request, NULL));
		late[i] = now_ns() - t - request.tv_sec * 1000000000ll - request.tv_nsec;
	}
	return NULL;
}

static void report_sleeps(long n)
{
	struct samples s = { late, (size_t)n, 0 };
	long early = 0;

	for (long i = 0; i < n; i++)
		early += late[i] < 0;
	report("early", (double)early);
	report("late_p50_us", percentile(&s, 0.5) / 1e3);
	report("late_p99_us", percentile(&s, 0.99) / 1e3);
	CHECK(early == 0);
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? number(argv[1]) : 0, us = argc > 2 ? number(argv[2]) : 0, threads = 0, kernel_threads;
	pthread_t *thread = allocate((size_t)n, sizeof(*thread));
	struct rusage usage;
	int err = 0;
	long long t;

	if (argc > 3)
		rounds = number(argv[3]);
	request = (struct timespec){ us / 1000000, us % 1000000 * 1000 };
	late = allocate((size_t)(n * rounds), sizeof(*late));
	t = now_ns();
	while (threads < n && !(err = pthread_create(&thread[threads], NULL, sleeper, (void *)threads)))
		threads++;
	kernel_threads = proc_value("/proc/self/status", "Threads:");
	for (long i = 0; i < threads; i++)
		PTHREAD(pthread_join(thread[i], NULL));
	t = now_ns() - t;
	if (err) { /* the system has no more threads: a result, not a fault */
		CHECK(err == EAGAIN);
		printf("wall_s fails@%ld\n", threads);
		return 0;
	}
	MUST(getrusage(RUSAGE_SELF, &usage));
	report(rounds > 1 ? "round_us" : "wall_s", (double)t / (rounds > 1 ? 1e3 * (double)rounds : 1e9));
	report_sleeps(n * rounds);
	report("peak_MB", (double)usage.ru_maxrss / 1024);
	report("kernel_threads", (double)kernel_threads);
	return 0;
}
