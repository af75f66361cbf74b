/* <sys/eventfd.h>: libc's own two call read and write inside libc. */
#include "shim.h"
#include "../runtime/offload.h"
#include "../runtime/rw.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

GP_EXPORT int eventfd_read(int fd, eventfd_t *value)
{
	struct iovec one = { value, sizeof(*value) };

	if (!gp_coop(GP_F_IO))
		return real_eventfd_read(fd, value);
	return gp_read(fd, &one, 1, sizeof(*value), "eventfd_read") == sizeof(*value) ? 0 : -1;
}

/* POLLOUT means room for a one. A write of more may wait all the same, and refuses RWF_NOWAIT: it is made by a worker. */
static bool fits(int fd, eventfd_t value)
{
	struct gp_fd *f = gp_fd(fd);

	return value <= 1 || !f || gp_fd_kind(fd, f) != GP_FD_POLL || gp_fd_nonblock(fd, f);
}

GP_EXPORT int eventfd_write(int fd, eventfd_t value)
{
	struct iovec one = { &value, sizeof(value) };
	long r;

	if (!gp_coop(GP_F_IO))
		return real_eventfd_write(fd, value);
	if (fits(fd, value))
		return gp_write(fd, &one, 1, sizeof(value), "eventfd_write") == sizeof(value) ? 0 : -1;
	gp_cancel_point();
	do
		r = gp_offload_call(GP_PARK_CANCEL, "eventfd_write", (long[7]){ SYS_write, fd, (long)&value, sizeof(value) });
	while (r == -ERESTART);
	if (r == -ECANCELED)
		gp_cancel_now();
	return gp_ret(r) == sizeof(value) ? 0 : -1;
}
