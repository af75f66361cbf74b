/* <unistd.h>: bytes through descriptors, and who a thread is. readv and writev are in uio.c, the life of descriptors in fcntl.c. */
#include "shim.h"
#include "../runtime/io.h"
#include "../runtime/rw.h"
#include "../runtime/wishes.h"

#include <unistd.h>

GP_EXPORT ssize_t read(int fd, void *buf, size_t len)
{
	struct iovec one = { buf, len };

	if (!gp_coop(GP_F_IO))
		return real_read(fd, buf, len);
	return gp_read(fd, &one, 1, len, "read");
}
GP_ALIAS_OF(__read, read);

GP_EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
	struct iovec one = { (void *)buf, len };

	if (!gp_coop(GP_F_IO))
		return real_write(fd, buf, len);
	return gp_write(fd, &one, 1, len, "write");
}
GP_ALIAS_OF(__write, write);

/* Natively no two threads have the same, and main alone has that of the process: by this programs know threads, and main. */
GP_EXPORT pid_t gettid(void)
{
	return gp_self ? (pid_t)gp_self->tid : real_gettid();
}

/* By the id of any thread Linux finds the process. */
GP_EXPORT pid_t getpgid(pid_t pid)
{
	return real_getpgid(gp_kernel_tid(pid));
}
extern __typeof__(getpgid) __getpgid;
GP_ALIAS_OF(__getpgid, getpgid);

GP_EXPORT pid_t getsid(pid_t pid)
{
	return real_getsid(gp_kernel_tid(pid));
}

/* Of the thread, as everywhere in Linux: kernel/sys.c. */
GP_EXPORT int nice(int increment)
{
	struct greenlet *g = gp_wisher(0);
	int r;

	if (!g)
		return real_nice(increment);
	if ((r = gp_nice_keep(g, gp_nice(g) + (increment < -40 ? -40 : increment > 40 ? 40 : increment))))
		return (int)gp_ret(r == EACCES ? -EPERM : -r);
	return gp_nice(g);
}
