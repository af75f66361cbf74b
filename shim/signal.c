/* <signal.h> and <setjmp.h>: masks, pending sets and alternate stacks are per greenlet, handlers go through runtime/signal.c. */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/signal.h"
#include "../runtime/thread.h"
#include "../runtime/wishes.h"

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

	if (handler == SIG_ERR || sig < 1 || sig > 64)
		return (sighandler_t)gp_ret(-EINVAL);
	if (!(flags & SA_RESETHAND))
		sigaddset(&act.sa_mask, sig);
	return gp_signal_action(sig, &act, &old) ? SIG_ERR : old.sa_handler;
}

static uint64_t interrupting; /* what siginterrupt was asked for, as in libc */

GP_EXPORT int siginterrupt(int sig, int interrupt)
{
	struct sigaction act;

	if (gp_signal_action(sig, NULL, &act))
		return -1;
	interrupting = interrupt ? interrupting | gp_sigbit(sig) : interrupting & ~gp_sigbit(sig);
	act.sa_flags = interrupt ? act.sa_flags & ~SA_RESTART : act.sa_flags | SA_RESTART;
	return gp_signal_action(sig, &act, NULL);
}

GP_EXPORT sighandler_t signal(int sig, sighandler_t handler)
{
	if (!gp_sched.live && !interrupting)
		return real_signal(sig, handler);
	return install(sig, handler, sig > 0 && (interrupting & gp_sigbit(sig)) ? 0 : SA_RESTART);
}
GP_ALIAS_OF(bsd_signal, signal);
GP_ALIAS_OF(ssignal, signal);

GP_EXPORT sighandler_t sysv_signal(int sig, sighandler_t handler)
{
	return gp_sched.live ? install(sig, handler, SA_RESETHAND | SA_NODEFER) : real_sysv_signal(sig, handler);
}
GP_ALIAS_OF(__sysv_signal, sysv_signal);

/* The kernel judges the pointer `old` and fills it; then the answer is put right. libc itself reads *set. */
static int change_mask(struct greenlet *g, int how, const sigset_t *set, sigset_t *old)
{
	uint64_t before = g->sigmask, want = set ? gp_sigset(set) : 0;

	if (set && (how < SIG_BLOCK || how > SIG_SETMASK))
		return EINVAL;
	if (old) {
		if (real_syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, old, sizeof(before)))
			return errno;
		*(uint64_t *)old = before;
	}
	if (set)
		gp_signal_mask(g, how == SIG_BLOCK ? before | want : how == SIG_UNBLOCK ? before & ~want : want);
	return 0;
}

GP_EXPORT int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	int saved = errno, r;

	if (!gp_self)
		return real_pthread_sigmask(how, set, old);
	r = change_mask(gp_self, how, set, old);
	errno = saved;
	return r;
}

GP_EXPORT int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	return gp_self ? (int)gp_ret(-change_mask(gp_self, how, set, old)) : real_sigprocmask(how, set, old);
}

static int send_to(struct greenlet *g, int sig, int code, union sigval value)
{
	siginfo_t info = { .si_signo = sig, .si_code = code };

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value = value;
	return gp_signal_send(g, sig, &info);
}

GP_EXPORT int pthread_kill(pthread_t thread, int sig)
{
	struct greenlet *g = gp_greenlet_of(thread);

	if (gp_ended(g))
		return 0; /* as glibc: the id still means something, its thread hears nothing */
	return g ? send_to(g, sig, SI_TKILL, (union sigval){ 0 }) : real_pthread_kill(thread, sig);
}

/* By the id of any thread Linux finds the process. */
GP_EXPORT int kill(pid_t pid, int sig)
{
	return real_kill(gp_kernel_tid(pid), sig);
}

GP_EXPORT int sigqueue(pid_t pid, int sig, const union sigval value)
{
	return real_sigqueue(gp_kernel_tid(pid), sig, value);
}

GP_EXPORT int tgkill(pid_t pid, pid_t tid, int sig)
{
	struct greenlet *g = gp_self && pid == gp_pid && tid > 0 ? gp_greenlet_by_tid(tid) : NULL;

	return g ? (int)gp_ret(-send_to(g, sig, SI_TKILL, (union sigval){ 0 })) : real_tgkill(pid, pid == gp_pid ? tid : gp_tid_elsewhere(pid, tid), sig);
}

GP_EXPORT int pthread_sigqueue(pthread_t thread, int sig, const union sigval value)
{
	struct greenlet *g = gp_greenlet_of(thread);

	if (gp_ended(g))
		return ESRCH;
	return g ? send_to(g, sig, SI_QUEUE, value) : real_pthread_sigqueue(thread, sig, value);
}

GP_EXPORT int raise(int sig)
{
	return gp_self ? (int)gp_ret(-send_to(gp_self, sig, SI_TKILL, (union sigval){ 0 })) : real_raise(sig);
}
GP_ALIAS_OF(gsignal, raise);

GP_EXPORT int sigaltstack(const stack_t *restrict ss, stack_t *restrict old)
{
	return gp_self ? (int)gp_ret(gp_signal_stack(gp_self, ss, old, __builtin_frame_address(0))) : real_sigaltstack(ss, old);
}

/* What has been noted already, or what the kernel still holds. 0: nothing yet. */
static int look(struct greenlet *g, const sigset_t *set, siginfo_t *info)
{
	static const struct timespec zero;
	int saved = errno, sig = gp_signal_take(g, gp_sigset(set), info);

	if (sig)
		return sig;
	sig = real_sigtimedwait(set, info, &zero);
	if (sig < 0 && (errno == EAGAIN || errno == EINTR)) {
		errno = saved;
		return 0;
	}
	return sig < 0 ? -errno : sig;
}

/*
 * Waits for a signal of `set`, blocked or with a handler. The kernel holds those of the process back while everybody blocks them; a signalfd in
 * our epoll set tells when one has come. Handlers of other signals end the wait, SA_RESTART or not.
 */
static int wait_for_signal(struct greenlet *g, const sigset_t *set, siginfo_t *info, uint64_t deadline)
{
	unsigned ran = g->handlers_ran;
	struct gp_wait w;
	int fd = -1, r = 0, sig;

	gp_signal_wait(g, gp_sigset(set)); /* before the first look: from now on it wakes us */
	gp_wait_push(&w, gp_wait_nothing); /* between a look and the park nothing is taken for heard */
	while (!(sig = look(g, set, info)) && (!r || r == -ERESTART)) {
		if (ran != g->handlers_ran) {
			r = -EINTR;
			continue;
		}
		if (fd < 0 && (fd = gp_fd_adopt(signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK))) < 0) {
			r = fd;
			continue;
		}
		r = gp_fdwait(&fd, POLLIN, gp_handlers_ran, GP_PARK_CANCEL | GP_PARK_STOP, "sigwait", deadline);
		gp_wait_pop(&w);
		gp_wait_push(&w, gp_wait_nothing); /* handlers unlink it */
		if (r == -EBADF) { /* a raw close by the program */
			gp_fd_disown(fd);
			fd = -1;
			r = 0;
		}
	}
	gp_wait_pop(&w);
	gp_signal_wait(g, 0);
	if (fd >= 0) {
		gp_fd_closing(fd);
		gp_fd_disown(fd);
		real_close(fd);
	}
	if (r == -ECANCELED && sig <= 0)
		gp_cancel_now();
	return sig ? sig : r == -ETIMEDOUT ? -EAGAIN : r;
}

static int timed_wait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	uint64_t deadline = GP_FOREVER;
	struct timespec ts;
	sigset_t wanted;
	siginfo_t mine;
	int saved = errno, sig;

	sigemptyset(&wanted);
	if (gp_copy_in(&wanted, set, sizeof(uint64_t)) || (timeout && gp_copy_in(&ts, timeout, sizeof(ts))))
		return -EFAULT;
	if (timeout) {
		if (!gp_timespec_ok(&ts) || ts.tv_sec < 0)
			return -EINVAL;
		deadline = gp_deadline(&ts, CLOCK_MONOTONIC, true);
	}
	gp_cancel_point();
	sig = wait_for_signal(gp_self, &wanted, &mine, deadline);
	errno = saved;
	if (sig <= 0)
		return sig;
	if (mine.si_code == SI_TKILL)
		mine.si_code = SI_USER; /* as libc does */
	if (info && gp_copy_out(info, &mine, sizeof(mine)))
		return -EFAULT;
	return sig;
}

GP_EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info, const struct timespec *restrict timeout)
{
	return gp_self ? (int)gp_ret(timed_wait(set, info, timeout)) : real_sigtimedwait(set, info, timeout);
}

GP_EXPORT int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
	return gp_self ? (int)gp_ret(timed_wait(set, info, NULL)) : real_sigwaitinfo(set, info);
}

GP_EXPORT int sigwait(const sigset_t *restrict set, int *restrict sig)
{
	int r;

	if (!gp_self)
		return real_sigwait(set, sig);
	do
		r = timed_wait(set, NULL, NULL);
	while (r == -EINTR);
	if (r < 0)
		return -r;
	*sig = r;
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
		*(uint64_t *)set = (gp_sigset(set) | gp_signal_pending(gp_self)) & gp_self->sigmask;
	return r;
}

/*
 * The jump restores the mask that sigsetjmp saved, by a system call inside libc; here the mask is not the kernel's. What that
 * unblocks is handled before the jump, as natively. Out of a handler of a fault in a critical section, too, all is in order then.
 */
static struct __jmp_buf_tag jumping(const struct __jmp_buf_tag *env)
{
	struct __jmp_buf_tag without_mask = *env;

	if (!gp_self)
		return without_mask;
	gp_signal_leave_handler();
	if (env->__mask_was_saved)
		gp_signal_mask(gp_self, gp_signal_saved_by_jump(env));
	without_mask.__mask_was_saved = 0;
	return without_mask;
}

GP_EXPORT void longjmp(struct __jmp_buf_tag env[1], int value)
{
	struct __jmp_buf_tag e = jumping(env);

	real_longjmp(&e, value);
	__builtin_unreachable();
}

GP_EXPORT void siglongjmp(sigjmp_buf env, int value)
{
	struct __jmp_buf_tag e = jumping(env);

	real_siglongjmp(&e, value);
	__builtin_unreachable();
}

GP_EXPORT void _longjmp(struct __jmp_buf_tag env[1], int value)
{
	struct __jmp_buf_tag e = jumping(env);

	real__longjmp(&e, value);
	__builtin_unreachable();
}

/* Its check knows of the kernel's alternate stack only, which is not the greenlet's. */
GP_EXPORT void __longjmp_chk(struct __jmp_buf_tag env[1], int value)
{
	struct __jmp_buf_tag e = jumping(env);

	if (gp_self && gp_signal_on_stack(gp_self, __builtin_frame_address(0)))
		real_siglongjmp(&e, value);
	real___longjmp_chk(&e, value);
	__builtin_unreachable();
}
