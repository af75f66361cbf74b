#include "unit.h"
#include "../../runtime/stack.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define GUARD_INSTALL 102 /* MADV_GUARD_INSTALL */
enum { PAGE = 4096, SIZE = 16 * PAGE };

TestSuite(stack, .timeout = 20);

static char *map(size_t size, size_t guard)
{
	int err = 77;
	char *p = gp_stack_map(size, guard, &err);

	cr_assert(p && !err, "gp_stack_map: %d", err);
	return p;
}

static void older_kernel(void)
{
	refuse(SYS_madvise, 2, GUARD_INSTALL, EINVAL);
}

/* Both ways to make a guard. */
#define Guards(name, ...)                                                                                                      \
	static void name(void);                                                                                                \
	Test(stack, name, ##__VA_ARGS__)                                                                                       \
	{                                                                                                                      \
		name();                                                                                                        \
	}                                                                                                                      \
	Test(stack, name##_of_older_kernels, ##__VA_ARGS__)                                                                    \
	{                                                                                                                      \
		older_kernel();                                                                                                \
		name();                                                                                                        \
	}                                                                                                                      \
	static void name(void)

Guards(zeroed_and_writable_above_the_guard)
{
	for (int i = 0; i < 200; i++) {
		char *p = map(SIZE, PAGE);

		cr_assert_eq((uintptr_t)p % PAGE, 0u);
		for (int k = PAGE; k < SIZE; k++)
			cr_assert_eq(p[k], 0);
		memset(p + PAGE, 0x55, SIZE - PAGE);
	}
}

Guards(the_first_byte_of_the_guard_faults, .signal = SIGSEGV)
{
	map(SIZE, 2 * PAGE)[0] = 1;
}

Guards(the_last_byte_of_the_guard_faults, .signal = SIGSEGV)
{
	map(SIZE, 2 * PAGE)[2 * PAGE - 1] = 1;
}

Guards(the_guard_faults_in_the_middle_of_a_slab, .signal = SIGSEGV)
{
	char *p = NULL;

	for (int i = 0; i < 10; i++)
		p = map(SIZE, PAGE);
	p[PAGE] = 1;
	p[PAGE - 1] = 1;
}

Guards(the_guard_stays_after_a_trim, .signal = SIGSEGV)
{
	char *p = map(SIZE, PAGE);

	gp_stack_trim(p, SIZE, PAGE, PAGE);
	p[PAGE] = 1;
	p[PAGE - 1] = 1;
}

Test(stack, no_guard)
{
	char *p = map(SIZE, 0);

	p[0] = 1;
	gp_stack_trim(p, SIZE, 0, PAGE);
	cr_assert_eq(p[0], 0);
}

Test(stack, trim_keeps_the_top)
{
	char *p = map(SIZE, PAGE);

	memset(p + PAGE, 0x55, SIZE - PAGE);
	gp_stack_trim(p, SIZE, PAGE, SIZE); /* everything is to be kept */
	cr_assert_eq(p[PAGE], 0x55);
	gp_stack_trim(p, SIZE, PAGE, 3 * PAGE);
	for (int i = PAGE; i < SIZE - 3 * PAGE; i++)
		cr_assert_eq(p[i], 0, "byte %d of %d is still there", i, SIZE);
	for (int i = SIZE - 3 * PAGE; i < SIZE; i++)
		cr_assert_eq(p[i], 0x55, "byte %d of %d is gone", i, SIZE);
}

Test(stack, sizes_do_not_mix)
{
	char *p[60];

	for (int i = 0; i < 60; i++) { /* more sizes than there are slabs */
		p[i] = map((size_t)(i % 6 + 4) * PAGE, PAGE);
		memset(p[i] + PAGE, i, (size_t)(i % 6 + 3) * PAGE);
	}
	for (int i = 0; i < 60; i++)
		for (int k = PAGE; k < (i % 6 + 4) * PAGE; k++)
			cr_assert_eq(p[i][k], i);
}

static long maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	long n = 0;

	for (int c; (c = getc(f)) != EOF;)
		n += c == '\n';
	fclose(f);
	return n;
}

static long resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	cr_assert_eq(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages;
}

Test(stack, ten_thousand_of_8_MiB)
{
	uint64_t begin = gp_now();
	long before = maps(), pages = resident();
	char *probe = map(PAGE, 0);

	if (madvise(probe, PAGE, GUARD_INSTALL))
		cr_skip("a kernel without guards that are no maps");
	for (int i = 0; i < 10000; i++)
		map(8 << 20, PAGE);
	cr_assert_lt(maps() - before, 500);
	cr_assert_lt(resident() - pages, 2000);
	cr_assert_lt(gp_now() - begin, 8 * GP_NSEC);
}

/* At the limit malloc would fail as well. */
Test(stack, older_kernels_keep_maps_for_the_program)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	long limit = 0, n = 0;
	int err;

	cr_assert_eq(fscanf(f, "%ld", &limit), 1);
	if (limit > 200000)
		cr_skip("too many maps are allowed");
	older_kernel();
	while (gp_stack_map(SIZE, PAGE, &err))
		n++;
	cr_assert_eq(err, -EAGAIN);
	cr_assert(2 * n > limit / 2, "%ld stacks of %ld maps", n, limit);
	for (int i = 0; i < 1000; i++) /* no two of these are one map */
		cr_assert_neq(mmap(NULL, PAGE, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), MAP_FAILED);
	cr_assert_null(gp_stack_map(SIZE, PAGE, &err));
	cr_assert_eq(err, -EAGAIN);
}

Test(stack, no_address_space)
{
	struct rlimit old, tight;
	int err = 0, n = 0;

	NOT_UNDER_ASAN();
	getrlimit(RLIMIT_AS, &old);
	tight = old;
	tight.rlim_cur = 1ul << 30;
	setrlimit(RLIMIT_AS, &tight);
	while (n < 1000 && gp_stack_map(8 << 20, PAGE, &err))
		n++;
	setrlimit(RLIMIT_AS, &old);
	cr_assert_eq(err, -EAGAIN);
	cr_assert(n > 100 && n < 128, "%d stacks of 8 MiB in 1 GiB", n); /* not given up while one still fits */
	map(8 << 20, PAGE);
}

/* glibc's own list of stacks in the child of a fork has the parent's; the rest of a slab is left alone. */
Test(stack, forgotten_slabs_are_not_used)
{
	char *first, *second;

	map(SIZE, PAGE);
	first = map(SIZE, PAGE);
	gp_stack_forget();
	second = map(SIZE, PAGE);
	cr_assert_neq(second, first + SIZE);
}
