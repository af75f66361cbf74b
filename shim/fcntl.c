/*
 * <fcntl.h> and the part of <unistd.h> that makes, copies and closes descriptors: what the runtime remembers of a
 * number must end with it, and the runtime's own descriptors must be out of reach.
 */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/filelock.h"
#include "../runtime/offload.h"
#include "../runtime/wishes.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not the program's: as if it were not open. */
static bool hidden(int fd)
{
	return gp_unlikely(gp_sched.live) && gp_fd_is_ours(fd);
}

static int opened(int fd, bool nonblock)
{
	if (fd >= 0)
		gp_fd_opened(fd, true, nonblock);
	return fd;
}

static int duped(int old, int fd)
{
	if (fd >= 0)
		gp_fd_duped(old, fd);
	return fd;
}

static bool lingers(int fd)
{
	struct linger l = { 0, 0 };
	socklen_t len = sizeof(l);
	int saved = errno;

	if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len))
		errno = saved;
	return l.l_onoff && l.l_linger > 0;
}

/* SO_LINGER: until the other side has all data. What ends the waiting has closed the descriptor as well. */
static int close_lingering(int fd)
{
	long r;

	gp_fd_closing(fd);
	do
		r = gp_offload_call(0, "close", (long[7]){ SYS_close, fd });
	while (r == -EINTR || r == -ERESTART);
	return (int)gp_ret(r);
}

GP_EXPORT int close(int fd)
{
	gp_cancel_point();
	if (hidden(fd))
		return (int)gp_ret(-EBADF);
	if (gp_unlikely(gp_fd_lingers) && gp_coop(GP_F_SOCKET) && lingers(fd))
		return close_lingering(fd);
	gp_fd_closing(fd);
	return real_close(fd);
}
GP_ALIAS_OF(__close, close);

GP_EXPORT int dup(int old)
{
	return hidden(old) ? (int)gp_ret(-EBADF) : duped(old, real_dup(old));
}

/* Natively dup2 and dup3 onto a number in use close it. */
static void replacing(int old, int new)
{
	if (old == new || !gp_sched.live)
		return;
	if (real_fcntl(old, F_GETFD) >= 0) /* else the call fails and closes nothing */
		gp_fd_closing(new);
}

/* Ours move where the program asks for their number, unless the call fails anyway. */
static bool gives_way(int old, int new)
{
	return old != new && gp_self && real_fcntl(old, F_GETFD) >= 0 && gp_fd_give(new);
}

GP_EXPORT int dup2(int old, int new)
{
	int saved = errno;

	if (hidden(old) || (hidden(new) && !gives_way(old, new)))
		return (int)gp_ret(-EBADF);
	replacing(old, new);
	errno = saved;
	return old == new ? real_dup2(old, new) : duped(old, real_dup2(old, new));
}
GP_ALIAS_OF(__dup2, dup2);

GP_EXPORT int dup3(int old, int new, int flags)
{
	int saved = errno;

	if (hidden(old) || (hidden(new) && !gives_way(old, new)))
		return (int)gp_ret(-EBADF);
	if (!(flags & ~O_CLOEXEC)) /* else EINVAL, and nothing is closed */
		replacing(old, new);
	errno = saved;
	return duped(old, real_dup3(old, new, flags));
}

GP_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	int own, r;

	if (!gp_sched.live)
		gp_fd_early_forget();
	if (!gp_sched.live || first > last)
		return real_close_range(first, last, flags);
	if (flags & CLOSE_RANGE_UNSHARE)
		gp_offload_renew();
	if (!(flags & CLOSE_RANGE_CLOEXEC))
		for (int fd = (int)first; fd < gp_fd_top() && (unsigned)fd <= last && fd >= 0; fd++)
			if (!gp_fd_is_ours(fd))
				gp_fd_closing(fd);
	/* Holes where ours are. */
	while (first <= INT_MAX && (own = gp_fd_next_own((int)first)) >= 0 && (unsigned)own <= last) {
		if ((unsigned)own > first && (r = real_close_range(first, (unsigned)own - 1, flags)))
			return r;
		if ((unsigned)own == last)
			return 0;
		first = (unsigned)own + 1;
	}
	return real_close_range(first, last, flags);
}

GP_EXPORT void closefrom(int low)
{
	if (!gp_sched.live)
		gp_fd_early_forget();
	if (!gp_sched.live || close_range(low < 0 ? 0 : (unsigned)low, ~0u, 0))
		real_closefrom(low < 0 ? 0 : low);
}

/* The lowest number from there on that is not the program's: ours give way here, too. */
static int lowest(int fd, int from, int flags)
{
	int own = gp_self ? gp_fd_next_own(from) : -1, saved = errno;

	if (own < 0 || own > fd || !gp_fd_give(own) || real_dup3(fd, own, flags) < 0) {
		errno = saved;
		return fd;
	}
	real_close(fd);
	errno = saved;
	return own;
}

static int control(int fd, int cmd, long arg)
{
	struct f_owner_ex owner;
	int r;

	if (hidden(fd))
		return (int)gp_ret(-EBADF);
	if ((cmd == F_SETLKW || cmd == F_OFD_SETLKW) && gp_coop_sync(GP_F_SYNC))
		return (int)gp_ret(gp_file_lock(fd, cmd, (void *)arg, "fcntl"));
	if (cmd == F_SETOWN_EX && gp_self && !gp_copy_in(&owner, (void *)arg, sizeof(owner)) && owner.type == F_OWNER_TID) {
		owner.pid = gp_kernel_tid(owner.pid);
		arg = (long)&owner;
	}
	r = real_fcntl(fd, cmd, arg);
	if (r < 0)
		return r;
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return duped(fd, lowest(r, (int)arg, cmd == F_DUPFD ? 0 : O_CLOEXEC));
	if (cmd == F_SETFL && (arg & O_DIRECT))
		gp_fd_packets = true;
	if (cmd == F_SETFL && gp_sched.live) {
		struct gp_fd *f = gp_fd(fd);

		if (f) {
			f->flags_known = 1;
			f->nonblock = !!(arg & O_NONBLOCK);
		}
	}
	return r;
}

/* The third argument is an int, a pointer or nothing: one register in every case. */
GP_EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	return control(fd, cmd, arg);
}
GP_ALIAS_OF(__fcntl, fcntl);
GP_ALIAS_OF(fcntl64, fcntl);

GP_EXPORT int pipe2(int fds[2], int flags)
{
	int r = real_pipe2(fds, flags);

	if (!r) {
		gp_fd_packets |= !!(flags & O_DIRECT);
		opened(fds[0], flags & O_NONBLOCK);
		opened(fds[1], flags & O_NONBLOCK);
	}
	return r;
}

GP_EXPORT int pipe(int fds[2])
{
	int r = real_pipe(fds);

	if (!r) {
		opened(fds[0], false);
		opened(fds[1], false);
	}
	return r;
}
GP_ALIAS_OF(__pipe, pipe);

GP_EXPORT int eventfd(unsigned initial, int flags)
{
	return opened(real_eventfd(initial, flags), flags & EFD_NONBLOCK);
}

/* It closes inside libc. */
GP_EXPORT int closedir(DIR *d)
{
	gp_fd_closing(dirfd(d));
	return real_closedir(d);
}
