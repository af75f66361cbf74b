/* <sched.h> and <sys/resource.h>: what one thread asks for by its tid (runtime/wishes.h). sched_yield is in time.c. */
#include "shim.h"
#include "../runtime/wishes.h"

#include <sched.h>
#include <sys/resource.h>

GP_EXPORT int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	struct greenlet *g = gp_wisher(pid);

	return g ? (int)gp_ret(-gp_affinity_keep(g, size, set)) : real_sched_setaffinity(pid, size, set);
}

GP_EXPORT int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	struct greenlet *g = gp_wisher(pid);

	return g ? (int)gp_ret(-gp_affinity_tell(g, size, set)) : real_sched_getaffinity(pid, size, set);
}

GP_EXPORT int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
	struct greenlet *g = gp_wisher(pid);
	struct sched_param p;

	if (!g)
		return real_sched_setscheduler(pid, policy, param);
	if (!param || policy < 0)
		return (int)gp_ret(-EINVAL);
	if (gp_copy_in(&p, param, sizeof(p)))
		return (int)gp_ret(-EFAULT);
	return (int)gp_ret(-gp_sched_keep(g, policy & ~SCHED_RESET_ON_FORK, p.sched_priority));
}
GP_ALIAS_OF(__sched_setscheduler, sched_setscheduler);

GP_EXPORT int sched_getscheduler(pid_t pid)
{
	struct greenlet *g = gp_wisher(pid);
	struct sched_param p;

	return g ? gp_sched_tell(g, &p) : real_sched_getscheduler(pid);
}
GP_ALIAS_OF(__sched_getscheduler, sched_getscheduler);

GP_EXPORT int sched_setparam(pid_t pid, const struct sched_param *param)
{
	struct greenlet *g = gp_wisher(pid);
	struct sched_param p, now;

	if (!g)
		return real_sched_setparam(pid, param);
	if (!param)
		return (int)gp_ret(-EINVAL);
	if (gp_copy_in(&p, param, sizeof(p)))
		return (int)gp_ret(-EFAULT);
	return (int)gp_ret(-gp_sched_keep(g, gp_sched_tell(g, &now), p.sched_priority));
}

GP_EXPORT int sched_getparam(pid_t pid, struct sched_param *param)
{
	struct greenlet *g = gp_wisher(pid);
	struct sched_param p;

	if (!g || !param)
		return real_sched_getparam(pid, param);
	gp_sched_tell(g, &p);
	return (int)gp_ret(gp_copy_out(param, &p, sizeof(p)));
}
GP_ALIAS_OF(__sched_getparam, sched_getparam);

GP_EXPORT int sched_rr_get_interval(pid_t pid, struct timespec *ts)
{
	return real_sched_rr_get_interval(gp_kernel_tid(pid), ts);
}

GP_EXPORT int prlimit(pid_t pid, __rlimit_resource_t resource, const struct rlimit *new, struct rlimit *old)
{
	return real_prlimit(gp_kernel_tid(pid), resource, new, old);
}
GP_TWIN_OF(prlimit64, prlimit);

GP_EXPORT int setpriority(__priority_which_t which, id_t who, int prio)
{
	struct greenlet *g = which == PRIO_PROCESS ? gp_wisher((pid_t)who) : NULL;

	return g ? (int)gp_ret(-gp_nice_keep(g, prio)) : real_setpriority(which, who, prio);
}

GP_EXPORT int getpriority(__priority_which_t which, id_t who)
{
	struct greenlet *g = which == PRIO_PROCESS ? gp_wisher((pid_t)who) : NULL;

	return g ? gp_nice(g) : real_getpriority(which, who);
}
