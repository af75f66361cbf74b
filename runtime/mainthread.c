/* The main thread: how it becomes the first greenlet, which is the start of everything, and how it ends before the others. */
#include "thread.h"
#include "config.h"
#include "fdwait.h"
#include "fork.h"
#include "hub.h"
#include "init.h"
#include "park.h"
#include "patch.h"
#include "real.h"
#include "signal.h"
#include "stdfile.h"
#include "tls.h"
#include "unfit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int gp_vfork_ours; /* read by arch/CPU/vfork.S */
struct greenlet gp_main = { .main = 1, .name = "main", .deadline = GP_FOREVER };
bool gp_stays;
static unsigned rounds; /* of key destructors, at main's end */

/* glibc has two copies of this flag where the program refers to it: its own and the executable's. */
static void tell_libc_about_threads(void)
{
	char *flag = gp_real_lookup("__libc_single_threaded"), *own = gp_real_lookup_in_libc("__libc_single_threaded");
	void (*enable_locks)(void) = (void (*)(void))gp_real_lookup("_IO_enable_locks");

	if (flag)
		*flag = 0;
	if (own)
		*own = 0;
	if (enable_locks)
		enable_locks(); /* else getc and putc of two greenlets share a FILE without its lock */
}

static void patch_libc(void)
{
	const char *why = "GPATCH_LIBC=symbols", *stdio = "";

	if (!gp_config.symbols && gp_patch_libc(&why)) {
		why = NULL;
	} else {
		gp_stdfile_start(&stdio);
		gp_patch_loader();
	}
	if (!gp_config.verbose)
		return;
	if (!gp_tls_fsgsbase)
		gp_say("no FSGSBASE here: each switch costs a system call");
	if (!why)
		gp_say("libc is patched: its own calls are cooperative");
	else if (gp_stdfile)
		gp_say("libc is not patched (%s): stdio, names, system and their like are cooperative by symbol", why);
	else
		gp_say("libc is not patched (%s), and %s: its own calls may stop the others", why, stdio);
}

/* Its stacks, clocks and locks are those of the threads that it saw the kernel make. */
extern void __tsan_init(void) __attribute__((weak));

/* Why greenlets cannot be here, or NULL with the runtime ready for the first. */
static const char *cannot(void)
{
	static char text[96];
	const char *missing;
	int r;

	if (__tsan_init)
		return "ThreadSanitizer watches kernel threads only";
	if ((missing = gp_unfit()))
		return missing;
	gp_tcb_init();
	if (gp_tls_init(&missing)) {
		snprintf(text, sizeof(text), "this libc is not known (%s is missing)", missing);
		return text;
	}
	gp_switch = gp_config.ucontext ? &gp_switch_ucontext : &gp_switch_asm;
	if (!(r = gp_hub_start()))
		return NULL;
	if (r == -EMFILE || r == -ENFILE)
		return "no descriptors are left";
	snprintf(text, sizeof(text), "the event loop cannot start (%s)", strerror(-r));
	return text;
}

int gp_greenlets_start(void)
{
	static bool unusable;
	const char *why;

	if (gp_sched.live)
		return gp_self ? 0 : -ENOTSUP;
	gp_load();
	if (unusable || getpid() != (pid_t)real_syscall(SYS_gettid))
		return -ENOTSUP;
	if ((why = cannot())) {
		unusable = true;
		gp_say("%s: threads stay native", why);
		return -ENOTSUP;
	}
	gp_vfork_ours = 1;
	gp_pid = getpid();
	gp_setxid_start();
	tell_libc_about_threads();
	patch_libc();
	gp_main.pd = (void *)pthread_self();
	gp_main.ctx.tp = gp_main.pd;
	gp_main.state = GP_RUNNING;
	gp_main.result = PTHREAD_CANCELED; /* what it stays if it does not call pthread_exit */
	gp_sched_first(&gp_main);
	gp_main.tid = (uint32_t)getpid();
	gp_list_init(&gp_main.run);
	gp_list_init(&gp_main.exit_waiters);
	gp_list_append(&gp_sched.all, &gp_main.all);
	gp_sched.current = &gp_main;
	gp_sched.live = gp_sched.live_max = 1;
	gp_signal_start(&gp_main);
	gp_fork_watch();
	gp_tcb_mark(gp_main.pd, &gp_main);
	gp_fd_early_end();
	return 0;
}

void gp_wait_for_others(void)
{
	if (gp_self != &gp_main || gp_main.exited)
		return;
	gp_main.exited = 1;
	gp_signal_gone(&gp_main);
	if (gp_main.joiner)
		gp_ready(gp_main.joiner, 0);
	gp_lot_wake(&gp_main.exit_waiters, GP_LOT_ANY);
	while (gp_sched.live > 1 || gp_stays)
		gp_lot_wait(&gp_sched.live, 0, "the last thread", GP_FOREVER);
	gp_main.exited = 0; /* what exit() still runs on it may be interrupted again */
	gp_signal_born(&gp_main);
	gp_signal_sync(); /* the kernel's mask was nobody's meanwhile */
}

/*
 * glibc unwinds main to the frame of __libc_start_main, runs the destructors of keys, and then calls exit(0) where no other kernel thread
 * of its own is left; else it ends this one, and all greenlets with it. So main never comes so far: the last round of destructors waits
 * for the others, and exits.
 */
static void last_round(void *round)
{
	pthread_key_t *key = round;

	if (gp_self == &gp_main && ++rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
		pthread_setspecific(*key, key);
		return;
	}
	gp_wait_for_others();
	exit(0);
}

/* By whomever: with main's TCB in place of his own. False: no keys are left. */
bool gp_main_waits_at_its_end(void)
{
	static pthread_key_t key;
	static bool made;
	void *self = (void *)pthread_self();
	int r;

	if (!made && pthread_key_create(&key, last_round))
		return false;
	made = true;
	gp_enter();
	rounds = 0;
	gp_tls_use(gp_main.pd);
	r = pthread_setspecific(key, &key);
	gp_tls_use(self);
	gp_leave();
	return !r;
}

void gp_main_ends(void)
{
	if (!gp_main_waits_at_its_end())
		atexit(gp_wait_for_others); /* no keys left */
}
