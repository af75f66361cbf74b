/* <sys/uio.h> */
#include "shim.h"
#include "../runtime/io.h"
#include "../runtime/rw.h"

#include <limits.h>
#include <sys/uio.h>

/* The kernel checks the array: a copy is looked at only for its size, and only where it can be read. False: nothing to wait for. */
static bool total(const struct iovec *iov, int count, size_t *bytes)
{
	struct iovec copy[64];
	size_t sum = 0;

	if (count < 1 || count > IOV_MAX)
		return false;
	for (int i = 0; i < count; i++) {
		if (i % 64 == 0 && gp_copy_in(copy, iov + i, (size_t)(count - i < 64 ? count - i : 64) * sizeof(*iov)))
			return false;
		if (copy[i % 64].iov_len > SSIZE_MAX - sum) /* EINVAL, says the kernel */
			return false;
		sum += copy[i % 64].iov_len;
	}
	*bytes = sum;
	return sum > 0; /* of nothing: 0, even where read would refuse (a directory) */
}

GP_EXPORT ssize_t readv(int fd, const struct iovec *iov, int count)
{
	size_t bytes;

	if (!gp_coop(GP_F_IO) || !total(iov, count, &bytes))
		return real_readv(fd, iov, count);
	return gp_read(fd, iov, count, bytes, "readv");
}

GP_EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
	size_t bytes;

	if (!gp_coop(GP_F_IO) || !total(iov, count, &bytes))
		return real_writev(fd, iov, count);
	return gp_write(fd, iov, count, bytes, "writev");
}

/*
 * Offset -1 means the file's own, so on what has no offset these are readv and writev; there the flags allowed here say nothing.
 * With any other offset only files with a position work, and those do not wait.
 */
static bool plain(int fd, off_t offset, int flags)
{
	struct gp_fd *f;

	if (offset != -1 || (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND)) || !gp_coop(GP_F_IO) || !(f = gp_fd(fd)))
		return false;
	return gp_fd_kind(fd, f) != GP_FD_FILE && f->kind != GP_FD_UNKNOWN;
}

GP_EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	size_t bytes;

	if (!plain(fd, offset, flags) || !total(iov, count, &bytes))
		return real_preadv2(fd, iov, count, offset, flags);
	return gp_read(fd, iov, count, bytes, "preadv2");
}
GP_ALIAS_OF(preadv64v2, preadv2);

GP_EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	size_t bytes;

	if (!plain(fd, offset, flags) || !total(iov, count, &bytes))
		return real_pwritev2(fd, iov, count, offset, flags);
	return gp_write(fd, iov, count, bytes, "pwritev2");
}
GP_ALIAS_OF(pwritev64v2, pwritev2);
