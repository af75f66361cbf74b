/*
 * patch.h - calls that libc makes to itself. fgets, getaddrinfo, system and syslog reach the kernel through a few exported functions
 * of libc without passing a symbol; the first bytes of those are replaced by a jump to the same function that the symbol reaches.
 *
 * Done once, with the first greenlet, while one kernel thread runs. A page image is written to a memfd and mapped over the page, which
 * is atomic and never writable and executable at once, so that it works where a policy forbids changing code in place
 * (PR_SET_MDWE). Where the system refuses, libc's code stays as it is and the fallback tier serves: stdio's tables and locks (stdfile.h),
 * the loader's lock, the resolver and syslog by workers, system and pclose by symbol.
 */
#ifndef GP_PATCH_H
#define GP_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gp_entry {
	const char *name;     /* exported by libc.so.6, GLIBC_PRIVATE included */
	void *to;             /* what the entry jumps to */
	void *original;       /* does what the entry did, without libc: what real_NAME becomes */
	bool (*fits)(const char *at); /* NULL, or: is the code there what `original` builds on? If not it is left alone */
};

/* shim/ hands over its table in gp_load. */
void gp_patch_register(const struct gp_entry *table, size_t n);
/* Patches what is registered. False: refused, with the reason in *why; libc is unchanged. */
bool gp_patch_libc(const char **why);
extern bool gp_patched;

/* Other code, changed in the same way and in the order of the list: from `at` on it reads `code`. The spans must not overlap. */
struct gp_change {
	char *at;
	size_t len;
	uint8_t code[32];
};
bool gp_patch_code(const struct gp_change *list, size_t n, const char **why);
/* At most 14 bytes of a jump that is placed at `at`: 5 where the distance allows it. */
void gp_patch_jump(struct gp_change *c, char *at, const void *to);

/* A pointer in memory that is read-only after relocation, and stays so. */
bool gp_patch_pointer(void **at, void *to);
/*
 * The fallback tier's part of it: ld.so takes its own locks through a pointer to libc's function, which now is ours. So a constructor
 * that waits in dlopen stops nobody.
 */
void gp_patch_loader(void);

#endif
