/*
 * <sys/wait.h>. No child is ever reaped but by the call that asked for it, and no handler is installed: a pidfd tells when one
 * child ends; what else can happen to children (any of them, a stop) a worker waits for with WNOWAIT, which takes nothing. Then
 * the real call, with WNOHANG, says what it was.
 */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/offload.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_FIRST 1000000ull /* ns between looks beside a pidfd */
#define TICK_LAST  GP_NSEC

struct waiting {
	struct gp_wait wait;
	bool by_id;             /* waitid, else wait4 */
	idtype_t type;
	id_t id;
	pid_t pid;              /* wait4's own way to say it */
	int options;
	int *status;
	siginfo_t *info;
	struct rusage *usage;
	int pidfd;              /* -1: a worker waits */
	bool mine, closed;      /* the pidfd is ours, and has been closed by look_first */
	uint64_t tick;
	const char *why;
	long r;                 /* of the last look: 0, nothing yet */
};

/* A child that stops for its tracer is no event for its pidfd. Once that was seen, pidfds are not used any more. */
static bool tracer;

/*
 * By the system calls: libc's functions would test for cancellation, here in the middle. The kernel judges the pointers, but not
 * before there is a child to tell of: until then waitid gets one of ours, which it would otherwise fill with zeros.
 */
static long look_by_id(struct waiting *w)
{
	siginfo_t info = { .si_pid = 0 };
	long r = real_syscall(SYS_waitid, w->type, w->id, &info, w->options | WNOHANG, w->usage);

	if (!r && !info.si_pid)
		return 0;
	if (r) /* as it does for every error */
		info = (siginfo_t){ .si_signo = 0 };
	return w->info && gp_copy_out(w->info, &info, offsetof(siginfo_t, si_status) + 8) ? -EFAULT : r ? -errno : 1;
}

static long look_by_pid(struct waiting *w)
{
	int st, *status = w->status ? w->status : &st;
	long r = real_syscall(SYS_wait4, w->pid, status, w->options | WNOHANG, w->usage);

	if (r > 0 && WIFSTOPPED(*status) && !(w->options & WUNTRACED))
		tracer = true;
	return r < 0 ? -errno : r;
}

static void look(struct waiting *w)
{
	int saved = errno;

	w->r = w->by_id ? look_by_id(w) : look_by_pid(w);
	errno = saved;
}

static void close_pidfd(struct waiting *w)
{
	int saved = errno;

	if (w->pidfd >= 0 && w->mine && !w->closed && gp_fd_is_ours(w->pidfd)) {
		gp_fd_closing(w->pidfd);
		gp_fd_disown(w->pidfd);
		real_close(w->pidfd);
	}
	w->closed = true;
	errno = saved;
}

/* Before a handler runs: natively, too, a child that has ended is this call's before a handler of SIGCHLD can take it. */
static void look_first(struct gp_wait *wait)
{
	struct waiting *w = gp_container(wait, struct waiting, wait);

	look(w);
	close_pidfd(w);
}

/* Only for the end of one child, and where the kernel has pidfds (5.3) and there are descriptors left. */
static void open_pidfd(struct waiting *w)
{
	int saved = errno;

	w->closed = w->mine = false;
	w->pidfd = -1;
	if (tracer || (w->options & ~(WNOWAIT | __WNOTHREAD)) != (w->by_id ? WEXITED : 0))
		return;
	if (w->type == P_PIDFD) {
		w->pidfd = (int)w->id;
	} else if (w->type == P_PID) {
		int fd = (int)real_syscall(SYS_pidfd_open, w->id, 0);

		w->pidfd = fd < 0 ? -1 : gp_fd_adopt(fd);
		w->mine = w->pidfd >= 0;
	}
	errno = saved;
}

/* A look now and then finds the stops of a traced child. 0: look. */
static int wait_for_pidfd(struct waiting *w)
{
	uint64_t until = gp_now() + w->tick;
	int fd = w->pidfd, r = gp_fdwait(&fd, POLLIN, gp_handlers_ran, GP_PARK_CANCEL, w->why, until);

	w->pidfd = fd; /* closed, or its number wanted meanwhile: the call holds on to the file */
	if (w->type == P_PIDFD)
		w->id = (id_t)fd;
	if (r == -ETIMEDOUT && gp_now() >= until) {
		w->tick = w->tick * 2 < TICK_LAST ? w->tick * 2 : TICK_LAST;
		r = 0;
	}
	if (r && r != -EINTR && r != -ERESTART && r != -ECANCELED && r != -ETIMEDOUT) { /* the epoll set takes no more */
		close_pidfd(w);
		w->pidfd = -1;
		r = 0;
	}
	return r;
}

static int wait_for_worker(struct waiting *w)
{
	int of_wait4 = WEXITED | (w->options & (WUNTRACED | WCONTINUED | (int)__WALL | (int)__WCLONE));
	int options = w->by_id ? w->options & ~__WNOTHREAD : of_wait4;
	long r = gp_offload_call(GP_PARK_CANCEL, w->why, (long[7]){ SYS_waitid, w->type, w->id, 0, options | WNOWAIT, 0 });

	return r == -EINTR || r == -ERESTART || r == -ECANCELED || r == -ETIMEDOUT ? (int)r : 0;
}

/* The result of the last look, or -errno. */
static long wait_for_child(struct waiting *w)
{
	int r;

	w->tick = TICK_FIRST;
	open_pidfd(w);
	do {
		gp_wait_push(&w->wait, look_first);
		r = w->pidfd >= 0 ? wait_for_pidfd(w) : wait_for_worker(w);
		gp_wait_pop(&w->wait);
		if (!w->r && r != -ECANCELED && r != -EINTR)
			look(w);
		if (!w->r && w->closed)
			open_pidfd(w);
	} while (!w->r && (!r || r == -ERESTART));
	if (w->type == P_PIDFD && w->pidfd >= 0)
		gp_fd_done(w->pidfd, POLLIN);
	close_pidfd(w);
	if (!w->r && r == -ECANCELED)
		gp_cancel_now();
	return w->r ? w->r : r;
}

static long await(struct waiting *w)
{
	gp_cancel_point();
	look(w);
	if (w->r)
		gp_tick();
	else if (w->options & WNOHANG)
		gp_yield(); /* busy waiting looks like this */
	else
		w->r = wait_for_child(w);
	return w->r;
}

GP_EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	struct waiting w = { .pid = pid, .status = status, .options = options, .usage = usage, .why = "wait4" };

	if (!gp_coop(GP_F_IO))
		return real_wait4(pid, status, options, usage);
	w.type = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
	w.id = pid > 0 ? (id_t)pid : pid ? (id_t)-pid : (id_t)getpgrp();
	return (pid_t)gp_ret(await(&w));
}

GP_EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
	return gp_coop(GP_F_IO) ? wait4(pid, status, options, NULL) : real_waitpid(pid, status, options);
}
GP_ALIAS_OF(__waitpid, waitpid);

GP_EXPORT pid_t wait(int *status)
{
	return gp_coop(GP_F_IO) ? wait4(-1, status, 0, NULL) : real_wait(status);
}
GP_ALIAS_OF(__wait, wait);

GP_EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
	return gp_coop(GP_F_IO) ? wait4(-1, status, options, usage) : real_wait3(status, options, usage);
}

GP_EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	struct waiting w = { .by_id = true, .type = type, .id = id, .info = info, .options = options, .why = "waitid" };
	int flags;

	if (!gp_coop(GP_F_IO) || (options & WNOHANG))
		return real_waitid(type, id, info, options);
	/* PIDFD_NONBLOCK: EAGAIN, unlike WNOHANG */
	if (type == P_PIDFD && (flags = real_fcntl((int)id, F_GETFL)) >= 0 && (flags & O_NONBLOCK))
		return real_waitid(type, id, info, options);
	return gp_ret(await(&w)) < 0 ? -1 : 0;
}
