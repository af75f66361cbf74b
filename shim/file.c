/* <sys/file.h>, lockf of <unistd.h>, and the lock of <shadow.h>. The waiting fcntl commands are in fcntl.c. */
#include "shim.h"
#include "../runtime/filelock.h"
#include "../runtime/offload.h"
#include "../runtime/park.h"

#include <fcntl.h>
#include <shadow.h>
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

/*
 * The lock on the password files. libc waits for it inside, with an alarm of its own that only ends a system call; here it is tried
 * now and then, for as long. libc's own descriptor of it is not in our reach, so both functions are ours.
 */
enum { PWD_LOCK_SECONDS = 15 };
static int pwd_lock = -1;

GP_EXPORT int lckpwdf(void)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	uint64_t tick = GP_LOT_TICK, end = gp_now() + PWD_LOCK_SECONDS * 1000000000ull;
	int fd, r, saved = errno;

	if (!gp_coop_sync(GP_F_SYNC))
		return real_lckpwdf();
	if (pwd_lock >= 0 || (fd = real_open("/etc/.pwd.lock", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return -1;
	pwd_lock = fd;
	while (real_fcntl(fd, F_SETLK, &whole)) {
		r = errno == EAGAIN || errno == EACCES ? 0 : -errno;
		if (!r && gp_now() < end)
			r = gp_lot_wait(&pwd_lock, 0, "lckpwdf", gp_lot_look(&tick, end));
		else if (!r)
			r = -EINTR; /* libc's alarm */
		if (r && r != -ETIMEDOUT && r != -ERESTART) {
			pwd_lock = -1;
			real_close(fd);
			return (int)gp_ret(r);
		}
	}
	errno = saved;
	return 0;
}

GP_EXPORT int ulckpwdf(void)
{
	int fd = pwd_lock;

	if (fd < 0)
		return real_ulckpwdf();
	pwd_lock = -1;
	return real_close(fd);
}
