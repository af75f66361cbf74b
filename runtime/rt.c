#include "rt.h"
#include "config.h"
#include "real.h"
#include "sched.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAIN_STACK (1l << 20)
#define PAGE 4096ul /* the smallest there is: asking about a larger page twice is no mistake */

static const char *main_stack_end;
static int (*libc_clock)(clockid_t, struct timespec *);

/* A preloaded libfaketime bends the program's clock; ours must agree with the kernel's timers. */
static int ask_clock(clockid_t clock, struct timespec *ts)
{
	if (gp_unlikely(!libc_clock)) {
		libc_clock = (int (*)(clockid_t, struct timespec *))gp_real_lookup_in_libc("clock_gettime");
		if (!libc_clock)
			libc_clock = clock_gettime;
	}
	return libc_clock(clock, ts);
}

uint64_t gp_now(void)
{
	struct timespec ts;

	ask_clock(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * GP_NSEC + (uint64_t)ts.tv_nsec;
}

/* The kernel's own times end here (KTIME_MAX), and a timerfd refuses more. */
static uint64_t clamp(__int128 t)
{
	return t <= 0 ? 0 : t >= INT64_MAX ? GP_FOREVER : (uint64_t)t;
}

static __int128 ns(const struct timespec *ts)
{
	return (__int128)ts->tv_sec * (int64_t)GP_NSEC + ts->tv_nsec;
}

uint64_t gp_deadline(const struct timespec *ts, clockid_t clock, bool relative)
{
	struct timespec now;

	if (relative)
		return clamp((ns(ts) > 0 ? ns(ts) : 0) + gp_now());
	if (clock == CLOCK_MONOTONIC && libc_clock == clock_gettime)
		return clamp(ns(ts));
	/* The program's clock first and ours second: what passes in between makes the deadline later, never earlier. */
	if (clock_gettime(clock, &now))
		return 0;
	return clamp(ns(ts) - ns(&now) + gp_now());
}

void gp_say(const char *fmt, ...)
{
	char line[1024] = "gpatch: ";
	size_t len = strlen(line);
	int saved = errno, n;
	va_list ap;

	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	va_end(ap);
	len += n < 0 ? 0 : (size_t)n < sizeof(line) - len ? (size_t)n : sizeof(line) - len - 1;
	line[len++] = '\n'; /* over the NUL */
	real_syscall(SYS_write, 2, line, len);
	errno = saved;
}

_Noreturn void gp_assert_failed(const char *what, const char *file, int line)
{
	gp_say("%s:%d: assertion failed: %s", file, line, what);
	abort();
}

/*
 * May the 8 bytes at p be read (or written)? The kernel copies a signal set from there, or to there, before it looks at anything
 * else; the first is then refused for its bad `how`, the second asks for the mask and changes nothing. A tenth of the price of
 * process_vm_readv, and every sandbox allows it.
 */
static bool word_ok(void *p, bool write)
{
	if (!p)
		return false; /* to the kernel: no set at all */
	if (write)
		return !real_syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, p, 8l);
	if (gp_config.valgrind) { /* which says a line of every bad `how` */
		struct iovec theirs = { p, 8 }, ours = { (char[8]){ 0 }, 8 };

		return real_syscall(SYS_process_vm_readv, getpid(), &ours, 1, &theirs, 1, 0) == 8;
	}
	return real_syscall(SYS_rt_sigprocmask, -1, p, NULL, 8l) != -1 || errno != EFAULT;
}

static bool range_ok(char *p, size_t n, bool write)
{
	char *end = p + n;

	if (n < 8) {
		end = (char *)(((uintptr_t)end + 7) & ~7ul);
		p = (char *)((uintptr_t)p & ~7ul);
	}
	for (char *next; word_ok(p, write); p = next < end - 8 ? next : end - 8) {
		next = (char *)((uintptr_t)p | (PAGE - 1)) + 1;
		if (next >= end)
			return true;
	}
	return false;
}

/*
 * What lies between the stack pointer and the end of the stack that is in use is there. Main's is known by its end; it is taken for the
 * one in use near that only (a program's own coroutines run elsewhere, and between lie holes).
 */
static bool on_own_stack(const char *p, size_t n)
{
	const char *sp = __builtin_frame_address(0), *low, *end;

	if (!gp_self)
		return false;
	if (gp_self->main) {
		end = main_stack_end ? main_stack_end : (main_stack_end = *(char **)gp_real_lookup("__libc_stack_end"));
		low = end - MAIN_STACK;
	} else {
		low = gp_self->stack_map;
		end = low + gp_self->stack_size;
	}
	return sp >= low && p >= sp && p < end && n <= (size_t)(end - p);
}

static int copy(void *dst, const void *src, size_t n, void *user, bool write)
{
	int saved = errno;
	bool ok = !n || on_own_stack(user, n) || range_ok(user, n, write);

	errno = saved;
	if (!ok)
		return -EFAULT;
	memcpy(dst, src, n);
	return 0;
}

int gp_copy_in(void *dst, const void *user, size_t n)
{
	return copy(dst, user, n, (void *)user, false);
}

int gp_copy_out(void *user, const void *src, size_t n)
{
	return copy(user, src, n, user, true);
}
