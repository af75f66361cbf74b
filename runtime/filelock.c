#include "filelock.h"
#include "offload.h"
#include "real.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

int gp_file_lock(int fd, int cmd, void *lock, const char *why)
{
	int saved = errno;
	long r;

	gp_cancel_point();
	r = real_syscall(SYS_fcntl, fd, cmd == F_SETLKW ? F_SETLK : F_OFD_SETLK, lock);
	if (!r || (errno != EAGAIN && errno != EACCES)) {
		gp_tick();
		return r ? -errno : 0;
	}
	errno = saved;
	do
		r = gp_offload_call(GP_PARK_CANCEL, why, (long[7]){ SYS_fcntl, fd, cmd, (long)lock });
	while (r == -ERESTART);
	if (r == -ECANCELED)
		gp_cancel_now();
	return (int)r;
}
