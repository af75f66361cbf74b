/* The numbers of syscall(2) that are about signals: the kernel's masks, dispositions and alternate stack are not the program's. */
#include "real.h"
#include "sigaction.h"
#include "sigmask.h"

#include <sys/syscall.h>
#include <unistd.h>

#define SET_SIZE    8
#define SA_RESTORER 0x04000000

struct kernel_action {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

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
	struct kernel_action k;

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
	k = (struct kernel_action){ before.sa_sigaction, (unsigned)before.sa_flags, NULL, gp_sigset(&before.sa_mask) };
	return gp_copy_out(old, &k, sizeof(k));
}

static long pending(struct greenlet *g, void *set)
{
	uint64_t now;

	real_syscall(SYS_rt_sigpending, &now, sizeof(now));
	now = (now | gp_signal_pending(g)) & g->sigmask;
	return gp_copy_out(set, &now, sizeof(now));
}

/* To this very kernel thread: the caller means itself. */
static bool to_self(long tid, long sig)
{
	return tid == real_syscall(SYS_gettid) && sig > 0 && sig <= GP_SIGNALS && !(GP_SIGMASK_LIBC & gp_sigbit(sig));
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
	else if (nr == SYS_tkill && to_self(a[0], a[1]))
		*r = send_to(g, a[1]);
	else if (nr == SYS_tgkill && a[0] == getpid() && to_self(a[1], a[2]))
		*r = send_to(g, a[2]);
	else if (nr == SYS_rt_tgsigqueueinfo && a[0] == getpid() && to_self(a[1], a[2]))
		*r = send_info(g, a[2], (void *)a[3]);
	else
		return false;
	return true;
}
