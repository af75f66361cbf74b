#include "wishes.h"
#include "real.h"
#include "thread.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct greenlet *gp_wisher(pid_t tid)
{
	struct greenlet *g = !gp_self ? NULL : tid ? gp_greenlet_by_tid(tid) : gp_self;

	return g && !gp_carries(g) ? g : NULL;
}

pid_t gp_kernel_tid(pid_t tid)
{
	return tid && gp_wisher(tid) ? gp_pid : tid;
}

int gp_sched_refused(int policy, int priority)
{
	int low = sched_get_priority_min(policy), high = sched_get_priority_max(policy);

	if (low < 0 || priority < low || priority > high)
		return EINVAL;
	return (policy == SCHED_FIFO || policy == SCHED_RR) && geteuid() ? EPERM : 0;
}

int gp_sched_keep(struct greenlet *g, int policy, int priority)
{
	int r = gp_sched_refused(policy, priority);

	if (r)
		return r;
	g->sched_set = 1;
	g->sched_policy = (uint8_t)policy;
	g->sched_priority = (uint8_t)priority;
	return 0;
}

int gp_sched_tell(const struct greenlet *g, struct sched_param *param)
{
	if (g->sched_set) {
		param->sched_priority = g->sched_priority;
		return g->sched_policy;
	}
	real_sched_getparam(gp_pid, param);
	return real_sched_getscheduler(gp_pid);
}

/* Only the kernel knows: it is asked for a moment, for the thread that carries all. */
int gp_affinity_refused(size_t size, const cpu_set_t *wanted, cpu_set_t *granted)
{
	cpu_set_t was = { 0 };
	int saved = errno, r = 0;

	if (real_syscall(SYS_sched_getaffinity, 0, sizeof(was), &was) < 0 || real_syscall(SYS_sched_setaffinity, 0, size, wanted)) {
		r = errno;
		errno = saved;
		return r;
	}
	memset(granted, 0, sizeof(*granted));
	real_syscall(SYS_sched_getaffinity, 0, sizeof(*granted), granted);
	real_syscall(SYS_sched_setaffinity, 0, sizeof(was), &was);
	return 0;
}

int gp_affinity_keep(struct greenlet *g, size_t size, const cpu_set_t *wanted)
{
	cpu_set_t granted;
	int r = gp_affinity_refused(size, wanted, &granted);

	if (r)
		return r;
	if (!g->affinity && !(g->affinity = malloc(sizeof(*g->affinity))))
		return ENOMEM;
	*g->affinity = granted;
	return 0;
}

int gp_affinity_tell(const struct greenlet *g, size_t size, cpu_set_t *set)
{
	int saved = errno, r = real_sched_getaffinity(gp_pid, size, set) ? errno : 0;

	if (!r && g->affinity)
		memcpy(set, g->affinity, size < sizeof(*g->affinity) ? size : sizeof(*g->affinity));
	errno = saved;
	return r;
}

int gp_nice(const struct greenlet *g)
{
	return g->nice_set ? g->nice : real_getpriority(PRIO_PROCESS, 0);
}

/* kernel/sys.c: set_one_prio */
int gp_nice_keep(struct greenlet *g, int nice)
{
	struct rlimit limit = { 0 };

	nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
	if (nice < gp_nice(g) && geteuid() && !getrlimit(RLIMIT_NICE, &limit) && (rlim_t)(20 - nice) > limit.rlim_cur)
		return EACCES;
	g->nice_set = 1;
	g->nice = (int8_t)nice;
	return 0;
}

void gp_wishes_apply(struct greenlet *g)
{
	struct sched_param param = { .sched_priority = g->sched_priority };
	int saved = errno;

	if (g->affinity)
		real_syscall(SYS_sched_setaffinity, 0, sizeof(*g->affinity), g->affinity);
	if (g->sched_set)
		real_syscall(SYS_sched_setscheduler, 0, g->sched_policy, &param);
	if (g->nice_set)
		real_setpriority(PRIO_PROCESS, 0, g->nice);
	free(g->affinity);
	g->affinity = NULL;
	g->sched_set = g->nice_set = 0;
	errno = saved;
}
