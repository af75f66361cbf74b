#include "stop.h"
#include "real.h"
#include "sched.h"
#include "signal.h"

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define SIGNAL 32
#define GUARD  300000l /* ns */

static struct gp_kernel_action before; /* whose signal it also is */
static __thread bool worker __attribute__((tls_model("initial-exec")));
static volatile bool guarding;
static int guard = -1;         /* kernel timer id */

#ifdef __x86_64__

extern const char gp_stoppable_end[], gp_stopped[]; /* arch */

#define FLAGS (SA_SIGINFO | SA_RESTART | SA_NODEFER | 0x04000000 /* SA_RESTORER */)

/* SA_RESTART has set the thread back to the system call's instruction where the call had not begun to do anything. */
static void end_call(void *context)
{
	greg_t *pc = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	if (*pc >= (greg_t)(uintptr_t)gp_stoppable && *pc < (greg_t)(uintptr_t)gp_stoppable_end)
		*pc = (greg_t)(uintptr_t)gp_stopped;
}

#else

/* Without a stub of its own the call just ends with EINTR. A signal that comes between the test and the call does nothing: the
 * caller sends another. */
#define FLAGS (SA_SIGINFO | SA_NODEFER)

static void end_call(void *context)
{
	(void)context;
}

long gp_stoppable(volatile int *stop, const long c[7])
{
	long r = *stop ? -EINTR : real_syscall(c[0], c[1], c[2], c[3], c[4], c[5], c[6]);

	return r == -1 ? -errno : r;
}

#endif

static void handler(int sig, siginfo_t *info, void *context)
{
	gp_handlers_ran++;
	if (worker || guarding)
		end_call(context);
	if (worker)
		return;
	if ((before.flags & SA_SIGINFO) && (uintptr_t)before.handler > 1)
		before.handler(sig, info, context);
}

void gp_stop_worker(void)
{
	worker = true;
}

/* Looked at each time: pthread_cancel of a native thread and preempt.c in the child of a fork put theirs in its place. */
static void install(void)
{
	struct gp_kernel_action ours = { handler, FLAGS, NULL, 0 }, now;

	if (real_syscall(SYS_rt_sigaction, SIGNAL, NULL, &now, sizeof(now.mask)) || now.handler == handler)
		return;
#ifdef __x86_64__
	ours.restorer = gp_restorer;
#endif
	ours.flags |= now.flags & SA_ONSTACK;
	ours.mask = now.mask;
	before = now; /* first: the handler may run at once */
	real_syscall(SYS_rt_sigaction, SIGNAL, &ours, NULL, sizeof(ours.mask));
}

void gp_stop_thread(pid_t tid)
{
	install();
	real_syscall(SYS_tgkill, getpid(), tid, SIGNAL);
}

static void arm(long ns)
{
	struct itimerspec every = { { 0, ns }, { 0, ns } }; /* again and again: the first may come before the call has begun */

	real_syscall(SYS_timer_settime, guard, 0, &every, NULL);
}

long gp_stop_soon(const long call[7])
{
	static volatile int never;
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL };
	long r;

	if (guard < 0) {
		ev._sigev_un._tid = (pid_t)real_syscall(SYS_gettid);
		install();
		if (real_syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &guard))
			guard = -1;
	}
	gp_enter();
	guarding = true;
	if (guard >= 0)
		arm(GUARD);
	r = gp_stoppable(&never, call);
	if (guard >= 0)
		arm(0);
	guarding = false;
	gp_leave();
	return r;
}

void gp_stop_forget(void)
{
	guard = -1;
}
