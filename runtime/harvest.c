/* What the kernel says of descriptors, and who wakes of it. */
#include "fdwait.h"
#include "hub.h"
#include "real.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#define POLLED     256 /* descriptors in one poll */
#define CACHE_LINE 64
#define WARM_LINES 8   /* of a stack: what lies between the switch and the program's own frame */

/* Pollers all hear of an event; of the consumers one for each direction, the others when it has left (gp_fd_done). */
static void wake(struct gp_fd *f, uint32_t events)
{
	bool in = events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR), in_taken = !in;
	bool out = events & (EPOLLOUT | EPOLLHUP | EPOLLERR), out_taken = !out;

	gp_list_for(n, &f->waiters) {
		struct gp_fdwaiter *w = gp_container(n, struct gp_fdwaiter, link);
		bool *taken = w->event & POLLOUT ? &out_taken : &in_taken;

		if (w->consumer ? w->served || *taken :
				  !((in && (w->event & (POLLIN | POLLPRI))) || (out && (w->event & POLLOUT)) || (events & (EPOLLERR | EPOLLHUP))))
			continue;
		if (w->consumer)
			w->served = *taken = true;
		gp_ready(w->g, 0);
	}
}

/*
 * The kernel's queue is first in, first out, and each descriptor enters it anew when it is ready anew: the first one that comes a second
 * time was preceded by all that were ready when the round began.
 */
static uint32_t round_now;
static bool round_over;

static void event(struct epoll_event *ev)
{
	uint32_t fd = (uint32_t)ev->data.u64, e = ev->events;
	struct gp_fd *f;

	if (gp_unlikely(ev->data.u64 >= GP_HUB_ASYNC)) {
		gp_hub_event(ev->data.u64);
		return;
	}
	f = &gp_fd_table[fd];
	round_over |= f->round == round_now;
	f->round = round_now;
	if (f->gen != ev->data.u64 >> 32)
		return; /* of a file that this number meant before */
	if (e & ~EPOLLOUT)
		f->drained = 0;
	if (e & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		f->full = 0;
	if (e & (EPOLLRDHUP | EPOLLERR | EPOLLHUP))
		f->hup = 1;
	if (gp_unlikely(e & EPOLLPRI) && f->kind == GP_FD_STREAM)
		f->parts = 1;
	if (!gp_list_empty(&f->waiters))
		wake(f, e);
}

/* A filter of system calls refuses epoll_wait: what poll says of those that somebody waits for. */
static int harvest_by_poll(int ms)
{
	struct pollfd p[POLLED];
	int all = 0;

	for (int fd = 0, top = gp_fd_top(), n; fd < top;) {
		for (n = 0; fd < top && n < POLLED; fd++) {
			struct gp_fd *f = gp_fd_known(fd);

			if (f && !gp_list_empty(&f->waiters))
				p[n++] = (struct pollfd){ fd, (short)(f->armed | POLLRDHUP), 0 };
		}
		if (real_poll(p, (nfds_t)n, all || fd < top ? 0 : ms) <= 0)
			continue;
		for (int i = 0; i < n; i++) {
			struct epoll_event ev = { .events = (uint16_t)p[i].revents };

			ev.data.u64 = gp_fd_cookie(p[i].fd, &gp_fd_table[p[i].fd]);
			if (ev.events)
				event(&ev);
			all += ev.events != 0;
		}
	}
	return all;
}

/* Where every greenlet has what the hub has at p. */
static ptrdiff_t in_tls(const void *p)
{
	return (const char *)p - (const char *)pthread_self();
}

/*
 * Fetches what waking these and running them will touch, each stage for all at once: the record of the descriptor, the waiter on its
 * greenlet's stack, the greenlet, and the stack and TLS that it continues with. One after the other they are some ten misses in a row
 * for each event, as long as all the rest of our code when a thousand connections take turns.
 */
static void fetch(const struct epoll_event *ev, int n)
{
	ptrdiff_t tls[] = { 0, in_tls(&gp_self), in_tls(&errno) };
	struct greenlet *g[GP_HARVEST];
	struct gp_fd *f[GP_HARVEST];
	int m = 0;

	for (int i = 0; i < n; i++)
		if (ev[i].data.u64 < GP_HUB_ASYNC)
			__builtin_prefetch(f[m++] = &gp_fd_table[(uint32_t)ev[i].data.u64]);
	for (int i = 0; i < m; i++)
		__builtin_prefetch(f[i]->waiters.next);
	n = 0;
	for (int i = 0; i < m; i++) {
		if (gp_list_empty(&f[i]->waiters))
			continue;
		g[n] = gp_container(f[i]->waiters.next, struct gp_fdwaiter, link)->g;
		__builtin_prefetch(g[n]);
		__builtin_prefetch((char *)g[n++] + CACHE_LINE);
	}
	for (int i = 0; i < n; i++) {
		for (int line = 0; line < WARM_LINES; line++)
			__builtin_prefetch((char *)g[i]->ctx.sp + line * CACHE_LINE);
		for (unsigned k = 0; k < sizeof(tls) / sizeof(tls[0]); k++)
			__builtin_prefetch((char *)g[i]->ctx.tp + tls[k]);
	}
	__asm__ volatile("" ::: "memory"); /* gcc drops calls of functions that do nothing but prefetch */
}

/* Events came, as many as were asked for or fewer: those who yielded have their turn when a round is over. */
static int harvested(int n, bool all)
{
	gp_sched_fed(!all && !round_over);
	if (all || round_over)
		round_now++;
	round_over = false;
	return n;
}

int gp_fd_harvest(int ms, int most)
{
	struct epoll_event ev[GP_HARVEST];
	unsigned ran = gp_handlers_ran;
	int n;

	most = most < GP_HARVEST ? most : GP_HARVEST;
	n = (int)real_syscall(SYS_epoll_wait, gp_fd_epoll(), ev, most, ms); /* the named one is a cancellation point */
	if (gp_unlikely(n < 0)) {
		if (errno == EINTR && ran == gp_handlers_ran)
			gp_sched_stopped();
		if (errno == EINTR || (errno == EBADF && gp_hub_repair()))
			return harvested(0, true);
		gp_hub_deafen();
		return harvested(harvest_by_poll(ms), true);
	}
	if (n > 1)
		fetch(ev, n);
	for (int i = 0; i < n; i++)
		event(&ev[i]);
	return harvested(n, n < most);
}
