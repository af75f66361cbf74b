/* <termios.h> */
#include "shim.h"
#include "../runtime/offload.h"

#include <asm/ioctls.h>
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

GP_EXPORT int tcdrain(int fd)
{
	long r;

	if (!gp_coop(GP_F_IO) || !waits(fd))
		return real_tcdrain(fd);
	gp_cancel_point();
	do
		r = gp_offload_call(GP_PARK_CANCEL, "tcdrain", (long[7]){ SYS_ioctl, fd, TCSBRK, 1 });
	while (r == -ERESTART);
	if (r == -ECANCELED)
		gp_cancel_now();
	return (int)gp_ret(r);
}
