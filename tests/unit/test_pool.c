#include "unit.h"
#include "../../runtime/pool.h"

TestSuite(pool, .timeout = 20);

enum { MANY = 200, KEPT = 64, STEP = 32 };

static void *deep(void *unused)
{
	volatile char room[64 << 10];
	uintptr_t lowest = (uintptr_t)room; /* far from what a dead stack keeps */

	memset((char *)room, 0x55, sizeof(room));
	__asm__ volatile("" : "+r"(lowest) : : "memory"); /* it is no pointer to a local variable for the compiler */
	return (void *)(lowest + (uintptr_t)unused);
}

static unsigned trim(void)
{
	unsigned steps = 0;

	for (; gp_sched.untrimmed && steps < MANY; steps++)
		gp_pool_trim();
	return steps;
}

/* All at once, so that each has a stack of its own; they die in the order of their birth. */
static void burst(volatile char **room, int n)
{
	struct greenlet *g[MANY];

	for (int i = 0; i < n; i++)
		g[i] = spawn(deep, NULL);
	settle();
	for (int i = 0; i < n; i++)
		room[i] = join(g[i]);
}

Both(pool, the_oldest_of_a_burst_give_their_pages_back)
{
	volatile char *room[MANY], *again[MANY];
	unsigned steps;

	NOT_UNDER_ASAN();
	burst(room, MANY);
	steps = trim();
	cr_assert_eq(steps, (MANY - KEPT) / STEP + 1, "%u steps", steps);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(room[i][0], i < MANY - KEPT ? 0 : 0x55, "stack %d of %d", i, MANY);
	/* The next ones take the warm stacks first, then trimmed ones; and all are trimmed once more. */
	burst(again, KEPT + 10);
	for (int i = 0; i < KEPT + 10; i++)
		cr_assert_eq(again[i], room[MANY - 1 - i]);
	cr_assert_gt(trim(), 0u);
	for (int i = 0; i < KEPT + 10; i++)
		cr_assert_eq(again[i][0], i < 10 ? 0 : 0x55, "stack %d again", i);
}

/* Each step has its price, so none goes over those that are trimmed already. */
Both(pool, few_dead_are_left_alone)
{
	volatile char *room[KEPT];

	NOT_UNDER_ASAN();
	burst(room, KEPT);
	cr_assert_eq(trim(), 0u);
	for (int i = 0; i < KEPT; i++)
		cr_assert_eq(room[i][0], 0x55);
}
