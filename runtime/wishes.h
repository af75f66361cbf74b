/*
 * wishes.h - what a program asks of the kernel for one thread: CPUs, policy and priority, niceness. All greenlets share one kernel thread,
 * and one's wish must not bind the others: it is judged as the kernel would judge it and kept, to be told when asked; a child that the
 * thread forks gets what was asked for. Wishes of the thread whose tid is the kernel thread's own (main) are the kernel's.
 */
#ifndef GP_WISHES_H
#define GP_WISHES_H

#include "greenlet_impl.h"

/* The greenlet that sched_setscheduler(2) and its kin mean by tid (0: the caller) if its wishes are kept; NULL: ask the kernel. */
struct greenlet *gp_wisher(pid_t tid);

/* What the kernel is told instead of tid where that is such a greenlet's: the thread that carries it. 0 stays 0, the caller or nobody. */
pid_t gp_kernel_tid(pid_t tid);

/* 0 where the kernel would give a thread this policy and priority, else its errno. */
int gp_sched_refused(int policy, int priority);
/* 0 and kept, or the kernel's errno. */
int gp_sched_keep(struct greenlet *g, int policy, int priority);
/* Its policy, and its priority in *param. */
int gp_sched_tell(const struct greenlet *g, struct sched_param *param);

/* 0 with the CPUs of `wanted` that a thread may have, else the kernel's errno. */
int gp_affinity_refused(size_t size, const cpu_set_t *wanted, cpu_set_t *granted);
int gp_affinity_keep(struct greenlet *g, size_t size, const cpu_set_t *wanted);
int gp_affinity_tell(const struct greenlet *g, size_t size, cpu_set_t *set);

/* -20 to 19, what is beyond that counts as these. 0, or EACCES. */
int gp_nice_keep(struct greenlet *g, int nice);
int gp_nice(const struct greenlet *g);

/* In the child of a fork, whose only thread g is. */
void gp_wishes_apply(struct greenlet *g);

#endif
