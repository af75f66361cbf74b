/*
 * <pthread.h>: barriers. glibc has no "try" for them, so from pthread_barrier_init on a process-private barrier is ours in every
 * thread, and says so by a mark behind the bytes that glibc uses. A barrier without the mark (process-shared, or made before us) is
 * glibc's; greenlets wait for it on a worker, which does no harm since a barrier has no owner.
 */
#include "shim.h"
#include "../runtime/offload.h"
#include "../runtime/park.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

#define MARK 0x67706261727269ffull

struct barrier {
	uint64_t arrived;  /* round << 32 | how many of this round are here: one word, since foreign threads may come too */
	uint32_t count;
	uint32_t inside;   /* threads that have not left pthread_barrier_wait yet */
	uint64_t unused;
	uint64_t mark;
};
_Static_assert(sizeof(struct barrier) <= sizeof(pthread_barrier_t), "does not fit");

static bool ours(const pthread_barrier_t *b)
{
	return ((const struct barrier *)b)->mark == MARK;
}

/* The kernel's view of the round and of `inside`, for foreign threads. */
static uint32_t *round_of(struct barrier *b)
{
	return (uint32_t *)&b->arrived + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
}

static void wake_all(uint32_t *word)
{
	gp_lot_wake(word, GP_LOT_ANY);
	if (gp_lot_foreign || !gp_self)
		real_syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Until *word is no longer `old`. */
static void wait_while(uint32_t *word, uint32_t old, const char *why)
{
	struct gp_lot_waiter w;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == old) {
		if (!gp_self) {
			int saved = errno;

			real_syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
			errno = saved;
			continue;
		}
		gp_lot_prepare(&w, word, GP_LOT_ANY, 0);
		if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != old) {
			gp_lot_abandon(&w);
			return;
		}
		if (gp_lot_commit(&w, GP_PARK_NOTIME, why, GP_FOREVER) == -ECANCELED)
			gp_cancel_now();
	}
}

GP_EXPORT int pthread_barrier_init(pthread_barrier_t *restrict b, const pthread_barrierattr_t *restrict attr, unsigned count)
{
	int shared = PTHREAD_PROCESS_PRIVATE, r = real_pthread_barrier_init(b, attr, count);

	if (r)
		return r;
	if (attr)
		pthread_barrierattr_getpshared(attr, &shared);
	if (gp_config.mode == GP_THREADS || !(gp_config.families & GP_F_SYNC) || shared != PTHREAD_PROCESS_PRIVATE)
		((struct barrier *)b)->mark = 0;
	else
		*(struct barrier *)b = (struct barrier){ .count = count, .mark = MARK };
	return 0;
}

static long native_wait(void *b)
{
	return real_pthread_barrier_wait(b);
}

static int wait_here(struct barrier *b)
{
	uint64_t was, next;
	bool last;

	gp_lot_outsider(false);
	__atomic_fetch_add(&b->inside, 1, __ATOMIC_ACQ_REL);
	was = __atomic_load_n(&b->arrived, __ATOMIC_RELAXED);
	do {
		last = (uint32_t)was + 1 == b->count;
		next = last ? ((was >> 32) + 1) << 32 : was + 1;
	} while (!__atomic_compare_exchange_n(&b->arrived, &was, next, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	if (last)
		wake_all(round_of(b));
	else
		wait_while(round_of(b), (uint32_t)(was >> 32), "pthread_barrier_wait");
	/* The last touch: pthread_barrier_destroy waits for it. */
	if (!__atomic_sub_fetch(&b->inside, 1, __ATOMIC_SEQ_CST))
		wake_all(&b->inside);
	return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

GP_EXPORT int pthread_barrier_wait(pthread_barrier_t *b)
{
	int r;

	if (ours(b))
		r = wait_here((struct barrier *)b);
	else if (gp_coop_sync(GP_F_SYNC))
		r = (int)gp_offload(native_wait, b, "pthread_barrier_wait");
	else
		return real_pthread_barrier_wait(b);
	gp_tick();
	return r;
}

static long native_destroy(void *b)
{
	return real_pthread_barrier_destroy(b);
}

/* May be called by the first that comes out: waits until the others are out too. */
GP_EXPORT int pthread_barrier_destroy(pthread_barrier_t *p)
{
	struct barrier *b = (struct barrier *)p;

	if (!ours(p) && gp_coop_sync(GP_F_SYNC))
		return (int)gp_offload(native_destroy, p, "pthread_barrier_destroy");
	if (!ours(p))
		return real_pthread_barrier_destroy(p);
	gp_lot_outsider(false);
	for (uint32_t n; (n = __atomic_load_n(&b->inside, __ATOMIC_ACQUIRE));)
		wait_while(&b->inside, n, "pthread_barrier_destroy");
	b->mark = 0;
	return 0;
}
