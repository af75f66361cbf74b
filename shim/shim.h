/*
 * shim.h - the rules of the place. Read before adding a function to shim/.
 *
 *  1. One file per libc header; the libc signature stays visible; about ten lines a function.
 *  2. First decide: GP_COOP(family)? If not, `return real_name(...)`: nothing else may happen, not even a store to errno.
 *  3. A successful call leaves errno as it found it. Runtime functions return -errno; gp_ret() turns that into errno and -1.
 *  4. Never read or write the program's memory before the kernel has accepted the pointer (use gp_copy_in, or let a system call
 *     fail with EFAULT first): bad pointers must give native's errno.
 *  5. Cancellation points call gp_cancel_point() first and park with GP_PARK_CANCEL.
 *  6. A call that succeeds without waiting ends in gp_tick(), or a greenlet that never waits would starve the others.
 *  7. -EINTR and -ERESTART from a park follow signal(7): restartable calls go on with the remaining time on -ERESTART.
 */
#ifndef GP_SHIM_H
#define GP_SHIM_H

#include "../runtime/config.h"
#include "../runtime/real.h"
#include "../runtime/sched.h"

#define GP_EXPORT __attribute__((visibility("default")))
/* Another exported name of a function in the same file: GP_ALIAS_OF(__recv, recv); list it in real.def as GP_ALIAS(__recv). */
#define GP_ALIAS_OF(alias, target) extern __typeof__(target) alias __attribute__((__alias__(#target), __copy__(target), visibility("default")))

/* The same where the compiler sees other types: structures of one layout under two names. */
#define GP_TWIN_OF(twin, target)                                                                                               \
	extern __typeof__(target) twin##_twin __asm__(#twin) __attribute__((copy(target), alias(#target), visibility("default")))

/* -errno to errno and -1; anything else as it is. */
static inline long gp_ret(long r)
{
	if (gp_unlikely(r < 0)) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

#endif
