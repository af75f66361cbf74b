/*
 * <pthread.h>: what can be asked of and set on a running thread. A greenlet's tid means nothing to the kernel, so what glibc would ask
 * the kernel by tid is answered for the one kernel thread that carries all greenlets.
 */
#include "shim.h"
#include "../runtime/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

GP_EXPORT int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
	struct greenlet *g = gp_greenlet_of(thread);
	struct sched_param param;
	cpu_set_t cpus;
	int policy, r;

	if (!g || g->main)
		return real_pthread_getattr_np(thread, attr);
	if (g->state == GP_GONE)
		return ESRCH;
	if ((r = pthread_attr_init(attr)))
		return r;
	pthread_attr_setdetachstate(attr, g->detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
	/* As glibc reports it: the guard lies below. */
	pthread_attr_setstack(attr, (char *)g->stack_map + g->guard_size, g->stack_size - g->guard_size);
	pthread_attr_setguardsize(attr, g->guard_size);
	if (!pthread_getschedparam(thread, &policy, &param)) {
		pthread_attr_setschedpolicy(attr, policy);
		pthread_attr_setschedparam(attr, &param);
	}
	if (!pthread_getaffinity_np(thread, sizeof(cpus), &cpus))
		pthread_attr_setaffinity_np(attr, sizeof(cpus), &cpus);
	return 0;
}

GP_EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
	struct greenlet *g = gp_greenlet_of(thread);

	if (!g)
		return real_pthread_setname_np(thread, name);
	if (strlen(name) >= sizeof(g->name))
		return ERANGE;
	if (g->main) /* the name of the process in ps is main's */
		return real_pthread_setname_np(thread, name);
	if (gp_ended(g))
		return ENOENT; /* of its file in /proc */
	strcpy(g->name, name);
	g->named = 1;
	return 0;
}

GP_EXPORT int pthread_getname_np(pthread_t thread, char *name, size_t size)
{
	struct greenlet *g = gp_greenlet_of(thread);

	if (!g || g->main)
		return real_pthread_getname_np(thread, name, size);
	if (size < sizeof(g->name)) /* TASK_COMM_LEN, as glibc */
		return ERANGE;
	if (gp_ended(g))
		return ENOENT;
	if (g->named)
		strcpy(name, g->name);
	else /* inherited from the creator, in the end from main */
		return real_pthread_getname_np((pthread_t)gp_main.pd, name, size);
	return 0;
}

/* The kernel thread that carries greenlets is main's. */
static pthread_t carrier(pthread_t thread)
{
	return gp_greenlet_of(thread) ? (pthread_t)gp_main.pd : thread;
}

GP_EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
	struct greenlet *g = gp_greenlet_of(thread);
	int r;

	if (g && g->state == GP_GONE)
		return ESRCH;
	r = real_pthread_getaffinity_np(carrier(thread), size, set);
	if (!r && g && g->affinity)
		memcpy(set, g->affinity, size < sizeof(*g->affinity) ? size : sizeof(*g->affinity));
	return r;
}

/* One greenlet's wish must not bind all the others to its CPU: it is kept, and checked by the kernel for validity only. */
GP_EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
	struct greenlet *g = gp_greenlet_of(thread);
	cpu_set_t granted;
	int r;

	if (!g || g->main)
		return real_pthread_setaffinity_np(carrier(thread), size, set);
	if (g->state == GP_GONE)
		return ESRCH;
	if ((r = gp_affinity_refused(size, set, &granted)))
		return r;
	if (!g->affinity && !(g->affinity = malloc(sizeof(*g->affinity))))
		return ENOMEM;
	*g->affinity = granted;
	return 0;
}

GP_EXPORT int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *param)
{
	struct greenlet *g = gp_greenlet_of(thread);

	if (gp_ended(g))
		return ESRCH;
	if (g && g->sched_set) {
		*policy = g->sched_policy;
		param->sched_priority = g->sched_priority;
		return 0;
	}
	return real_pthread_getschedparam(carrier(thread), policy, param);
}

/* Stored, not applied: a real-time hub would take the machine with it. Refused where the kernel would refuse it. */
GP_EXPORT int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *param)
{
	struct greenlet *g = gp_greenlet_of(thread);
	int r;

	if (!g || g->main)
		return real_pthread_setschedparam(carrier(thread), policy, param);
	if (gp_ended(g))
		return ESRCH;
	if ((r = gp_sched_refused(policy, param->sched_priority)))
		return r;
	g->sched_set = 1;
	g->sched_policy = (uint8_t)policy;
	g->sched_priority = (uint8_t)param->sched_priority;
	return 0;
}

GP_EXPORT int pthread_setschedprio(pthread_t thread, int prio)
{
	struct sched_param param;
	int policy, r = pthread_getschedparam(thread, &policy, &param);

	if (!gp_greenlet_of(thread))
		return real_pthread_setschedprio(thread, prio);
	param.sched_priority = prio;
	return r ? r : pthread_setschedparam(thread, policy, &param);
}

/* CPU time of one greenlet is not kept: the carrier's is the nearest that exists. */
GP_EXPORT int pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
{
	if (gp_ended(gp_greenlet_of(thread)))
		return ESRCH;
	return real_pthread_getcpuclockid(carrier(thread), clock);
}
