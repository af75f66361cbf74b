/* <stdlib.h>: system. The child gets the caller's mask; the waiting is libc's own where its entries are patched. */
#include "shim.h"
#include "../runtime/childwait.h"
#include "../runtime/fdwait.h"
#include "../runtime/patch.h"
#include "../runtime/signal.h"

#include <paths.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* While any greenlet is in system() the process ignores the keys, and the first one's successor puts back what there was. */
static unsigned users;
static struct sigaction intr, quit;

static void ignore_keys(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (users++)
		return;
	gp_signal_action(SIGINT, &ignore, &intr);
	gp_signal_action(SIGQUIT, &ignore, &quit);
}

static void heed_keys(void)
{
	if (--users)
		return;
	gp_signal_action(SIGINT, &intr, NULL);
	gp_signal_action(SIGQUIT, &quit, NULL);
}

static int start_shell(pid_t *pid, const char *line, uint64_t before)
{
	char *const argv[] = { "sh", "-c", (char *)line, NULL };
	posix_spawnattr_t attr;
	sigset_t reset, mask;
	int r;

	sigemptyset(&reset);
	if (intr.sa_handler != SIG_IGN)
		sigaddset(&reset, SIGINT);
	if (quit.sa_handler != SIG_IGN)
		sigaddset(&reset, SIGQUIT);
	sigemptyset(&mask);
	*(uint64_t *)&mask = before;
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &mask);
	posix_spawnattr_setsigdefault(&attr, &reset);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	r = real_posix_spawn(pid, _PATH_BSHELL, NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return r;
}

static void reap(pid_t pid, int *status)
{
	while (real_syscall(SYS_wait4, pid, status, 0, NULL) != pid)
		if (errno != EINTR) {
			*status = -1;
			return;
		}
}

/* As libc's: a cancelled system() leaves no shell behind. */
static void cancelled(void *pid)
{
	int status;

	real_kill(*(pid_t *)pid, SIGKILL);
	reap(*(pid_t *)pid, &status);
	heed_keys();
}

static int await_shell(pid_t pid)
{
	int status;

	pthread_cleanup_push(cancelled, &pid);
	if (gp_child_wait(pid, GP_PARK_CANCEL, "system") == -ECANCELED)
		gp_cancel_now();
	pthread_cleanup_pop(0);
	reap(pid, &status);
	return status;
}

static int run_shell(const char *line, uint64_t before)
{
	pid_t pid;
	int status, r;

	ignore_keys();
	r = start_shell(&pid, line, before);
	status = r ? 127 << 8 : await_shell(pid); /* without a shell, as if it had ended so */
	heed_keys();
	if (r)
		errno = r;
	return status;
}

/*
 * While it waits SIGCHLD is blocked, for the caller. libc blocks it in the kernel, for all: said to be unknown, the kernel's mask is
 * set right at the first switch, and again when libc has put its own idea of it back.
 */
GP_EXPORT int system(const char *command)
{
	struct greenlet *g = gp_self;
	uint64_t before;
	int r;

	if (!g || !command) {
		gp_fd_shared();
		return real_system(command);
	}
	before = g->sigmask;
	gp_signal_mask(g, before | gp_sigbit(SIGCHLD));
	gp_signal_expose(before);
	gp_signal_unsure();
	r = !gp_patched && gp_coop(GP_F_IO) ? run_shell(command, before) : real_system(command);
	gp_fd_shared();
	gp_signal_unsure();
	gp_signal_mask(g, before);
	return r;
}
GP_ALIAS_OF(__libc_system, system);
