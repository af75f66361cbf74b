#include "fdwait.h"
#include "fork.h"
#include "hub.h"
#include "real.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BLIND_TICK 10000000ull /* ns */

static int epfd = -1;

int gp_fd_epoll(void)
{
	if (epfd < 0)
		epfd = gp_fd_adopt(epoll_create1(EPOLL_CLOEXEC));
	return epfd;
}

/* Our set watches fd for `want` from now on. The kernel queues an event at once if it is ready already. */
static int arm(int fd, struct gp_fd *f, uint32_t want)
{
	struct epoll_event ev;
	uint32_t all;
	int op;

	gp_fork_missed(); /* then f is as new */
	all = f->armed | want | (f->kind == GP_FD_STREAM ? EPOLLPRI : 0); /* urgent data: harvest.c */
	op = f->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (all == f->armed)
		return 0;
	ev = (struct epoll_event){ .events = all | EPOLLET | EPOLLRDHUP, .data.u64 = gp_fd_cookie(fd, f) };
	if (gp_fd_epoll() < 0)
		return epfd;
	if (epoll_ctl(epfd, op, fd, &ev)) {
		if (errno == EBADF && gp_hub_repair())
			return arm(fd, f, want);
		/* Closed or duplicated behind our back (a raw system call): the other operation is right then. */
		if (errno != (op == EPOLL_CTL_ADD ? EEXIST : ENOENT))
			return -errno;
		if (epoll_ctl(epfd, op == EPOLL_CTL_ADD ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev))
			return -errno;
	}
	f->armed = (uint8_t)all;
	return 0;
}

static void rearm(int fd)
{
	struct gp_fd *f = gp_fd_own_record(fd);
	uint32_t want = f ? f->armed : 0;

	if (!want)
		return;
	f->armed = f->drained = f->full = 0;
	arm(fd, f, want); /* the kernel tells at once what is ready */
}

bool gp_fd_new_epoll(int fd)
{
	if (fd < 0 && (fd = gp_fd_adopt(epoll_create1(EPOLL_CLOEXEC))) < 0)
		return false;
	epfd = fd;
	for (int i = 0; i < gp_fd_top(); i++)
		if (gp_fd_table[i].waiters.next)
			rearm(i);
	for (int own = -1; (own = gp_fd_next_own(own + 1)) >= 0;)
		rearm(own);
	return true;
}

static void unlink_waiter(struct gp_wait *wait)
{
	struct gp_fdwaiter *w = gp_container(wait, struct gp_fdwaiter, wait);

	if (w->linked)
		gp_list_remove(&w->link);
	w->linked = false;
}

/* The next consumer is told what this one was, or what it left. */
static void pass_on(struct gp_fd *f, short ev)
{
	if (!gp_list_empty(&f->waiters) && !(ev & POLLOUT ? f->full : f->drained))
		gp_list_for(n, &f->waiters) {
			struct gp_fdwaiter *w = gp_container(n, struct gp_fdwaiter, link);

			if (w->consumer && !w->served && (w->event & ev)) {
				w->served = true;
				gp_ready(w->g, 0);
				break;
			}
		}
}

/* A handler is about to run, and may jump away or wait itself: what this one was woken for is somebody else's, too. */
static void leave(struct gp_wait *wait)
{
	struct gp_fdwaiter *w = gp_container(wait, struct gp_fdwaiter, wait);
	bool served = w->linked && w->served;

	unlink_waiter(wait);
	if (served && gp_fd_known(w->fd))
		pass_on(gp_fd_known(w->fd), w->event);
}

static int watch(struct gp_fdwaiter *w, int fd, short event, bool consumer)
{
	struct gp_fd *f = gp_fd(fd);
	int saved = errno, r;

	w->linked = false;
	w->fd = fd;
	if (!f)
		return fd < 0 ? -EBADF : -ENOMEM;
	gp_enter();
	r = arm(fd, f, event & (POLLIN | POLLOUT | POLLPRI)); /* EPOLLIN and POLLIN have the same values */
	errno = saved;
	if (!r) {
		w->g = gp_self;
		w->event = event;
		w->consumer = consumer;
		w->served = false;
		w->linked = true;
		gp_list_append(&f->waiters, &w->link);
		gp_wait_push(&w->wait, leave);
	}
	gp_leave();
	return r;
}

int gp_fd_watch(struct gp_fdwaiter *w, int fd, short event)
{
	return watch(w, fd, event, false);
}

static void release_hidden(int fd, struct gp_fd *f)
{
	if (f->hidden && !--f->hidden) {
		gp_fd_closing(fd);
		gp_fd_disown(fd);
		real_close(fd);
	}
}

void gp_fd_unwatch(struct gp_fdwaiter *w)
{
	struct gp_fd *f = gp_fd(w->fd);

	gp_enter();
	gp_wait_pop(&w->wait);
	unlink_waiter(&w->wait);
	if (f && f->hidden && !w->consumer)
		release_hidden(w->fd, f);
	gp_leave();
}

/*
 * Our set can have no descriptor, or no more entries, or cannot hold this one: sets of the program's nest five deep at most, and paths
 * through them are counted, so one at the limit leaves no level for ours. The caller tries again now and then.
 */
static int wait_blind(int fd, unsigned flags, const char *why, uint64_t deadline)
{
	uint64_t until = gp_now() + BLIND_TICK;
	int r = gp_park(flags, why, (void *)(intptr_t)fd, until < deadline ? until : deadline);

	return r == -ETIMEDOUT && until < deadline ? 0 : r;
}

static bool can_be_polled(int fd)
{
	struct gp_fd *f = gp_fd(fd);
	enum gp_fdkind kind = f ? gp_fd_kind(fd, f) : GP_FD_FILE;

	return kind == GP_FD_STREAM || kind == GP_FD_SOCKET || kind == GP_FD_PIPE || kind == GP_FD_TTY;
}

/* Our set will not have a descriptor that is worth waiting for. */
static bool not_in_our_set(int r, int fd)
{
	switch (r) {
	case -EMFILE:
	case -ENFILE:
	case -ENOSPC:
	case -ENOMEM:
	case -ELOOP:
	case -EINVAL:
		return true;
	case -EPERM: /* of the file, which the call itself will tell; or of a filter of system calls */
		return can_be_polled(fd);
	default:
		return false;
	}
}

int gp_fdwait(int *fd, short event, unsigned tried, unsigned flags, const char *why, uint64_t deadline)
{
	struct gp_fdwaiter w;
	int r = watch(&w, *fd, event, true);

	if (not_in_our_set(r, *fd))
		return wait_blind(*fd, flags, why, deadline);
	if (r)
		return r;
	r = tried == gp_handlers_ran ? gp_park(flags, why, (void *)(intptr_t)*fd, deadline) : 0; /* from here on they run in there only */
	gp_fd_unwatch(&w);
	*fd = w.fd;
	return r;
}

void gp_fd_done(int fd, short ev)
{
	struct gp_fd *f = gp_fd(fd);

	if (!f)
		return;
	gp_enter();
	pass_on(f, ev);
	if (gp_unlikely(f->hidden))
		release_hidden(fd, f);
	gp_leave();
}

/* Waiters of a file whose number is about to go hold it as the kernel would: on a duplicate that the program cannot see. */
static void move_waiters(int fd, struct gp_fd *f)
{
	int hidden = gp_fd_own_duplicate(fd);
	struct gp_fd *h = hidden < 0 ? NULL : gp_fd(hidden);
	uint32_t want = f->armed;

	gp_list_for(n, &f->waiters) {
		struct gp_fdwaiter *w = gp_container(n, struct gp_fdwaiter, link);

		if (h) {
			gp_list_remove(n);
			gp_list_append(&h->waiters, n);
			w->fd = hidden;
			h->hidden++;
		} else { /* no descriptor left: they try again and see EBADF */
			unlink_waiter(&w->wait);
			gp_ready(w->g, 0);
		}
	}
	if (h) {
		h->kind = f->kind;
		h->parts = f->parts;
		arm(hidden, h, want);
	}
}

void gp_fd_closing(int fd)
{
	int saved = errno;
	struct gp_fd *f = gp_fd_known(fd);

	if (gp_unlikely(!gp_sched.live))
		gp_fd_early(fd, false);
	if (!f || !gp_sched.live)
		return;
	if (gp_on_greenlet_thread()) {
		gp_enter();
		if (!gp_list_empty(&f->waiters))
			move_waiters(fd, f);
		/* The last close of a file takes it off every epoll set; where somebody else may hold it we do. */
		if (f->armed && !gp_fd_owned(f) && !gp_fork_missed()) {
			struct epoll_event ev = { 0 };

			epoll_ctl(epfd, EPOLL_CTL_DEL, fd, &ev);
		}
		gp_leave();
	}
	gp_fd_wipe(f);
	errno = saved;
}

void gp_fd_kick(int fd)
{
	struct gp_fd *f = gp_fd_known(fd);

	if (!f)
		return;
	f->drained = f->full = 0;
	f->kicked = 1;
	if (gp_list_empty(&f->waiters) || !gp_on_greenlet_thread())
		return;
	gp_enter();
	gp_list_for(n, &f->waiters)
		gp_ready(gp_container(n, struct gp_fdwaiter, link)->g, 0);
	gp_leave();
}

/* After fork: the set is the parent's too, so it is closed and never edited; what is known of each descriptor is asked anew. */
void gp_fd_forget_all(void)
{
	gp_fd_close_own();
	epfd = -1;
	gp_fd_table_forget();
}
