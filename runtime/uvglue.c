/*
 * uvglue.c - what the private libuv finds in place of some of libc's names (scripts/uv-private redirects NAME to gp_uv_NAME).
 *
 * Its other imports that we interpose go to the originals. These here need more: the descriptors of its loop must be high and out
 * of the program's reach, and a static archive that was not compiled for shared objects cannot refer to libc's variables.
 */
#include "fdwait.h"
#include "hub.h"
#include "real.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

/* Read by uv_os_environ, uv_spawn and the UDP and printing functions, none of which is called. */
extern FILE _IO_2_1_stderr_;
char **gp_uv_environ;
const struct in6_addr gp_uv_in6addr_any = IN6ADDR_ANY_INIT;
FILE *gp_uv_stderr = &_IO_2_1_stderr_;

int gp_uv_epoll_create1(int flags);
int gp_uv_epoll_wait(int set, struct epoll_event *events, int max, int ms);
int gp_uv_epoll_pwait(int set, struct epoll_event *events, int max, int ms, const sigset_t *mask);
int gp_uv_epoll_ctl(int set, int op, int fd, struct epoll_event *ev);
ssize_t gp_uv_write(int fd, const void *buf, size_t n);
int gp_uv_eventfd(unsigned count, int flags);
int gp_uv_pipe2(int fds[2], int flags);
int gp_uv_fcntl64(int fd, int cmd, long arg);
int gp_uv___open64_2(const char *path, int flags);
int gp_uv_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
long gp_uv_syscall(long nr, long a, long b, long c, long d, long e, long f);

/* What else the kernel may say (no memory; EPERM of a filter) libuv would abort for. It is told of an event, and so comes back to us. */
static int something_else(struct epoll_event *events)
{
	events->events = EPOLLIN;
	events->data.fd = gp_fd_epoll();
	return 1;
}

/* The program's raw close has hit the loop: it is put right at the same number and the call made again. libuv itself would abort. */
int gp_uv_epoll_wait(int set, struct epoll_event *events, int max, int ms)
{
	return gp_uv_epoll_pwait(set, events, max, ms, NULL);
}

/* No cancellation point, unlike the named one: in the hub nobody is to be cancelled. */
static int wait_for_events(int set, struct epoll_event *events, int max, int ms, const sigset_t *mask)
{
	return (int)real_syscall(SYS_epoll_pwait, set, events, max, ms, mask, sizeof(uint64_t));
}

int gp_uv_epoll_pwait(int set, struct epoll_event *events, int max, int ms, const sigset_t *mask)
{
	unsigned ran = gp_handlers_ran;
	int r = gp_hub_deaf ? something_else(events) : wait_for_events(set, events, max, ms, mask);

	if (r < 0 && errno == EBADF && gp_hub_repair())
		r = wait_for_events(set, events, max, ms, mask);
	if (r < 0 && errno == EINTR && ran == gp_handlers_ran) {
		gp_sched_stopped();
		return something_else(events); /* libuv would wait on */
	}
	return r < 0 && errno != EINTR && gp_hub_deafen() ? something_else(events) : r;
}

int gp_uv_epoll_ctl(int set, int op, int fd, struct epoll_event *ev)
{
	int r = epoll_ctl(set, op, fd, ev);

	return r && errno != EEXIST && gp_hub_deafen() ? 0 : r;
}

ssize_t gp_uv_write(int fd, const void *buf, size_t n)
{
	ssize_t r = real_write(fd, buf, n);

	return r < 0 && errno == EBADF && gp_hub_repair() ? real_write(fd, buf, n) : r;
}

static int adopt(int fd)
{
	if (fd < 0)
		return fd;
	fd = gp_fd_adopt(fd);
	if (fd < 0) {
		errno = -fd;
		return -1;
	}
	return fd;
}

int gp_uv_epoll_create1(int flags)
{
	return adopt(epoll_create1(flags));
}

int gp_uv_eventfd(unsigned count, int flags)
{
	return adopt(real_eventfd(count, flags));
}

/* libuv makes one pipe for the whole process, and aborts where it gets none: so that one is made before anything is libuv's. */
static int spare[2] = { -1, -1 };

int gp_uv_prepare(void)
{
	static bool done;

	if (!done && gp_uv_pipe2(spare, O_CLOEXEC)) {
		spare[0] = spare[1] = -1;
		return -errno;
	}
	done = true;
	return 0;
}

int gp_uv_pipe2(int fds[2], int flags)
{
	int r, high;

	if (spare[0] >= 0 && flags == O_CLOEXEC && fds != spare) {
		memcpy(fds, spare, sizeof(spare));
		spare[0] = spare[1] = -1;
		return 0;
	}
	r = real_pipe2(fds, flags);
	if (r)
		return r;
	high = adopt(fds[0]);
	if (high < 0) {
		int err = errno;

		real_close(fds[1]);
		errno = err;
		return -1;
	}
	fds[0] = high;
	fds[1] = adopt(fds[1]);
	if (fds[1] >= 0)
		return 0;
	gp_uv_syscall(SYS_close, high, 0, 0, 0, 0, 0);
	return -1;
}

int gp_uv_fcntl64(int fd, int cmd, long arg)
{
	return real_fcntl(fd, cmd, arg);
}

int gp_uv___open64_2(const char *path, int flags)
{
	return real_open64(path, flags);
}

/* libuv would make new pipes and reset its pool in the child of every fork; the child that needs a hub starts a new one. */
int gp_uv_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	(void)prepare, (void)parent, (void)child;
	return 0;
}

/* libuv closes with the system call itself. From 1.45 on it would make io_uring rings (425 to 427): descriptors, memory and kernel
 * threads that nobody asked for; refused, it uses epoll as before. */
long gp_uv_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr >= SYS_io_uring_setup && nr <= SYS_io_uring_register) {
		errno = ENOSYS;
		return -1;
	}
	if (nr == SYS_close && gp_fd_is_ours((int)a))
		gp_fd_disown((int)a);
	return real_syscall(nr, a, b, c, d, e, f);
}
