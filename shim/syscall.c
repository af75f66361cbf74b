/*
 * syscall(2), the raw entry: C++ static guards, std::atomic::wait, Rust and GLib wait through SYS_futex here. Futexes go to the parking lot;
 * numbers that the shim covers by name go to that function; everything else passes as it is.
 */
#include "shim.h"
#include "../runtime/park.h"

#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
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

static long kernel(const struct futex *f, int op, int n, const void *timeout)
{
	return real_syscall(SYS_futex, f->addr, op, n, timeout, f->addr2, f->val3);
}

/*
 * May *addr be read? The kernel is asked once a page, by a comparison that moves nobody. A page that was taken away since then gives
 * SIGSEGV where native gives EFAULT.
 */
static bool readable(const uint32_t *addr)
{
	static uintptr_t known[256];
	uintptr_t page = (uintptr_t)addr >> 12, *slot = &known[page % 256];

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
 * A word that is not said to be private may be another process's, whose wakes we do not see: then its value is looked at now and then.
 */
static long futex_wait(const struct futex *f, uint32_t bits)
{
	uint64_t tick = GP_LOT_TICK, deadline, until;
	struct gp_lot_waiter w;
	bool looked = false;
	int r = deadline_of(f, &deadline);

	if (r)
		return r;
	if (!bits)
		return -EINVAL;
	do {
		until = f->op & FUTEX_PRIVATE_FLAG ? deadline : gp_lot_look(&tick, deadline);
		gp_lot_prepare(&w, f->addr, bits, 0);
		if (!equal(f)) {
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
	unsigned want = n > 0 ? (unsigned)n : 1, woken; /* the kernel counts after it has woken one */
	long r = 0;

	woken = gp_lot_wake_bits(addr, want, bits);
	if (woken < want)
		r = real_syscall(SYS_futex, addr, FUTEX_WAKE_BITSET | (f->op & FUTEX_PRIVATE_FLAG), (int)(want - woken), NULL, NULL, bits);
	return r < 0 ? -errno : r + woken;
}

static long futex_requeue(const struct futex *f, bool compare)
{
	int n = f->val, m = (int)(intptr_t)f->timeout;
	unsigned woken, moved;
	long r;

	if (n < 0 || m < 0)
		return -EINVAL;
	if (compare && __atomic_load_n(f->addr, __ATOMIC_SEQ_CST) != f->val3)
		return -EAGAIN;
	woken = gp_lot_requeue(f->addr, (unsigned)n, f->addr2, (unsigned)m, &moved);
	r = real_syscall(SYS_futex, f->addr, FUTEX_REQUEUE | (f->op & FUTEX_PRIVATE_FLAG), n - (int)woken, (long)(m - (int)moved), f->addr2, 0);
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
