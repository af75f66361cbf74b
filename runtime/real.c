/*
 * real.c - finds the originals.
 *
 * All at once and without dlsym: dlsym takes ld.so's lock, may allocate, frees the caller's dlerror() text, and asks one name at a
 * time. Here each loaded object is opened once (hash table, symbols, versions) and asked for every name that is still missing.
 * The rules are those of dlsym(RTLD_NEXT): the objects after ours in load order, default versions only. Nothing is called,
 * locked or allocated, so this may run before any constructor, in a signal handler, and twice at the same time: every run
 * stores the same values. The objects' lists are read without ld.so's lock: a dlopen in another thread at that moment only appends.
 */
#pragma GCC target("general-regs-only") /* realstub.S saves no vector register */

#include "real.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>

enum {
#define GP_ALIAS(name)
#define GP_SHIM(name)           I_##name,
#define GP_SHIMV(name, version) I_##name,
#include "real.def"
	NAMES
};

extern void *gp_real_slots[NAMES] __attribute__((visibility("hidden")));
extern const char gp_real_names[] __attribute__((visibility("hidden"))); /* name, version, name, version... */

struct object {
	uintptr_t base;
	const ElfW(Sym) *syms;
	const char *strings;
	const uint16_t *versyms; /* NULL: the object has no versions */
	const char *verdef;
	const uint32_t *gnu, *sysv; /* the two kinds of hash table; either may be missing */
	const char *soname;
};

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static uint32_t gnu_hash(const char *s)
{
	uint32_t h = 5381;

	while (*s)
		h = h * 33 + (unsigned char)*s++;
	return h;
}

static uint32_t sysv_hash(const char *s)
{
	uint32_t h = 0, top;

	while (*s) {
		h = (h << 4) + (unsigned char)*s++;
		top = h & 0xf0000000;
		h = (h ^ (top >> 24)) & ~top;
	}
	return h;
}

static struct object open_object(const struct link_map *map)
{
	struct object o = { .base = map->l_addr };
	ElfW(Addr) soname = 0;

	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
		/* ld.so has relocated these in place, unless the section is read-only (the vDSO) or it does not care (DT_VERDEF). */
		ElfW(Addr) p = d->d_un.d_ptr < map->l_addr ? d->d_un.d_ptr + map->l_addr : d->d_un.d_ptr;

		switch (d->d_tag) {
		case DT_SYMTAB: o.syms = (void *)p; break;
		case DT_STRTAB: o.strings = (void *)p; break;
		case DT_VERSYM: o.versyms = (void *)p; break;
		case DT_VERDEF: o.verdef = (void *)p; break;
		case DT_GNU_HASH: o.gnu = (void *)p; break;
		case DT_HASH: o.sysv = (void *)p; break;
		case DT_SONAME: soname = d->d_un.d_val; break;
		}
	}
	if (soname)
		o.soname = o.strings + soname;
	return o;
}

/* Is version number ndx of the object called `version`? */
static bool version_is(const struct object *o, unsigned ndx, const char *version)
{
	const char *p = o->verdef;

	while (p) {
		const ElfW(Verdef) *def = (const void *)p;

		if (def->vd_ndx == ndx)
			return same(o->strings + ((const ElfW(Verdaux) *)(p + def->vd_aux))->vda_name, version);
		p = def->vd_next ? p + def->vd_next : NULL;
	}
	return false;
}

/* Symbol number i answers the question if it is defined, has the name, and the version; without one: if it is the default. */
static bool match(const struct object *o, uint32_t i, const char *name, const char *version)
{
	const ElfW(Sym) *s = o->syms + i;
	unsigned type = ELF64_ST_TYPE(s->st_info), v = o->versyms ? o->versyms[i] : VER_NDX_GLOBAL;

	if (s->st_shndx == SHN_UNDEF || (type > STT_FUNC && type != STT_GNU_IFUNC) || !same(o->strings + s->st_name, name))
		return false;
	if (*version && v > VER_NDX_GLOBAL)
		return version_is(o, v & 0x7fff, version);
	return v && !(v & 0x8000);
}

static void *address(const struct object *o, uint32_t i)
{
	const ElfW(Sym) *s = o->syms + i;
	void *p = (void *)(o->base + s->st_value);

	return ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC ? ((void *(*)(void))p)() : p;
}

static void *find(const struct object *o, const char *name, uint32_t hash, const char *version)
{
	if (o->gnu) {
		uint32_t nbuckets = o->gnu[0], first = o->gnu[1], nbloom = o->gnu[2], shift = o->gnu[3], i;
		const ElfW(Addr) *bloom = (const void *)(o->gnu + 4);
		const uint32_t *buckets = (const void *)(bloom + nbloom), *chain = buckets + nbuckets;
		ElfW(Addr) word = bloom[hash / __ELF_NATIVE_CLASS & (nbloom - 1)];

		if (!(word >> hash % __ELF_NATIVE_CLASS & word >> (hash >> shift) % __ELF_NATIVE_CLASS & 1) || !nbuckets)
			return NULL;
		i = buckets[hash % nbuckets];
		if (i < first)
			return NULL;
		do
			if ((chain[i - first] | 1) == (hash | 1) && match(o, i, name, version))
				return address(o, i);
		while (!(chain[i++ - first] & 1));
	} else if (o->sysv && o->sysv[0]) {
		for (uint32_t i = o->sysv[2 + sysv_hash(name) % o->sysv[0]]; i; i = o->sysv[2 + o->sysv[0] + i])
			if (match(o, i, name, version))
				return address(o, i);
	}
	return NULL;
}

/* Asks the objects from..to (exclusive) for every name that found[] lacks. */
static void search(const struct link_map *from, const struct link_map *to, void **found, const uint32_t *hash, bool any_version)
{
	unsigned missing = NAMES;

	for (; from != to && missing; from = from->l_next) {
		struct object o = open_object(from);
		const char *name = gp_real_names;

		missing = 0;
		for (unsigned i = 0; i < NAMES; i++) {
			const char *version = name, *next;

			while (*version++)
				;
			for (next = version; *next++;)
				;
			if (!found[i]) {
				found[i] = find(&o, name, hash[i], any_version ? "" : version);
				missing += !found[i];
			}
			name = next;
		}
	}
}

static long no_original(void)
{
	errno = ENOSYS;
	return -1;
}

void gp_real_init(void)
{
	static bool done;
	const struct link_map *first = _r_debug.r_map, *ours = first;
	uint32_t hash[NAMES];
	void *found[NAMES] = { 0 };
	const char *s = gp_real_names;

	if (__atomic_load_n(&done, __ATOMIC_ACQUIRE))
		return;
	for (unsigned i = 0; i < NAMES; i++) {
		hash[i] = gnu_hash(s);
		for (unsigned ends = 0; ends < 2;)
			ends += !*s++;
	}
	while (ours && ours->l_ld != _DYNAMIC)
		ours = ours->l_next;
	/* Objects before ours matter only where the program was linked so that libc comes first, or loads us with dlopen. The
	 * program itself is never asked: a read() of its own is no original of ours. */
	for (int any_version = 0; any_version < 2; any_version++) {
		if (ours)
			search(ours->l_next, NULL, found, hash, any_version);
		if (ours != first)
			search(first->l_next, ours, found, hash, any_version);
	}
	for (unsigned i = 0; i < NAMES; i++)
		__atomic_store_n(&gp_real_slots[i], found[i] ? found[i] : (void *)no_original, __ATOMIC_RELAXED);
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
}

static void *lookup(const char *name, bool ours)
{
	uint32_t hash = gnu_hash(name);
	void *p = NULL;

	for (const struct link_map *map = _r_debug.r_map; map && !p; map = map->l_next)
		if (ours || map->l_ld != _DYNAMIC) {
			struct object o = open_object(map);

			p = find(&o, name, hash, "");
		}
	return p;
}

void *gp_real_lookup(const char *name)
{
	return lookup(name, true);
}

void *gp_real_of_others(const char *name)
{
	return lookup(name, false);
}

void *gp_real_lookup_in_libc(const char *name)
{
	for (const struct link_map *map = _r_debug.r_map; map; map = map->l_next) {
		struct object o = open_object(map);

		if (o.soname && same(o.soname, "libc.so.6"))
			return find(&o, name, gnu_hash(name), "");
	}
	return NULL;
}

static unsigned number(const char *name)
{
	const char *s = gp_real_names;
	unsigned i = 0;

	for (; i < NAMES && !same(s, name); i++)
		for (unsigned ends = 0; ends < 2;)
			ends += !*s++;
	return i;
}

static bool redirected[NAMES];

bool gp_real_is(const char *name, const void *p)
{
	unsigned i = number(name);

	return i < NAMES && gp_real_slots[i] == p;
}

void gp_real_redirect(const char *name, void *p)
{
	unsigned i = number(name);

	if (i < NAMES) {
		redirected[i] = true;
		__atomic_store_n(&gp_real_slots[i], p, __ATOMIC_RELEASE);
	}
}

bool gp_real_is_libcs(const char *name)
{
	unsigned i = number(name);

	return i < NAMES && (redirected[i] || gp_real_slots[i] == gp_real_lookup_in_libc(name));
}
