/*
 * syscall(2), the raw entry: C++ static guards, std::atomic::wait, Rust and GLib wait through SYS_futex here. Futexes go to the
 * parking lot; numbers that the shim covers by name go to that function; everything else passes as it is.
 */
#include "shim.h"
#include "../runtime/fork.h"
#include "../runtime/gomp.h"
#include "../runtime/park.h"
#include "../runtime/signal.h"

#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define KERNEL_SIGSET 8

struct futex {
	uint32_t *addr, *addr2;
	int op, val;
	uint32_t val3;
	const struct timespec *timeout; /* or the second count */
};

/*
 * May *addr be read? The kernel is asked once a page, by a comparison that moves nobody. A page that was taken away since then
 * gives SIGSEGV where native gives EFAULT.
 */
static bool readable(const uint32_t *addr)
{
	static uintptr_t known[256];
	uintptr_t page = ((uintptr_t)addr >> 12) + 1, *slot = &known[page % 256];

	if ((uintptr_t)addr % sizeof(*addr))
		return false;
	if (*slot == page)
		return true;
	if (real_syscall(SYS_futex, addr, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, addr, 0) < 0 && errno != EAGAIN)
		return false;
	*slot = page;
	return true;
}

/* 0, GP_FOREVER in *deadline where there is none, or -errno in the kernel's order. */
static int deadline_of(const struct futex *f, uint64_t *deadline)
{
	bool absolute = (f->op & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
	struct timespec ts;

	*deadline = GP_FOREVER;
	if (!f->timeout)
		return 0;
	if (gp_copy_in(&ts, f->timeout, sizeof(ts)))
		return -EFAULT;
	if (ts.tv_sec < 0 || !gp_timespec_ok(&ts))
		return -EINVAL;
	*deadline = gp_deadline(&ts, f->op & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC, !absolute);
	return 0;
}

static bool equal(const struct futex *f)
{
	return __atomic_load_n(f->addr, __ATOMIC_SEQ_CST) == (uint32_t)f->val;
}

/*
 * A word that is not said to be private may be another process's, whose wakes we do not see: then its value is looked at now and
 * then.
 */
static long futex_wait(const struct futex *f, uint32_t bits)
{
	uint64_t tick = GP_LOT_TICK, deadline, until;
	struct gp_lot_waiter w = { .addr = f->addr };
	bool looked = false;
	int r = deadline_of(f, &deadline);

	if (r)
		return r;
	if (!bits)
		return -EINVAL;
	do {
		until = f->op & FUTEX_PRIVATE_FLAG ? deadline : gp_lot_look(&tick, deadline);
		gp_lot_prepare(&w, w.addr, bits, 0);
		if (w.addr == f->addr && !equal(f)) { /* once requeued it waits for that word, whatever it says */
			gp_lot_abandon(&w);
			return looked ? 0 : -EAGAIN;
		}
		r = gp_lot_commit(&w, 0, "futex", until);
		if (r == -ECANCELED)
			gp_cancel_now();
		looked = r == -ETIMEDOUT && until != deadline;
	} while (looked || r == -ECANCELED || (r == -ERESTART && deadline == GP_FOREVER));
	return r == -ERESTART ? -EINTR : r;
}

/* Greenlets first, then whoever waits in the kernel: foreign threads, other processes. */
static long futex_wake(const struct futex *f, const uint32_t *addr, int n, uint32_t bits)
{
	unsigned want = n > 0 ? (unsigned)n : 1; /* the kernel counts after it has woken one */
	unsigned woken = gp_lot_wake_bits(addr, want, bits);
	int op = FUTEX_WAKE_BITSET | (f->op & FUTEX_PRIVATE_FLAG);
	long r = 0;

	if (woken < want)
		r = real_syscall(SYS_futex, addr, op, (int)(want - woken), NULL, NULL, bits);
	return r < 0 ? -errno : r + woken;
}

static long futex_requeue(const struct futex *f, bool compare)
{
	int n = f->val, m = (int)(intptr_t)f->timeout, op = FUTEX_REQUEUE | (f->op & FUTEX_PRIVATE_FLAG);
	unsigned woken, moved;
	long r;

	if (n < 0 || m < 0)
		return -EINVAL;
	if (compare && __atomic_load_n(f->addr, __ATOMIC_SEQ_CST) != f->val3)
		return -EAGAIN;
	woken = gp_lot_requeue(f->addr, (unsigned)n, f->addr2, (unsigned)m, &moved);
	r = real_syscall(SYS_futex, f->addr, op, n - (int)woken, (long)m - (long)moved, f->addr2, 0);
	return r < 0 ? -errno : r + woken + moved;
}

/* What futex(2) says of FUTEX_WAKE_OP, in one step for foreign threads. -ENOSYS: the kernel shall say what is wrong with it. */
static int operate(uint32_t *word, uint32_t code, uint32_t *old)
{
	uint32_t arg = (uint32_t)((int32_t)(code << 8) >> 20);

	if (code >> 28 & FUTEX_OP_OPARG_SHIFT)
		arg = 1u << (arg & 31);
	switch (code >> 28 & 7) {
	case FUTEX_OP_SET:  *old = __atomic_exchange_n(word, arg, __ATOMIC_SEQ_CST); return 0;
	case FUTEX_OP_ADD:  *old = __atomic_fetch_add(word, arg, __ATOMIC_SEQ_CST); return 0;
	case FUTEX_OP_OR:   *old = __atomic_fetch_or(word, arg, __ATOMIC_SEQ_CST); return 0;
	case FUTEX_OP_ANDN: *old = __atomic_fetch_and(word, ~arg, __ATOMIC_SEQ_CST); return 0;
	case FUTEX_OP_XOR:  *old = __atomic_fetch_xor(word, arg, __ATOMIC_SEQ_CST); return 0;
	default:            return -ENOSYS;
	}
}

static bool holds(uint32_t old, uint32_t code)
{
	int a = (int)old, b = (int32_t)(code << 20) >> 20;

	switch (code >> 24 & 15) {
	case FUTEX_OP_CMP_EQ: return a == b;
	case FUTEX_OP_CMP_NE: return a != b;
	case FUTEX_OP_CMP_LT: return a < b;
	case FUTEX_OP_CMP_LE: return a <= b;
	case FUTEX_OP_CMP_GT: return a > b;
	default:              return a >= b;
	}
}

static long futex_wake_op(const struct futex *f)
{
	uint32_t old;
	long r, s;

	if ((f->val3 >> 24 & 15) > FUTEX_OP_CMP_GE || operate(f->addr2, f->val3, &old))
		return -ENOSYS;
	r = futex_wake(f, f->addr, f->val, GP_LOT_ANY);
	if (r < 0 || !holds(old, f->val3))
		return r;
	s = futex_wake(f, f->addr2, (int)(intptr_t)f->timeout, GP_LOT_ANY);
	return s < 0 ? s : r + s;
}

/* True where *r is the answer; false: the kernel has to give it (PI, bad addresses, what is not known). */
static bool futex(const struct futex *f, long *r)
{
	int saved = errno, cmd = f->op & FUTEX_CMD_MASK;
	bool ok;

	if ((f->op & ~(FUTEX_CMD_MASK | FUTEX_PRIVATE_FLAG)) && cmd != FUTEX_WAIT_BITSET)
		return false;
	ok = readable(f->addr) && (cmd != FUTEX_WAKE_OP || readable(f->addr2));
	errno = saved;
	if (!ok)
		return false;
	switch (cmd) {
	case FUTEX_WAIT:        *r = futex_wait(f, GP_LOT_ANY); return true;
	case FUTEX_WAIT_BITSET: *r = futex_wait(f, f->val3); return true;
	case FUTEX_WAKE:        *r = futex_wake(f, f->addr, f->val, GP_LOT_ANY); return true;
	case FUTEX_WAKE_BITSET: *r = f->val3 ? futex_wake(f, f->addr, f->val, f->val3) : -EINVAL; return true;
	case FUTEX_REQUEUE:     *r = futex_requeue(f, false); return true;
	case FUTEX_CMP_REQUEUE: *r = futex_requeue(f, true); return true;
	case FUTEX_WAKE_OP:     *r = futex_wake_op(f); return *r != -ENOSYS;
	default:                return false;
	}
}

/* Greenlets may wait for a word that a foreign thread wakes; how many there are it cannot know. */
static long foreign_futex(const struct futex *f)
{
	int saved, cmd = f->op & FUTEX_CMD_MASK;
	long r;

	gp_lot_outsider(false);
	r = real_syscall(SYS_futex, f->addr, f->op, f->val, f->timeout, f->addr2, f->val3);
	if (r < 0 || !gp_sched.live)
		return r;
	saved = errno;
	switch (cmd) {
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		if (r < f->val)
			gp_lot_wake_outside(f->addr, (unsigned)(f->val - r), cmd == FUTEX_WAKE ? GP_LOT_ANY : f->val3);
		break;
	case FUTEX_WAKE_OP:
		gp_lot_wake_outside(f->addr2, GP_LOT_ANY, GP_LOT_ANY); /* fall through */
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		gp_lot_wake_outside(f->addr, GP_LOT_ANY, GP_LOT_ANY);
	}
	errno = saved;
	return r;
}

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
	CALL(close, (int)a);
	CALL(dup, (int)a);
	CALL(dup3, (int)a, (int)b, (int)c);
	CALL(close_range, (unsigned)a, (unsigned)b, (int)c);
	CALL(fcntl, (int)a, (int)b, c);
	CALL(ioctl, (int)a, (unsigned long)b, c);
	CALL(nanosleep, (void *)a, (void *)b);
	CALL(sched_yield);
	CALL(wait4, (pid_t)a, (void *)b, (int)c, (void *)d);
#ifdef SYS_poll /* newer ports have only the p variants */
	CALL(poll, (void *)a, (nfds_t)b, (int)c);
	CALL(select, (int)a, (void *)b, (void *)c, (void *)d, (void *)e);
	CALL(epoll_wait, (int)a, (void *)b, (int)c, (int)d);
	CALL(dup2, (int)a, (int)b);
	CALL(pause);
	CALL(fork);
#endif
	case SYS_epoll_pwait:
		*r = e && f != KERNEL_SIGSET ? gp_ret(-EINVAL) : epoll_pwait((int)a, (void *)b, (int)c, (int)d, (void *)e);
		return true;
	case SYS_waitid:
		if (e)
			return false; /* libc's has no place for the resource usage */
		*r = waitid((idtype_t)a, (id_t)b, (void *)c, (int)d);
		return true;
	case SYS_clone:
	case SYS_clone3:
		if (nr == SYS_clone ? a & CLONE_VM : gp_copy_in(&flags, (void *)a, sizeof(flags)) || (flags & CLONE_VM))
			return false;
		*r = gp_fork_raw(real_syscall(nr, a, b, c, d, e, f));
		return true;
	case SYS_rt_sigtimedwait: *r = raw_sigtimedwait(a, b, c, d); return true;
	case SYS_rt_sigsuspend:   *r = b == KERNEL_SIGSET ? sigsuspend((void *)a) : gp_ret(-EINVAL); return true;
	case SYS_ppoll:           *r = raw_ppoll(a, b, c, d, e); return true;
	case SYS_pselect6:        *r = raw_pselect(a, b, c, d, e, f); return true;
	case SYS_clock_nanosleep: *r = raw_clock_nanosleep((clockid_t)a, (int)b, c, d); return true;
	default:                  return false;
	}
#undef CALL
}

/* Not variadic: the callers put six values where the calling convention has the first six, whatever they meant by them. */
GP_EXPORT long gp_syscall(long nr, long a, long b, long c, long d, long e, long f) __asm__("syscall");
long gp_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	struct futex fx = { (void *)a, (void *)e, (int)b, (int)c, (uint32_t)f, (void *)d };
	long r;

	if (nr == SYS_futex && !gp_coop_sync(GP_F_SYNC))
		return foreign_futex(&fx);
	if (nr == SYS_futex && futex(&fx, &r))
		return gp_ret(r);
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

__attribute__((constructor)) static void tell_runtime(void)
{
	gp_gomp_call = inlined;
}
