#include "preempt.h"
#include "config.h"
#include "patch.h"
#include "real.h"
#include "sched.h"
#include "signal.h"
#include "thread.h"
#include "tls.h"

#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define SIGNAL     32          /* SIGCANCEL of glibc; its own handler ignores what does not come from pthread_cancel */
#define SLICE      10000000l   /* ns of CPU time; the kernel looks at such timers once a tick */
#define FAST       200000l     /* between two threads that spin for each other, ns of wall time */
#define OUR_FRAMES (4u << 10) /* a yield with the larger of the two switches, and twice that */
#define FAST_TICKS 50          /* without a spin, until the fast timer stops */

/* Code that may hold what we or libc need: never interrupted there. */
static struct { uintptr_t low, high; } keep_out[8];
static unsigned nkeep;
static int slow = -1, fast = -1; /* kernel timer ids */
static long period;            /* of the fast timer; 0: it is off */
static unsigned fast_left;
static uint64_t last_switches, last_preempted;
static bool started;
static unsigned long flags = SA_SIGINFO | SA_RESTART | SA_NODEFER | 0x04000000 /* SA_RESTORER */;

static int note_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *name = strrchr(info->dlpi_name, '/');
	uintptr_t here = (uintptr_t)&note_object;
	bool ours = false;

	(void)size, (void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t low = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && here >= low && here < low + p->p_memsz)
			ours = true;
	}
	if (!ours && *info->dlpi_name && !(name && (!strncmp(name, "/libc.so", 8) || !strncmp(name, "/ld-linux", 9))) &&
	    strncmp(info->dlpi_name, "linux-vdso", 10))
		return 0;
	if (!ours && !*info->dlpi_name) /* the program itself */
		return 0;
	for (int i = 0; i < info->dlpi_phnum && nkeep < 8; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
			keep_out[nkeep].low = info->dlpi_addr + p->p_vaddr;
			keep_out[nkeep++].high = info->dlpi_addr + p->p_vaddr + p->p_memsz;
		}
	}
	return 0;
}

static uintptr_t pc(const ucontext_t *uc)
{
#ifdef __x86_64__
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
#else
	return (uintptr_t)uc->uc_mcontext.pc;
#endif
}

static void set_timer(int id, long ns)
{
	struct itimerspec every = { { 0, ns }, { 0, ns } };

	if (id >= 0)
		real_syscall(SYS_timer_settime, id, 0, &every, NULL);
}

static void set_period(long ns)
{
	if (ns != period)
		set_timer(fast, period = ns);
}

void gp_preempt_idle(void)
{
	set_period(0);
}

/*
 * A spin ends soon after the others had their turn: the next slices are short. Threads that compute go on and on: each slice that
 * brings no other switch doubles the next, up to the slow timer's.
 */
static void next_period(bool gave_way)
{
	if (!gave_way) {
		fast_left = FAST_TICKS;
		set_period(!period ? FAST : period * 2 < SLICE ? period * 2 : 0);
	} else if (period)
		set_period(--fast_left ? FAST : 0);
}

static void give_way(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)sig, (void)info;
	gp_sched.preempted++;
	gp_signal_kernel_mask = ~0ull; /* which it is in here */
	gp_yield();
	if (gp_unlikely(gp_self->cancel_pending) && gp_self->cancel_async && gp_tls_cancel_due()) {
		gp_signal_sync(); /* this handler does not return */
		gp_cancel_now();
	}
	gp_signal_return(context);
	errno = saved;
}

/* Code that runs on memory of its own making, with a stack for handlers beside it, may have no room there for a frame. */
static bool elsewhere(const struct greenlet *g, const ucontext_t *uc)
{
	return g != &gp_main && (uintptr_t)gp_signal_sp(uc) - (uintptr_t)g->stack_map >= g->stack_size;
}

/* Near the end of a stack our frames would be what overflows it, and the core would show us. */
static bool cramped(const struct greenlet *g, const ucontext_t *uc)
{
	static size_t frames;
	size_t left = (uintptr_t)gp_signal_sp(uc) - (uintptr_t)g->stack_map - g->guard_size;

	if (!frames)
		frames = getauxval(AT_MINSIGSTKSZ) + OUR_FRAMES;
	return g != &gp_main && left < frames; /* below the guard it is a large number: elsewhere */
}

static void tick(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = pc(context);
	bool gave_way;
	int saved = errno;

	gp_handlers_ran++;
	if (!gp_thread_is_ours || !gp_self || gp_critical || info->si_code != SI_TIMER)
		return;
	gave_way = gp_sched.switches - last_switches > gp_sched.preempted - last_preempted;
	last_switches = gp_sched.switches;
	last_preempted = gp_sched.preempted;
	if (gave_way) {
		next_period(true);
		return;
	}
	for (unsigned i = 0; i < nkeep; i++)
		if (at >= keep_out[i].low && at < keep_out[i].high)
			return;
	if (cramped(gp_self, context))
		return;
	next_period(false);
	errno = saved;
	if (!gp_sigframe_move(gp_self, elsewhere(gp_self, context), sig, info, context, give_way) && !gp_overflow_stack(context))
		give_way(sig, info, context);
}

void gp_preempt_onstack(void)
{
	struct gp_kernel_action act;

	if (gp_config.valgrind) /* its frames cannot be moved away from there (sigframe.c) */
		return;
	flags |= SA_ONSTACK;
	if (!started || real_syscall(SYS_rt_sigaction, SIGNAL, NULL, &act, sizeof(act.mask)))
		return;
	act.flags |= SA_ONSTACK; /* the handler may be that of stop.c, which calls ours */
	real_syscall(SYS_rt_sigaction, SIGNAL, &act, NULL, sizeof(act.mask));
}

void gp_preempt_never(void)
{
	gp_config.preempt = false;
	set_timer(slow, 0);
	set_timer(fast, 0);
	period = 0;
	slow = fast = -1;
}

static int make_timer(clockid_t clock)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL };
	int id;

	ev._sigev_un._tid = (pid_t)real_syscall(SYS_gettid);
	return real_syscall(SYS_timer_create, clock, &ev, &id) ? -1 : id;
}

void gp_preempt_start(void)
{
	struct gp_kernel_action act = { 0 };

	/* Without patched entries a lock inside libc stops the kernel thread, and a holder must not be switched away from. */
	if (started || !gp_config.preempt || !gp_patched || gp_config.mode != GP_ASYNC)
		return;
	if (!nkeep)
		dl_iterate_phdr(note_object, NULL);
	act.handler = tick;
	act.flags = flags;
	act.restorer = gp_restorer;
	act.mask = ~0ull; /* a handler in between could change the kernel's mask, and our return would undo it */
	if (real_syscall(SYS_rt_sigaction, SIGNAL, &act, NULL, sizeof(act.mask)))
		return;
	started = true;
	slow = make_timer(CLOCK_THREAD_CPUTIME_ID);
	fast = make_timer(CLOCK_MONOTONIC);
	set_timer(slow, SLICE);
}

void gp_preempt_forget(void)
{
	started = false;
	slow = fast = -1;
	period = 0;
}
