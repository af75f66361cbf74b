#include "gomp.h"
#include "patch.h"
#include "stack.h"

#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

long (*gp_gomp_call)(long nr, long a, long b, long c, long d, long e, long f);

#ifdef __x86_64__

#define MAX_SITES 96 /* GCC 12: 19 */
#define STRIDE    32
#define KNOWN     8

struct object {
	uintptr_t pc, low, high;
	char *text, *text_end, *data, *data_end;
	bool gomp, fits;
};

void gp_gomp_inline(void);

static struct object known[KNOWN]; /* who makes threads asks again and again */
static unsigned nknown;

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct object *o = arg;

	(void)size;
	o->low = UINTPTR_MAX, o->high = 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + p->p_vaddr, end = at + p->p_memsz;

		if (p->p_type != PT_LOAD)
			continue;
		o->low = at < o->low ? at : o->low;
		o->high = end > o->high ? end : o->high;
		if (p->p_flags & PF_X)
			o->text = (char *)at, o->text_end = (char *)end;
		if (p->p_flags & PF_W)
			o->data = (char *)((at + 7) & ~7ul), o->data_end = (char *)end;
	}
	o->gomp = strstr(info->dlpi_name, "libgomp");
	return o->pc >= o->low && o->pc < o->high;
}

/* A page between the objects, in reach of a near jump from all the text. Readable: what is placed there is a change of it. */
static char *page_near(const struct object *o)
{
	uintptr_t page = gp_page(), step = 1 << 20, low = o->low & ~(page - 1);

	for (uintptr_t i = 1; i < 1500 && i * step < low; i++) {
		void *want = (void *)(low - i * step);
		void *p = mmap(want, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (p == want)
			return p;
		if (p != MAP_FAILED) /* a kernel before 4.17 takes it for a hint */
			munmap(p, page);
	}
	return NULL;
}

/* `syscall; cmp $-ENOSYS, %rax`: whoever is told ENOSYS tries again without FUTEX_PRIVATE, which is never reached. */
static const uint8_t site[6] = { 0x0f, 0x05, 0x48, 0x83, 0xf8, 0xda };

/*
 * lea -128(%rsp), %rsp    a leaf function keeps variables there
 * call *pointer(%rip)
 * lea 128(%rsp), %rsp
 * cmp $-38, %rax
 * jmp behind the site
 */
static void make_detour(struct gp_change *c, char *at, char *pointer, char *back)
{
	static const uint8_t code[28] = { 0x48, 0x8d, 0x64, 0x24, 0x80, 0xff, 0x15, [11] = 0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0,
		0x48, 0x83, 0xf8, 0xda, 0xe9 };

	c->at = at;
	c->len = sizeof(code);
	memcpy(c->code, code, sizeof(code));
	memcpy(c->code + 7, &(int32_t){ (int32_t)(pointer - (at + 11)) }, 4);
	memcpy(c->code + 24, &(int32_t){ (int32_t)(back - (at + 28)) }, 4);
}

static bool redirect(const struct object *o)
{
	static struct gp_change list[1 + 2 * MAX_SITES];
	static const void *target;
	char *page, *at = o->text;
	const char *why;
	size_t n = 0;

	target = (const void *)gp_gomp_inline;
	if (!o->text || !(page = page_near(o)))
		return false;
	list[0] = (struct gp_change){ .at = page, .len = sizeof(target) };
	memcpy(list[0].code, &target, sizeof(target));
	/* Detours first: where the kernel stops half-way, no site leads nowhere. */
	for (; (at = memmem(at, (size_t)(o->text_end - at), site, sizeof(site))); at += sizeof(site)) {
		if (n == MAX_SITES)
			return false;
		n++;
		make_detour(&list[n], page + n * STRIDE, page, at + sizeof(site));
	}
	for (size_t i = 1; i <= n; i++) {
		int32_t back;

		memcpy(&back, list[i].code + 24, 4);
		gp_patch_jump(&list[n + i], list[i].at + 28 + back - sizeof(site), list[i].at);
	}
	return gp_patch_code(list, 1 + 2 * n, &why);
}

/* Two counters side by side: as set without, and with, OMP_WAIT_POLICY=active. One that the user chose stays. */
static void stop_spinning(const struct object *o)
{
	static const uint64_t pairs[][2] = { { 300000, 100 }, { 300000, 1000 }, { 30000000000, 1000 }, { 30000000000, 100000 } };

	for (uint64_t *v = (uint64_t *)(void *)o->data; (char *)(v + 2) <= o->data_end; v++)
		for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
			if ((v[0] == pairs[i][0] && v[1] == pairs[i][1]) || (v[1] == pairs[i][0] && v[0] == pairs[i][1]))
				v[0] = v[1] = 0;
}

bool gp_gomp_fits(const void *pc)
{
	struct object o = { .pc = (uintptr_t)pc };

	for (unsigned i = 0; i < KNOWN; i++)
		if (o.pc >= known[i].low && o.pc < known[i].high)
			return known[i].fits;
	o.fits = true;
	if (dl_iterate_phdr(look, &o) && o.gomp) {
		o.fits = gp_patched && gp_gomp_call && redirect(&o);
		if (o.fits)
			stop_spinning(&o);
	}
	known[nknown++ % KNOWN] = o;
	return o.fits;
}

#else

/* Elsewhere libgomp calls syscall(2). */
bool gp_gomp_fits(const void *pc)
{
	(void)pc;
	return true;
}

#endif
