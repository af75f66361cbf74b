/*
 * A heap with four children a node: half the depth of a binary one, and the four lie in two cache lines. Its memory comes from
 * mmap, not malloc: timers start and stop under a program's own malloc.
 */
#include "timer.h"

#include <sys/mman.h>

#define FIRST 4096u /* entries: virtual until touched */
#define WAYS  4u

struct entry {
	uint64_t deadline;
	uint64_t order; /* equal deadlines fire in the order of their start */
	struct gp_timer *timer;
};

static struct entry *heap;
static size_t count, room;
static uint64_t started;

static bool before(const struct entry *a, const struct entry *b)
{
	return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

static void put(size_t i, const struct entry *e)
{
	heap[i] = *e;
	e->timer->slot = i + 1;
}

static void up(size_t i, struct entry e)
{
	for (size_t parent; i && before(&e, &heap[parent = (i - 1) / WAYS]); i = parent)
		put(i, &heap[parent]);
	put(i, &e);
}

static void down(size_t i, struct entry e)
{
	for (size_t child; (child = i * WAYS + 1) < count; i = child) {
		size_t end = child + WAYS < count ? child + WAYS : count;

		for (size_t c = child + 1; c < end; c++)
			if (before(&heap[c], &heap[child]))
				child = c;
		if (!before(&heap[child], &e))
			break;
		put(i, &heap[child]);
	}
	put(i, &e);
}

static bool grow(void)
{
	size_t n = room ? room * 2 : FIRST;
	void *p = heap ? mremap(heap, room * sizeof(*heap), n * sizeof(*heap), MREMAP_MAYMOVE)
		       : mmap(NULL, n * sizeof(*heap), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	heap = p;
	room = n;
	return true;
}

bool gp_timer_room(void)
{
	return count < room || grow();
}

int gp_timer_start(struct gp_timer *t, uint64_t deadline, void (*fire)(struct gp_timer *))
{
	int saved = errno;

	gp_assert(!t->slot);
	if (gp_unlikely(!gp_timer_room())) {
		errno = saved;
		return -ENOMEM;
	}
	t->deadline = deadline;
	t->fire = fire;
	count++;
	up(count - 1, (struct entry){ deadline, started++, t });
	return 0;
}

void gp_timer_cancel(struct gp_timer *t)
{
	size_t i = t->slot - 1;
	struct entry last;

	if (!t->slot)
		return;
	gp_assert(i < count && heap[i].timer == t);
	t->slot = 0;
	last = heap[--count];
	if (i == count)
		return;
	if (i && before(&last, &heap[(i - 1) / WAYS]))
		up(i, last);
	else
		down(i, last);
}

uint64_t gp_timer_next(void)
{
	return count ? heap->deadline : GP_FOREVER;
}

unsigned gp_timer_run(uint64_t now)
{
	unsigned fired = 0;

	for (; count && heap->deadline <= now; fired++) {
		struct gp_timer *t = heap->timer;

		gp_timer_cancel(t);
		t->fire(t);
	}
	return fired;
}

void gp_timer_forget_all(void)
{
	count = 0;
}
