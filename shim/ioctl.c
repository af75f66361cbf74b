/* <sys/ioctl.h> and <termios.h>: terminals may have output to be sent first. */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/offload.h"

#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/*
 * Nothing to drain is an answer at once. A background process is stopped by SIGTTOU here, which would not happen to a worker:
 * workers block every signal.
 */
static bool waits(int fd)
{
	int left = 0, saved = errno;
	pid_t front;
	bool w = !real_ioctl(fd, TIOCOUTQ, &left) && left > 0 && ((front = tcgetpgrp(fd)) < 0 || front == getpgrp());

	errno = saved;
	return w;
}

static long drain(int fd, unsigned flags, const char *why)
{
	long r;

	do
		r = gp_offload_call(flags, why, (long[7]){ SYS_ioctl, fd, TCSBRK, 1 });
	while (r == -ERESTART);
	return r;
}

GP_EXPORT int tcdrain(int fd)
{
	long r;

	if (!gp_coop(GP_F_IO) || !waits(fd))
		return real_tcdrain(fd);
	gp_cancel_point();
	r = drain(fd, GP_PARK_CANCEL, "tcdrain");
	if (r == -ECANCELED)
		gp_cancel_now();
	return (int)gp_ret(r);
}

GP_EXPORT int tcsetattr(int fd, int actions, const struct termios *t)
{
	long r;

	if ((actions == TCSADRAIN || actions == TCSAFLUSH) && gp_coop(GP_F_IO) && waits(fd) && (r = drain(fd, 0, "tcsetattr")))
		return (int)gp_ret(r);
	return real_tcsetattr(fd, actions, t);
}

static bool drains_first(unsigned long request, const void *arg)
{
	return request == TCSETSW || request == TCSETSF || request == TCSETAW || request == TCSETAF || (request == TCSBRK && arg);
}

GP_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;
	long r;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (gp_unlikely(gp_sched.live) && gp_fd_is_ours(fd))
		return (int)gp_ret(-EBADF);
	if (gp_unlikely(drains_first(request, arg)) && gp_coop(GP_F_IO) && waits(fd) && (r = drain(fd, 0, "ioctl")))
		return (int)gp_ret(r);
	r = real_ioctl(fd, request, arg);
	if (gp_unlikely(gp_sched.live) && request == FIONBIO && !r) {
		struct gp_fd *f = gp_fd(fd);

		if (f) {
			f->flags_known = 1;
			f->nonblock = *(int *)arg != 0;
		}
	}
	return (int)r;
}
