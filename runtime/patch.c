#include "patch.h"
#include "real.h"
#include "stack.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __x86_64__
#include "arch/x86_64/raw.h"
#endif

#define MAX_ENTRIES 64
#define MAX_PAGES   (2 * MAX_ENTRIES)

bool gp_patched;
static const struct gp_entry *entries;
static size_t count;

/* Pages of libc that change: images lie one after the other in the memfd. */
static struct page { char *at; } pages[MAX_PAGES];
static size_t npages;

void gp_patch_register(const struct gp_entry *table, size_t n)
{
	entries = table;
	count = n < MAX_ENTRIES ? n : MAX_ENTRIES;
}

#ifdef __x86_64__

static const uint8_t endbr64[4] = { 0xf3, 0x0f, 0x1e, 0xfa };

/* jmp rel32 where it reaches, else jmp *0(%rip) with the address behind it. */
void gp_patch_jump(struct gp_change *c, char *at, const void *to)
{
	intptr_t distance = (const char *)to - (at + 5);

	c->at = at;
	c->len = distance == (int32_t)distance ? 5 : 14;
	if (c->len == 5) {
		c->code[0] = 0xe9;
		memcpy(c->code + 1, &(int32_t){ (int32_t)distance }, 4);
		return;
	}
	memcpy(c->code, "\xff\x25\0\0\0\0", 6);
	memcpy(c->code + 6, &to, 8);
}

static size_t page_of(char *p)
{
	char *start = (char *)((uintptr_t)p & ~(gp_page() - 1));

	for (size_t i = 0; i < npages; i++)
		if (pages[i].at == start)
			return i;
	pages[npages].at = start;
	return npages++;
}

/* All lookups come before the first change: what looks things up may itself be patched. */
static size_t find_all(char **at)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		at[i] = gp_real_lookup_in_libc(entries[i].name);
		/* Another preloaded shim stands between: its own call of the original must find the original. */
		if (at[i] && entries[i].original && !gp_real_is(entries[i].name, at[i]))
			at[i] = NULL;
		if (!at[i])
			continue;
		if (!memcmp(at[i], endbr64, sizeof(endbr64)))
			at[i] += sizeof(endbr64);
		if (entries[i].fits && !entries[i].fits(at[i])) {
			at[i] = NULL;
			continue;
		}
		found++;
	}
	return found;
}

/* RLIMIT_FSIZE counts this file, too, and its signal would end the program. */
static long grow(int fd, size_t size)
{
	struct rlimit old, most;
	bool tight;
	long r;

	tight = !gp_raw(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&old, 0, 0) && old.rlim_cur < size;
	if (tight) {
		most = (struct rlimit){ old.rlim_max, old.rlim_max };
		if (old.rlim_max < size || gp_raw(SYS_prlimit64, 0, RLIMIT_FSIZE, (long)&most, 0, 0, 0))
			return -EFBIG;
	}
	r = gp_raw(SYS_ftruncate, fd, (long)size, 0, 0, 0, 0);
	if (tight)
		gp_raw(SYS_prlimit64, 0, RLIMIT_FSIZE, (long)&old, 0, 0, 0);
	return r;
}

static int make_images(const struct gp_change *list, size_t n)
{
	size_t page = gp_page();
	int fd = (int)gp_raw(SYS_memfd_create, (long)"gpatch", MFD_CLOEXEC | 0x10 /* MFD_EXEC, Linux 6.3 */, 0, 0, 0, 0);
	char *image;

	if (fd == -EINVAL)
		fd = (int)gp_raw(SYS_memfd_create, (long)"gpatch", MFD_CLOEXEC, 0, 0, 0, 0);
	if (fd < 0)
		return fd;
	image = grow(fd, npages * page) ? MAP_FAILED : mmap(NULL, npages * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (image == MAP_FAILED) {
		gp_raw(SYS_close, fd, 0, 0, 0, 0, 0);
		return -ENOMEM;
	}
	for (size_t i = 0; i < npages; i++)
		memcpy(image + i * page, pages[i].at, page);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i].len; k++) {
			char *p = list[i].at + k;

			image[page_of(p) * page + ((uintptr_t)p & (page - 1))] = (char)list[i].code[k];
		}
	}
	munmap(image, npages * page);
	return fd;
}

static bool map_page(int fd, size_t i, void *at, int flags)
{
	void *p = (void *)gp_raw(SYS_mmap, (long)at, (long)gp_page(), PROT_READ | PROT_EXEC, MAP_PRIVATE | flags, fd, (long)(i * gp_page()));

	if ((uintptr_t)p > -4096ul)
		return false;
	if (!(flags & MAP_FIXED))
		munmap(p, gp_page());
	return true;
}

static bool apply(int fd, const char **why)
{
	size_t done = 0;

	/* A trial elsewhere first: a policy refuses every page or none. */
	if (!map_page(fd, 0, NULL, 0)) {
		*why = "executable mappings of a memfd are not allowed";
		return false;
	}
	while (done < npages && map_page(fd, done, pages[done].at, MAP_FIXED))
		done++;
	if (done < npages)
		*why = "the kernel has no more maps";
	return done == npages;
}

bool gp_patch_code(const struct gp_change *list, size_t n, const char **why)
{
	bool ok;
	int fd;

	npages = 0;
	for (size_t i = 0; i < n; i++) {
		page_of(list[i].at);
		page_of(list[i].at + list[i].len - 1);
	}
	fd = make_images(list, n);
	if (fd < 0) {
		*why = fd == -ENOMEM ? "no memory, or too small a limit of file sizes" : "memfd_create is refused";
		return false;
	}
	ok = apply(fd, why);
	gp_raw(SYS_close, fd, 0, 0, 0, 0, 0);
	return ok;
}

bool gp_patch_libc(const char **why)
{
	struct gp_change list[MAX_ENTRIES];
	char *at[MAX_ENTRIES];
	size_t n = 0;

	*why = NULL;
	if (gp_patched)
		return true;
	if (!count || !find_all(at)) {
		*why = "this libc does not export what would be patched";
		return false;
	}
	for (size_t i = 0; i < count; i++)
		if (at[i])
			gp_patch_jump(&list[n++], at[i], entries[i].to);
	/* The originals first: between the two steps nothing is called by name. */
	gp_patched = gp_patch_code(list, n, why);
	if (gp_patched)
		for (size_t i = 0; i < count; i++)
			if (at[i] && entries[i].original)
				gp_real_redirect(entries[i].name, entries[i].original);
	return gp_patched;
}

#else

bool gp_patch_libc(const char **why)
{
	*why = "not written for this CPU yet";
	return false;
}

#endif

/* From `from` to `to` wherever it stands in the part of ld.so's data that is read-only after relocation. */
struct pointer {
	void *from, *to;
};

static int in_loader(struct dl_phdr_info *info, size_t size, void *arg)
{
	const struct pointer *p = arg;
	bool loader = false;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t low = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, here = (uintptr_t)&_r_debug;

		loader |= info->dlpi_phdr[i].p_type == PT_LOAD && here >= low && here < low + info->dlpi_phdr[i].p_memsz;
	}
	for (int i = 0; loader && i < info->dlpi_phnum; i++) {
		void **at = (void **)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);

		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			for (void **end = at + info->dlpi_phdr[i].p_memsz / sizeof(*at); at < end; at++)
				if (*at == p->from)
					gp_patch_pointer(at, p->to);
	}
	return loader;
}

bool gp_patch_pointer(void **at, void *to)
{
	uintptr_t page = (uintptr_t)at & ~(gp_page() - 1);

	if (mprotect((void *)page, gp_page(), PROT_READ | PROT_WRITE))
		return false;
	*at = to;
	mprotect((void *)page, gp_page(), PROT_READ);
	return true;
}

void gp_patch_loader(void)
{
	static const char name[] = "pthread_mutex_lock";
	struct pointer p = { gp_real_lookup_in_libc(name), NULL };

	for (size_t i = 0; i < count; i++)
		if (!strcmp(entries[i].name, name))
			p.to = entries[i].to;
	if (p.from && p.to)
		dl_iterate_phdr(in_loader, &p);
}
