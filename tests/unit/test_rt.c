#include "unit.h"
#include "../../runtime/rt.h"

#include <criterion/redirect.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int64_t shift; /* seconds by which the program's clocks are wrong, as libfaketime makes them */

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ts);

	ts->tv_sec += shift;
	return r;
}

static uint64_t kernel_now(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * GP_NSEC + (uint64_t)ts.tv_nsec;
}

Test(rt, now_is_the_kernels_monotonic_clock)
{
	uint64_t before, now, after;

	shift = 86400;
	before = kernel_now();
	now = gp_now();
	after = kernel_now();
	cr_assert(before <= now && now <= after);
}

static void check_deadline(const struct timespec *ts, clockid_t clock, bool relative, uint64_t ahead)
{
	uint64_t before = gp_now(), d = gp_deadline(ts, clock, relative), after = gp_now();

	cr_assert_geq(d, before + ahead);
	cr_assert_leq(d, after + ahead + 1000);
}

Test(rt, relative_deadlines)
{
	check_deadline(&(struct timespec){ 0, 1 }, CLOCK_REALTIME, true, 1);
	check_deadline(&(struct timespec){ 3, 999999999 }, CLOCK_MONOTONIC, true, 4 * GP_NSEC - 1);
	check_deadline(&(struct timespec){ 0, 0 }, CLOCK_MONOTONIC, true, 0);
	check_deadline(&(struct timespec){ -5, 0 }, CLOCK_MONOTONIC, true, 0);
}

Test(rt, absolute_deadlines_are_on_the_programs_clock)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };

	for (int i = 0; i < 6; i++) {
		struct timespec ts;
		uint64_t before, d;

		shift = i < 3 ? 0 : 864000;
		before = gp_now();
		clock_gettime(clocks[i % 3], &ts);
		ts.tv_sec += 2;
		d = gp_deadline(&ts, clocks[i % 3], false);
		cr_assert_geq(d, before + 2 * GP_NSEC, "clock %d: early by %ld", clocks[i % 3], (long)(before + 2 * GP_NSEC - d));
		cr_assert_leq(d, gp_now() + 2 * GP_NSEC);
	}
}

Test(rt, deadlines_at_the_ends_of_the_range)
{
	struct timespec far = { INT64_MAX, 999999999 }, past = { 1, 0 }, before = { -1, 0 };

	cr_assert_eq(gp_deadline(&far, CLOCK_MONOTONIC, true), GP_FOREVER);
	cr_assert_eq(gp_deadline(&far, CLOCK_MONOTONIC, false), GP_FOREVER);
	cr_assert_eq(gp_deadline(&far, CLOCK_REALTIME, false), GP_FOREVER);
	cr_assert_leq(gp_deadline(&past, CLOCK_REALTIME, false), gp_now());
	cr_assert_leq(gp_deadline(&before, CLOCK_MONOTONIC, false), gp_now());
	cr_assert_leq(gp_deadline(&(struct timespec){ INT64_MIN, 0 }, CLOCK_REALTIME, false), gp_now());
}

Test(rt, say_writes_one_line_and_keeps_errno, .init = cr_redirect_stderr)
{
	errno = 77;
	gp_say("%s=%d", "answer", 42);
	cr_assert_eq(errno, 77);
	cr_assert_stderr_eq_str("gpatch: answer=42\n");
}

Test(rt, say_cuts_what_is_too_long, .init = cr_redirect_stderr)
{
	static char longer[4000], want[1025] = "gpatch: ";

	memset(longer, 'x', sizeof(longer) - 1);
	memset(want + 8, 'x', 1015);
	want[1023] = '\n';
	gp_say("%s", longer);
	cr_assert_stderr_eq_str(want);
}

Test(rt, assertions_stay_on, .signal = SIGABRT)
{
	gp_assert(1 == 1);
	gp_assert(1 == 2);
}

/* [readable page][unmapped page] and [read-only page] */
static char *end_of_memory(void)
{
	char *p = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p + 4096, 4096);
	return p + 4096;
}

Test(rt, copy_in_never_faults)
{
	char *end = end_of_memory(), got[8192];

	memcpy(end - 16, "0123456789abcdef", 16);
	errno = 5;
	cr_assert_eq(gp_copy_in(got, end - 16, 16), 0);
	cr_assert_eq(memcmp(got, "0123456789abcdef", 16), 0);
	for (size_t n = 1; n < 16; n++) {
		cr_assert_eq(gp_copy_in(got, end - n, n), 0, "%zu bytes at the end", n);
		cr_assert_eq(gp_copy_in(got, end - n, n + 1), -EFAULT, "%zu bytes over the end", n + 1);
	}
	cr_assert_eq(gp_copy_in(got, end - 4096, 4096), 0);
	cr_assert_eq(gp_copy_in(got, end - 4096, 4104), -EFAULT);
	cr_assert_eq(gp_copy_in(got, end - 9, 17), -EFAULT);
	cr_assert_eq(gp_copy_in(got, NULL, 16), -EFAULT);
	cr_assert_eq(gp_copy_in(got, (void *)-64, 16), -EFAULT);
	cr_assert_eq(gp_copy_in(got, NULL, 0), 0);
	cr_assert_eq(errno, 5);
}

Test(rt, copy_in_looks_at_every_page)
{
	char *p = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), got[5 * 4096];

	cr_assert_eq(gp_copy_in(got, p, sizeof(got)), 0);
	mprotect(p + 2 * 4096, 4096, PROT_NONE);
	cr_assert_eq(gp_copy_in(got, p, sizeof(got)), -EFAULT);
	cr_assert_eq(gp_copy_in(got, p, 2 * 4096), 0);
}

static void copies_on_stack(void)
{
	char here[16] = "on my own stack", got[16];

	cr_assert_eq(gp_copy_in(got, here, 16), 0);
	cr_assert_str_eq(got, here);
	cr_assert_eq(gp_copy_out(here, "another text ...", 16), 0);
	cr_assert_eq(memcmp(here, "another text ...", 16), 0);
}

static void *copies(void *arg)
{
	char *low = gp_self->stack_map, got[16];

	copies_on_stack();
	cr_assert_eq(gp_copy_in(got, low + gp_self->guard_size - 8, 16), -EFAULT, "the guard");
	cr_assert_eq(gp_copy_in(got, low + gp_self->stack_size - 8, 1ul << 40), -EFAULT, "past the end");
	return arg;
}

Both(rt, copy_on_the_own_stack)
{
	cr_assert_eq(gp_greenlets_start(), 0);
	copies_on_stack();
	cr_assert_eq(gp_join(spawn(copies, NULL), NULL, GP_FOREVER), 0);
}

Test(rt, copy_out_never_faults)
{
	char *end = end_of_memory();
	char *constant = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigset_t before, after;

	sigprocmask(SIG_BLOCK, NULL, &before);
	cr_assert_eq(gp_copy_out(end - 16, "0123456789abcdef", 16), 0);
	cr_assert_eq(memcmp(end - 16, "0123456789abcdef", 16), 0);
	cr_assert_eq(gp_copy_out(end - 8, "0123456789abcdef", 16), -EFAULT);
	cr_assert_eq(gp_copy_out(constant, "0123456789abcdef", 16), -EFAULT);
	cr_assert_eq(gp_copy_out(NULL, "0123456789abcdef", 16), -EFAULT);
	sigprocmask(SIG_BLOCK, NULL, &after);
	cr_assert_eq(memcmp(&before, &after, 8), 0);
}
