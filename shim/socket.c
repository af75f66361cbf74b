/* <sys/socket.h>. send and recv wait in runtime/io.c; connect and accept, which have no MSG_DONTWAIT, find their own way below. */
#include "shim.h"
#include "../runtime/io.h"
#include "../runtime/iov.h"
#include "../runtime/offload.h"
#include "../runtime/stop.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* These never wait, whatever the socket (net/ipv4/tcp.c: tcp_recv_urg; ip_recv_error). */
#define NEVER_WAITS (MSG_OOB | MSG_ERRQUEUE)

/*
 * MSG_WAITALL on a stream: the kernel's loop, in pieces. With MSG_PEEK nothing is consumed, so each round looks at all of it again.
 */
static ssize_t recv_all(int fd, char *buf, size_t len, int flags)
{
	struct gp_io io = gp_io(fd, POLLIN, flags, "recv");

	if (flags & MSG_PEEK) {
		while (gp_io_next(&io)) {
			io.ret = real_recv(io.fd, buf, len, flags | MSG_DONTWAIT);
			if (io.ret > 0 && (size_t)io.ret < len && !io.f->hup) { /* not all of it yet: an edge will tell of more */
				io.ret = -1;
				errno = EAGAIN;
			}
		}
		io.f->drained = 0; /* it is still there to be read */
		if (io.ret < 0 && (io.err == EINTR || io.err == EAGAIN)) /* what there is, as tcp_recvmsg does when interrupted */
			return real_recv(io.fd, buf, len, (flags & ~MSG_WAITALL) | MSG_DONTWAIT);
		return gp_io_end(&io, 0);
	}
	gp_io_all(&io, len);
	while (gp_io_next(&io))
		io.ret = real_recv(io.fd, buf + io.done, len - io.done, flags | MSG_DONTWAIT);
	return gp_io_end(&io, 0);
}

static bool stream(int fd)
{
	struct gp_fd *f = gp_fd(fd);

	return f && gp_fd_kind(fd, f) == GP_FD_STREAM;
}

GP_EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	struct gp_io io;

	if (!gp_coop(GP_F_SOCKET) || (flags & NEVER_WAITS))
		return real_recv(fd, buf, len, flags);
	if (gp_unlikely(flags & MSG_WAITALL) && stream(fd))
		return recv_all(fd, buf, len, flags);
	io = gp_io(fd, POLLIN, flags, "recv");
	while (gp_io_next(&io))
		io.ret = real_recv(io.fd, buf, len, flags | MSG_DONTWAIT);
	return gp_io_end(&io, flags & MSG_PEEK ? 0 : len);
}
GP_ALIAS_OF(__recv, recv);

GP_EXPORT ssize_t recvfrom(int fd, void *restrict buf, size_t len, int flags, __SOCKADDR_ARG addr, socklen_t *restrict addrlen)
{
	struct gp_io io;

	if (!gp_coop(GP_F_SOCKET) || (flags & NEVER_WAITS))
		return real_recvfrom(fd, buf, len, flags, addr, addrlen);
	if (gp_unlikely(flags & MSG_WAITALL) && stream(fd) && !addr.__sockaddr__)
		return recv_all(fd, buf, len, flags);
	io = gp_io(fd, POLLIN, flags, "recvfrom");
	while (gp_io_next(&io))
		io.ret = real_recvfrom(io.fd, buf, len, flags | MSG_DONTWAIT, addr, addrlen);
	return gp_io_end(&io, flags & MSG_PEEK ? 0 : len);
}

/* Descriptors came in with the message: their numbers may have meant something else before. */
static void received_fds(const struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++)
				gp_fd_opened(((int *)CMSG_DATA(c))[i], false, -1);
}

/* MSG_WAITALL on a stream: what is left of the vector is filled in further rounds. Control data come with the first. */
static ssize_t recvmsg_all(int fd, struct msghdr *msg, int flags)
{
	struct gp_io io = gp_io(fd, POLLIN, flags, "recvmsg");
	struct msghdr rest;
	struct gp_iov v;

	while (gp_io_next(&io)) {
		if (!io.done) {
			io.ret = real_recvmsg(io.fd, msg, flags | MSG_DONTWAIT);
			if (io.ret > 0 && gp_iov_start(&v, msg->msg_iov, msg->msg_iovlen, (size_t)io.ret))
				gp_io_all(&io, v.total);
		} else {
			rest = (struct msghdr){ .msg_iov = gp_iov_rest(&v, io.done), .msg_iovlen = v.left };
			io.ret = real_recvmsg(io.fd, &rest, flags | MSG_DONTWAIT);
		}
	}
	gp_iov_end(&v, io.want);
	return gp_io_end(&io, 0);
}

GP_EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct gp_io io;

	if (!gp_coop(GP_F_SOCKET) || (flags & NEVER_WAITS))
		io.ret = real_recvmsg(fd, msg, flags);
	else if (gp_unlikely((flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL) && stream(fd))
		io.ret = recvmsg_all(fd, msg, flags);
	else {
		io = gp_io(fd, POLLIN, flags, "recvmsg");
		while (gp_io_next(&io))
			io.ret = real_recvmsg(io.fd, msg, flags | MSG_DONTWAIT);
		io.ret = gp_io_end(&io, 0);
	}
	if (io.ret >= 0 && msg->msg_controllen && gp_sched.live)
		received_fds(msg);
	return io.ret;
}

GP_EXPORT int recvmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags, struct timespec *timeout)
{
	struct timespec ts;
	uint64_t deadline = GP_FOREVER;
	unsigned got = 0;
	struct gp_io io;

	if (!gp_coop(GP_F_SOCKET) || (flags & NEVER_WAITS))
		return real_recvmmsg(fd, vec, n, flags, timeout);
	if (timeout) {
		if (gp_copy_in(&ts, timeout, sizeof(ts)))
			return (int)gp_ret(-EFAULT);
		if (!gp_timespec_ok(&ts) || ts.tv_sec < 0)
			return (int)gp_ret(-EINVAL);
		deadline = gp_deadline(&ts, CLOCK_MONOTONIC, true);
	}
	io = gp_io(fd, POLLIN, flags, "recvmmsg");
	while (gp_io_next(&io)) {
		/* recvmmsg(2): the time-out is looked at after each datagram that came, and only then. */
		int r = real_recvmmsg(io.fd, vec + got, timeout ? 1 : n - got, (flags & ~MSG_WAITFORONE) | MSG_DONTWAIT, NULL);

		io.ret = r;
		if (r <= 0)
			continue;
		got += (unsigned)r;
		if (got < n && !(flags & (MSG_WAITFORONE | MSG_DONTWAIT)) && gp_now() < deadline) {
			io.ret = -1;
			errno = EAGAIN;
		}
	}
	if (timeout && deadline != GP_FOREVER) { /* the kernel writes back what is left */
		uint64_t now = gp_now(), left = deadline > now ? deadline - now : 0;

		*timeout = (struct timespec){ (time_t)(left / GP_NSEC), (long)(left % GP_NSEC) };
	}
	if (got) {
		io.ret = 0;
		io.err = 0;
	}
	io.ret = gp_io_end(&io, 0);
	return got ? (int)got : (int)io.ret;
}

/* A second try after a partial send must not raise SIGPIPE: native would have reported the count first. */
static int again(const struct gp_io *io, int flags)
{
	return flags | MSG_DONTWAIT | (io->done ? MSG_NOSIGNAL : 0);
}

GP_EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	struct gp_io io;

	if (!gp_coop(GP_F_SOCKET))
		return real_send(fd, buf, len, flags);
	io = gp_io(fd, POLLOUT, flags, "send");
	gp_io_all(&io, len);
	while (gp_io_next(&io))
		io.ret = real_send(io.fd, (const char *)buf + io.done, len - io.done, again(&io, flags));
	return gp_io_end(&io, 0);
}
GP_ALIAS_OF(__send, send);

GP_EXPORT ssize_t sendto(int fd, const void *buf, size_t len, int flags, __CONST_SOCKADDR_ARG addr, socklen_t addrlen)
{
	struct gp_io io;

	if (!gp_coop(GP_F_SOCKET))
		return real_sendto(fd, buf, len, flags, addr, addrlen);
	io = gp_io(fd, POLLOUT, flags, "sendto");
	gp_io_all(&io, len);
	while (gp_io_next(&io))
		io.ret = real_sendto(io.fd, (const char *)buf + io.done, len - io.done, again(&io, flags), addr, addrlen);
	return gp_io_end(&io, 0);
}

/* Descriptors that leave with a message are shared from then on. */
static void sent_control(const struct msghdr *msg)
{
	if (msg->msg_controllen)
		gp_fd_shared();
}

GP_EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct gp_iov v;
	struct msghdr rest;
	struct gp_io io;

	if (!gp_coop(GP_F_SOCKET)) {
		ssize_t n = real_sendmsg(fd, msg, flags);

		if (n >= 0 && gp_sched.live)
			sent_control(msg);
		return n;
	}
	io = gp_io(fd, POLLOUT, flags, "sendmsg");
	while (gp_io_next(&io)) {
		if (!io.done) {
			io.ret = real_sendmsg(io.fd, msg, flags | MSG_DONTWAIT);
			if (io.ret < 0)
				continue;
			sent_control(msg); /* the kernel has accepted the structure: reading it is safe now */
			if (gp_iov_start(&v, msg->msg_iov, msg->msg_iovlen, (size_t)io.ret))
				gp_io_all(&io, v.total);
		} else {
			rest = *msg;
			rest.msg_control = NULL; /* ancillary data go with the first bytes */
			rest.msg_controllen = 0;
			rest.msg_iov = gp_iov_rest(&v, io.done);
			rest.msg_iovlen = v.left;
			io.ret = real_sendmsg(io.fd, &rest, again(&io, flags));
		}
	}
	gp_iov_end(&v, io.want);
	return gp_io_end(&io, 0);
}

GP_EXPORT int sendmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags)
{
	unsigned sent = 0;
	int saved = errno;

	if (!gp_coop(GP_F_SOCKET))
		return real_sendmmsg(fd, vec, n, flags);
	if (n > 1024) /* UIO_MAXIOV, as the kernel caps it */
		n = 1024;
	while (sent < n) {
		int r = real_sendmmsg(fd, vec + sent, n - sent, flags | MSG_DONTWAIT);

		if (r > 0)
			sent += (unsigned)r;
		else if (r < 0 && errno != EAGAIN)
			return sent ? (errno = saved, (int)sent) : r;
		else { /* the one that is stuck waits as sendmsg does, and sets its length */
			ssize_t one = sendmsg(fd, &vec[sent].msg_hdr, flags);

			if (one < 0)
				return sent ? (errno = saved, (int)sent) : -1;
			vec[sent++].msg_len = (unsigned)one;
		}
	}
	gp_tick_io();
	errno = saved;
	return (int)sent;
}
GP_ALIAS_OF(__sendmmsg, sendmmsg);

struct connect_job { int fd; const struct sockaddr *addr; socklen_t len; };

static long connect_job(void *arg)
{
	struct connect_job *j = arg;

	return real_connect(j->fd, j->addr, j->len);
}

/*
 * connect has no per-call flag. A socket that only this process can see is made non-blocking for the one system call and put back
 * before anybody else runs; any other goes to a worker, since its flags belong to others too. So does AF_UNIX with a full backlog,
 * which gives EAGAIN and has no poll.
 */
static int start_connect(int fd, struct gp_fd *f, const struct sockaddr *addr, socklen_t len)
{
	struct connect_job job = { fd, addr, len };
	int flags, r, err;

	if (!gp_fd_owned(f) || (flags = real_fcntl(fd, F_GETFL)) < 0)
		return (int)gp_offload(connect_job, &job, "connect");
	real_fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	r = real_connect(fd, addr, len);
	err = errno;
	real_fcntl(fd, F_SETFL, flags);
	errno = err;
	if (r && err == EAGAIN)
		r = (int)gp_offload(connect_job, &job, "connect");
	return r;
}

GP_EXPORT int connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t addrlen)
{
	struct gp_fd *f;
	uint64_t timeo, deadline;
	int r, under_way, err = 0, saved = errno;
	socklen_t len = sizeof(err);

	if (!gp_coop(GP_F_SOCKET) || !(f = gp_fd(fd)) || gp_fd_nonblock(fd, f))
		return real_connect(fd, addr, addrlen);
	gp_cancel_point();
	/* Before the call the socket had no peer: "nothing to read" said of it meant nothing. */
	f->drained = f->full = f->hup = f->kicked = 0;
	if (!(r = start_connect(fd, f, addr.__sockaddr__, addrlen)) || (errno != EINPROGRESS && errno != EALREADY)) {
		if (!r)
			gp_tick_io();
		return r;
	}
	under_way = errno;
	timeo = gp_fd_timeo(fd, f, POLLOUT);
	deadline = timeo == GP_FOREVER ? timeo : gp_now() + timeo;
	for (;;) {
		struct pollfd p = { fd, POLLOUT, 0 };

		if (real_poll(&p, 1, 0) > 0)
			break;
		r = gp_fdwait(&fd, POLLOUT, GP_PARK_CANCEL, "connect", deadline);
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
	if (fd >= 0 && gp_sched.live) {
		struct gp_fd *l = gp_fd(listener), *f;

		gp_fd_opened(fd, true, !!(flags & SOCK_NONBLOCK));
		if (l && l->kind == GP_FD_STREAM && (f = gp_fd(fd)))
			f->kind = GP_FD_STREAM;
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
	long r = gp_stop_soon((long[7]){ SYS_accept4, fd, (long)addr.__sockaddr__, (long)addrlen, flags });

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
		if (real_poll(&p, 1, 0) == 0 && !gp_fd_nonblock(io.fd, io.f)) {
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

	if (fd >= 0 && gp_sched.live)
		gp_fd_opened(fd, true, !!(type & SOCK_NONBLOCK));
	return fd;
}
GP_ALIAS_OF(__socket, socket);

GP_EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
	int r = real_socketpair(domain, type, protocol, fds);

	if (!r && gp_sched.live)
		for (int i = 0; i < 2; i++)
			gp_fd_opened(fds[i], true, !!(type & SOCK_NONBLOCK));
	return r;
}

GP_EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int r = real_setsockopt(fd, level, name, value, len);

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
