#include "pollwait.h"
#include "alloc.h"
#include "real.h"
#include "signal.h"

#define FEW  16           /* as many waiters live on the stack */
#define TICK 10000000u    /* ns between two looks at a descriptor that our epoll set has no room for */

static short direction(short events)
{
	short e = 0;

	if (events & (POLLIN | POLLRDNORM | POLLRDBAND | POLLRDHUP | POLLMSG))
		e |= POLLIN;
	if (events & (POLLOUT | POLLWRNORM | POLLWRBAND))
		e |= POLLOUT;
	if (events & (POLLPRI | POLLRDBAND))
		e |= POLLPRI;
	return e ? e : POLLIN; /* nothing asked for: hang-ups and errors come with any direction */
}

/* True where some could not be watched. EPERM is no such case: a file without a poll method never changes its answer. */
static bool watch_all(struct gp_fdwaiter *w, const struct pollfd *fds, nfds_t n)
{
	bool blind = false;

	for (nfds_t i = 0; i < n; i++) {
		int r = fds[i].fd < 0 ? -EPERM : gp_fd_watch(&w[i], fds[i].fd, direction(fds[i].events));

		if (r)
			w[i].g = NULL;
		blind |= r && r != -EPERM;
	}
	return blind;
}

/* In the reverse order: the greenlet's list of waits is a stack. */
static void unwatch_all(struct gp_fdwaiter *w, nfds_t n)
{
	while (n--)
		if (w[n].g)
			gp_fd_unwatch(&w[n]);
}

int gp_poll_now(struct pollfd *fds, nfds_t n)
{
	int saved = errno, ready;

	while ((ready = real_poll(fds, n, 0)) < 0 && errno == EINTR)
		errno = saved;
	return ready;
}

static int look(struct pollfd *fds, nfds_t n, bool select)
{
	int ready = gp_poll_now(fds, n);

	if (ready <= 0 || !select)
		return ready < 0 ? -errno : ready;
	ready = 0;
	for (nfds_t i = 0; i < n; i++) {
		if (!(fds[i].events & POLLIN))
			fds[i].revents &= ~POLLHUP;
		if (!(fds[i].events & (POLLIN | POLLOUT)))
			fds[i].revents &= ~POLLERR;
		ready += !!fds[i].revents;
	}
	return ready;
}

/*
 * One park and one look. -EAGAIN: a wake-up that brought nothing. Where a descriptor is closed meanwhile, the wait goes on for the
 * file that it was, but the look is at what the number means now: so do_poll and do_select have it.
 */
static int once(struct pollfd *fds, struct gp_fdwaiter *w, nfds_t n, unsigned *tried, bool select, const char *why, uint64_t deadline)
{
	uint64_t tick = watch_all(w, fds, n) ? gp_now() + TICK : GP_FOREVER;
	const void *on = n == 1 ? (void *)(intptr_t)fds->fd : fds;
	int r = *tried == gp_handlers_ran ? gp_park(GP_PARK_CANCEL, why, on, tick < deadline ? tick : deadline) : 0;
	int ready;

	*tried = gp_handlers_ran;
	ready = r == -ECANCELED ? r : look(fds, n, select);
	unwatch_all(w, n);
	if (ready)
		return ready;
	if (r == -EINTR || r == -ERESTART)
		return -EINTR; /* signal(7): never restarted */
	if (r == -ETIMEDOUT)
		return gp_now() >= deadline ? 0 : gp_now() >= tick ? -EAGAIN : r;
	return r ? r : -EAGAIN;
}

int gp_pollwait(struct pollfd *fds, nfds_t n, unsigned tried, bool select, const char *why, uint64_t deadline)
{
	struct gp_fdwaiter few[FEW], *w = n > FEW ? gp_alloc(n * sizeof(*w)) : few;
	int saved = errno, r;

	if (!w)
		return -ENOMEM;
	do
		r = once(fds, w, n, &tried, select, why, deadline);
	while (r == -EAGAIN);
	if (w != few)
		gp_free(w);
	errno = saved;
	return r;
}

/* While something is linked handlers run only in gp_park: none slips in between here and the wait, which would then not hear of it. */
bool gp_pollwait_mask(const sigset_t *mask)
{
	struct greenlet *g = gp_self;
	unsigned ran = g->handlers_ran;

	if (!mask)
		return true;
	gp_signal_swap(g, gp_sigset(mask));
	gp_wait_push(&g->mask_wait, gp_wait_nothing);
	return ran == g->handlers_ran;
}

void gp_pollwait_unmask(const sigset_t *mask)
{
	struct greenlet *g = gp_self;

	if (!mask)
		return;
	gp_wait_pop(&g->mask_wait);
	gp_signal_unswap(g);
}

struct gp_look gp_pollwait_begin(void)
{
	return (struct gp_look){ gp_self->handlers_ran, gp_handlers_ran, errno };
}

int gp_pollwait_look(struct gp_look before, int r)
{
	if (r >= 0 || errno != EINTR || before.ran != gp_self->handlers_ran)
		return r;
	errno = before.err;
	return 0;
}
