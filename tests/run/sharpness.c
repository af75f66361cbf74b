/*
 * sharpness.c - the tests' own edge: what is here fails if the comparison, the time limit or the preload itself does nothing, while
 * every other test would pass.
 */
#include "run.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct how *const preloaded[] = { &async_asm, &async_ucontext };

#define SHELL(command) ((const char *[]){ "/bin/sh", "-c", command, NULL })

Test(sharpness, a_difference_is_found)
{
	struct result by_itself = run(&native, SHELL("echo one; echo ${LD_PRELOAD:+two}"), LIMIT);
	struct result r = run(&async_asm, SHELL("echo one; echo ${LD_PRELOAD:+two}"), LIMIT);
	char *what = difference("native", by_itself.status, by_itself.out, "preloaded", &r, false);

	cr_assert(what, "a program that prints something else under the preload passes");
	cr_expect(strstr(what, "line 2") && strstr(what, "preloaded: two"), "the difference is told as: %s", what);
	free(what);
	what = difference("native", 0, r.out, "preloaded", &r, false);
	cr_expect(!what, "equal outputs differ: %s", what);
	r.status = 3;
	cr_expect((what = difference("native", 0, r.out, "preloaded", &r, false)), "a wrong exit status passes");
	free(what);
	forget(&r);
	forget(&by_itself);
}

Test(sharpness, less_or_other_order_is_found)
{
	struct result r = run(&native, SHELL("echo b; echo a"), LIMIT);
	char *what;

	cr_expect((what = difference("w", 0, "b\na\nc\n", "g", &r, false)), "a missing line passes");
	cr_expect((what = difference("w", 0, "b\n", "g", &r, false)), "an extra line passes");
	cr_expect((what = difference("w", 0, "b\na", "g", &r, false)), "an extra newline passes");
	cr_expect((what = difference("w", 0, "a\nb\n", "g", &r, false)), "another order passes");
	cr_expect(!(what = difference("w", 0, "a\nb\n", "g", &r, true)), "any order does not pass: %s", what);
	cr_expect((what = difference("w", 0, "a\na\n", "g", &r, true)), "another line passes in any order");
	forget(&r);
}

Test(sharpness, statuses_are_told)
{
	struct result r = run(&native, SHELL("exit 7"), LIMIT);

	cr_expect(r.status == 7, "status %d", r.status);
	forget(&r);
	r = run(&native, SHELL("kill -SEGV $$"), LIMIT);
	cr_expect(r.status == 128 + SIGSEGV, "status %d", r.status);
	forget(&r);
	r = run(&native, (const char *[]){ "/nonexistent", NULL }, LIMIT);
	cr_expect(r.status == 127, "status %d", r.status);
	forget(&r);
}

Test(sharpness, a_program_that_hangs_is_killed, .timeout = PATIENCE)
{
	struct result r = run(&native, SHELL("echo begun; sleep 1000; true"), 1);
	char *what = difference("w", 0, "begun\n", "g", &r, false);

	cr_expect(r.status == -1 && r.seconds < 5, "status %d after %.1f s", r.status, r.seconds);
	cr_expect(what && strstr(what, "too slow"), "told as: %s", what ? what : "nothing");
	free(what);
	forget(&r);
}

/* A library that ld.so cannot load, or one that leaves the program native, would pass every comparison. */
Test(sharpness, the_library_is_there_and_at_work)
{
	char *program = text("%s", built("shimtests/time"));
	struct result r = run(&async_asm, (const char *[]){ "/bin/cat", "/proc/self/maps", NULL }, LIMIT);
	unsigned threads = 0, greenlets = 0;
	char *numbers;

	cr_assert(strstr(r.out, "libgpatch.so"), "%s is not mapped: %s", built("libgpatch.so"), r.err);
	forget(&r);
	for (int h = 0; h < 2; h++) {
		struct how how = *preloaded[h];

		how.stats = "1";
		r = run(&how, (const char *[]){ program, "thirty_sleep_at_once", NULL }, LIMIT);
		numbers = strstr(r.err, "threads ");
		cr_assert(numbers && sscanf(numbers, "threads %u greenlets %u", &threads, &greenlets) == 2, "%s: no statistics: %s", how.name, r.err);
		cr_expect(threads == 32 && greenlets >= 32, "%s: %u threads, %u greenlets", how.name, threads, greenlets);
		forget(&r);
	}
	free(program);
}

Test(sharpness, nothing_is_empty)
{
	static const char *const directories[] = { "shimtests", "contract", "programs", "regress" };

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		char *pattern = text("%s/%s/*[!.]??", build(), directories[i]);
		glob_t g;

		cr_expect(glob(pattern, 0, NULL, &g) == 0, "%s/%s holds no test", build(), directories[i]);
		free(pattern);
	}
}
