/* <sys/file.h>, and lockf of <unistd.h>. The waiting fcntl commands are in fcntl.c. */
#include "shim.h"
#include "../runtime/filelock.h"
#include "../runtime/offload.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The first try takes the lock, or gives up the caller's own of the other kind: so the kernel does, too, before it waits. */
GP_EXPORT int flock(int fd, int op)
{
	int saved = errno;
	long r;

	if (!gp_coop_sync(GP_F_SYNC) || (op & LOCK_NB))
		return real_flock(fd, op);
	r = real_flock(fd, op | LOCK_NB);
	if (!r || errno != EWOULDBLOCK) {
		gp_tick();
		return (int)r;
	}
	errno = saved;
	do
		r = gp_offload_call(0, "flock", (long[7]){ SYS_flock, fd, op });
	while (r == -ERESTART);
	return (int)gp_ret(r);
}

GP_EXPORT int lockf(int fd, int op, off_t len)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len };

	if (op != F_LOCK || !gp_coop_sync(GP_F_SYNC))
		return real_lockf(fd, op, len);
	return (int)gp_ret(gp_file_lock(fd, F_SETLKW, &lock, "lockf"));
}
GP_ALIAS_OF(lockf64, lockf);
