/*
 * futex.h - futex(2) as programs call it by number: C++ static guards, std::atomic::wait, Rust and GLib wait so. Greenlets wait in the
 * parking lot; whoever waits in the kernel (foreign threads, other processes) is woken there, too.
 */
#ifndef GP_FUTEX_H
#define GP_FUTEX_H

#include "rt.h"

struct gp_futex {
	uint32_t *addr, *addr2;
	int op, val;
	uint32_t val3;
	const struct timespec *timeout; /* or the second count */
};

/* Of a greenlet. True where *r is the answer, or -errno; false: the kernel has to give it (PI, bad addresses, what is not known). */
bool gp_futex(const struct gp_futex *f, long *r);
/* Of a foreign thread: -1 and errno, as syscall(2). */
long gp_futex_foreign(const struct gp_futex *f);

/* futex_waitv(2), by a greenlet: the system call; -errno or what it returned. */
long gp_futex_waitv(const long call[7]);

#endif
