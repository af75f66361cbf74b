#include "unfit.h"
#include "config.h"
#include "preempt.h"
#include "rt.h"
#include "signal.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define KNOWN 64

/* Go's linker leaves a note of its own. */
static bool is_go(const ElfW(Phdr) *ph, size_t n, ElfW(Addr) base)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = (const char *)base + ph[i].p_vaddr, *end = at + ph[i].p_memsz;

		while (ph[i].p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) + 4 <= end) {
			const ElfW(Nhdr) *note = (const void *)at;

			if (note->n_namesz == 4 && !memcmp(note + 1, "Go\0", 4))
				return true;
			at += sizeof(*note) + ((note->n_namesz + 3ul) & ~3ul) + ((note->n_descsz + 3ul) & ~3ul);
		}
	}
	return false;
}

static bool is_emulator(void)
{
	char path[PATH_MAX] = "", *name;

	return readlink("/proc/self/exe", path, sizeof(path) - 1) >= 0 && (name = strrchr(path, '/')) && gp_emulates(name + 1);
}

static const char *why(void)
{
	const ElfW(Phdr) *ph = (const void *)getauxval(AT_PHDR);
	size_t n = getauxval(AT_PHNUM);
	ElfW(Addr) base = 0;

	for (size_t i = 0; ph && i < n; i++)
		if (ph[i].p_type == PT_PHDR)
			base = (ElfW(Addr))ph - ph[i].p_vaddr;
	if (gp_config.helgrind)
		return "helgrind and drd watch kernel threads only";
	return ph && is_go(ph, n, base) ? "this is a Go program, which makes its system calls without libc" :
	       is_emulator()            ? "an emulator makes its guest's system calls without libc" :
					  NULL;
}

const char *gp_unfit(void)
{
	const char *force = secure_getenv("GPATCH_FORCE");
	int saved = errno;
	const char *s = force && !strcmp(force, "1") ? NULL : why();

	errno = saved;
	return s;
}

/* Takes no lock of the loader's, unlike dladdr: somebody may wait in a constructor for the very thread that is being made. */
extern int _dl_find_object(void *, struct dl_find_object *) __attribute__((weak));

bool gp_unfit_thread(void *(*start)(void *))
{
	static void *(*known[KNOWN])(void *);
	unsigned slot = ((uintptr_t)start >> 4) % KNOWN;
	struct dl_find_object o;
	const ElfW(Ehdr) *eh;

	if (gp_likely(known[slot] == start) || !_dl_find_object || _dl_find_object((void *)start, &o))
		return false;
	eh = o.dlfo_map_start;
	if (!memcmp(eh->e_ident, ELFMAG, SELFMAG) && *o.dlfo_link_map->l_name && /* else gp_unfit has the word */
	    is_go((const void *)((const char *)eh + eh->e_phoff), eh->e_phnum, o.dlfo_link_map->l_addr)) {
		gp_preempt_never(); /* its code may run in greenlets too, on stacks without room for a frame */
		gp_sigframe_stays = true;
		return true;
	}
	known[slot] = start;
	return false;
}
