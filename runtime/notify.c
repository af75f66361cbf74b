#include "notify.h"
#include "config.h"
#include "hub.h"
#include "real.h"
#include "sigmask.h"
#include "thread.h"

#include <stdlib.h>
#include <sys/syscall.h>

struct notice {
	struct notice *next;
	uintptr_t id;             /* never used again: what comes late for one that is gone finds nothing */
	enum gp_notice_of of;
	long to;
	struct sigevent ev;
	pthread_attr_t attr;      /* what ev points at, as it was then: the stack's size and guard */
};

/* Native threads of libc's look here, too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct notice *all;
static uintptr_t last;

void gp_notice_lock(void)
{
	if (gp_self)
		gp_enter();
	real_pthread_mutex_lock(&lock);
}

void gp_notice_unlock(void)
{
	real_pthread_mutex_unlock(&lock);
	if (gp_self)
		gp_leave();
}

/* A call on its way into a greenlet. */
struct call {
	struct gp_hub_call hub;
	void (*fn)(union sigval);
	union sigval value;
	struct gp_spawn how;
};

static void *body(void *arg)
{
	struct call c = *(struct call *)arg;

	free(arg);
	c.fn(c.value);
	return NULL;
}

/* Where there is no memory for one more thread libc, too, does without. */
static void in_hub(struct gp_hub_call *hub)
{
	struct call *c = gp_container(hub, struct call, hub);
	struct greenlet *g;

	if (gp_spawn(&g, &c->how, body, c))
		free(c);
}

static struct gp_spawn how(const pthread_attr_t *asked)
{
	struct gp_spawn h = { .detached = true };
	pthread_attr_t def;

	pthread_getattr_default_np(&def);
	pthread_attr_getstacksize(asked ? asked : &def, &h.stack_size);
	pthread_attr_getguardsize(asked ? asked : &def, &h.guard_size);
	pthread_attr_destroy(&def);
	if (gp_config.stack)
		h.stack_size = gp_config.stack;
	gp_spawn_round(&h);
	return h;
}

void gp_notice_run(const struct sigevent *ev)
{
	struct call *c = malloc(sizeof(*c));
	sigset_t mask;

	if (!c)
		return;
	real_pthread_sigmask(SIG_SETMASK, NULL, &mask);
	*c = (struct call){ .hub.fn = in_hub, .fn = ev->sigev_notify_function, .value = ev->sigev_value };
	c->how = how(ev->sigev_notify_attributes);
	c->how.from_hub = c->how.mask_set = true;
	c->how.sigmask = gp_sigset(&mask) & ~GP_SIGMASK_LIBC;
	gp_hub_post(&c->hub);
}

static struct notice **find(uintptr_t id)
{
	struct notice **p = &all;

	while (*p && (*p)->id != id)
		p = &(*p)->next;
	return p;
}

static void unlink_one(struct notice **p)
{
	struct notice *n = *p;

	*p = n->next;
	free(n);
}

/* What libc calls. */
static void arrived(union sigval value)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	pthread_attr_t attr;
	struct notice **p;

	gp_notice_lock();
	p = find((uintptr_t)value.sival_ptr);
	if (*p) {
		ev = (*p)->ev;
		attr = (*p)->attr;
		if (ev.sigev_notify_attributes)
			ev.sigev_notify_attributes = &attr;
		if ((*p)->of != GP_NOTICE_TIMER)
			unlink_one(p);
	}
	gp_notice_unlock();
	if (ev.sigev_notify == SIGEV_THREAD)
		gp_notice_run(&ev);
}

/* Sizes alone: a stack of the program's own cannot serve twice, and natively does not either. */
void gp_notice_copy(struct sigevent *ev, pthread_attr_t *attr)
{
	const pthread_attr_t *from = ev->sigev_notify_attributes;
	size_t n;

	if (!from)
		return;
	pthread_attr_init(attr);
	if (!pthread_attr_getstacksize(from, &n) && n)
		pthread_attr_setstacksize(attr, n);
	if (!pthread_attr_getguardsize(from, &n))
		pthread_attr_setguardsize(attr, n);
	ev->sigev_notify_attributes = attr;
}

bool gp_notice_wanted(const struct sigevent *ev)
{
	int saved = errno;
	bool yes = ev && ev->sigev_notify == SIGEV_THREAD && gp_config.mode != GP_THREADS && (gp_config.families & GP_F_THREAD) &&
		   !gp_greenlets_start();

	errno = saved;
	return yes;
}

bool gp_notice(const struct sigevent *ev, struct sigevent *ours, enum gp_notice_of of, uintptr_t *id)
{
	struct notice *n;

	*id = 0;
	if (!gp_notice_wanted(ev) || !(n = malloc(sizeof(*n))))
		return false;
	*n = (struct notice){ .of = of, .to = -1, .ev = *ev };
	gp_notice_copy(&n->ev, &n->attr);
	gp_notice_lock();
	*id = n->id = ++last;
	n->next = all;
	all = n;
	gp_notice_unlock();
	*ours = *ev;
	ours->sigev_notify_function = arrived;
	ours->sigev_value.sival_ptr = (void *)*id;
	ours->sigev_notify_attributes = NULL;
	return true;
}

void gp_notice_belongs(uintptr_t id, long to)
{
	struct notice **p;

	gp_stays = true;
	gp_notice_lock();
	p = find(id);
	if (*p)
		(*p)->to = to;
	gp_notice_unlock();
}

void gp_notice_drop(uintptr_t id)
{
	struct notice **p;

	if (!id)
		return;
	gp_notice_lock();
	p = find(id);
	if (*p)
		unlink_one(p);
	gp_notice_unlock();
}

void gp_notice_drop_all(enum gp_notice_of of, long to)
{
	if (!all)
		return;
	gp_notice_lock();
	for (struct notice **p = &all; *p;)
		if ((*p)->of == of && (*p)->to == to)
			unlink_one(p);
		else
			p = &(*p)->next;
	gp_notice_unlock();
}

void gp_notice_forget(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	all = NULL; /* libc's lists of them are lost as well */
	gp_stays = false;
}
