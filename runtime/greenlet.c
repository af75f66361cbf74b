/* The public API of greenlet.h, over thread.h. A handle is the address of the TCB, which is what glibc's pthread_t is. */
#include "greenlet.h"
#include "config.h"
#include "park.h"
#include "real.h"
#include "thread.h"

#include <string.h>

#define API __attribute__((visibility("default")))

static struct greenlet *of(greenlet_t *h)
{
	return gp_greenlet_of((pthread_t)h);
}

static uint64_t after(uint64_t ns)
{
	uint64_t now = ns == GP_FOREVER ? 0 : gp_now();

	return ns >= GP_FOREVER - now ? GP_FOREVER : now + ns;
}

API greenlet_t *greenlet_spawn_later(uint64_t ns, void *(*fn)(void *), void *arg)
{
	struct gp_spawn how = { .stack_size = gp_config.stack };
	pthread_attr_t def;
	struct greenlet *g;
	int r, saved = errno;

	pthread_getattr_default_np(&def);
	if (!how.stack_size)
		pthread_attr_getstacksize(&def, &how.stack_size);
	pthread_attr_getguardsize(&def, &how.guard_size);
	pthread_attr_destroy(&def);
	if ((r = gp_spawn(&g, &how, fn, arg))) {
		errno = -r;
		return NULL;
	}
	g->start_at = ns ? after(ns) : 0;
	errno = saved; /* the first one makes the loop */
	return g->pd;
}

API greenlet_t *greenlet_spawn(void *(*fn)(void *), void *arg)
{
	return greenlet_spawn_later(0, fn, arg);
}

static int wait_for(struct greenlet *g, uint64_t deadline)
{
	int r = 0;

	gp_cancel_point();
	while (!gp_finished(g) && r != -ETIMEDOUT) {
		r = gp_lot_wait(&g->exit_waiters, GP_PARK_CANCEL, "greenlet_join", deadline);
		if (r == -ECANCELED)
			gp_cancel_now();
	}
	return gp_finished(g) ? 0 : ETIMEDOUT;
}

API int greenlet_join(greenlet_t *h, void **value, uint64_t timeout)
{
	struct greenlet *g = of(h);
	int r;

	if (g == gp_self)
		return EDEADLK;
	if (!gp_finished(g) && !timeout)
		return ETIMEDOUT;
	r = wait_for(g, after(timeout));
	if (!r && value)
		*value = g->result;
	return r;
}

API size_t greenlet_joinall(greenlet_t *const *gs, size_t n, uint64_t timeout)
{
	uint64_t deadline = after(timeout);
	size_t done = 0;

	for (size_t i = 0; i < n; i++)
		if (of(gs[i]) != gp_self && (gp_finished(of(gs[i])) || (timeout && !wait_for(of(gs[i]), deadline))))
			done++;
	return done;
}

API int greenlet_kill(greenlet_t *h)
{
	struct greenlet *g = of(h);

	if (g->state < GP_DEAD)
		gp_cancel(g);
	return 0;
}

API void greenlet_release(greenlet_t *h)
{
	gp_detach(of(h));
}

API int greenlet_sleep(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / GP_NSEC), (long)(ns % GP_NSEC) };
	uint64_t deadline;
	int r;

	if (!gp_self)
		return real_clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	gp_cancel_point();
	if (!ns) {
		gp_yield();
		return 0;
	}
	deadline = after(ns);
	r = gp_park(GP_PARK_CANCEL, "greenlet_sleep", NULL, deadline);
	if (r == -ECANCELED)
		gp_cancel_now();
	if (r == -ETIMEDOUT)
		return gp_now() >= deadline ? 0 : ETIMEDOUT;
	return r ? EINTR : 0;
}

API void greenlet_yield(void)
{
	if (gp_self)
		gp_yield();
	else
		real_sched_yield();
}

API greenlet_t *greenlet_self(void)
{
	return gp_self ? gp_self->pd : NULL;
}

API int greenlet_value(greenlet_t *h, void **value)
{
	struct greenlet *g = of(h);

	if (!gp_finished(g))
		return EBUSY;
	*value = g->result;
	return 0;
}

API int greenlet_set_name(greenlet_t *h, const char *name)
{
	struct greenlet *g = of(h);

	if (strlen(name) >= sizeof(g->name))
		return ERANGE;
	strcpy(g->name, name);
	g->named = 1;
	return 0;
}

API const char *greenlet_name(greenlet_t *h)
{
	return of(h)->name;
}

API int greenlet_timeout(uint64_t ns)
{
	if (!gp_self)
		return EPERM;
	gp_self->deadline = after(ns);
	return 0;
}
