/*
 * <spawn.h>, and popen of <stdio.h>, which spawns inside libc: the child gets the caller's mask, and may change the flags of what it
 * inherits.
 */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/signal.h"
#include "../runtime/stdfile.h"

#include <spawn.h>
#include <stdio.h>

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
	gp_fd_shared();
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
	gp_fd_shared();
	if (gp_self)
		gp_signal_sync();
	if (f)
		gp_stdfile_adopt(f);
	return f;
}
GP_ALIAS_OF(_IO_popen, popen);
