#include "unit.h"
#include "../../runtime/alloc.h"

TestSuite(alloc, .timeout = 10);

static const size_t sizes[] = { 0, 1, 48, 49, 100, 1000, 30000, 40000, 200000 };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

Test(alloc, blocks_are_aligned_and_do_not_overlap)
{
	unsigned char *p[SIZES][8];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SIZES; i++)
			for (int k = 0; k < 8; k++) {
				cr_assert((p[i][k] = gp_alloc(sizes[i])) && (uintptr_t)p[i][k] % 16 == 0);
				memset(p[i][k], i * 8 + k, sizes[i]);
			}
		for (int i = 0; i < SIZES; i++)
			for (int k = 0; k < 8; k++) {
				for (size_t at = 0; at < sizes[i]; at++)
					cr_assert_eq(p[i][k][at], i * 8 + k);
				gp_free(p[i][k]);
			}
	}
	gp_free(NULL);
}

Test(alloc, what_is_freed_is_used_again)
{
	void *p = gp_alloc(100), *q = gp_alloc(100);

	gp_free(p);
	cr_assert_eq(gp_alloc(90), p);
	gp_free(q);
	cr_assert_eq(gp_calloc(10, 10), q);
	gp_alloc_forget();
	cr_assert_neq(gp_alloc(100), p);
}

Test(alloc, realloc_keeps_what_was_there)
{
	char *p = gp_realloc(NULL, 10), *q;

	strcpy(p, "nine char");
	cr_assert_eq(gp_realloc(p, 40), p, "there is room");
	q = gp_realloc(p, 100000);
	cr_assert(q != p && !strcmp(q, "nine char"));
	gp_free(q);
}

Test(alloc, calloc_is_zero_and_knows_its_limits)
{
	char *p = gp_alloc(200);

	memset(p, 1, 200);
	gp_free(p);
	p = gp_calloc(20, 10);
	for (int i = 0; i < 200; i++)
		cr_assert_eq(p[i], 0);
	cr_assert(!gp_calloc(SIZE_MAX / 2, 4) && !gp_alloc(SIZE_MAX) && !gp_alloc((size_t)1 << 60));
}
