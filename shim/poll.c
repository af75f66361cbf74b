/* <poll.h> */
#include "shim.h"
#include "../runtime/alloc.h"
#include "../runtime/pollwait.h"

#include <string.h>

#define FEW 16

/* Nothing is ready: the wait itself. The kernel, too, works on a copy, and the caller may change its own meanwhile. */
static int wait_for(struct pollfd *fds, nfds_t n, unsigned tried, const char *why, uint64_t deadline)
{
	struct pollfd few[FEW], *copy = n > FEW ? gp_alloc(n * sizeof(*copy)) : few;
	int r;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, fds, n * sizeof(*copy));
	r = gp_pollwait(copy, n, tried, false, why, deadline);
	for (nfds_t i = 0; r > 0 && i < n; i++)
		fds[i].revents = copy[i].revents;
	if (copy != few)
		gp_free(copy);
	return r;
}

static int finish(int r)
{
	if (gp_unlikely(r == -ECANCELED)) {
		gp_cancel_now();
		r = -EINTR;
	}
	return (int)gp_ret(r);
}

/* `r` is what the first look, which does not wait, gave; deadline 0: the caller does not wait. */
static int copoll(struct gp_look look, int r, struct pollfd *fds, nfds_t n, const sigset_t *mask, const char *why, uint64_t deadline)
{
	if ((r = gp_pollwait_look(look, r))) {
		gp_tick_io();
		return r;
	}
	if (!gp_pollwait_mask(mask))
		r = -EINTR;
	else if (deadline)
		r = wait_for(fds, n, look.tried, why, deadline);
	else
		gp_yield(); /* busy waiting looks like this */
	gp_pollwait_unmask(mask);
	return finish(r);
}

GP_EXPORT int poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct gp_look look;
	int r;

	if (!gp_coop(GP_F_POLL))
		return real_poll(fds, n, ms);
	gp_cancel_point();
	look = gp_pollwait_begin();
	r = real_poll(fds, n, 0);
	return copoll(look, r, fds, n, NULL, "poll", ms < 0 ? GP_FOREVER : ms && r <= 0 ? gp_now() + (uint64_t)ms * 1000000 : 0);
}
GP_ALIAS_OF(__poll, poll);

GP_EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	static const struct timespec zero;
	uint64_t deadline = GP_FOREVER;
	struct gp_look look;
	int r;

	/* libc itself copies *timeout: a bad pointer is a SIGSEGV here and there. */
	if (!gp_coop(GP_F_POLL) || (timeout && (timeout->tv_sec < 0 || !gp_timespec_ok(timeout))))
		return real_ppoll(fds, n, timeout, mask);
	gp_cancel_point();
	if (timeout)
		deadline = timeout->tv_sec || timeout->tv_nsec ? gp_deadline(timeout, CLOCK_MONOTONIC, true) : 0;
	look = gp_pollwait_begin();
	r = real_ppoll(fds, n, &zero, mask);
	return copoll(look, r, fds, n, mask, "ppoll", deadline);
}
