#include "pool.h"
#include "stack.h"
#include "tls.h"

#include <string.h>

#define TRIM_ABOVE 64 /* dead greenlets kept with all their pages */
#define TRIM_STEP  32 /* in one go: each costs about a microsecond, and somebody may wait for the hub */
#define CACHE_LINE 64ul
#define COLOURS    8u
#define KEEP_WARM  (16u << 10)

/* Dead greenlets by kind of stack, last in first out, so that the oldest are the trimmed ones. Programs use one or two kinds. */
static struct pool {
	size_t stack_size, guard_size;
	struct gp_list dead;
	struct gp_list *trimmed; /* the youngest of these; the head of the list: none */
	unsigned warm;           /* those that are not */
} pools[8];

static struct pool *pool_for(size_t stack_size, size_t guard_size)
{
	for (unsigned i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		struct pool *p = &pools[i];

		if (!p->stack_size) {
			*p = (struct pool){ .stack_size = stack_size, .guard_size = guard_size, .trimmed = &p->dead };
			gp_list_init(&p->dead);
		}
		if (p->stack_size == stack_size && p->guard_size == guard_size)
			return p;
	}
	return NULL;
}

/*
 * Lays struct greenlet and TCB out at the top of a stack, `below` its end. Were all at the same offset in a page, the few lines that
 * each switch touches would compete for the same sets of the cache, of which a page offset selects one in 64: a thousand greenlets
 * evict one another from a cache with room for all. More colours would reach into one more page.
 */
static struct greenlet *place(char *map, size_t size, size_t below, void **stack_top)
{
	struct greenlet *g = (struct greenlet *)(((uintptr_t)map + size - below - sizeof(*g)) & ~(CACHE_LINE - 1));

	g->pd = gp_tls_place(g, stack_top);
	return g;
}

static struct greenlet *recycled(struct pool *p, int *err)
{
	struct greenlet *g;

	if (!p || gp_list_empty(&p->dead))
		return NULL;
	g = gp_container(p->dead.prev, struct greenlet, run);
	if ((*err = gp_tls_renew(g->pd)))
		return NULL;
	if (p->trimmed == &g->run)
		p->trimmed = g->run.prev;
	else
		p->warm--;
	gp_list_remove(&g->run);
	return g;
}

struct greenlet *gp_pool_get(const struct gp_spawn *how, int *err)
{
	size_t guard = how->stack ? 0 : how->guard_size, size = how->stack_size + guard;
	static unsigned made;
	struct greenlet *g;
	void *map, *top;

	*err = 0;
	if (!how->stack && ((g = recycled(pool_for(how->stack_size, guard), err)) || *err))
		return g;
	map = how->stack ? how->stack : gp_stack_map(size, guard, err);
	if (!map)
		return NULL;
	g = place(map, size, how->stack ? 0 : made++ % COLOURS * CACHE_LINE, &top);
	if (how->stack)
		memset(g->pd, 0, (size_t)((char *)(g + 1) - (char *)g->pd));
	g->pd = gp_tls_place(g, &top);
	if ((*err = gp_tls_alloc(g->pd)))
		return NULL; /* the mapping is lost; without memory for a DTV the program has other worries */
	g->stack_map = map;
	g->stack_size = size;
	g->guard_size = guard;
	g->user_stack = how->stack != NULL;
	return g;
}

void gp_pool_put(struct greenlet *g)
{
	struct pool *p = g->user_stack ? NULL : pool_for(g->stack_size - g->guard_size, g->guard_size);

	g->state = GP_GONE;
	gp_list_remove(&g->all);
	gp_switch->done(&g->ctx);
	if (g->user_stack) { /* the program's own memory */
		gp_tls_unlink(g->pd);
		gp_tls_free(g->pd);
	} else if (p) {
		gp_list_append(&p->dead, &g->run);
		if (++p->warm > TRIM_ABOVE)
			gp_sched.untrimmed = true;
	}
}

void gp_pool_trim(void)
{
	unsigned left = TRIM_STEP;

	for (unsigned i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		for (struct pool *p = &pools[i]; p->warm > TRIM_ABOVE; p->warm--) {
			struct greenlet *g;

			if (!left--)
				return;
			p->trimmed = p->trimmed->next;
			g = gp_container(p->trimmed, struct greenlet, run);
			gp_stack_trim(g->stack_map, g->stack_size, g->guard_size, KEEP_WARM);
		}
	gp_sched.untrimmed = false;
}

void gp_pool_forget(void)
{
	for (unsigned i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		pools[i] = (struct pool){ 0 };
}
