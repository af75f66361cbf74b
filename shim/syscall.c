/*
 * syscall(2), the raw entry: futexes go to the parking lot (runtime/futex.h), numbers that the shim covers by name to that function,
 * and everything else as it is to the kernel.
 */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/fork.h"
#include "../runtime/futex.h"
#include "../runtime/gomp.h"
#include "../runtime/init.h"
#include "../runtime/signal.h"
#include "../runtime/thread.h"
#include "../runtime/tls.h"
#include "../runtime/wishes.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define KERNEL_SIGSET 8

/* Unlike libc's, the raw ppoll and pselect6 leave in *user what remains of the time. */
static void write_remaining(long user, const struct timespec *ts, uint64_t start)
{
	uint64_t asked = (uint64_t)ts->tv_sec * GP_NSEC + (uint64_t)ts->tv_nsec, used = gp_now() - start;
	uint64_t left = asked > used ? asked - used : 0;
	struct timespec out = { (time_t)(left / GP_NSEC), (long)(left % GP_NSEC) };
	int saved = errno;

	gp_copy_out((void *)user, &out, sizeof(out));
	errno = saved;
}

static long raw_ppoll(long fds, long n, long timeout, long mask, long size)
{
	uint64_t start = gp_now();
	struct timespec ts;
	long r;

	if (timeout && gp_copy_in(&ts, (void *)timeout, sizeof(ts)))
		return gp_ret(-EFAULT);
	if (mask && size != KERNEL_SIGSET)
		return gp_ret(-EINVAL);
	r = ppoll((void *)fds, (nfds_t)n, timeout ? &ts : NULL, (void *)mask);
	if (timeout)
		write_remaining(timeout, &ts, start);
	return r;
}

/* libc's reads the time itself, and a bad pointer crashes. */
static long raw_select(long n, long rd, long wr, long ex, long timeout)
{
	struct timeval tv;
	int saved;
	long r;

	if (timeout && gp_copy_in(&tv, (void *)timeout, sizeof(tv)))
		return gp_ret(-EFAULT);
	r = select((int)n, (void *)rd, (void *)wr, (void *)ex, timeout ? &tv : NULL);
	saved = errno;
	if (timeout)
		gp_copy_out((void *)timeout, &tv, sizeof(tv));
	errno = saved;
	return r;
}

static long raw_pselect(long n, long rd, long wr, long ex, long timeout, long pair)
{
	struct { const sigset_t *mask; size_t size; } m = { 0 };
	uint64_t start = gp_now();
	struct timespec ts;
	long r;

	if ((pair && gp_copy_in(&m, (void *)pair, sizeof(m))) || (timeout && gp_copy_in(&ts, (void *)timeout, sizeof(ts))))
		return gp_ret(-EFAULT);
	if (m.mask && m.size != KERNEL_SIGSET)
		return gp_ret(-EINVAL);
	r = pselect((int)n, (void *)rd, (void *)wr, (void *)ex, timeout ? &ts : NULL, m.mask);
	if (timeout)
		write_remaining(timeout, &ts, start);
	return r;
}

static long raw_sigtimedwait(long set, long info, long timeout, long size)
{
	struct timespec ts;
	sigset_t s;

	if (size != KERNEL_SIGSET)
		return gp_ret(-EINVAL);
	if (gp_copy_in(&s, (void *)set, KERNEL_SIGSET) || (timeout && gp_copy_in(&ts, (void *)timeout, sizeof(ts))))
		return gp_ret(-EFAULT);
	return sigtimedwait(&s, (void *)info, timeout ? &ts : NULL);
}

/* libc gives the error back, the kernel -1 and errno. */
static long raw_clock_nanosleep(clockid_t clock, int flags, long ts, long rem)
{
	return gp_ret(-clock_nanosleep(clock, flags, (void *)ts, (void *)rem));
}

/* The kernel tells how large its own set is, libc's says 0. */
static long raw_getaffinity(pid_t tid, size_t size, void *set)
{
	struct greenlet *g = gp_wisher(tid);
	cpu_set_t all;
	long r = real_syscall(SYS_sched_getaffinity, g ? 0 : tid, size, set);

	if (r < 0 || !g || gp_affinity_tell(g, sizeof(all), &all))
		return r;
	memcpy(set, &all, (size_t)r < sizeof(all) ? (size_t)r : sizeof(all));
	return r;
}

/* The kernel knows one list for all. */
static long raw_get_robust_list(const struct greenlet *g, long head, long size)
{
	size_t n;
	void *list = gp_tls_robust_head(g->pd, &n);

	return gp_ret(gp_copy_out((void *)size, &n, sizeof(n)) || gp_copy_out((void *)head, &list, sizeof(list)) ? -EFAULT : 0);
}

/* A list other than libc's own would take the place of main's in the kernel: it is not walked when the thread ends. */
static long raw_set_robust_list(const struct greenlet *g, long size)
{
	size_t n;

	gp_tls_robust_head(g->pd, &n);
	return gp_ret((size_t)size == n ? 0 : -EINVAL);
}

/* What is about one thread by its tid: that of a greenlet means nothing to the kernel. */
static bool by_tid(long nr, long a, long b, long c, long d, long e, long *r)
{
	struct greenlet *g;

	switch (nr) {
	case SYS_gettid:             *r = gettid(); return true;
	case SYS_prctl:              *r = prctl((int)a, b, c, d, e); return true;
	case SYS_sched_setaffinity:  *r = sched_setaffinity((pid_t)a, (size_t)b, (void *)c); return true;
	case SYS_sched_getaffinity:  *r = raw_getaffinity((pid_t)a, (size_t)b, (void *)c); return true;
	case SYS_sched_setscheduler: *r = sched_setscheduler((pid_t)a, (int)b, (void *)c); return true;
	case SYS_sched_getscheduler: *r = sched_getscheduler((pid_t)a); return true;
	case SYS_sched_setparam:     *r = sched_setparam((pid_t)a, (void *)b); return true;
	case SYS_sched_getparam:     *r = sched_getparam((pid_t)a, (void *)b); return true;
	case SYS_setpriority:        *r = setpriority((int)a, (id_t)b, (int)c); return true;
	case SYS_getpriority: /* 1 to 40, so that none looks like an error */
		*r = a == PRIO_PROCESS && gp_wisher((pid_t)b) ? 20 - getpriority(PRIO_PROCESS, (id_t)b) : real_syscall(nr, a, b);
		return true;
	case SYS_ioprio_get:
	case SYS_ioprio_set:
		*r = real_syscall(nr, a, a == IOPRIO_WHO_PROCESS ? gp_kernel_tid((pid_t)b) : b, c);
		return true;
	case SYS_perf_event_open:
		*r = real_syscall(nr, a, gp_kernel_tid((pid_t)b), c, d, e);
		return true;
	case SYS_kill: /* by the id of any thread Linux finds the process */
	case SYS_rt_sigqueueinfo:
	case SYS_sched_rr_get_interval:
	case SYS_getpgid:
	case SYS_getsid:
	case SYS_prlimit64:
		*r = real_syscall(nr, gp_kernel_tid((pid_t)a), b, c, d);
		return true;
	case SYS_kcmp:
		*r = real_syscall(nr, gp_kernel_tid((pid_t)a), gp_kernel_tid((pid_t)b), c, d, e);
		return true;
	case SYS_set_tid_address:
		if (!(g = gp_wisher(0)))
			return false;
		g->clear_tid = (void *)a;
		*r = (long)g->tid;
		return true;
	case SYS_get_robust_list: /* main's as well: the kernel may know another in its place (robust.c) */
		if (!(g = a ? gp_greenlet_by_tid((pid_t)a) : gp_self))
			return false;
		*r = raw_get_robust_list(g, b, c);
		return true;
	case SYS_set_robust_list:
		if (!(g = gp_wisher(0)))
			return false;
		*r = raw_set_robust_list(g, b);
		return true;
	default:
		return false;
	}
}

/* True where the number is one that the shim covers by name and that means the same there. */
static bool by_name(long nr, long a, long b, long c, long d, long e, long f, long *r)
{
	uint64_t flags;

#define CALL(name, ...) case SYS_##name: *r = (long)name(__VA_ARGS__); return true
	switch (nr) {
	CALL(read, (int)a, (void *)b, (size_t)c);
	CALL(write, (int)a, (void *)b, (size_t)c);
	CALL(readv, (int)a, (void *)b, (int)c);
	CALL(writev, (int)a, (void *)b, (int)c);
	CALL(recvfrom, (int)a, (void *)b, (size_t)c, (int)d, (void *)e, (void *)f);
	CALL(sendto, (int)a, (void *)b, (size_t)c, (int)d, (void *)e, (socklen_t)f);
	CALL(recvmsg, (int)a, (void *)b, (int)c);
	CALL(sendmsg, (int)a, (void *)b, (int)c);
	CALL(recvmmsg, (int)a, (void *)b, (unsigned)c, (int)d, (void *)e);
	CALL(sendmmsg, (int)a, (void *)b, (unsigned)c, (int)d);
	CALL(connect, (int)a, (void *)b, (socklen_t)c);
	CALL(accept, (int)a, (void *)b, (void *)c);
	CALL(accept4, (int)a, (void *)b, (void *)c, (int)d);
	CALL(shutdown, (int)a, (int)b);
	CALL(setsockopt, (int)a, (int)b, (int)c, (void *)d, (socklen_t)e);
	CALL(sendfile, (int)a, (int)b, (void *)c, (size_t)d);
	CALL(splice, (int)a, (void *)b, (int)c, (void *)d, (size_t)e, (unsigned)f);
	CALL(tee, (int)a, (int)b, (size_t)c, (unsigned)d);
	CALL(vmsplice, (int)a, (void *)b, (size_t)c, (unsigned)d);
	CALL(preadv2, (int)a, (void *)b, (int)c, d, (int)f); /* e: the upper half of the offset where a long has no room for it */
	CALL(pwritev2, (int)a, (void *)b, (int)c, d, (int)f);
	CALL(openat, (int)a, (void *)b, (int)c, (mode_t)d);
	CALL(flock, (int)a, (int)b);
	CALL(msgrcv, (int)a, (void *)b, (size_t)c, d, (int)e);
	CALL(msgsnd, (int)a, (void *)b, (size_t)c, (int)d);
	CALL(semop, (int)a, (void *)b, (size_t)c);
	CALL(semtimedop, (int)a, (void *)b, (size_t)c, (void *)d);
	CALL(mq_timedsend, (mqd_t)a, (void *)b, (size_t)c, (unsigned)d, (void *)e);
	CALL(mq_timedreceive, (mqd_t)a, (void *)b, (size_t)c, (void *)d, (void *)e);
	CALL(socket, (int)a, (int)b, (int)c);
	CALL(socketpair, (int)a, (int)b, (int)c, (void *)d);
	CALL(pipe2, (void *)a, (int)b);
	CALL(execve, (void *)a, (void *)b, (void *)c);
	CALL(execveat, (int)a, (void *)b, (void *)c, (void *)d, (int)e);
	CALL(close, (int)a);
	CALL(dup, (int)a);
	CALL(dup3, (int)a, (int)b, (int)c);
	CALL(close_range, (unsigned)a, (unsigned)b, (int)c);
	CALL(unshare, (int)a);
	CALL(fcntl, (int)a, (int)b, c);
	CALL(ioctl, (int)a, (unsigned long)b, c);
	CALL(nanosleep, (void *)a, (void *)b);
	CALL(sched_yield);
	CALL(wait4, (pid_t)a, (void *)b, (int)c, (void *)d);
#ifdef SYS_poll /* newer ports have only the p variants */
	CALL(poll, (void *)a, (nfds_t)b, (int)c);
	CALL(epoll_wait, (int)a, (void *)b, (int)c, (int)d);
	CALL(dup2, (int)a, (int)b);
	CALL(pause);
	CALL(fork);
	CALL(open, (void *)a, (int)b, (mode_t)c);
	CALL(creat, (void *)a, (mode_t)b);
	CALL(pipe, (void *)a);
	case SYS_select: *r = raw_select(a, b, c, d, e); return true;
#endif
#ifdef SYS_futex_waitv
	case SYS_futex_waitv: *r = gp_ret(gp_futex_waitv((long[7]){ nr, a, b, c, d, e })); return true;
#endif
	case SYS_epoll_pwait:
		*r = e && f != KERNEL_SIGSET ? gp_ret(-EINVAL) : epoll_pwait((int)a, (void *)b, (int)c, (int)d, (void *)e);
		return true;
	case SYS_exit: /* of the thread; main's end has no other form than the process's */
		if (gp_self->main)
			return false;
		gp_self->result = NULL;
		gp_end(gp_self);
	case SYS_epoll_pwait2:
		*r = e && f != KERNEL_SIGSET ? gp_ret(-EINVAL) : epoll_pwait2((int)a, (void *)b, (int)c, (void *)d, (void *)e);
		return true;
	case SYS_waitid:
		if (e)
			return false; /* libc's has no place for the resource usage */
		*r = waitid((idtype_t)a, (id_t)b, (void *)c, (int)d);
		return true;
	case SYS_clone:
	case SYS_clone3:
		flags = (uint64_t)a;
		if ((nr == SYS_clone3 && gp_copy_in(&flags, (void *)a, sizeof(flags))) || (flags & CLONE_VM))
			return false;
		*r = gp_fork_raw(real_syscall(nr, a, b, c, d, e, f), flags & CLONE_FILES);
		return true;
	case SYS_rt_sigtimedwait: *r = raw_sigtimedwait(a, b, c, d); return true;
	case SYS_rt_sigsuspend:   *r = b == KERNEL_SIGSET ? sigsuspend((void *)a) : gp_ret(-EINVAL); return true;
	case SYS_ppoll:           *r = raw_ppoll(a, b, c, d, e); return true;
	case SYS_pselect6:        *r = raw_pselect(a, b, c, d, e, f); return true;
	case SYS_clock_nanosleep:
		if (a == CLOCK_THREAD_CPUTIME_ID)
			return false; /* libc refuses it with another error than the kernel, and nobody waits */
		*r = raw_clock_nanosleep((clockid_t)a, (int)b, c, d);
		return true;
	default:                  return by_tid(nr, a, b, c, d, e, r);
	}
#undef CALL
}

/* Not variadic: the callers put six values where the calling convention has the first six, whatever they meant by them. */
GP_EXPORT long gp_syscall(long nr, long a, long b, long c, long d, long e, long f) __asm__("syscall");
long gp_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	struct gp_futex fx = { (void *)a, (void *)e, (int)b, (int)c, (uint32_t)f, (void *)d };
	long r;

	if (nr == SYS_futex && !gp_coop_sync(GP_F_SYNC))
		return gp_futex_foreign(&fx);
	if (nr == SYS_futex && gp_futex(&fx, &r))
		return gp_ret(r);
	if (gp_unlikely(!gp_sched.live))
		gp_fd_early_call(nr);
	if (gp_self && by_name(nr, a, b, c, d, e, f, &r))
		return r;
	if (gp_self && gp_signal_call(nr, (long[]){ a, b, c, d }, &r))
		return gp_ret(r);
	return real_syscall(nr, a, b, c, d, e, f);
}

/* The instruction in other code: it knows no errno. */
static long inlined(long nr, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long r = gp_syscall(nr, a, b, c, d, e, f);

	if (r == -1)
		r = -errno;
	errno = saved;
	return r;
}

static void tell_runtime(void)
{
	gp_gomp_call = inlined;
}
GP_SETUP(tell_runtime);
