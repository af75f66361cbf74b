/*
 * earlyfd.c - descriptors of before the first thread.
 *
 * A descriptor that nobody else can have is cheaper to wait for, and the first listener and connection of a server are made before its
 * first thread. Whether this process made one and kept it to itself cannot be asked of the kernel later, so the hooks note it, in a
 * byte each and without a system call. What they cannot follow loses all: better asked too often than another process's flags ignored.
 */
#include "fdwait.h"

#include <string.h>
#include <sys/syscall.h>

#define EARLY 1024

/* Bytes, since a handler's note must not be undone by the one that it interrupted. */
static volatile unsigned char mine[EARLY];
bool gp_fd_early_lost;

void gp_fd_early(int fd, bool owned)
{
	if ((unsigned)fd < EARLY)
		mine[fd] = owned;
}

void gp_fd_early_forget(void)
{
	memset((void *)mine, 0, sizeof(mine));
}

void gp_fd_early_call(long nr)
{
	switch (nr) {
	case SYS_clone: case SYS_clone3: case SYS_fork: case SYS_vfork:
	case SYS_close: case SYS_close_range: case SYS_dup: case SYS_dup2: case SYS_dup3: case SYS_fcntl:
	case SYS_sendmsg: case SYS_sendmmsg: case SYS_recvmsg: case SYS_recvmmsg:
	case SYS_pidfd_getfd: case SYS_io_uring_enter:
		gp_fd_early_lost = true;
	}
}

void gp_fd_early_end(void)
{
	for (int fd = 0; fd < EARLY && !gp_fd_early_lost; fd++)
		if (mine[fd] && gp_fd(fd))
			gp_fd_opened(fd, true, -1);
	gp_fd_early_lost = true;
}
