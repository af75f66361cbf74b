/*
 * timers.c - the runtime's deadlines with very many pending: what one start, cancel and expiry cost. In a tree these grow with
 * the logarithm of the number. None may fire early, twice, out of order, or once it was cancelled.
 *
 *   timers N
 */
#include "bench.h"
#include "timer.c"

static struct gp_timer *timers;
static bool *cancelled;
static long fired;
static uint64_t now, latest;

_Noreturn void gp_assert_failed(const char *what, const char *file, int line)
{
	die("%s:%d: %s", file, line, what);
}

static void fire(struct gp_timer *t)
{
	CHECK(t->deadline <= now && t->deadline >= latest && !cancelled[t - timers]);
	latest = t->deadline;
	fired++;
}

static uint64_t random_deadline(void)
{
	static uint64_t x = 1;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return 1 + x % 1000000007;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? number(argv[1]) : 0, moved = n < 100000 ? n : 100000;
	long long t;

	timers = allocate((size_t)n, sizeof(*timers));
	cancelled = allocate((size_t)n, sizeof(*cancelled));
	for (long i = 0; i < n; i++)
		CHECK(!gp_timer_start(&timers[i], random_deadline(), fire));
	t = now_ns();
	for (long i = 0; i < moved; i++) { /* beside n - 1 others that stay */
		struct gp_timer *one = &timers[(unsigned long)i * 2654435761ul % (unsigned long)n];

		gp_timer_cancel(one);
		CHECK(!gp_timer_start(one, random_deadline(), fire));
	}
	report("restart_ns", (double)(now_ns() - t) / (double)moved);
	for (long i = 0; i < n; i += 2) {
		cancelled[i] = true;
		gp_timer_cancel(&timers[i]);
	}
	t = now_ns();
	for (now = 0; gp_timer_next() != GP_FOREVER; now += 1000000)
		gp_timer_run(now);
	report("expire_ns", (double)(now_ns() - t) / (double)(n / 2 ? n / 2 : 1));
	CHECK(fired == n / 2);
	return 0;
}
