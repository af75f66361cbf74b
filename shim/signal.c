/* <signal.h> and <setjmp.h>: masks and pending sets are per greenlet, handlers go through runtime/signal.c. */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/signal.h"
#include "../runtime/thread.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

GP_EXPORT int sigaction(int sig, const struct sigaction *restrict act, struct sigaction *restrict old)
{
	return gp_signal_action(sig, act, old);
}
GP_ALIAS_OF(__sigaction, sigaction);

static sighandler_t install(int sig, sighandler_t handler, int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags }, old;

	if (handler == SIG_ERR)
		return (sighandler_t)gp_ret(-EINVAL);
	if (!(flags & SA_RESETHAND))
		sigaddset(&act.sa_mask, sig);
	return gp_signal_action(sig, &act, &old) ? SIG_ERR : old.sa_handler;
}

GP_EXPORT sighandler_t signal(int sig, sighandler_t handler)
{
	return gp_sched.live ? install(sig, handler, SA_RESTART) : real_signal(sig, handler);
}
GP_ALIAS_OF(bsd_signal, signal);
GP_ALIAS_OF(ssignal, signal);

GP_EXPORT sighandler_t sysv_signal(int sig, sighandler_t handler)
{
	return gp_sched.live ? install(sig, handler, SA_RESETHAND | SA_NODEFER) : real_sysv_signal(sig, handler);
}
GP_ALIAS_OF(__sysv_signal, sysv_signal);

GP_EXPORT int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	struct greenlet *g = gp_self;
	uint64_t before, want;
	int r;

	if (!g)
		return real_pthread_sigmask(how, set, old);
	before = g->sigmask;
	/* The kernel judges `how` and the pointers; a signal that becomes unblocked may arrive in here. */
	if ((r = real_pthread_sigmask(how, set, old)) || !set)
		return r;
	want = gp_sigset(set);
	gp_signal_mask(g, how == SIG_BLOCK ? before | want : how == SIG_UNBLOCK ? before & ~want : want);
	return 0;
}

GP_EXPORT int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	return gp_self ? (int)gp_ret(-pthread_sigmask(how, set, old)) : real_sigprocmask(how, set, old);
}

GP_EXPORT int pthread_kill(pthread_t thread, int sig)
{
	struct greenlet *g = gp_greenlet_of(thread);
	siginfo_t info = { .si_signo = sig, .si_code = SI_TKILL };

	if (!g)
		return real_pthread_kill(thread, sig);
	if (g == gp_self)
		return real_syscall(SYS_tgkill, getpid(), real_syscall(SYS_gettid), sig) ? errno : 0;
	info.si_pid = getpid();
	info.si_uid = getuid();
	return gp_signal_send(g, sig, &info);
}

GP_EXPORT int pthread_sigqueue(pthread_t thread, int sig, const union sigval value)
{
	struct greenlet *g = gp_greenlet_of(thread);
	siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };

	if (!g)
		return real_pthread_sigqueue(thread, sig, value);
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value = value;
	if (g == gp_self)
		return real_syscall(SYS_rt_tgsigqueueinfo, getpid(), real_syscall(SYS_gettid), sig, &info) ? errno : 0;
	return gp_signal_send(g, sig, &info);
}

/*
 * Waits for a signal of `set` that is blocked. The kernel holds those of the process back while everybody blocks them; a signalfd in
 * our epoll set tells when one has come, and the real sigtimedwait takes it.
 */
static int wait_for_signal(const sigset_t *set, siginfo_t *info, uint64_t deadline)
{
	struct timespec zero = { 0, 0 };
	int fd, r, sig = -1;

	gp_cancel_point();
	if ((sig = gp_signal_take(gp_self, gp_sigset(set), info)) > 0)
		return sig;
	if ((sig = real_sigtimedwait(set, info, &zero)) > 0 || errno != EAGAIN)
		return sig;
	if ((fd = gp_fd_adopt(signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK))) < 0)
		return (int)gp_ret(fd);
	gp_self->sigwait = gp_sigset(set);
	for (;;) {
		r = gp_fdwait(&fd, POLLIN, GP_PARK_CANCEL, "sigwait", deadline);
		if ((sig = gp_signal_take(gp_self, gp_sigset(set), info)) > 0 || (sig = real_sigtimedwait(set, info, &zero)) > 0)
			break;
		if (r && r != -ERESTART) {
			errno = r == -ETIMEDOUT ? EAGAIN : -r;
			sig = -1;
			break;
		}
	}
	gp_self->sigwait = 0;
	gp_fd_closing(fd);
	gp_fd_disown(fd);
	real_close(fd);
	if (r == -ECANCELED && sig < 0)
		gp_cancel_now();
	return sig;
}

GP_EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info, const struct timespec *restrict timeout)
{
	uint64_t deadline = GP_FOREVER;
	siginfo_t mine;
	int sig;

	if (!gp_self)
		return real_sigtimedwait(set, info, timeout);
	if (timeout) {
		if (!gp_timespec_ok(timeout) || timeout->tv_sec < 0)
			return (int)gp_ret(-EINVAL);
		deadline = gp_deadline(timeout, CLOCK_MONOTONIC, true);
	}
	sig = wait_for_signal(set, &mine, deadline);
	if (sig > 0 && info)
		*info = mine;
	return sig;
}

GP_EXPORT int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
	return gp_self ? sigtimedwait(set, info, NULL) : real_sigwaitinfo(set, info);
}

GP_EXPORT int sigwait(const sigset_t *restrict set, int *restrict sig)
{
	int saved = errno, r;

	if (!gp_self)
		return real_sigwait(set, sig);
	do
		r = sigtimedwait(set, NULL, NULL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno;
	*sig = r;
	errno = saved;
	return 0;
}

GP_EXPORT int sigsuspend(const sigset_t *set)
{
	uint64_t mask;

	if (!gp_self)
		return real_sigsuspend(set);
	if (gp_copy_in(&mask, set, sizeof(mask)))
		return (int)gp_ret(-EFAULT);
	gp_signal_suspend(&mask);
	return (int)gp_ret(-EINTR);
}
GP_ALIAS_OF(__sigsuspend, sigsuspend);

GP_EXPORT int pause(void)
{
	if (!gp_self)
		return real_pause();
	gp_signal_suspend(NULL);
	return (int)gp_ret(-EINTR);
}

GP_EXPORT int sigpending(sigset_t *set)
{
	int r = real_sigpending(set);

	if (!r && gp_self)
		*(uint64_t *)set |= gp_signal_pending(gp_self);
	return r;
}

/* The jump restores the mask that sigsetjmp saved, by a system call inside libc that nobody else would tell us of. */
static void jumping(struct __jmp_buf_tag *env)
{
	if (gp_self && env->__mask_was_saved)
		gp_self->sigmask = gp_signal_kernel_mask = gp_sigset((sigset_t *)&env->__saved_mask);
}

GP_EXPORT void longjmp(struct __jmp_buf_tag env[1], int value)
{
	jumping(env);
	real_longjmp(env, value);
	__builtin_unreachable();
}

GP_EXPORT void siglongjmp(sigjmp_buf env, int value)
{
	jumping(env);
	real_siglongjmp(env, value);
	__builtin_unreachable();
}

GP_EXPORT void _longjmp(struct __jmp_buf_tag env[1], int value)
{
	jumping(env);
	real__longjmp(env, value);
	__builtin_unreachable();
}

GP_EXPORT void __longjmp_chk(struct __jmp_buf_tag env[1], int value)
{
	jumping(env);
	real___longjmp_chk(env, value);
	__builtin_unreachable();
}
