#include "childwait.h"
#include "fdwait.h"
#include "real.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_FIRST 1000000ull /* ns between looks, doubling, where there is no pidfd (before Linux 5.3, or refused by a filter) */
#define TICK_LAST  50000000ull

static bool ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return real_syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT, NULL) || info.si_pid;
}

int gp_child_wait(pid_t pid, unsigned flags, const char *why)
{
	int saved = errno, own = gp_fd_adopt((int)real_syscall(SYS_pidfd_open, pid, 0)), fd = own, r = 0;
	uint64_t tick = TICK_FIRST;
	unsigned tried;

	while (r != -ECANCELED && (tried = gp_handlers_ran, !ended(pid))) {
		if (fd >= 0)
			r = gp_fdwait(&fd, POLLIN, tried, flags | GP_PARK_NOTIME, why, GP_FOREVER);
		else
			r = gp_park(flags | GP_PARK_NOTIME, why, (void *)(intptr_t)pid, gp_now() + tick);
		tick = tick * 2 < TICK_LAST ? tick * 2 : TICK_LAST;
	}
	if (fd != own) { /* the program wanted the number: it waited at another */
		gp_fd_done(fd, POLLIN);
	} else if (own >= 0) {
		gp_fd_closing(own);
		gp_fd_disown(own);
		real_close(own);
	}
	errno = saved;
	return r == -ECANCELED ? r : 0;
}
