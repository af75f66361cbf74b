/* <sys/uio.h> */
#include "shim.h"
#include "../runtime/io.h"
#include "../runtime/rw.h"

#include <limits.h>
#include <sys/uio.h>

/* The kernel checks the array: a copy is looked at only for its size, and only where it can be read. */
static bool total(const struct iovec *iov, int count, size_t *bytes)
{
	struct iovec copy[64];
	size_t sum = 0;

	for (int i = 0; i < count; i++) {
		if (i % 64 == 0 && gp_copy_in(copy, iov + i, (size_t)(count - i < 64 ? count - i : 64) * sizeof(*iov)))
			return false;
		sum += copy[i % 64].iov_len;
	}
	*bytes = sum;
	return count > 0 && count <= IOV_MAX;
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
