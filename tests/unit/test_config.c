#include "../../runtime/config.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void with(const char *name, const char *value)
{
	setenv(name, value, 1);
	gp_config_init();
}

Test(config, defaults)
{
	gp_config_init();
	cr_assert_eq(gp_config.mode, GP_ASYNC);
	cr_assert_eq(gp_config.families, (unsigned)GP_F_ALL);
	cr_assert_eq(gp_config.stack, 0u);
	cr_assert_null(gp_config.stats);
	cr_assert(!gp_config.verbose && !gp_config.symbols);
#ifdef __x86_64__
	cr_assert(!gp_config.ucontext);
#endif
}

Test(config, an_empty_value_is_none)
{
	static const char *const names[] = { "MODE", "FAMILIES", "SWITCH", "STACK", "STATS", "VERBOSE", "LIBC", "PREEMPT", "WATCH" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[32] = "GPATCH_";

		setenv(strcat(name, names[i]), "", 1);
	}
	gp_config_init();
	cr_assert_eq(gp_config.mode, GP_ASYNC);
	cr_assert_eq(gp_config.families, (unsigned)GP_F_ALL);
	cr_assert_null(gp_config.stats);
}

Test(config, words)
{
	with("GPATCH_MODE", "sync");
	cr_assert_eq(gp_config.mode, GP_SYNC);
	with("GPATCH_MODE", "threads");
	cr_assert_eq(gp_config.mode, GP_THREADS);
	with("GPATCH_MODE", "async");
	cr_assert_eq(gp_config.mode, GP_ASYNC);
	with("GPATCH_SWITCH", "ucontext");
	cr_assert(gp_config.ucontext);
	with("GPATCH_LIBC", "symbols");
	cr_assert(gp_config.symbols);
	with("GPATCH_VERBOSE", "1");
	cr_assert(gp_config.verbose);
	with("GPATCH_VERBOSE", "0");
	cr_assert(!gp_config.verbose);
}

Test(config, families)
{
	static const struct {
		const char *text;
		unsigned set;
	} cases[] = {
		{ "all", GP_F_ALL },
		{ "none", 0 },
		{ "sleep", GP_F_SLEEP },
		{ "sleep,select,poll,socket,io,thread,sync,dns", GP_F_ALL },
		{ "-dns", GP_F_ALL & ~GP_F_DNS },
		{ "-dns,-io", GP_F_ALL & ~GP_F_DNS & ~GP_F_IO },
		{ "all,-socket", GP_F_ALL & ~GP_F_SOCKET },
		{ "none,io", GP_F_IO },
		{ "io,-io", 0 },
		{ "-all,sync", GP_F_SYNC },
		{ "sleep,none,poll", GP_F_POLL },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		with("GPATCH_FAMILIES", cases[i].text);
		cr_assert_eq(gp_config.families, cases[i].set, "%s gave %#x", cases[i].text, gp_config.families);
	}
}

Test(config, stack_sizes)
{
	static const struct {
		const char *text;
		size_t size;
	} cases[] = {
		{ "16384", 16384 }, { "16k", 16384 }, { "64K", 65536 }, { "8m", 8 << 20 }, { "1G", 1 << 30 }, { "100000", 100000 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		with("GPATCH_STACK", cases[i].text);
		cr_assert_eq(gp_config.stack, cases[i].size, "%s gave %zu", cases[i].text, gp_config.stack);
	}
}

Test(config, times_to_watch)
{
	static const struct {
		const char *text;
		unsigned ms;
	} cases[] = { { "", 0 }, { "0", 0 }, { "1", 100 }, { "10", 10 }, { "60000", 60000 } };

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		with("GPATCH_WATCH", cases[i].text);
		cr_assert_eq(gp_config.watch, cases[i].ms, "%s gave %u", cases[i].text, gp_config.watch);
	}
}

Test(config, the_path_is_a_copy)
{
	char text[] = "GPATCH_STATS=/tmp/stats";

	putenv(text);
	gp_config_init();
	memset(text + 13, 'x', 4); /* what setproctitle does */
	cr_assert_str_eq(gp_config.stats, "/tmp/stats");
	with("GPATCH_STATS", "0");
	cr_assert_null(gp_config.stats);
}

/* Each bad value: one line that names the variable, the value and what is allowed; status 2. */
#define REFUSED(test, variable, value, allowed)                                                                                \
	Test(config, test, .exit_code = 2)                                                                                     \
	{                                                                                                                      \
		with(variable, value);                                                                                         \
	}                                                                                                                      \
	Test(config, test##_message)                                                                                           \
	{                                                                                                                      \
		message(variable, value, "gpatch: " variable "=" value ": must be " allowed "\n");                             \
	}

static void message(const char *variable, const char *value, const char *want)
{
	int p[2];
	char got[512];
	pid_t pid;

	cr_assert_eq(pipe(p), 0);
	if (!(pid = fork())) {
		dup2(p[1], 2);
		with(variable, value);
		_exit(0);
	}
	close(p[1]);
	ssize_t n = read(p[0], got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = 0;
	cr_assert_str_eq(got, want);
	cr_assert_eq(read(p[0], got, 1), 0, "more than one write");
}

#define FAMILIES "all, none, or a list of [-]sleep,select,poll,socket,io,thread,sync,dns"
#define SIZES    "a number of bytes from 16k up, with k, m or g for KiB, MiB or GiB"
REFUSED(unknown_mode, "GPATCH_MODE", "foo", "async|sync|threads")
REFUSED(prefix_of_a_mode, "GPATCH_MODE", "sy", "async|sync|threads")
REFUSED(mode_with_more, "GPATCH_MODE", "sync ", "async|sync|threads")
REFUSED(unknown_libc, "GPATCH_LIBC", "musl", "patch|symbols")
REFUSED(unknown_verbosity, "GPATCH_VERBOSE", "yes", "0|1")
REFUSED(unknown_family, "GPATCH_FAMILIES", "sleep,foo", FAMILIES)
REFUSED(empty_family, "GPATCH_FAMILIES", "sleep,", FAMILIES)
REFUSED(minus_none, "GPATCH_FAMILIES", "-none", FAMILIES)
REFUSED(negative_stack, "GPATCH_STACK", "-1", SIZES)
REFUSED(small_stack, "GPATCH_STACK", "15k", SIZES)
REFUSED(unknown_unit, "GPATCH_STACK", "64q", SIZES)
REFUSED(two_units, "GPATCH_STACK", "64kk", SIZES)
REFUSED(huge_stack, "GPATCH_STACK", "99999999999g", SIZES)
REFUSED(no_number, "GPATCH_STACK", "k", SIZES)
#define TIMES "0, 1 (100 ms), or a number of milliseconds from 10 to 60000"
REFUSED(no_time, "GPATCH_WATCH", "yes", TIMES)
REFUSED(short_time, "GPATCH_WATCH", "9", TIMES)
REFUSED(long_time, "GPATCH_WATCH", "60001", TIMES)
REFUSED(time_with_a_unit, "GPATCH_WATCH", "10s", TIMES)
