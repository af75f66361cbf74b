/*
 * <sys/msg.h> and <sys/sem.h>. A try with IPC_NOWAIT, then the call itself on a worker: the kernel's queues stay fair, and what
 * depends on the process (the undo list of SEM_UNDO, msg_lrpid) is the worker's too. signal(7): none of these is ever restarted.
 */
#include "shim.h"
#include "../runtime/offload.h"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif
#define FEW_OPS  500 /* SEMOPM, as Linux has it */

/* What a try has found would have been waited for at once: if it is gone when the worker comes, it was removed under the waiter. */
static long on_worker(unsigned flags, const char *why, bool found, const long call[7])
{
	long r = gp_offload_call(flags, why, call);

	if (r == -ECANCELED)
		gp_cancel_now();
	if (r == -EINVAL && found)
		r = -EIDRM;
	return gp_ret(r == -ERESTART ? -EINTR : r);
}

GP_EXPORT ssize_t msgrcv(int id, void *msg, size_t size, long type, int flags)
{
	int saved = errno;
	ssize_t n;

	if (!gp_coop(GP_F_IO) || (flags & (IPC_NOWAIT | MSG_COPY)))
		return real_msgrcv(id, msg, size, type, flags);
	gp_cancel_point();
	n = real_msgrcv(id, msg, size, type, flags | IPC_NOWAIT);
	if (n >= 0 || errno != ENOMSG) {
		gp_tick();
		return n;
	}
	errno = saved;
	return on_worker(GP_PARK_CANCEL, "msgrcv", true, (long[7]){ SYS_msgrcv, id, (long)msg, (long)size, type, flags });
}
GP_ALIAS_OF(__libc_msgrcv, msgrcv);

GP_EXPORT int msgsnd(int id, const void *msg, size_t size, int flags)
{
	int saved = errno, r;

	if (!gp_coop(GP_F_IO) || (flags & IPC_NOWAIT))
		return real_msgsnd(id, msg, size, flags);
	gp_cancel_point();
	r = real_msgsnd(id, msg, size, flags | IPC_NOWAIT);
	if (!r || errno != EAGAIN) {
		gp_tick();
		return r;
	}
	errno = saved;
	return (int)on_worker(GP_PARK_CANCEL, "msgsnd", true, (long[7]){ SYS_msgsnd, id, (long)msg, (long)size, flags });
}
GP_ALIAS_OF(__libc_msgsnd, msgsnd);

/* EAGAIN of the try may mean an operation with IPC_NOWAIT of the program's own: the worker's call then says so again. */
static int operate(int id, struct sembuf *ops, size_t n, const struct timespec *timeout, const char *why)
{
	struct sembuf copy[FEW_OPS];
	bool tried = n && n <= FEW_OPS && !gp_copy_in(copy, ops, n * sizeof(*ops));
	int saved = errno, r = -1;

	if (!tried) {
		errno = EAGAIN;
	} else {
		for (size_t i = 0; i < n; i++)
			copy[i].sem_flg |= IPC_NOWAIT;
		r = real_semtimedop(id, copy, n, timeout);
	}
	if (!r || errno != EAGAIN) {
		gp_tick();
		return r;
	}
	errno = saved;
	return (int)on_worker(GP_PARK_STOP, why, tried, (long[7]){ SYS_semtimedop, id, (long)ops, (long)n, (long)timeout });
}

GP_EXPORT int semop(int id, struct sembuf *ops, size_t n)
{
	return gp_coop_sync(GP_F_SYNC) ? operate(id, ops, n, NULL, "semop") : real_semop(id, ops, n);
}

GP_EXPORT int semtimedop(int id, struct sembuf *ops, size_t n, const struct timespec *timeout)
{
	return gp_coop_sync(GP_F_SYNC) ? operate(id, ops, n, timeout, "semtimedop") : real_semtimedop(id, ops, n, timeout);
}
