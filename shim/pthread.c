/* <pthread.h>: the life of a thread. Its attributes are in pthread_attr.c, locks in pthread_mutex.c and their like. */
#include "shim.h"
#include "../runtime/gomp.h"
#include "../runtime/init.h"
#include "../runtime/offload.h"
#include "../runtime/sigmask.h"
#include "../runtime/signal.h"
#include "../runtime/stack.h"
#include "../runtime/stats.h"
#include "../runtime/thread.h"
#include "../runtime/tls.h"
#include "../runtime/unfit.h"
#include "../runtime/wishes.h"

#include <pthread.h>
#include <unistd.h>

static int explicit_sched(const pthread_attr_t *attr, struct gp_spawn *how)
{
	struct sched_param param;
	int inherit, policy;

	if (!attr || pthread_attr_getinheritsched(attr, &inherit) || inherit != PTHREAD_EXPLICIT_SCHED)
		return 0;
	pthread_attr_getschedpolicy(attr, &policy);
	pthread_attr_getschedparam(attr, &param);
	how->sched_set = true;
	how->sched_policy = (uint8_t)policy;
	how->sched_priority = (uint8_t)param.sched_priority;
	return gp_sched_refused(policy, param.sched_priority);
}

/* glibc gives all CPUs that the set has room for where none were asked for. */
static int wanted_affinity(const pthread_attr_t *attr, cpu_set_t *cpus, struct gp_spawn *how)
{
	if (!attr || pthread_attr_getaffinity_np(attr, sizeof(*cpus), cpus) || CPU_COUNT(cpus) == CPU_SETSIZE)
		return 0;
	how->affinity = cpus;
	return gp_affinity_refused(sizeof(*cpus), cpus, cpus);
}

static struct gp_spawn spawn_from(const pthread_attr_t *attr)
{
	struct gp_spawn how = { 0 };
	pthread_attr_t def;
	const pthread_attr_t *a = attr;
	int detach = PTHREAD_CREATE_JOINABLE;
	sigset_t mask;
	char *top;

	if (!a) {
		if (pthread_getattr_default_np(&def)) /* no memory for a default affinity, which does not matter here */
			pthread_attr_init(&def);
		a = &def;
	}
	pthread_attr_getdetachstate(a, &detach);
	pthread_attr_getguardsize(a, &how.guard_size);
	/* getstack counts back from the upper end, which is 0 where no stack was set, by the size that was set. */
	pthread_attr_getstack(a, &how.stack, &how.stack_size);
	top = (char *)how.stack + how.stack_size;
	pthread_attr_getstacksize(a, &how.stack_size);
	how.stack = top ? top - how.stack_size : NULL;
	if (!how.stack && gp_config.stack)
		how.stack_size = gp_config.stack;
	how.detached = detach == PTHREAD_CREATE_DETACHED;
#if __GLIBC_PREREQ(2, 32)
	how.mask_set = !pthread_attr_getsigmask_np(a, &mask);
	how.sigmask = gp_sigset(&mask) & ~GP_SIGMASK_LIBC;
#endif
	if (!attr)
		pthread_attr_destroy(&def);
	return how;
}

GP_EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr, void *(*start)(void *), void *restrict arg)
{
	struct greenlet *g;
	struct gp_spawn how;
	cpu_set_t cpus;
	int r, saved = errno;

	gp_load();
	gp_stats_thread();
	if (gp_config.mode == GP_THREADS || !(gp_config.families & GP_F_THREAD) || gp_unfit_thread(start))
		return real_pthread_create(thread, attr, start, arg);
	if ((r = gp_greenlets_start())) {
		errno = saved;
		return r == -ENOTSUP ? real_pthread_create(thread, attr, start, arg) : -r;
	}
	if (gp_self && !gp_gomp_fits(__builtin_return_address(0)))
		return real_pthread_create(thread, attr, start, arg);
	how = spawn_from(attr);
	gp_spawn_round(&how);
	if ((r = explicit_sched(attr, &how)) || (r = wanted_affinity(attr, &cpus, &how)))
		return r;
	r = gp_spawn(&g, &how, start, arg);
	errno = saved;
	if (r == -ENOTSUP) /* a foreign kernel thread makes kernel threads */
		return real_pthread_create(thread, attr, start, arg);
	if (!r) {
		*thread = (pthread_t)g->pd;
		gp_tick(); /* who makes thousands lets the first ones start meanwhile */
	} else if (r == -EAGAIN)
		gp_yield(); /* and who tries again and again lets them end */
	return -r;
}

static int join(pthread_t thread, void **value, uint64_t deadline)
{
	return -gp_join(gp_greenlet_of(thread), value, deadline);
}

/* A greenlet that waits for a native thread must not stop the others: a worker does the waiting. */
struct native_join { pthread_t thread; void **value; };

static long native_join(void *arg)
{
	struct native_join *j = arg;

	return real_pthread_join(j->thread, j->value);
}

GP_EXPORT int pthread_join(pthread_t thread, void **value)
{
	if (!gp_self)
		return real_pthread_join(thread, value);
	if (!gp_greenlet_of(thread)) {
		struct native_join j = { thread, value };

		return (int)gp_offload(native_join, &j, "pthread_join");
	}
	return join(thread, value, GP_FOREVER);
}

GP_EXPORT int pthread_tryjoin_np(pthread_t thread, void **value)
{
	if (!gp_self || !gp_greenlet_of(thread))
		return real_pthread_tryjoin_np(thread, value);
	gp_tick();
	return gp_finished(gp_greenlet_of(thread)) ? join(thread, value, 0) : EBUSY; /* glibc looks at this first */
}

static int timed_join(pthread_t thread, void **value, clockid_t clock, const struct timespec *abstime)
{
	uint64_t deadline;

	if (!abstime)
		return join(thread, value, GP_FOREVER);
	if (!gp_timespec_ok(abstime) && !gp_finished(gp_greenlet_of(thread)))
		return EINVAL;
	deadline = gp_deadline(abstime, clock, false);
	return join(thread, value, deadline ? deadline : 1);
}

GP_EXPORT int pthread_timedjoin_np(pthread_t thread, void **value, const struct timespec *abstime)
{
	if (!gp_self || !gp_greenlet_of(thread))
		return real_pthread_timedjoin_np(thread, value, abstime);
	return timed_join(thread, value, CLOCK_REALTIME, abstime);
}

GP_EXPORT int pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock, const struct timespec *abstime)
{
	if (!gp_self || !gp_greenlet_of(thread))
		return real_pthread_clockjoin_np(thread, value, clock, abstime);
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	return timed_join(thread, value, clock, abstime);
}

GP_EXPORT int pthread_detach(pthread_t thread)
{
	struct greenlet *g = gp_greenlet_of(thread);

	return g ? -gp_detach(g) : real_pthread_detach(thread);
}

/* glibc unwinds to the boot frame, or in main to where gp_main_ends waits. */
GP_EXPORT void pthread_exit(void *value)
{
	if (gp_self)
		gp_self->result = value;
	if (gp_self && gp_self->main)
		gp_main_ends();
	real_pthread_exit(value);
	__builtin_unreachable();
}

GP_EXPORT int pthread_cancel(pthread_t thread)
{
	struct greenlet *g = gp_greenlet_of(thread);

	if (!g)
		return real_pthread_cancel(thread);
	if (gp_ended(g))
		return 0; /* nothing to do; glibc says so of a joined one, too */
	gp_cancel(g);
	if (g == gp_self && g->cancel_async)
		gp_cancel_point();
	return 0;
}

/*
 * The real type stays deferred: glibc would signal the thread's tid, which no kernel thread has. An asynchronous greenlet is
 * cancelled wherever it parks, and at once when it cancels itself or turns asynchronous with a request pending.
 */
GP_EXPORT int pthread_setcanceltype(int type, int *old)
{
	struct greenlet *g = gp_self;

	if (!g)
		return real_pthread_setcanceltype(type, old);
	if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
		return EINVAL;
	if (old)
		*old = g->cancel_async ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED;
	g->cancel_async = type == PTHREAD_CANCEL_ASYNCHRONOUS;
	if (g->cancel_async)
		gp_cancel_point();
	return 0;
}

GP_EXPORT int pthread_setcancelstate(int state, int *old)
{
	int r = real_pthread_setcancelstate(state, old);

	if (!r && gp_self && gp_self->cancel_async && state == PTHREAD_CANCEL_ENABLE)
		gp_cancel_point();
	return r;
}
