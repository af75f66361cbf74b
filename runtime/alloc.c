/*
 * alloc.c - memory for the runtime. Calls that natively need none must not ask malloc: a handler may jump out of poll, and would leave
 * its lock taken; and the hub may need memory while a greenlet waits in a handler that interrupted malloc, for ever then. So this
 * knows no lock of libc's. Blocks of powers of two from maps of their own, each class with its free list; large ones are maps.
 */
#include "alloc.h"
#include "sched.h"

#include <string.h>
#include <sys/mman.h>

#define SMALLEST 6u /* log2: a header and some more */
#define CLASSES  10u
#define CHUNK    ((size_t)64 << 10) /* two of the largest */

union head {
	struct { size_t size; unsigned class; }; /* size: of the whole block; class CLASSES: a map */
	union head *next;                         /* free */
	char align[16];
};

static union head *spare[CLASSES];
static char *next, *end;

/* No handler in between; none runs in the hub anyway. */
static void enter(void)
{
	if (gp_self)
		gp_enter();
}

static void leave(void)
{
	if (gp_self)
		gp_leave();
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static union head *small(unsigned class)
{
	size_t size = (size_t)1 << (class + SMALLEST);
	union head *h = spare[class];

	if (h) {
		spare[class] = h->next;
	} else {
		if ((size_t)(end - next) < size) { /* what is left is lost: less than half a chunk, once */
			char *p = map(CHUNK);

			if (!p)
				return NULL;
			next = p;
			end = p + CHUNK;
		}
		h = (union head *)next;
		next += size;
	}
	h->size = size;
	h->class = class;
	return h;
}

static union head *large(size_t size)
{
	union head *h = map(size);

	if (h) {
		h->size = size;
		h->class = CLASSES;
	}
	return h;
}

void *gp_alloc(size_t size)
{
	union head *h;
	unsigned class = 0;

	if (size > PTRDIFF_MAX)
		return NULL;
	size += sizeof(*h);
	while (class < CLASSES && size > (size_t)1 << (class + SMALLEST))
		class++;
	enter();
	h = class < CLASSES ? small(class) : large(size);
	leave();
	return h ? h + 1 : NULL;
}

void gp_free(void *p)
{
	union head *h = p;

	if (!p)
		return;
	if ((--h)->class == CLASSES) {
		munmap(h, h->size);
		return;
	}
	enter();
	h->next = spare[h->class];
	spare[h->class] = h;
	leave();
}

void *gp_realloc(void *p, size_t size)
{
	size_t has = p ? ((union head *)p - 1)->size - sizeof(union head) : 0;
	void *q = size <= has ? p : gp_alloc(size);

	if (q && q != p && p) {
		memcpy(q, p, has);
		gp_free(p);
	}
	return q;
}

void *gp_calloc(size_t n, size_t size)
{
	void *p = size && n > PTRDIFF_MAX / size ? NULL : gp_alloc(n * size);

	return p ? memset(p, 0, n * size) : NULL;
}

void gp_alloc_forget(void)
{
	memset(spare, 0, sizeof(spare));
	next = end = NULL;
}
