/*
 * <aio.h>, and the asynchronous part of <netdb.h>. The work itself is done by native threads of libc's own, which stop nobody. Waiting
 * for it is here, and notifications by SIGEV_THREAD, which must run in greenlets. Libc tells nobody but its own waiters that a
 * request is done, so the waiter looks now and then: 0.1 ms after it began, at most 5 ms apart.
 */
#include "shim.h"
#include "../runtime/alloc.h"
#include "../runtime/aiocopy.h"
#include "../runtime/notify.h"
#include "../runtime/park.h"

#include <aio.h>
#include <netdb.h>
#include <string.h>

/* `done` asks for a state that only changes one way. 0, or -errno. */
static int wait_until(bool (*done)(void *), void *arg, const char *why, unsigned cancel, uint64_t deadline)
{
	uint64_t tick = GP_LOT_TICK, until;
	int r;

	if (cancel)
		gp_cancel_point();
	for (;;) {
		if (done(arg))
			return 0;
		until = gp_lot_look(&tick, deadline);
		r = gp_park(cancel, why, arg, until);
		if (r == -ECANCELED)
			gp_cancel_now();
		if (done(arg))
			return 0;
		if (r == -ETIMEDOUT && until == deadline)
			return r;
		/* Libc waits by a futex, whose wait the kernel restarts where it has no time-out. */
		if (r == -EINTR || (r == -ERESTART && deadline != GP_FOREVER))
			return -EINTR;
		if (r && r != -ETIMEDOUT && r != -ERESTART)
			return r;
	}
}

/* Without one, for ever. Libc, too, reads *timeout itself. */
static uint64_t after(const struct timespec *timeout)
{
	return timeout ? gp_deadline(timeout, CLOCK_MONOTONIC, true) : GP_FOREVER;
}

struct requests {
	const struct aiocb *const *list;
	int count;
};

static bool any_done(void *arg)
{
	struct requests *q = arg;
	bool any = false;

	for (int i = 0; i < q->count; i++)
		if (q->list[i]) {
			any = true;
			if (aio_error(q->list[i]) != EINPROGRESS)
				return true;
		}
	return !any;
}

static bool all_done(void *arg)
{
	struct requests *q = arg;

	for (int i = 0; i < q->count; i++)
		if (q->list[i] && q->list[i]->aio_lio_opcode != LIO_NOP && aio_error(q->list[i]) == EINPROGRESS)
			return false;
	return true;
}

/* Libc asks the kernel for the priority of a thread that it does not know, and goes on without. */
static int started(int saved, struct aiocb *cb, struct aiocb *theirs, int r)
{
	if (!r)
		errno = saved;
	else
		gp_aio_failed(cb, theirs);
	return r;
}

GP_EXPORT int aio_read(struct aiocb *cb)
{
	struct aiocb *theirs = gp_aio_request(cb);
	int saved = errno;

	return started(saved, cb, theirs, real_aio_read(theirs));
}
GP_TWIN_OF(aio_read64, aio_read);

GP_EXPORT int aio_write(struct aiocb *cb)
{
	struct aiocb *theirs = gp_aio_request(cb);
	int saved = errno;

	return started(saved, cb, theirs, real_aio_write(theirs));
}
GP_TWIN_OF(aio_write64, aio_write);

GP_EXPORT int aio_fsync(int op, struct aiocb *cb)
{
	struct aiocb *theirs = gp_aio_request(cb);
	int saved = errno;

	return started(saved, cb, theirs, real_aio_fsync(op, theirs));
}
GP_TWIN_OF(aio_fsync64, aio_fsync);

GP_EXPORT int aio_cancel(int fd, struct aiocb *cb)
{
	int r = real_aio_cancel(fd, (struct aiocb *)gp_aio_theirs(cb));

	gp_aio_tell();
	return r;
}
GP_TWIN_OF(aio_cancel64, aio_cancel);

static int suspend_all(const struct aiocb *const list[], int count, const struct timespec *timeout)
{
	const struct aiocb **theirs = gp_aio_any && count > 0 ? gp_alloc((size_t)count * sizeof(*theirs)) : NULL;
	int r;

	for (int i = 0; theirs && i < count; i++)
		theirs[i] = gp_aio_theirs(list[i]);
	r = real_aio_suspend(theirs ? theirs : list, count, timeout);
	gp_free(theirs);
	gp_aio_tell();
	return r;
}

GP_EXPORT int aio_suspend(const struct aiocb *const list[], int count, const struct timespec *timeout)
{
	struct requests q = { list, count };
	int r;

	if (!gp_coop(GP_F_IO) || count < 0 || (timeout && (timeout->tv_sec < 0 || !gp_timespec_ok(timeout))))
		return suspend_all(list, count, timeout);
	r = wait_until(any_done, &q, "aio_suspend", GP_PARK_CANCEL, after(timeout));
	return (int)gp_ret(r == -ETIMEDOUT ? -EAGAIN : r);
}
GP_TWIN_OF(aio_suspend64, aio_suspend);

/* The list that libc gets; list itself where it is all as it should be. */
static struct aiocb *const *requests(struct aiocb *const list[], int count)
{
	struct aiocb **theirs = NULL;

	for (int i = 0; i < count; i++) {
		struct aiocb *cb = list[i];

		if (!cb || cb->aio_lio_opcode == LIO_NOP || cb->aio_sigevent.sigev_notify != SIGEV_THREAD)
			continue;
		if (!theirs && !(theirs = gp_alloc((size_t)count * sizeof(*theirs))))
			return list;
		memcpy(theirs, list, (size_t)count * sizeof(*theirs));
		break;
	}
	for (int i = 0; theirs && i < count; i++)
		if (list[i] && list[i]->aio_lio_opcode != LIO_NOP)
			theirs[i] = gp_aio_request(list[i]);
	return theirs ? theirs : list;
}

static int start_list(int mode, struct aiocb *const list[], int count, struct sigevent *event)
{
	struct sigevent ours;
	uintptr_t id = 0;
	struct aiocb *const *theirs = mode == LIO_NOWAIT || mode == LIO_WAIT ? requests(list, count) : list;
	bool notice = mode == LIO_NOWAIT && gp_notice(event, &ours, GP_NOTICE_ONCE, &id);
	int saved = errno, r = real_lio_listio(mode, theirs, count, notice ? &ours : event);

	if (!r)
		errno = saved;
	else
		gp_aio_tell();
	if (theirs != list)
		gp_free((void *)theirs);
	return r;
}

GP_EXPORT int lio_listio(int mode, struct aiocb *const list[restrict], int count, struct sigevent *restrict event)
{
	struct requests q = { (const struct aiocb *const *)list, count };
	bool wait = mode == LIO_WAIT && gp_coop(GP_F_IO), failed;
	int r, s;

	r = start_list(wait ? LIO_NOWAIT : mode, list, count, wait ? NULL : event);
	if (!wait || (r && all_done(&q)))
		return r;
	s = wait_until(all_done, &q, "lio_listio", 0, GP_FOREVER);
	if (s)
		return (int)gp_ret(s);
	failed = r;
	for (int i = 0; i < count; i++)
		failed |= list[i] && list[i]->aio_lio_opcode != LIO_NOP && aio_error(list[i]);
	return failed ? (int)gp_ret(-EIO) : 0;
}
GP_TWIN_OF(lio_listio64, lio_listio);

struct names {
	struct gaicb *const *list;
	int count, enough; /* so many may still be looked up */
};

static bool names_found(void *arg)
{
	struct names *n = arg;
	int left = 0;

	for (int i = 0; i < n->count; i++)
		left += n->list[i] && gai_error(n->list[i]) == EAI_INPROGRESS;
	if (n->enough < 0) /* the first look: one less than now */
		n->enough = left - 1;
	return left <= n->enough;
}

/* It waits for one of those that are not done yet, and says so where there is none. */
GP_EXPORT int gai_suspend(const struct gaicb *const list[], int count, const struct timespec *timeout)
{
	struct names n = { (struct gaicb *const *)list, count, -1 };
	int r;

	if (!gp_coop(GP_F_DNS) || (timeout && (timeout->tv_sec < 0 || !gp_timespec_ok(timeout))) || (names_found(&n), n.enough < 0))
		return real_gai_suspend(list, count, timeout);
	r = wait_until(names_found, &n, "gai_suspend", GP_PARK_CANCEL, after(timeout));
	if (r != -ETIMEDOUT && r != -EINTR)
		return r ? EAI_MEMORY : 0;
	return r == -EINTR ? EAI_INTR : EAI_AGAIN;
}

GP_EXPORT int getaddrinfo_a(int mode, struct gaicb *list[restrict], int count, struct sigevent *restrict event)
{
	struct names n = { list, count, 0 };
	struct sigevent ours;
	uintptr_t id;
	int r, s;

	if (mode == GAI_NOWAIT && gp_notice(event, &ours, GP_NOTICE_ONCE, &id)) {
		r = real_getaddrinfo_a(mode, list, count, &ours);
		if (r)
			gp_notice_drop(id);
		return r;
	}
	if (mode != GAI_WAIT || !gp_coop(GP_F_DNS))
		return real_getaddrinfo_a(mode, list, count, event);
	r = real_getaddrinfo_a(GAI_NOWAIT, list, count, NULL);
	s = wait_until(names_found, &n, "getaddrinfo_a", 0, GP_FOREVER);
	return s == -EINTR ? EAI_INTR : r;
}
