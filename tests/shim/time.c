/* time.c - sleeping: never early, others go on, native's errors */
#include "case.h"

CASE(nanosleep_sleeps)
{
	TIMED(30, SHOW(nanosleep(MS(30), NULL)));
}

CASE(nanosleep_zero)
{
	SHOW(nanosleep(MS(0), NULL));
}

CASE(nanosleep_negative_ns)
{
	SHOW(nanosleep(&(struct timespec){ 0, -1 }, NULL));
}

CASE(nanosleep_ns_too_many)
{
	SHOW(nanosleep(&(struct timespec){ 0, 1000000000 }, NULL));
}

CASE(nanosleep_negative_seconds)
{
	SHOW(nanosleep(&(struct timespec){ -1, 0 }, NULL));
}

CASE(nanosleep_null)
{
	SHOW(nanosleep(nil, NULL));
}

CASE(nanosleep_fault)
{
	SHOW(nanosleep((void *)bad, NULL));
}

CASE(nanosleep_bad_value_beats_bad_rem)
{
	SHOW(nanosleep(&(struct timespec){ 0, -1 }, (void *)bad));
}

CASE(nanosleep_bad_rem_unused)
{
	SHOW(nanosleep(MS(1), (void *)bad));
}

CASE(nanosleep_rem_untouched)
{
	struct timespec rem = { 11, 22 };

	SHOW(nanosleep(MS(5), &rem));
	say("rem=%ld.%09ld", (long)rem.tv_sec, rem.tv_nsec);
}

CASE(nanosleep_same_argument)
{
	struct timespec ts = *MS(5);

	SHOW(nanosleep(&ts, &ts));
	say("ts=%ld.%09ld", (long)ts.tv_sec, ts.tv_nsec);
}

/* 1 ns to 2 ms: a clock read too early or a rounded deadline shows here. */
CASE(nanosleep_never_early)
{
	int early = 0;

	for (long ns = 1; ns < 2000000; ns = ns * 3 / 2 + 1) {
		uint64_t begin = now_ns();
		nanosleep(&(struct timespec){ 0, ns }, NULL);
		early += now_ns() - begin < (uint64_t)ns;
	}
	say("early=%d", early);
}

CASE(usleep_sleeps)
{
	TIMED(25, SHOW(usleep(25000)));
}

CASE(usleep_zero)
{
	SHOW(usleep(0));
}

CASE(usleep_over_a_second)
{
	TIMED(1050, SHOW(usleep(1050000)));
}

CASE(sleep_zero)
{
	SHOW(sleep(0));
}

CASE(sleep_one)
{
	TIMED(1000, SHOW(sleep(1)));
}

CASE(clock_nanosleep_monotonic)
{
	TIMED(30, SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC, 0, MS(30), NULL)));
}

CASE(clock_nanosleep_realtime)
{
	TIMED(30, SHOW_RC(clock_nanosleep(CLOCK_REALTIME, 0, MS(30), NULL)));
}

CASE(clock_nanosleep_boottime)
{
	TIMED(30, SHOW_RC(clock_nanosleep(CLOCK_BOOTTIME, 0, MS(30), NULL)));
}

CASE(clock_nanosleep_tai)
{
	TIMED(20, SHOW_RC(clock_nanosleep(CLOCK_TAI, 0, MS(20), NULL)));
}

CASE(clock_nanosleep_absolute)
{
	TIMED(30, SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, AT(CLOCK_MONOTONIC, 30), NULL)));
}

CASE(clock_nanosleep_absolute_realtime)
{
	TIMED(30, SHOW_RC(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, AT(CLOCK_REALTIME, 30), NULL)));
}

CASE(clock_nanosleep_past)
{
	SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, MS(1), NULL));
	SHOW_RC(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, MS(0), NULL));
}

CASE(clock_nanosleep_invalid)
{
	SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 0, 1000000000 }, NULL));
	SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ -5, 0 }, NULL));
	SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){ -5, 0 }, NULL));
	SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){ 5, -1 }, NULL));
}

CASE(clock_nanosleep_bad_clock)
{
	SHOW_RC(clock_nanosleep(99, 0, MS(1), NULL));
	SHOW_RC(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, MS(1), NULL));
	SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, MS(1), NULL));
	SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC_COARSE, 0, MS(1), NULL));
	SHOW_RC(clock_nanosleep(-1, 0, MS(1), NULL));
}

static void hit(int sig) { (void)sig; }
static void signal_it(long arg) { (void)arg; pthread_kill(case_thread, SIGUSR1); }

/* The process computes nothing meanwhile, so only the handler ends it; it is never restarted. */
CASE(cpu_clock_is_interrupted)
{
	struct timespec left = { 0, 0 };

	for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
		sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = hit, .sa_flags = flags }, NULL);
		later(50, signal_it, 0);
		SHOW_RC(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, MS(100000), &left));
		say("rest=%d", left.tv_sec == 99);
		finish();
	}
}

CASE(clock_nanosleep_fault)
{
	SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC, 0, nil, NULL));
	SHOW_RC(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, (void *)bad, NULL));
}

CASE(clock_nanosleep_other_flags)
{
	TIMED(20, SHOW_RC(clock_nanosleep(CLOCK_MONOTONIC, 2, MS(20), NULL)));
}

CASE(sched_yield)
{
	SHOW(sched_yield());
}

/* ---- sleepers side by side */

static atomic_int place;
static int order[40];

static void sleeper(long ms)
{
	pause_ms(ms);
	order[place++] = (int)ms;
}

static struct timespec base;

/* Until a common beginning and ms: whoever was made late is not late. */
static void until(long ms)
{
	struct timespec ts = base;

	ts.tv_sec += (ts.tv_nsec + ms * 1000000) / 1000000000;
	ts.tv_nsec = (ts.tv_nsec + ms * 1000000) % 1000000000;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	order[place++] = (int)ms;
}

CASE(order_is_by_deadline)
{
	place = 0;
	clock_gettime(CLOCK_MONOTONIC, &base);
	later(0, until, 850);
	later(0, until, 250);
	later(0, until, 650);
	later(0, until, 450);
	finish();
	say("%d %d %d %d", order[0], order[1], order[2], order[3]);
}

CASE(thirty_sleep_at_once)
{
	place = 0;
	TIMED(60, {
		for (int i = 0; i < 30; i++)
			later(0, sleeper, 60);
		finish();
	});
	say("%d came back", (int)place);
}

static void many_short(long n)
{
	for (long i = 0; i < n; i++)
		pause_ms(1);
	place++;
}

CASE(sleeps_in_a_row)
{
	place = 0;
	for (int i = 0; i < 10; i++)
		later(0, many_short, 20);
	TIMED(20, finish());
	say("%d came back", (int)place);
}

static atomic_bool flag;

static void raise_flag(long arg)
{
	(void)arg;
	flag = true;
}

/* Busy waits that yield: another thread must get its turn. */
CASE(spin_on_sched_yield)
{
	flag = false;
	later(0, raise_flag, 0);
	while (!flag)
		sched_yield();
	say("seen");
}

CASE(spin_on_usleep_zero)
{
	flag = false;
	later(5, raise_flag, 0);
	while (!flag)
		usleep(0);
	say("seen");
}

CASE(spin_on_nanosleep_zero)
{
	flag = false;
	later(5, raise_flag, 0);
	while (!flag)
		nanosleep(MS(0), NULL);
	say("seen");
}
