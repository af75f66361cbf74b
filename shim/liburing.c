/*
 * <liburing.h>. The library makes its system calls in assembly, so a wait for a completion is seen only here; mariadb waits so in a
 * thread of its own. A ring can be polled: what waits submits without waiting, parks on the ring's descriptor, and then lets the
 * library take what is there. Entries are found when they are called: the library is in the process then, and in few others.
 */
#include "shim.h"
#include "../runtime/fdwait.h"

#include <poll.h>
#include <signal.h>

/* The head of struct io_uring, as liburing.so.2 has had it since 2.0: its inline functions have it compiled into every program. */
struct ring {
	struct {
		void *pointers[8];
		unsigned head, tail;
		size_t size;
		void *map;
		unsigned pad[4];
	} sq;
	struct {
		unsigned *head, *tail;
		void *pointers[5];
		size_t size;
		void *map;
		unsigned pad[4];
	} cq;
	unsigned flags;
	int fd;
};

struct io_uring_cqe;
struct span { long long sec, nsec; }; /* struct __kernel_timespec */

GP_EXPORT int __io_uring_get_cqe(struct ring *, struct io_uring_cqe **, unsigned, unsigned, sigset_t *);
GP_EXPORT int io_uring_wait_cqes(struct ring *, struct io_uring_cqe **, unsigned, const struct span *, sigset_t *);
GP_EXPORT int io_uring_wait_cqe_timeout(struct ring *, struct io_uring_cqe **, const struct span *);
GP_EXPORT int io_uring_submit_and_wait(struct ring *, unsigned);
GP_EXPORT int io_uring_submit_and_wait_timeout(struct ring *, struct io_uring_cqe **, unsigned, const struct span *, sigset_t *);

#define REAL(name)                                                                                                             \
	({                                                                                                                     \
		static __typeof__(name) *real_;                                                                                \
		real_ = real_ ? real_ : (__typeof__(name) *)gp_real_of_others(#name);                                          \
		real_;                                                                                                         \
	})

static unsigned completed(const struct ring *r)
{
	return __atomic_load_n(r->cq.tail, __ATOMIC_ACQUIRE) - *r->cq.head;
}

/* Until n are completed: 0, -ETIME as the library says, or -errno. */
static int wait_for(struct ring *r, unsigned n, uint64_t deadline)
{
	__typeof__(__io_uring_get_cqe) *get = REAL(__io_uring_get_cqe);
	int fd = r->fd, saved = errno, err = 0;
	struct io_uring_cqe *any;
	unsigned tried;

	while (completed(r) < n && !err) {
		tried = gp_handlers_ran;
		get(r, &any, 0, 0, NULL); /* the kernel may keep back what did not fit */
		if (completed(r) < n)
			err = gp_fdwait(&fd, POLLIN, tried, 0, "io_uring", deadline);
	}
	gp_fd_done(fd, POLLIN);
	errno = saved;
	if (completed(r) >= n)
		return 0;
	return err == -ETIMEDOUT ? -ETIME : err == -ERESTART ? -EINTR : err;
}

static uint64_t deadline_of(const struct span *t)
{
	struct timespec ts;

	if (!t)
		return GP_FOREVER;
	ts = (struct timespec){ (time_t)t->sec, (long)t->nsec };
	return gp_deadline(&ts, CLOCK_MONOTONIC, true);
}

/* A mask for the wait alone, and rings whose descriptor is registered only, stay the library's. */
static bool parks(const struct ring *r, unsigned n, const sigset_t *mask)
{
	return n && !mask && gp_coop(GP_F_IO) && r->fd >= 0;
}

int __io_uring_get_cqe(struct ring *r, struct io_uring_cqe **cqe, unsigned submit, unsigned n, sigset_t *mask)
{
	__typeof__(__io_uring_get_cqe) *get = REAL(__io_uring_get_cqe);
	int err;

	if (!parks(r, n, mask))
		return get(r, cqe, submit, n, mask);
	if (submit && (err = get(r, cqe, submit, 0, NULL)) && err != -EAGAIN)
		return err;
	err = wait_for(r, n, GP_FOREVER);
	return err ? err : get(r, cqe, 0, n, NULL);
}

int io_uring_wait_cqes(struct ring *r, struct io_uring_cqe **cqe, unsigned n, const struct span *timeout, sigset_t *mask)
{
	int err = 0;

	if (parks(r, n, mask) && (err = wait_for(r, n, deadline_of(timeout)))) {
		*cqe = NULL;
		return err;
	}
	return REAL(io_uring_wait_cqes)(r, cqe, n, timeout, mask);
}

int io_uring_wait_cqe_timeout(struct ring *r, struct io_uring_cqe **cqe, const struct span *timeout)
{
	return io_uring_wait_cqes(r, cqe, 1, timeout, NULL);
}

int io_uring_submit_and_wait(struct ring *r, unsigned n)
{
	int submitted, err;

	if (!parks(r, n, NULL))
		return REAL(io_uring_submit_and_wait)(r, n);
	submitted = REAL(io_uring_submit_and_wait)(r, 0);
	err = submitted < 0 ? 0 : wait_for(r, n, GP_FOREVER);
	return submitted ? submitted : err;
}

int io_uring_submit_and_wait_timeout(struct ring *r, struct io_uring_cqe **cqe, unsigned n, const struct span *timeout, sigset_t *mask)
{
	int submitted, err;

	if (!parks(r, n, mask))
		return REAL(io_uring_submit_and_wait_timeout)(r, cqe, n, timeout, mask);
	submitted = REAL(io_uring_submit_and_wait)(r, 0);
	err = submitted < 0 ? submitted : io_uring_wait_cqes(r, cqe, n, timeout, NULL);
	return err ? err : submitted;
}
