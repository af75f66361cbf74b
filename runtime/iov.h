/* iov.h - the rest of an iovec after a partial write, without touching the program's own array. */
#ifndef GP_IOV_H
#define GP_IOV_H

#include "rt.h"
#include <sys/uio.h>

struct gp_iov {
	const struct iovec *orig;
	size_t count, total; /* total bytes of orig */
	struct iovec *copy;  /* on the heap, made when first needed */
	size_t left;         /* entries in the array that gp_iov_rest returned */
};

/* After the kernel accepted orig and moved `moved` bytes: true if some are left, and then v must be ended. */
bool gp_iov_start(struct gp_iov *v, const struct iovec *orig, size_t count, size_t moved);
/* What remains after `done` bytes in all. */
struct iovec *gp_iov_rest(struct gp_iov *v, size_t done);
/* started: whether gp_iov_start returned true. */
void gp_iov_end(struct gp_iov *v, bool started);

#endif
