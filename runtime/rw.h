/* rw.h - read and write on any kind of descriptor, for unistd.c and uio.c. The caller is a greenlet that may park. */
#ifndef GP_RW_H
#define GP_RW_H

#include "io.h"
#include <sys/uio.h>

/* As readv and writev, errno set; `bytes` is the total size. iov may be bad memory where count is 1 (the kernel then says EFAULT). */
ssize_t gp_read(int fd, const struct iovec *iov, int count, size_t bytes, const char *why);
ssize_t gp_write(int fd, const struct iovec *iov, int count, size_t bytes, const char *why);

#endif
