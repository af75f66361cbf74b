/* The numbers of syscall(2) that are about signals: the kernel's masks, dispositions and alternate stack are not the program's. */
#include "real.h"
#include "sigaction.h"
#include "sigmask.h"
#include "thread.h"

#include <sys/syscall.h>
#include <unistd.h>

#define SET_SIZE    8
#define SA_RESTORER 0x04000000

static long mask(struct greenlet *g, int how, void *set, void *old)
{
	uint64_t before = g->sigmask, want;

	if (set) {
		if (gp_copy_in(&want, set, sizeof(want)))
			return -EFAULT;
		if (how < SIG_BLOCK || how > SIG_SETMASK)
			return -EINVAL;
		gp_signal_mask(g, how == SIG_BLOCK ? before | want : how == SIG_UNBLOCK ? before & ~want : want);
	}
	return old ? gp_copy_out(old, &before, sizeof(before)) : 0;
}

static long action(int sig, void *act, void *old)
{
	struct sigaction new = { 0 }, before;
	struct gp_kernel_action k;

	if (act) {
		if (gp_copy_in(&k, act, sizeof(k)))
			return -EFAULT;
		new.sa_sigaction = k.handler;
		new.sa_flags = (int)k.flags & ~SA_RESTORER;
		*(uint64_t *)&new.sa_mask = k.mask;
	}
	if (gp_signal_action(sig, act ? &new : NULL, &before))
		return -errno;
	if (!old)
		return 0;
	k = (struct gp_kernel_action){ before.sa_sigaction, (unsigned)before.sa_flags, NULL, gp_sigset(&before.sa_mask) };
	return gp_copy_out(old, &k, sizeof(k));
}

static long pending(struct greenlet *g, void *set)
{
	uint64_t now;

	real_syscall(SYS_rt_sigpending, &now, sizeof(now));
	now = (now | gp_signal_pending(g)) & g->sigmask;
	return gp_copy_out(set, &now, sizeof(now));
}

static long send_to(struct greenlet *g, long sig)
{
	siginfo_t info = { .si_signo = (int)sig, .si_code = SI_TKILL };

	info.si_pid = getpid();
	info.si_uid = getuid();
	return -gp_signal_send(g, (int)sig, &info);
}

static long send_info(struct greenlet *g, long sig, void *from)
{
	siginfo_t info;

	if (gp_copy_in(&info, from, sizeof(info)))
		return -EFAULT;
	info.si_signo = (int)sig;
	return -gp_signal_send(g, (int)sig, &info);
}

/* What `nr` sends, if it is for a thread. Numbers that no handler of the program's can have are the kernel's to judge. */
static bool sends(long nr, const long a[4], long *r)
{
	bool by_process = nr == SYS_tgkill || nr == SYS_rt_tgsigqueueinfo;
	long pid = by_process ? a[0] : gp_pid, tid = by_process ? a[1] : a[0], sig = by_process ? a[2] : a[1];
	struct greenlet *g = pid == gp_pid && tid > 0 ? gp_greenlet_by_tid((pid_t)tid) : NULL;

	if (!by_process && nr != SYS_tkill)
		return false;
	if (g && sig >= 0 && sig <= GP_SIGNALS && !(sig && (GP_SIGMASK_LIBC & gp_sigbit(sig)))) {
		*r = nr == SYS_rt_tgsigqueueinfo ? send_info(g, sig, (void *)a[3]) : send_to(g, sig);
		return true;
	}
	tid = g ? pid : pid == gp_pid ? tid : gp_tid_elsewhere((pid_t)pid, (pid_t)tid);
	*r = by_process ? real_syscall(nr, pid, tid, sig, a[3]) : real_syscall(nr, tid, sig);
	*r = *r < 0 ? -errno : *r;
	return true;
}

bool gp_signal_call(long nr, const long a[4], long *r)
{
	struct greenlet *g = gp_self;
	bool right_size = a[nr == SYS_rt_sigpending ? 1 : 3] == SET_SIZE;

	if (nr == SYS_rt_sigprocmask && right_size)
		*r = mask(g, (int)a[0], (void *)a[1], (void *)a[2]);
	else if (nr == SYS_rt_sigaction && right_size)
		*r = action((int)a[0], (void *)a[1], (void *)a[2]);
	else if (nr == SYS_rt_sigpending && right_size)
		*r = pending(g, (void *)a[0]);
	else if (nr == SYS_sigaltstack)
		*r = gp_signal_stack(g, (void *)a[0], (void *)a[1], __builtin_frame_address(0));
	else
		return sends(nr, a, r);
	return true;
}
