#include "rw.h"
#include "iov.h"
#include "offload.h"
#include "pollwait.h"
#include "real.h"
#include "sigaction.h"

#include <limits.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/*
 * What the kernel does to a process in the background before it reads its terminal, stopped or refused: a read of nothing has that of it
 * and no more. A handler of SIGTTIN may be another greenlet's to run; the kernel would come back here for ever before that has its turn.
 */
static bool in_background(const struct gp_io *io)
{
	pid_t front;

	if (io->event != POLLIN || io->f->kind != GP_FD_TTY || gp_sigaction_handles(&gp_sigaction[SIGTTIN]) ||
	    (front = tcgetpgrp(io->fd)) < 0 || front == getpgrp() || tcgetsid(io->fd) != real_getsid(0))
		return false;
	return (gp_self->sigmask & gp_sigbit(SIGTTIN)) || (real_read(io->fd, NULL, 0) < 0 && errno == EIO);
}

/*
 * One try that does not wait, by kind of file:
 *  sockets         recvmsg / sendmsg with MSG_DONTWAIT
 *  pipes, eventfd  preadv2 / pwritev2 with RWF_NOWAIT, which leaves O_NONBLOCK alone
 *  ttys, inotify   RWF_NOWAIT is refused (EOPNOTSUPP): poll, then the plain call; another process that shares the file may take
 *                  the bytes in between, and we would wait for it: the one hole, as small as it can be made
 *  files           the plain call; there is nothing to wait for that poll could tell
 */
static ssize_t polled(struct gp_io *io, const struct iovec *iov, int count)
{
	struct pollfd p = { io->fd, io->event, 0 };
	struct iovec cut = { NULL, 0 };
	int fd = io->fd;
	size_t total = 0;

	/* It does not wait by itself, and knows more than poll: a FIFO that never had a writer is at its end. */
	if (gp_fd_nonblock(fd, io->f))
		return io->event == POLLIN ? real_readv(fd, iov, count) : real_writev(fd, iov, count);
	if (gp_poll_now(&p, 1) == 0) {
		errno = in_background(io) ? EIO : EAGAIN;
		return -1;
	}
	if (io->event == POLLIN)
		return real_readv(fd, iov, count);
	/* poll promises room for PIPE_BUF bytes, no more: the rest goes with the next rounds. */
	for (int i = 0; i < count; i++) {
		cut = cut.iov_len ? cut : iov[i];
		total += iov[i].iov_len;
	}
	if (total <= PIPE_BUF)
		return real_writev(fd, iov, count);
	if (cut.iov_len > PIPE_BUF)
		cut.iov_len = PIPE_BUF;
	return real_writev(fd, &cut, 1);
}

static ssize_t try(struct gp_io *io, const struct iovec *iov, int count)
{
	bool in = io->event == POLLIN;
	ssize_t n;

	switch (gp_fd_kind(io->fd, io->f)) {
	case GP_FD_STREAM:
	case GP_FD_SOCKET: {
		struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count };

		if (count == 1)
			return in ? real_recv(io->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT) :
				    real_send(io->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT | (io->done ? MSG_NOSIGNAL : 0));
		return in ? real_recvmsg(io->fd, &m, MSG_DONTWAIT) : real_sendmsg(io->fd, &m, MSG_DONTWAIT | (io->done ? MSG_NOSIGNAL : 0));
	}
	case GP_FD_PIPE:
	case GP_FD_POLL:
	case GP_FD_TTY:
		if (io->f->nowait_refused)
			return polled(io, iov, count);
		n = in ? real_preadv2(io->fd, iov, count, -1, RWF_NOWAIT) : real_pwritev2(io->fd, iov, count, -1, RWF_NOWAIT);
		if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
			io->f->nowait_refused = 1;
			return polled(io, iov, count);
		}
		return n;
	default:
		return in ? real_readv(io->fd, iov, count) : real_writev(io->fd, iov, count);
	}
}

/* read and write look at the whole range before anything else (fs/read_write.c: access_ok), unlike any call that tries without waiting. */
static bool out_of_range(const struct iovec *iov, int count)
{
	uintptr_t end;

	return count == 1 && iov->iov_len > INT_MAX && (__builtin_add_overflow((uintptr_t)iov->iov_base, iov->iov_len, &end) || end >> 47);
}

ssize_t gp_read(int fd, const struct iovec *iov, int count, size_t bytes, const char *why)
{
	struct gp_fd *f = gp_fd(fd);
	struct gp_io io;

	/* A read of nothing never waits, and recv of nothing would take a datagram (net/socket.c: sock_read_iter). */
	if (!f || !bytes || out_of_range(iov, count) || gp_fd_kind(fd, f) == GP_FD_FILE) {
		gp_cancel_point();
		gp_tick_io();
		return count == 1 ? real_read(fd, iov->iov_base, iov->iov_len) : real_readv(fd, iov, count);
	}
	io = gp_io(fd, POLLIN, 0, why);
	while (gp_io_next(&io))
		io.ret = try(&io, iov, count);
	return gp_io_end(&io, bytes);
}

/* As much as poll may be believed of a terminal: it calls it writable with room for one byte, but its buffers are larger. */
#define TTY_SURE 512

/* More might wait in the kernel for whoever reads the terminal, so a worker does. */
static ssize_t write_tty(int fd, const struct iovec *iov, int count, const char *why)
{
	long r;

	do
		r = count == 1 ? gp_offload_call(GP_PARK_CANCEL, why, (long[7]){ SYS_write, fd, (long)iov->iov_base, (long)iov->iov_len }) :
				 gp_offload_call(GP_PARK_CANCEL, why, (long[7]){ SYS_writev, fd, (long)iov, count });
	while (r == -ERESTART);
	if (r == -ECANCELED)
		gp_cancel_now();
	if (r < 0)
		errno = r == -ETIMEDOUT ? EAGAIN : (int)-r;
	return r < 0 ? -1 : r;
}

ssize_t gp_write(int fd, const struct iovec *iov, int count, size_t bytes, const char *why)
{
	struct gp_fd *f = gp_fd(fd);
	struct gp_iov v = { .orig = iov, .count = (size_t)count };
	bool started = false;
	struct gp_io io;

	if (!f || !bytes || out_of_range(iov, count) || gp_fd_kind(fd, f) == GP_FD_FILE) {
		gp_cancel_point();
		gp_tick_io();
		return count == 1 ? real_write(fd, iov->iov_base, iov->iov_len) : real_writev(fd, iov, count);
	}
	if (gp_unlikely(f->kind == GP_FD_TTY) && bytes > TTY_SURE && !gp_fd_nonblock(fd, f)) {
		gp_cancel_point();
		return write_tty(fd, iov, count, why);
	}
	io = gp_io(fd, POLLOUT, 0, why);
	gp_io_all(&io, bytes);
	while (gp_io_next(&io)) {
		if (!io.done)
			io.ret = try(&io, iov, count);
		else if (count == 1) {
			struct iovec rest = { (char *)iov->iov_base + io.done, iov->iov_len - io.done };

			io.ret = try(&io, &rest, 1);
		} else if (started || (started = gp_iov_start(&v, iov, (size_t)count, io.done))) {
			struct iovec *rest = gp_iov_rest(&v, io.done);

			io.ret = try(&io, rest, (int)v.left);
		} else
			break;
	}
	gp_iov_end(&v, started);
	return gp_io_end(&io, 0);
}
