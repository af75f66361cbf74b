/*
 * open of <fcntl.h>. Only a FIFO keeps its caller waiting, until somebody opens the other end: that is left to a worker, since
 * O_NONBLOCK would be another call (it fails, or lets the other end in). Files on dead servers stop everybody, as disks do.
 */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/offload.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static bool needs_mode(int flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

/* Costs one more system call in a greenlet, and nothing elsewhere. */
static bool waits(int dir, const char *path, int flags)
{
	int mode = flags & O_ACCMODE, saved = errno;
	struct stat st;
	bool fifo;

	if (!gp_coop(GP_F_IO))
		return false;
	gp_tick();
	if ((mode != O_RDONLY && mode != O_WRONLY) || (flags & (O_NONBLOCK | O_PATH | O_DIRECTORY)))
		return false;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return false;
	fifo = !fstatat(dir, path, &st, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0) && S_ISFIFO(st.st_mode);
	errno = saved;
	return fifo;
}

static int opened(int fd, int flags)
{
	if (fd >= 0)
		gp_fd_opened(fd, true, !!(flags & O_NONBLOCK));
	return fd;
}

static int wait_and_open(int dir, const char *path, int flags, mode_t mode)
{
	long r;

	do
		r = gp_offload_call(GP_PARK_CANCEL, "open", (long[7]){ SYS_openat, dir, (long)path, flags, mode });
	while (r == -ERESTART);
	if (r == -ECANCELED)
		gp_cancel_now();
	return (int)gp_ret(r);
}

static int open_here(const char *path, int flags, mode_t mode)
{
	int fd;

	gp_cancel_point();
	fd = waits(AT_FDCWD, path, flags) ? wait_and_open(AT_FDCWD, path, flags, mode) : real_open(path, flags, mode);
	return opened(fd, flags);
}

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	int fd;

	gp_cancel_point();
	fd = waits(dir, path, flags) ? wait_and_open(dir, path, flags, mode) : real_openat(dir, path, flags, mode);
	return opened(fd, flags);
}

#define MODE(flags)                                                                                                            \
	({                                                                                                                     \
		mode_t mode_ = 0;                                                                                              \
		if (needs_mode(flags)) {                                                                                       \
			va_list ap_;                                                                                           \
			va_start(ap_, flags);                                                                                  \
			mode_ = va_arg(ap_, mode_t);                                                                           \
			va_end(ap_);                                                                                           \
		}                                                                                                              \
		mode_;                                                                                                         \
	})

GP_EXPORT int open(const char *path, int flags, ...)
{
	return open_here(path, flags, MODE(flags));
}
GP_ALIAS_OF(__open, open);
GP_ALIAS_OF(open64, open);
GP_ALIAS_OF(__open64, open);

GP_EXPORT int openat(int dir, const char *path, int flags, ...)
{
	return open_at(dir, path, flags, MODE(flags));
}
GP_ALIAS_OF(openat64, openat);

GP_EXPORT int creat(const char *path, mode_t mode)
{
	return open_here(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
GP_ALIAS_OF(creat64, creat);

/* Under _FORTIFY_SOURCE: without a mode where one is needed, libc ends the program. */
GP_EXPORT int __open_2(const char *path, int flags)
{
	return needs_mode(flags) ? real___open_2(path, flags) : open_here(path, flags, 0);
}

GP_EXPORT int __open64_2(const char *path, int flags)
{
	return needs_mode(flags) ? real___open64_2(path, flags) : open_here(path, flags, 0);
}

GP_EXPORT int __openat_2(int dir, const char *path, int flags)
{
	return needs_mode(flags) ? real___openat_2(dir, path, flags) : open_at(dir, path, flags, 0);
}

GP_EXPORT int __openat64_2(int dir, const char *path, int flags)
{
	return needs_mode(flags) ? real___openat64_2(dir, path, flags) : open_at(dir, path, flags, 0);
}
