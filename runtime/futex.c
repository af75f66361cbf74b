#include "futex.h"
#include "offload.h"
#include "park.h"
#include "real.h"
#include "stack.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

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
static int deadline_of(const struct gp_futex *f, uint64_t *deadline)
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

static bool equal(const struct gp_futex *f)
{
	return __atomic_load_n(f->addr, __ATOMIC_SEQ_CST) == (uint32_t)f->val;
}

enum { PAGE_OF_FILE = 61, PAGE_PRESENT = 63 }; /* bits of an entry in pagemap: of a file, or shared memory */

/* May another process have the page? Where that is not to be known: yes. */
static bool shared(const uint32_t *addr)
{
	int saved = errno, fd = real_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd >= 0) {
		if (pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)addr / gp_page() * sizeof(entry))) != sizeof(entry))
			entry = 0;
		real_close(fd);
	}
	errno = saved;
	return !(entry >> PAGE_PRESENT) || (entry >> PAGE_OF_FILE & 1);
}

static long wait_by_worker(const long call[7], const char *why, bool restarts)
{
	long r;

	do {
		r = gp_offload_call(0, why, call);
		if (r == -ECANCELED)
			gp_cancel_now();
	} while (r == -ECANCELED || (r == -ERESTART && restarts));
	return r == -ERESTART ? -EINTR : r;
}

/* Another process's wake moves and counts waiters in the kernel only, and need not change the word: a worker waits there. */
static long wait_in_kernel(const struct gp_futex *f, uint32_t bits, uint64_t deadline)
{
	struct timespec ts = { (time_t)(deadline / GP_NSEC), (long)(deadline % GP_NSEC) };
	long at = deadline == GP_FOREVER ? 0 : (long)&ts;

	if (!equal(f))
		return -EAGAIN;
	return wait_by_worker((long[7]){ SYS_futex, (long)f->addr, FUTEX_WAIT_BITSET, f->val, at, 0, bits }, "futex", !at);
}

/*
 * A word that is not said to be private may be woken where we do not see it, by a process with this memory: then its value is looked at
 * now and then.
 */
static long futex_wait(const struct gp_futex *f, uint32_t bits)
{
	uint64_t tick = GP_LOT_TICK, deadline, until;
	struct gp_lot_waiter w = { .addr = f->addr };
	bool looked = false;
	int r = deadline_of(f, &deadline);

	if (r)
		return r;
	if (!bits)
		return -EINVAL;
	if (!(f->op & FUTEX_PRIVATE_FLAG) && shared(f->addr))
		return wait_in_kernel(f, bits, deadline);
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
static long futex_wake(const struct gp_futex *f, const uint32_t *addr, int n, uint32_t bits)
{
	unsigned want = n > 0 ? (unsigned)n : 1; /* the kernel counts after it has woken one */
	unsigned woken = gp_lot_wake_bits(addr, want, bits);
	int op = FUTEX_WAKE_BITSET | (f->op & FUTEX_PRIVATE_FLAG);
	long r = 0;

	if (woken < want)
		r = real_syscall(SYS_futex, addr, op, (int)(want - woken), NULL, NULL, bits);
	return r < 0 ? -errno : r + woken;
}

static long futex_requeue(const struct gp_futex *f, bool compare)
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

static long futex_wake_op(const struct gp_futex *f)
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

bool gp_futex(const struct gp_futex *f, long *r)
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

/* A wake that finds no greenlet, or too few, goes on to the kernel, and so to the worker. */
long gp_futex_waitv(const long call[7])
{
	return wait_by_worker(call, "futex_waitv", true); /* its deadline is absolute */
}

/* Greenlets may wait for a word that it wakes; how many there are it cannot know. */
long gp_futex_foreign(const struct gp_futex *f)
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
