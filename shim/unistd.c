/* <unistd.h>: bytes through descriptors. readv and writev are in uio.c, the life of descriptors in fcntl.c. */
#include "shim.h"
#include "../runtime/io.h"
#include "../runtime/rw.h"

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
