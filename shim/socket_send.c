/* <sys/socket.h>: send and its kin. */
#include "shim.h"
#include "../runtime/io.h"
#include "../runtime/iov.h"

#include <sys/socket.h>

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

static int sent_controls(int n, const struct mmsghdr *vec)
{
	for (int i = 0; i < n; i++)
		sent_control(&vec[i].msg_hdr);
	return n;
}

GP_EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct gp_iov v;
	struct msghdr rest;
	struct gp_io io;

	if (!gp_coop(GP_F_SOCKET)) {
		ssize_t n = real_sendmsg(fd, msg, flags);

		if (n >= 0)
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

	if (!gp_coop(GP_F_SOCKET) || !n)
		return sent_controls(real_sendmmsg(fd, vec, n, flags), vec);
	if (n > 1024) /* UIO_MAXIOV, as the kernel caps it */
		n = 1024;
	gp_cancel_point();
	while (sent < n) {
		int r = sent_controls(real_sendmmsg(fd, vec + sent, n - sent, flags | MSG_DONTWAIT), vec + sent);

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
