/* <sys/epoll.h>: the program's own epoll sets. Ours watches theirs; a look from outside never consumes an edge-triggered event. */
#include "shim.h"
#include "../runtime/pollwait.h"

#include <sys/epoll.h>

static int wait_for(int epfd, struct epoll_event *events, int max, unsigned tried, const char *why, uint64_t deadline)
{
	int fd = epfd, saved = errno, n, r;

	do {
		r = gp_fdwait(&fd, POLLIN, tried, GP_PARK_CANCEL | GP_PARK_STOP, why, deadline);
		tried = gp_handlers_ran;
		n = r == -ECANCELED ? 0 : real_epoll_wait(fd, events, max, 0);
	} while (!n && !r);
	n = n < 0 ? -errno : n;
	errno = saved;
	gp_fd_done(fd, POLLIN);
	if (n)
		return n;
	if (r == -ECANCELED)
		gp_cancel_now();
	if (r == -ETIMEDOUT && gp_now() >= deadline)
		return 0;
	return r == -ERESTART || r == -ECANCELED ? -EINTR : r;
}

/* `n` is what the first look, which did not wait, gave; `tried` is from before. */
static int cowait(unsigned tried, int n, int epfd, struct epoll_event *events, int max, const sigset_t *mask, const char *why, uint64_t deadline)
{
	static const struct timespec zero;
	struct pollfd p = { epfd, POLLIN, 0 };

	if (!n && deadline && mask) { /* unlike ppoll, epoll_pwait with no time to wait lets no pending signal in */
		struct gp_look begin = gp_pollwait_begin();

		n = gp_pollwait_look(begin, real_ppoll(&p, 1, &zero, mask)) < 0 ? -1 : 0;
	}
	if (n || !deadline) {
		if (n)
			gp_tick_io();
		else
			gp_yield();
		return n;
	}
	n = gp_pollwait_mask(mask) ? wait_for(epfd, events, max, tried, why, deadline) : -EINTR;
	gp_pollwait_unmask(mask);
	return (int)gp_ret(n);
}

/* 0: do not wait */
static uint64_t after_ms(int ms)
{
	return ms < 0 ? GP_FOREVER : ms ? gp_now() + (uint64_t)ms * 1000000 : 0;
}

GP_EXPORT int epoll_wait(int epfd, struct epoll_event *events, int max, int ms)
{
	unsigned tried;
	int n;

	if (!gp_coop(GP_F_POLL))
		return real_epoll_wait(epfd, events, max, ms);
	gp_cancel_point();
	tried = gp_handlers_ran;
	n = real_epoll_wait(epfd, events, max, 0);
	return cowait(tried, n, epfd, events, max, NULL, "epoll_wait", after_ms(ms));
}

GP_EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int max, int ms, const sigset_t *mask)
{
	unsigned tried;
	int n;

	if (!gp_coop(GP_F_POLL))
		return real_epoll_pwait(epfd, events, max, ms, mask);
	gp_cancel_point();
	tried = gp_handlers_ran;
	n = real_epoll_pwait(epfd, events, max, 0, mask);
	return cowait(tried, n, epfd, events, max, mask, "epoll_pwait", after_ms(ms));
}

GP_EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask)
{
	static const struct timespec zero;
	uint64_t deadline = GP_FOREVER;
	struct timespec t;
	unsigned tried;
	int n;

	if (!gp_coop(GP_F_POLL) || (timeout && (gp_copy_in(&t, timeout, sizeof(t)) || t.tv_sec < 0 || !gp_timespec_ok(&t))))
		return real_epoll_pwait2(epfd, events, max, timeout, mask);
	gp_cancel_point();
	if (timeout)
		deadline = t.tv_sec || t.tv_nsec ? gp_deadline(&t, CLOCK_MONOTONIC, true) : 0;
	tried = gp_handlers_ran;
	n = real_epoll_pwait2(epfd, events, max, &zero, mask);
	return cowait(tried, n, epfd, events, max, mask, "epoll_pwait2", deadline);
}
