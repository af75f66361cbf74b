/*
 * <unistd.h>: what makes a process of this one or another program of it. The kernel's mask is that of all greenlets; a program that is
 * started gets the caller's.
 */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/fork.h"
#include "../runtime/offload.h"
#include "../runtime/signal.h"

#include <sched.h>
#include <stdarg.h>
#include <unistd.h>

/* Like fork, but without the handlers of pthread_atfork: ours is one of them. */
GP_EXPORT pid_t _Fork(void)
{
	if (!gp_self)
		gp_fd_shared();
	return (pid_t)gp_fork_raw(real__Fork(), false);
}

GP_EXPORT int unshare(int flags)
{
	if (gp_self)
		gp_offload_renew();
	return real_unshare(flags);
}

struct child {
	int (*fn)(void *);
	void *arg;
	bool shares_table;
};

static int copied(void *arg)
{
	struct child *c = arg;

	gp_fork_raw(0, c->shares_table);
	return c->fn(c->arg);
}

static int vforked(void *arg)
{
	struct child *c = arg;

	gp_vfork_return(0);
	return c->fn(c->arg);
}

/*
 * A child that has a copy of our memory, or ours until it execs or ends. Others are threads without the name, which run beside us on the
 * thread pointer that they were given: what they call is their affair.
 */
GP_EXPORT int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	struct child c = { fn, arg, flags & CLONE_FILES };
	int *parent_tid, *child_tid, r;
	void *tls;
	va_list ap;

	va_start(ap, arg);
	parent_tid = va_arg(ap, int *);
	tls = va_arg(ap, void *);
	child_tid = va_arg(ap, int *);
	va_end(ap);
	if (!gp_sched.live)
		gp_fd_early_lost = true;
	if (!gp_self || !fn || (flags & (CLONE_THREAD | CLONE_SETTLS)) || (flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM)
		return real_clone(fn, stack, flags, arg, parent_tid, tls, child_tid);
	if (flags & CLONE_VM) {
		gp_vfork_prepare();
		r = real_clone(vforked, stack, flags, &c, parent_tid, tls, child_tid);
		return gp_vfork_return(r < 0 ? -errno : r);
	}
	return (int)gp_fork_raw(real_clone(copied, stack, flags, &c, parent_tid, tls, child_tid), c.shares_table);
}
GP_ALIAS_OF(__clone, clone);

/* No signal is handled between here and the new program, which could put the mask back. */
static void before(void)
{
	if (gp_self) {
		gp_enter();
		gp_signal_expose(gp_self->sigmask);
	}
}

static int failed(int r)
{
	if (gp_self) {
		gp_signal_sync();
		gp_leave();
	}
	return r;
}

GP_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	before();
	return failed(real_execve(path, argv, envp));
}

GP_EXPORT int execv(const char *path, char *const argv[])
{
	before();
	return failed(real_execv(path, argv));
}

GP_EXPORT int execvp(const char *file, char *const argv[])
{
	before();
	return failed(real_execvp(file, argv));
}

GP_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	before();
	return failed(real_execvpe(file, argv, envp));
}

GP_EXPORT int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	before();
	return failed(real_execveat(dir, path, argv, envp, flags));
}

GP_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	before();
	return failed(real_fexecve(fd, argv, envp));
}

static size_t count(va_list ap)
{
	size_t n = 1;

	while (va_arg(ap, char *))
		n++;
	return n;
}

/* argv on the caller's stack, as in libc: exec may be called where malloc may not. */
#define COLLECT(argv, first, ap)                                                                                               \
	va_start(ap, first);                                                                                                   \
	char *argv[count(ap) + 1];                                                                                             \
	va_end(ap);                                                                                                            \
	va_start(ap, first);                                                                                                   \
	argv[0] = (char *)first;                                                                                               \
	for (size_t i_ = 0; argv[i_];)                                                                                         \
		argv[++i_] = va_arg(ap, char *)

GP_EXPORT int execl(const char *path, const char *arg, ...)
{
	va_list ap;

	COLLECT(argv, arg, ap);
	va_end(ap);
	before();
	return failed(real_execv(path, argv));
}

GP_EXPORT int execlp(const char *file, const char *arg, ...)
{
	va_list ap;

	COLLECT(argv, arg, ap);
	va_end(ap);
	before();
	return failed(real_execvp(file, argv));
}

GP_EXPORT int execle(const char *path, const char *arg, ...)
{
	char **envp;
	va_list ap;

	COLLECT(argv, arg, ap);
	envp = va_arg(ap, char **);
	va_end(ap);
	before();
	return failed(real_execve(path, argv, envp));
}
