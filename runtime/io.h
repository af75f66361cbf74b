/*
 * io.h - the loop of every call that moves data: try without waiting, park on EAGAIN, try again.
 *
 *	struct gp_io io = gp_io(fd, POLLIN, flags, "recv");
 *
 *	while (gp_io_next(&io))
 *		io.ret = real_recv(io.fd, buf, len, flags | MSG_DONTWAIT);
 *	return gp_io_end(&io, len);
 *
 * The wait policy (O_NONBLOCK, SO_RCVTIMEO, EINTR, cancellation, fairness, close under a waiter, partial counts) is here, once.
 */
#ifndef GP_IO_H
#define GP_IO_H

#include "fdwait.h"
#include <poll.h>

struct gp_io {
	int fd;             /* what the call must use: may change while it waits */
	short event;        /* POLLIN or POLLOUT */
	bool dontwait;      /* the program asked not to wait (MSG_DONTWAIT) */
	bool parked, tried, timed;
	const char *why;
	struct gp_fd *f;
	uint64_t deadline;  /* valid once timed */
	ssize_t ret;        /* the caller's last result */
	size_t done, want;  /* bytes moved by earlier rounds; what must be moved in all, 0: whatever the first success gives */
	unsigned tick;      /* ns of the current retry interval where poll cannot tell */
	unsigned tried_at;  /* gp_handlers_ran before the last try */
	int err, saved;     /* saved: errno before the call; a success leaves it */
};

/* At the start of a call, gp_self != NULL. A cancellation point. flags: MSG_* of the call. */
struct gp_io gp_io(int fd, short event, int flags, const char *why);
/* The call must go on until `want` bytes are moved, as a blocking send does; stream files only. */
static inline void gp_io_all(struct gp_io *io, size_t want)
{
	io->want = want;
}
/* True: make the call (again). Looks at io.ret and errno of the last one. */
bool gp_io_next(struct gp_io *io);
/* The result for the program, errno set. `asked`: the size of the read, so that a short one tells that the buffer is empty; else 0. */
ssize_t gp_io_end(struct gp_io *io, size_t asked);

#endif
