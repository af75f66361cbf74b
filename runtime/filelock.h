/* filelock.h - locks on files that wait: for fcntl.c and file.c of shim/. The caller is a greenlet that may park. */
#ifndef GP_FILELOCK_H
#define GP_FILELOCK_H

#include "rt.h"

/*
 * cmd: F_SETLKW or F_OFD_SETLKW. 0 or -errno; a cancellation point. The waiting is the kernel's own, on a worker, which shares
 * the owner of the locks with us: so the queue is fair beside other processes, and EDEADLK is found.
 */
int gp_file_lock(int fd, int cmd, void *lock, const char *why);

#endif
