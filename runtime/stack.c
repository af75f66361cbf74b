#include "stack.h"
#include "real.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13: a guard without a map of its own */
#endif

#define SLAB_MAX 64u

/* Stacks of one size come from slabs: one mmap for many, doubling, so that 100,000 of them are one map and few system calls. */
static struct slab {
	size_t size;
	char *next, *end;
	unsigned grow;
} slabs[4];

static unsigned mapped;   /* stacks whose guard is a map of its own */
static long max_map_count;
static bool no_guard_install;

size_t gp_page(void)
{
	static size_t page;

	return page ? page : (page = (size_t)sysconf(_SC_PAGESIZE));
}

static long read_max_map_count(void)
{
	char buf[32] = "";
	int fd = real_open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : real_read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		real_close(fd);
	return n > 0 ? atol(buf) : 65530;
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static char *from_slab(size_t size)
{
	struct slab *s = NULL;
	char *p;

	for (unsigned i = 0; i < sizeof(slabs) / sizeof(slabs[0]) && !s; i++)
		if (slabs[i].size == size || !slabs[i].size)
			s = &slabs[i];
	if (!s)
		return map(size);
	s->size = size;
	if (s->next == s->end) {
		unsigned n = s->grow ? s->grow : 1;

		while (!(p = map(n * size)))
			if (!(n /= 2)) /* under RLIMIT_AS one stack may fit where 64 do not */
				return NULL;
		s->next = p;
		s->end = p + n * size;
		s->grow = n < SLAB_MAX ? n * 2 : SLAB_MAX;
	}
	p = s->next;
	s->next += size;
	return p;
}

static int guard_off(char *p, size_t guard)
{
	if (!guard)
		return 0;
	if (!no_guard_install) {
		if (!madvise(p, guard, MADV_GUARD_INSTALL))
			return 0;
		no_guard_install = true; /* EINVAL: an older kernel */
	}
	/* Each such guard costs two maps. At the limit mmap would fail inside malloc too, and programs do not survive that. */
	if (!max_map_count)
		max_map_count = read_max_map_count();
	if (2L * mapped > max_map_count - 2500)
		return -EAGAIN;
	if (mprotect(p, guard, PROT_NONE))
		return -EAGAIN;
	mapped++;
	return 0;
}

void *gp_stack_map(size_t size, size_t guard, int *err)
{
	char *p = from_slab(size);

	*err = p ? guard_off(p, guard) : -EAGAIN;
	if (*err && p)
		munmap(p, size);
	return *err ? NULL : p;
}

void gp_stack_trim(void *map, size_t size, size_t guard, size_t keep)
{
	char *low = (char *)map + guard;
	size_t len = size - guard;

	if (len > keep)
		madvise(low, (len - keep) & ~(gp_page() - 1), MADV_DONTNEED);
}

void gp_stack_forget(void)
{
	for (unsigned i = 0; i < sizeof(slabs) / sizeof(slabs[0]); i++)
		slabs[i] = (struct slab){ 0 };
}
