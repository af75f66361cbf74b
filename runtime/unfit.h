/* unfit.h - programs and threads that make their system calls without libc: greenlets would wait for them for ever. */
#ifndef GP_UNFIT_H
#define GP_UNFIT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* qemu-x86_64 and its kin, which make the guest's calls; not qemu-system-x86_64, a program like any other. For the launcher, too. */
static inline bool gp_emulates(const char *name)
{
	static const char *const others[] = { "system-", "img", "io", "nbd", "ga", "pr-", "storage-", "edid", "vmsr-" };

	if (strncmp(name, "qemu-", 5))
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (!strncmp(name + 5, others[i], strlen(others[i])))
			return false;
	return true;
}

/* Why the program's threads have to stay native, or NULL. GPATCH_FORCE=1: always NULL. */
const char *gp_unfit(void);

/* Does the thread belong to Go's runtime, in a library of the program's? */
bool gp_unfit_thread(void *(*start)(void *));

#endif
