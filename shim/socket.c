/*
 * <sys/socket.h>: connect and accept, which have no MSG_DONTWAIT and find their own way, and what makes, tunes and ends a socket.
 * recv is in socket_recv.c, send in socket_send.c.
 */
#include "shim.h"
#include "../runtime/io.h"
#include "../runtime/offload.h"
#include "../runtime/pollwait.h"
#include "../runtime/stop.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct connect_job { int fd; const struct sockaddr *addr; socklen_t len; };

static long connect_job(void *arg)
{
	struct connect_job *j = arg;

	return real_connect(j->fd, j->addr, j->len);
}

/* By a worker. A handler ends the system call; another preloaded shim's connect is more than that, and is left alone. */
static int connect_elsewhere(int fd, struct gp_fd *f, const struct sockaddr *addr, socklen_t len)
{
	static int no_other = -1;
	struct connect_job job = { fd, addr, len };
	bool timed = gp_fd_timeo(fd, f, POLLOUT) != GP_FOREVER;
	long r;

	if (no_other < 0)
		no_other = gp_real_is_libcs("connect");
	if (!no_other)
		return (int)gp_offload(connect_job, &job, "connect");
	do
		r = gp_offload_call(GP_PARK_CANCEL | (timed ? GP_PARK_STOP : 0), "connect", (long[7]){ SYS_connect, fd, (long)addr, len });
	while (r == -ERESTART && !timed);
	if (r == -ECANCELED)
		gp_cancel_now();
	return (int)gp_ret(r == -ERESTART ? -EINTR : r);
}

/*
 * connect has no per-call flag. A socket that only this process can see is made non-blocking for the one system call and put back
 * before anybody else runs; any other goes to a worker, since its flags belong to others too. So does AF_UNIX with a full backlog,
 * which gives EAGAIN and has no poll.
 */
static int start_connect(int fd, struct gp_fd *f, const struct sockaddr *addr, socklen_t len, bool *over)
{
	int flags, r, err;

	*over = !gp_fd_owned(f) || (flags = real_fcntl(fd, F_GETFL)) < 0;
	if (*over)
		return connect_elsewhere(fd, f, addr, len);
	real_fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	r = real_connect(fd, addr, len);
	err = errno;
	real_fcntl(fd, F_SETFL, flags);
	errno = err;
	if (r && err == EAGAIN)
		r = connect_elsewhere(fd, f, addr, len);
	return r;
}

GP_EXPORT int connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t addrlen)
{
	struct gp_fd *f;
	uint64_t timeo, deadline;
	int r, under_way, err = 0, saved = errno;
	socklen_t len = sizeof(err);
	bool over;

	if (!gp_coop(GP_F_SOCKET) || !(f = gp_fd(fd)))
		return real_connect(fd, addr, addrlen);
	gp_cancel_point();
	gp_fd_kind(fd, f);
	if (f->connects_at_once || gp_fd_nonblock(fd, f)) {
		r = real_connect(fd, addr, addrlen);
		gp_tick_io();
		return r;
	}
	/* Before the call the socket had no peer: "nothing to read" said of it meant nothing. */
	f->drained = f->full = f->hup = f->kicked = 0;
	if (!(r = start_connect(fd, f, addr.__sockaddr__, addrlen, &over))) {
		gp_tick_io();
		errno = saved;
		return 0;
	}
	if (over || (errno != EINPROGRESS && errno != EALREADY))
		return r;
	under_way = errno;
	timeo = gp_fd_timeo(fd, f, POLLOUT);
	deadline = timeo == GP_FOREVER ? timeo : gp_now() + timeo;
	for (;;) {
		struct pollfd p = { fd, POLLOUT, 0 };
		unsigned tried = gp_handlers_ran;

		if (gp_poll_now(&p, 1) > 0)
			break;
		r = gp_fdwait(&fd, POLLOUT, tried, GP_PARK_CANCEL | (deadline == GP_FOREVER ? 0 : GP_PARK_STOP), "connect", deadline);
		gp_fd_done(fd, POLLOUT);
		if (r == -ECANCELED)
			gp_cancel_now();
		if (r == -ETIMEDOUT)
			return (int)gp_ret(-under_way); /* socket(7): connect with SO_SNDTIMEO */
		if (r == -EINTR || (r == -ERESTART && deadline != GP_FOREVER) || (r && r != -ERESTART && r != -ECANCELED))
			return (int)gp_ret(r == -ERESTART ? -EINTR : r);
	}
	/* A shutdown meanwhile has taken the socket back to where it was: another connect would begin anew. */
	if (f->kicked && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) && err)
		return (int)gp_ret(-err);
	/* Decided: the second connect tells how, without waiting, and leaves the socket as a blocking one would. */
	r = real_connect(fd, addr, addrlen);
	if (!r)
		errno = saved;
	return r;
}
GP_ALIAS_OF(__connect, connect);

/* The new socket is blocking unless asked otherwise, and nobody else has it. */
static int accepted(int fd, int listener, int flags)
{
	struct gp_fd *l, *f;

	if (fd >= 0) {
		gp_fd_opened(fd, true, !!(flags & SOCK_NONBLOCK));
		if ((l = gp_fd_known(listener)) && l->kind == GP_FD_STREAM && (f = gp_fd(fd))) {
			f->kind = GP_FD_STREAM;
			f->parts = l->parts;
		}
	}
	return fd;
}

static bool accepts(int fd, struct gp_fd *f)
{
	int on = 0;
	socklen_t len = sizeof(on);

	if (f->listening)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) || !on)
		return false;
	gp_fd_kind(fd, f);
	f->listening = 1;
	return true;
}

/*
 * Ready, says poll, but another process with the same socket may be faster, and then accept would wait, and all greenlets with it. No flag
 * of the socket may be touched, since it is theirs too.
 */
static int accept_shared(int fd, __SOCKADDR_ARG addr, socklen_t *addrlen, int flags)
{
	struct pollfd p = { fd, POLLIN, 0 };
	long r;

	/* Stopped for the time alone, on a busy machine before the call had begun: no edge will tell of the connection that is there. */
	do
		r = gp_stop_soon((long[7]){ SYS_accept4, fd, (long)addr.__sockaddr__, (long)addrlen, flags });
	while (r == -EINTR && gp_poll_now(&p, 1) == 1);
	return (int)gp_ret(r == -EINTR ? -EAGAIN : r);
}

static int wait_and_accept(int fd, __SOCKADDR_ARG addr, socklen_t *addrlen, int flags)
{
	struct gp_io io = gp_io(fd, POLLIN, 0, "accept");
	struct pollfd p = { .events = POLLIN };

	if (!accepts(fd, io.f)) /* an error at once, whatever poll says */
		return real_accept4(fd, addr, addrlen, flags);
	while (gp_io_next(&io)) {
		p.fd = io.fd;
		/* Another greenlet cannot come in between poll and accept; another process may (it shares the listening socket). */
		if (gp_poll_now(&p, 1) == 0 && !gp_fd_nonblock(io.fd, io.f)) {
			io.ret = -1;
			errno = EAGAIN;
		} else if (!gp_fd_owned(io.f) && !gp_fd_nonblock(io.fd, io.f))
			io.ret = accept_shared(io.fd, addr, addrlen, flags);
		else
			io.ret = real_accept4(io.fd, addr, addrlen, flags);
	}
	return accepted((int)gp_io_end(&io, 0), fd, flags);
}

GP_EXPORT int accept(int fd, __SOCKADDR_ARG addr, socklen_t *restrict addrlen)
{
	if (!gp_coop(GP_F_SOCKET) || !gp_fd(fd))
		return accepted(real_accept(fd, addr, addrlen), fd, 0);
	return wait_and_accept(fd, addr, addrlen, 0);
}

GP_EXPORT int accept4(int fd, __SOCKADDR_ARG addr, socklen_t *restrict addrlen, int flags)
{
	if (!gp_coop(GP_F_SOCKET) || !gp_fd(fd) || (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)))
		return accepted(real_accept4(fd, addr, addrlen, flags), fd, flags);
	return wait_and_accept(fd, addr, addrlen, flags);
}

GP_EXPORT int socket(int domain, int type, int protocol)
{
	int fd = real_socket(domain, type, protocol);
	struct gp_fd *f;

	if (fd >= 0)
		gp_fd_opened(fd, true, !!(type & SOCK_NONBLOCK));
	if (gp_sched.live && (f = gp_fd_known(fd)))
		gp_fd_socket(f, domain, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC));
	return fd;
}
GP_ALIAS_OF(__socket, socket);

GP_EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
	int r = real_socketpair(domain, type, protocol, fds);

	if (!r)
		for (int i = 0; i < 2; i++)
			gp_fd_opened(fds[i], true, !!(type & SOCK_NONBLOCK));
	return r;
}

GP_EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int r = real_setsockopt(fd, level, name, value, len);

	if (!r && level == SOL_SOCKET && name == SO_LINGER && ((const struct linger *)value)->l_onoff)
		gp_fd_lingers = true;
	if (!r && gp_sched.live && level == SOL_SOCKET) {
		struct gp_fd *f = gp_fd(fd);

		if (f && (name == SO_RCVTIMEO || name == SO_SNDTIMEO)) {
			f->opts_known = 0;
			*(name == SO_RCVTIMEO ? &f->rcv_at_once : &f->snd_at_once) = ((const struct timeval *)value)->tv_sec < 0;
		}
		if (f && name == SO_RCVLOWAT)
			gp_fd_changed(fd);
	}
	return r;
}

/* The kernel wakes who waits in the call itself; not every such wake-up is an edge. */
GP_EXPORT int shutdown(int fd, int how)
{
	int r = real_shutdown(fd, how);

	if (gp_sched.live) {
		int saved = errno;

		gp_fd_kick(fd);
		errno = saved;
	}
	return r;
}
