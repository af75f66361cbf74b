/* <spawn.h>, and system and popen of <stdlib.h> and <stdio.h>, which spawn inside libc: the child gets the caller's mask. */
#include "shim.h"
#include "../runtime/signal.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>

/* Critical: nothing else may run while the kernel has this one greenlet's mask. None of it waits. */
static void begin(void)
{
	if (gp_self) {
		gp_enter();
		gp_signal_expose(gp_self->sigmask);
	}
}

static int end(int r)
{
	if (gp_self) {
		gp_signal_sync();
		gp_leave();
	}
	return r;
}

GP_EXPORT int posix_spawn(pid_t *restrict pid, const char *restrict path, const posix_spawn_file_actions_t *restrict actions,
			  const posix_spawnattr_t *restrict attr, char *const argv[restrict], char *const envp[restrict])
{
	begin();
	return end(real_posix_spawn(pid, path, actions, attr, argv, envp));
}

GP_EXPORT int posix_spawnp(pid_t *restrict pid, const char *restrict file, const posix_spawn_file_actions_t *restrict actions,
			   const posix_spawnattr_t *restrict attr, char *const argv[restrict], char *const envp[restrict])
{
	begin();
	return end(real_posix_spawnp(pid, file, actions, attr, argv, envp));
}

/* It may wait for libc's locks: not critical. */
GP_EXPORT FILE *popen(const char *command, const char *mode)
{
	FILE *f;

	if (gp_self)
		gp_signal_expose(gp_self->sigmask);
	f = real_popen(command, mode);
	if (gp_self)
		gp_signal_sync();
	return f;
}
GP_ALIAS_OF(_IO_popen, popen);

/*
 * While it waits SIGCHLD is blocked, for the caller. libc blocks it in the kernel, for all: said to be unknown, the kernel's mask is
 * set right at the first switch, and again when libc has put its own idea of it back.
 */
GP_EXPORT int system(const char *command)
{
	struct greenlet *g = gp_self;
	uint64_t before;
	int r;

	if (!g || !command)
		return real_system(command);
	before = g->sigmask;
	gp_signal_mask(g, before | gp_sigbit(SIGCHLD));
	gp_signal_expose(before);
	gp_signal_unsure();
	r = real_system(command);
	gp_signal_unsure();
	gp_signal_mask(g, before);
	return r;
}
GP_ALIAS_OF(__libc_system, system);
