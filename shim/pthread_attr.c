/*
 * <pthread.h>: what can be asked of and set on a running thread. A greenlet's tid means nothing to the kernel, so what glibc would ask
 * the kernel by tid is answered for the one kernel thread that carries all greenlets.
 */
#include "shim.h"
#include "../runtime/thread.h"
#include "../runtime/wishes.h"

#include <pthread.h>
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
	if (gp_carries(g)) /* the name of the process in ps is main's */
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

	if (!g || gp_carries(g))
		return real_pthread_getname_np(thread, name, size);
	if (size < sizeof(g->name)) /* TASK_COMM_LEN, as glibc */
		return ERANGE;
	if (gp_ended(g))
		return ENOENT;
	if (g->named)
		strcpy(name, g->name);
	else /* inherited from the creator, in the end from main: the kernel thread's, which libc asks for by no tid where one asks for oneself */
		return real_pthread_getname_np(gp_self ? pthread_self() : (pthread_t)gp_main.pd, name, size);
	return 0;
}

GP_EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
	struct greenlet *g = gp_greenlet_of(thread);

	if (!g)
		return real_pthread_getaffinity_np(thread, size, set);
	return g->state == GP_GONE ? ESRCH : gp_affinity_tell(g, size, set);
}

GP_EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
	struct greenlet *g = gp_greenlet_of(thread);

	if (!g || gp_carries(g))
		return real_pthread_setaffinity_np(thread, size, set);
	return g->state == GP_GONE ? ESRCH : gp_affinity_keep(g, size, set);
}

GP_EXPORT int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *param)
{
	struct greenlet *g = gp_greenlet_of(thread);

	if (!g)
		return real_pthread_getschedparam(thread, policy, param);
	if (gp_ended(g))
		return ESRCH;
	*policy = gp_sched_tell(g, param);
	return 0;
}

GP_EXPORT int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *param)
{
	struct greenlet *g = gp_greenlet_of(thread);

	if (!g || gp_carries(g))
		return real_pthread_setschedparam(thread, policy, param);
	return gp_ended(g) ? ESRCH : gp_sched_keep(g, policy, param->sched_priority);
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
	struct greenlet *g = gp_greenlet_of(thread);

	if (!g)
		return real_pthread_getcpuclockid(thread, clock);
	if (gp_ended(g))
		return ESRCH;
	*clock = (clockid_t)(~(unsigned)gp_pid << 3 | 6); /* CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED of the kernel */
	return 0;
}
