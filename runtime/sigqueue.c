#include "sigqueue.h"
#include "real.h"
#include "sigmask.h"
#include "thread.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE (64u << 10) /* of memory for nodes, which is kept */
#define SURE  64u         /* nodes that need no memory */

volatile bool gp_signal_noted;

static struct gp_sigqueue process;
static struct gp_noted own[SURE], *unused;
static unsigned used;
static bool begun;

static bool blocks(const struct greenlet *g, int sig)
{
	return g->sigmask & gp_sigbit(sig);
}

/* Linux, too, lets a thread in sigwait have what it waits for. */
static bool accepts(const struct greenlet *g, int sig)
{
	return g->state != GP_DEAD && !g->exited && (!blocks(g, sig) || (g->sigwait & gp_sigbit(sig)));
}

struct greenlet *gp_sigqueue_taker(int sig)
{
	struct greenlet *g = gp_sched.current;

	if (gp_main.pd && !gp_list_empty(&gp_main.all) && accepts(&gp_main, sig))
		return &gp_main;
	if (g && accepts(g, sig))
		return g;
	gp_list_for(l, &gp_sched.all) {
		g = gp_container(l, struct greenlet, all);
		if (accepts(g, sig))
			return g;
	}
	return NULL;
}

static void spread(struct gp_noted *n, size_t count)
{
	while (count--) {
		n->next = unused;
		unused = n++;
	}
}

/* malloc is no choice: a handler may send signals, and this may be a handler of the kernel's. */
static struct gp_noted *node(bool limited)
{
	struct gp_noted *n;
	struct rlimit limit;
	void *p;

	if (limited && !real_syscall(SYS_prlimit64, 0, RLIMIT_SIGPENDING, NULL, &limit) && used >= limit.rlim_cur)
		return NULL;
	if (!begun)
		spread(own, SURE);
	begun = true;
	if (!unused) {
		p = (void *)real_syscall(SYS_mmap, NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return NULL;
		spread(p, PIECE / sizeof(*n));
	}
	n = unused;
	unused = n->next;
	used++;
	return n;
}

/* In the order in which they are handled: by number, then by age. Standard signals do not queue. */
bool gp_sigqueue_add(struct greenlet *g, int sig, const siginfo_t *info)
{
	struct gp_sigqueue *q = g ? &g->signals : &process;
	struct gp_noted **p = &q->first, *n;

	if (q->last && q->last->sig < sig + (sig >= SIGRTMIN))
		p = &q->last->next;
	else
		while (*p && (*p)->sig < sig + (sig >= SIGRTMIN))
			p = &(*p)->next;
	if (*p && (*p)->sig == sig)
		return true;
	if (!(n = node(g && sig >= SIGRTMIN)))
		return false;
	*n = (struct gp_noted){ .next = *p, .g = g, .process = !g, .sig = sig, .info = *info };
	if (!n->next)
		q->last = n;
	*p = n;
	gp_signal_noted = true;
	return true;
}

static void drop(struct gp_sigqueue *q, struct gp_noted **p, struct gp_noted *before)
{
	struct gp_noted *n = *p;

	*p = n->next;
	if (q->last == n)
		q->last = before;
	if (n->process)
		gp_sigmask_release(n->sig);
	n->next = unused;
	unused = n;
	used--;
}

/* Calls which(n, g, set) for each; those of which it is true are dropped, the first of them alone if out is given. */
static bool sift(struct gp_sigqueue *q, bool (*which)(const struct gp_noted *, const struct greenlet *, uint64_t), struct greenlet *g,
		 uint64_t set, struct gp_noted *out)
{
	struct gp_noted *before = NULL, *n;

	for (struct gp_noted **p = &q->first; (n = *p);) {
		if (!which(n, g, set)) {
			before = n;
			p = &n->next;
			continue;
		}
		if (out)
			*out = *n;
		drop(q, p, before);
		if (out)
			return true;
	}
	return false;
}

static bool of_set(const struct gp_noted *n, const struct greenlet *g, uint64_t set)
{
	return (set & gp_sigbit(n->sig)) && n->g == g;
}

static bool of_set_or_nobodys(const struct gp_noted *n, const struct greenlet *g, uint64_t set)
{
	return (set & gp_sigbit(n->sig)) && (!n->g || n->g == g);
}

bool gp_sigqueue_take(struct greenlet *g, uint64_t set, bool any, struct gp_noted *out)
{
	return sift(&g->signals, of_set, g, set, out) || sift(&process, any ? of_set_or_nobodys : of_set, g, set, out);
}

bool gp_sigqueue_any(const struct greenlet *g)
{
	return g->signals.first || process.first;
}

uint64_t gp_sigqueue_set(const struct greenlet *g)
{
	uint64_t set = 0;

	for (struct gp_noted *n = g->signals.first; n; n = n->next)
		set |= gp_sigbit(n->sig);
	for (struct gp_noted *n = process.first; n; n = n->next)
		set |= gp_sigbit(n->sig);
	return set;
}

void gp_sigqueue_ignore(int sig)
{
	if (!used)
		return;
	sift(&process, of_set_or_nobodys, NULL, gp_sigbit(sig), NULL);
	gp_list_for(l, &gp_sched.all) {
		struct greenlet *g = gp_container(l, struct greenlet, all);

		sift(&g->signals, of_set, g, gp_sigbit(sig), NULL);
		sift(&process, of_set, g, gp_sigbit(sig), NULL);
	}
}

void gp_sigqueue_leave(struct greenlet *g)
{
	sift(&g->signals, of_set, g, ~0ull, NULL);
	for (struct gp_noted *n = process.first; n; n = n->next)
		if (n->g == g) {
			n->g = NULL;
			gp_signal_noted = true;
		}
}

void gp_sigqueue_forget(struct greenlet *g)
{
	sift(&g->signals, of_set, g, ~0ull, NULL);
	while (process.first)
		drop(&process, &process.first, NULL);
	gp_signal_noted = false;
	g->signal_pending = 0;
}

/* Everybody has blocked it since it came: it waits where sigwait, signalfd and a new program will look for it. */
static bool goes_back(const struct gp_noted *n, const struct greenlet *g, uint64_t set)
{
	siginfo_t info = n->info;

	(void)g, (void)set;
	return !n->g && gp_sigmask_refused(n->sig) &&
	       !real_syscall(SYS_rt_tgsigqueueinfo, getpid(), real_syscall(SYS_gettid), n->sig, &info);
}

static bool due(const struct greenlet *g)
{
	for (struct gp_noted *n = g->signals.first; n; n = n->next)
		if (!blocks(g, n->sig))
			return true;
	return false;
}

/* Decides who handles what was noted, and wakes them. */
void gp_signal_dispatch(void)
{
	int saved = errno;

	gp_signal_noted = false;
	for (struct gp_noted *n = process.first; n; n = n->next) {
		if (!(n->g && accepts(n->g, n->sig)))
			n->g = gp_sigqueue_taker(n->sig);
		if (!n->g)
			continue;
		n->g->signal_pending = 1;
		gp_ready(n->g, -EINTR);
	}
	sift(&process, goes_back, NULL, 0, NULL);
	if (gp_self && due(gp_self))
		gp_self->signal_pending = 1;
	errno = saved;
}
