/*
 * glibc makes setuid and its kin work in all threads: each is sent a signal of glibc's own, whose handler makes the system call there. That
 * handler, without which the signal kills, comes with the first pthread_create.
 */
#include "real.h"
#include "signal.h"
#include "tls.h"

#include <pthread.h>
#include <sys/syscall.h>

#define SIGSETXID 33

static struct gp_kernel_action action;

static void (*change)(int, siginfo_t *, void *);

/* It answers for the thread whose TCB it finds, and who asked goes on until all have: the one with the kernel's tid has to. */
static void change_here(int sig, siginfo_t *info, void *context)
{
	void *self = (void *)pthread_self(), *asked = gp_tls_carrier();
	bool other = gp_thread_is_ours && self != asked;

	if (other)
		gp_tls_use(asked);
	change(sig, info, context);
	if (other)
		gp_tls_use(self);
}

static void *never(void *arg)
{
	return arg;
}

/* The workers, and libc's own helpers, come when libc takes the process for threaded already: a thread that is refused comes first. */
static void install_libcs(void)
{
	pthread_attr_t attr;
	pthread_t none;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setguardsize(&attr, SIZE_MAX);
	real_pthread_create(&none, &attr, never, NULL);
	pthread_attr_destroy(&attr);
}

void gp_setxid_start(void)
{
	install_libcs();
	if (real_syscall(SYS_rt_sigaction, SIGSETXID, NULL, &action, sizeof(action.mask)) || (uintptr_t)action.handler <= 1 ||
	    action.handler == change_here)
		return;
	change = action.handler;
	action.handler = change_here;
	real_syscall(SYS_rt_sigaction, SIGSETXID, &action, NULL, sizeof(action.mask));
}
