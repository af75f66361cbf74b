#include "preempt.h"
#include "config.h"
#include "patch.h"
#include "real.h"
#include "sched.h"

#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define SIGNAL     32          /* SIGCANCEL of glibc; its own handler ignores what does not come from pthread_cancel */
#define SLICE      10000000l   /* ns of CPU time; the kernel looks at such timers once a tick */
#define FAST       200000l     /* while spins go on, ns of wall time */
#define FAST_TICKS 50          /* without a spin, until the fast timer stops */

/* Code that may hold what we or libc need: never interrupted there. */
static struct { uintptr_t low, high; } keep_out[8];
static unsigned nkeep;
static int slow = -1, fast = -1; /* kernel timer ids */
static unsigned fast_left;
static uint64_t last_switches;

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

void gp_preempt_idle(void)
{
	if (fast_left) {
		fast_left = 0;
		set_timer(fast, 0);
	}
}

static void go_on(bool spun)
{
	if (spun && !fast_left)
		set_timer(fast, FAST);
	if (spun)
		fast_left = FAST_TICKS;
	else if (fast_left && !--fast_left)
		set_timer(fast, 0);
}

static void tick(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = pc(context);
	int saved = errno;

	(void)sig;
	if (!gp_thread_is_ours || !gp_self || gp_critical || info->si_code != SI_TIMER)
		return;
	if (gp_sched.switches != last_switches) { /* it has given way by itself since the last tick */
		last_switches = gp_sched.switches;
		go_on(false);
		return;
	}
	for (unsigned i = 0; i < nkeep; i++)
		if (at >= keep_out[i].low && at < keep_out[i].high)
			return;
	go_on(true);
	gp_sched.preempted++;
	gp_yield();
	last_switches = gp_sched.switches;
	errno = saved;
}

static int make_timer(clockid_t clock)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL };
	int id;

	ev._sigev_un._tid = (pid_t)real_syscall(SYS_gettid);
	return real_syscall(SYS_timer_create, clock, &ev, &id) ? -1 : id;
}

void gp_restorer(void); /* arch: the system call that returns from a handler; glibc does not export its own */

void gp_preempt_start(void)
{
	/* The kernel's own structure: glibc refuses this number. */
	struct { void *handler; unsigned long flags; void (*restorer)(void); uint64_t mask; } act = { 0 };

	/* Without patched entries a lock inside libc stops the kernel thread, and a holder must not be switched away from. */
	if (!gp_config.preempt || !gp_patched || gp_config.mode != GP_ASYNC)
		return;
	if (!nkeep)
		dl_iterate_phdr(note_object, NULL);
	act.handler = (void *)tick;
	act.flags = SA_SIGINFO | SA_RESTART | SA_NODEFER | 0x04000000 /* SA_RESTORER */;
	act.restorer = gp_restorer;
	if (real_syscall(SYS_rt_sigaction, SIGNAL, &act, NULL, sizeof(act.mask)))
		return;
	fast_left = 0;
	slow = make_timer(CLOCK_THREAD_CPUTIME_ID);
	fast = make_timer(CLOCK_MONOTONIC);
	set_timer(slow, SLICE);
}
