/* <time.h>, and the sleeps of <unistd.h>. */
#include "shim.h"
#include "../runtime/offload.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 0 when the deadline has passed, or -errno. */
static int sleep_until(uint64_t deadline, const char *why)
{
	int r;

	gp_cancel_point();
	if (deadline <= gp_now()) {
		gp_yield(); /* sleep(0): the others' turn, without a timer */
		return 0;
	}
	while (!(r = gp_park(GP_PARK_CANCEL, why, NULL, deadline)) || r == -ECANCELED)
		gp_cancel_now();
	if (gp_now() >= deadline)
		return 0; /* a signal at the last moment counts for nothing, as in hrtimer_nanosleep */
	return r == -ERESTART ? -EINTR : r;
}

/* Absolute on a clock that may be set or stop: asked again after the sleep. */
static int sleep_until_clock(const struct timespec *ts, clockid_t clock, const char *why)
{
	uint64_t deadline;
	int r;

	do
		r = sleep_until(deadline = gp_deadline(ts, clock, false), why);
	while (!r && clock != CLOCK_MONOTONIC && gp_deadline(ts, clock, false) > gp_now());
	return r;
}

/* What is left goes to *rem, which may be anything: only a call that was interrupted writes it. */
static int sleep_for(const struct timespec *ts, struct timespec *rem, const char *why)
{
	uint64_t deadline = gp_deadline(ts, CLOCK_MONOTONIC, true);
	int r = sleep_until(deadline, why);

	if (r && rem) {
		uint64_t now = gp_now(), left = deadline > now ? deadline - now : 0;
		struct timespec out = { (time_t)(left / GP_NSEC), (long)(left % GP_NSEC) };

		if (gp_copy_out(rem, &out, sizeof(out)))
			return -EFAULT;
	}
	return r;
}

/* CPU time: no timer of ours measures it. */
static int sleep_elsewhere(clockid_t clock, int flags, const struct timespec *ts, struct timespec *rem)
{
	long r;

	gp_cancel_point();
	r = gp_offload_call(GP_PARK_CANCEL, "clock_nanosleep", (long[7]){ SYS_clock_nanosleep, clock, flags, (long)ts, (long)rem });
	if (r == -ECANCELED)
		gp_cancel_now();
	return r == -ERESTART ? EINTR : (int)-r;
}

/* Returns the error, as POSIX has it; errno stays. */
GP_EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *ts, struct timespec *rem)
{
	struct timespec t;

	if (!gp_coop(GP_F_SLEEP) || clock == CLOCK_THREAD_CPUTIME_ID)
		return real_clock_nanosleep(clock, flags, ts, rem);
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_TAI)
		return sleep_elsewhere(clock, flags, ts, rem);
	if (gp_copy_in(&t, ts, sizeof(t)))
		return EFAULT;
	if (t.tv_sec < 0 || !gp_timespec_ok(&t))
		return EINVAL;
	if (flags & TIMER_ABSTIME)
		return -sleep_until_clock(&t, clock, "clock_nanosleep");
	return -sleep_for(&t, rem, "clock_nanosleep");
}

GP_EXPORT int nanosleep(const struct timespec *ts, struct timespec *rem)
{
	struct timespec t;

	if (!gp_coop(GP_F_SLEEP))
		return real_nanosleep(ts, rem);
	if (gp_copy_in(&t, ts, sizeof(t)))
		return (int)gp_ret(-EFAULT);
	if (t.tv_sec < 0 || !gp_timespec_ok(&t))
		return (int)gp_ret(-EINVAL);
	return (int)gp_ret(sleep_for(&t, rem, "nanosleep"));
}
GP_ALIAS_OF(__nanosleep, nanosleep);

GP_EXPORT int usleep(useconds_t us)
{
	struct timespec t = { us / 1000000, (long)(us % 1000000) * 1000 };

	if (!gp_coop(GP_F_SLEEP))
		return real_usleep(us);
	return (int)gp_ret(sleep_for(&t, NULL, "usleep"));
}

GP_EXPORT unsigned int sleep(unsigned int seconds)
{
	struct timespec t = { seconds, 0 };

	if (!gp_coop(GP_F_SLEEP))
		return real_sleep(seconds);
	return gp_ret(sleep_for(&t, &t, "sleep")) ? (unsigned)t.tv_sec : 0;
}

GP_EXPORT int sched_yield(void)
{
	if (!gp_self)
		return real_sched_yield();
	gp_yield();
	if (gp_self->cancel_async)
		gp_cancel_point();
	return 0;
}
GP_ALIAS_OF(__sched_yield, sched_yield);

/* <pthread.h> makes the name a call of sched_yield; binaries from before glibc 2.34 still ask for it. */
extern __typeof__(sched_yield) old_yield __asm__("pthread_yield")
	__attribute__((copy(sched_yield), alias("sched_yield"), visibility("default")));
