/*
 * real.h - the only way to the originals of interposed functions.
 *
 * real.def lists each name once. For every GP_SHIM(name) there is real_name with the type that libc's own header gives it:
 * real_recv(fd, buf, len, flags). They bind to the next definition after ours (RTLD_NEXT order), so that other preloaded
 * shims stay in the chain. All are resolved together before the first hook can run; a call made even earlier resolves
 * them itself. An original that this libc lacks fails with ENOSYS.
 */
#ifndef GP_REAL_H
#define GP_REAL_H

#include <stdbool.h>
#include "real_headers.h" /* every libc header that declares a name of real.def */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#pragma GCC visibility push(hidden) /* a call is direct, not through the GOT */
#define GP_SHIM(name)           extern __typeof__(name) real_##name;
#define GP_SHIMV(name, version) extern __typeof__(name) real_##name;
#define GP_ALIAS(name)
#include "real.def"
#pragma GCC visibility pop
#pragma GCC diagnostic pop
#undef GP_SHIM
#undef GP_SHIMV
#undef GP_ALIAS
/* The compiler knows vfork by its name only. */
extern __typeof__(vfork) real_vfork __attribute__((returns_twice));

void gp_real_init(void);            /* idempotent; the constructor calls it */
void *gp_real_lookup(const char *name); /* GLIBC_PRIVATE helpers (_dl_allocate_tls ...): from any loaded object, or NULL */
void *gp_real_of_others(const char *name); /* the same, but never ours: of a library that is not always there */
void *gp_real_lookup_in_libc(const char *name); /* libc.so.6's own copy of a variable that the program may have copied */

/* Is p what real_NAME reaches? And: let it reach p from now on (patch.c, whose jump stands where the original stood). */
bool gp_real_is(const char *name, const void *p);
bool gp_real_is_libcs(const char *name); /* or is another preloaded shim's? */
void gp_real_redirect(const char *name, void *p);

#endif
