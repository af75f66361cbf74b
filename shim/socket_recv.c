/* <sys/socket.h>: recv and its kin. */
#include "shim.h"
#include "../runtime/io.h"
#include "../runtime/iov.h"

#include <sys/socket.h>

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
	if (io.ret >= 0 && msg->msg_controllen)
		received_fds(msg);
	return io.ret;
}

static int all_received_fds(int n, const struct mmsghdr *vec)
{
	for (int i = 0; i < n; i++)
		received_fds(&vec[i].msg_hdr);
	return n;
}

GP_EXPORT int recvmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags, struct timespec *timeout)
{
	struct timespec ts;
	uint64_t deadline = GP_FOREVER;
	unsigned got = 0;
	struct gp_io io;

	if (!gp_coop(GP_F_SOCKET) || (flags & NEVER_WAITS))
		return all_received_fds(real_recvmmsg(fd, vec, n, flags, timeout), vec);
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
	if (got) {
		io.ret = 0;
		io.err = 0;
	}
	io.ret = gp_io_end(&io, 0);
	if (got && timeout && deadline != GP_FOREVER) { /* the kernel writes back what is left */
		uint64_t now = gp_now(), left = deadline > now ? deadline - now : 0;

		ts = (struct timespec){ (time_t)(left / GP_NSEC), (long)(left % GP_NSEC) };
		if (gp_copy_out(timeout, &ts, sizeof(ts)))
			return (int)gp_ret(-EFAULT);
	}
	return got ? all_received_fds((int)got, vec) : (int)io.ret;
}
