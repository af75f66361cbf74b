/*
 * <sys/sendfile.h>, and the splice family of <fcntl.h>. SPLICE_F_NONBLOCK makes a pipe's side not wait, whatever its flags; files
 * and descriptors that read are looked at with poll first; a socket that is written to is made non-blocking for one system call
 * where nobody else can see that, and left to a worker where somebody could.
 */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/io.h"
#include "../runtime/offload.h"
#include "../runtime/pollwait.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#define TICK 1000000u

struct end {
	int fd;
	short event;
	struct gp_fd *f;
	bool waits, parked;    /* the program lets it wait */
	bool timed;
	unsigned tried;        /* as in gp_fdwait */
	uint64_t deadline;     /* SO_RCVTIMEO, SO_SNDTIMEO */
};

struct move {
	struct end in, out;
	const char *why;
	unsigned cancel;
	long nr;               /* the system call */
	long off_in, off_out;  /* pointers, or 0 */
	size_t len, done;
	unsigned flags;
	bool all;              /* out is a socket that takes a part: go on, as the kernel would */
};

static bool open_end(struct end *e, int fd, short event)
{
	*e = (struct end){ .fd = fd, .event = event, .f = gp_fd(fd) };
	if (!e->f || gp_fd_kind(fd, e->f) == GP_FD_UNKNOWN)
		return false;
	/* What else can be polled (epoll, eventfd, timerfd) cannot be spliced, and says so at once. */
	e->waits = e->f->kind != GP_FD_FILE && e->f->kind != GP_FD_POLL && !gp_fd_nonblock(fd, e->f);
	return true;
}

static bool ready(struct end *e)
{
	struct pollfd p = { e->fd, e->event, 0 };

	e->tried = gp_handlers_ran;
	return e->f->kind == GP_FD_FILE || gp_poll_now(&p, 1);
}

/* Parks for one side: 0, or -errno. */
static int park(struct move *m, struct end *e)
{
	int r;

	if (!e->waits)
		return -EAGAIN;
	if (!e->timed) {
		uint64_t t = gp_fd_timeo(e->fd, e->f, e->event);

		e->deadline = t == GP_FOREVER ? t : gp_now() + t;
		e->timed = true;
	}
	e->parked = true;
	r = gp_fdwait(&e->fd, e->event, e->tried, m->cancel, m->why, e->deadline);
	e->f = gp_fd(e->fd);
	if (r == -ERESTART)
		return e->deadline == GP_FOREVER ? 0 : -EINTR;
	return r == -ETIMEDOUT ? -EAGAIN : r == -EPERM ? 0 : r;
}

/* The call gave EAGAIN. */
static int wait_for_ends(struct move *m)
{
	int r;

	if (!ready(&m->in))
		return park(m, &m->in);
	if (!ready(&m->out))
		return park(m, &m->out);
	if (!m->out.waits && !m->in.waits)
		return -EAGAIN;
	r = gp_park(m->cancel, m->why, NULL, gp_now() + TICK); /* somebody else came in between */
	return r == -ETIMEDOUT || r == -ERESTART ? 0 : r;
}

static long call(const struct move *m)
{
	size_t len = m->len - m->done;

	switch (m->nr) {
	case SYS_splice:
		return real_syscall(SYS_splice, m->in.fd, m->off_in, m->out.fd, m->off_out, len, m->flags | SPLICE_F_NONBLOCK);
	case SYS_tee:
		return real_syscall(SYS_tee, m->in.fd, m->out.fd, len, m->flags | SPLICE_F_NONBLOCK);
	default:
		return real_syscall(SYS_sendfile, m->out.fd, m->in.fd, m->off_in, len);
	}
}

/* As in connect: nobody else runs between the two changes. */
static long call_nonblocking(const struct move *m)
{
	int flags = real_fcntl(m->out.fd, F_GETFL), err;
	long n;

	real_fcntl(m->out.fd, F_SETFL, flags | O_NONBLOCK);
	n = call(m);
	err = errno;
	real_fcntl(m->out.fd, F_SETFL, flags);
	errno = err;
	return n;
}

static void close_end(const struct end *e)
{
	struct gp_fd *f = gp_fd(e->fd);

	if (e->parked || (f && !gp_list_empty(&f->waiters)))
		gp_fd_done(e->fd, e->event);
}

/* What has been moved, or -1 and errno. */
static ssize_t finish(struct move *m, int r)
{
	if (m->in.parked || m->out.parked) {
		close_end(&m->in);
		close_end(&m->out);
	} else
		gp_tick();
	if (m->done || !r)
		return (ssize_t)m->done;
	if (r == -ECANCELED)
		gp_cancel_now();
	return gp_ret(r);
}

static ssize_t move(struct move *m)
{
	bool look = m->in.f->kind != GP_FD_PIPE && m->in.f->kind != GP_FD_FILE, flip = m->all;
	int saved = errno, r = 0;

	if (m->cancel)
		gp_cancel_point();
	for (;;) {
		long n = -1;

		errno = EAGAIN;
		if (!look || !m->in.waits || ready(&m->in))
			n = flip ? call_nonblocking(m) : call(m);
		m->done += n > 0 ? (size_t)n : 0;
		if (!n || (n > 0 && (!m->all || m->done >= m->len)))
			break;
		if (n > 0)
			continue;
		if (errno != EAGAIN) {
			r = -errno;
			break;
		}
		if (m->done && !ready(&m->in)) /* all there was, and that is an answer */
			break;
		if ((r = wait_for_ends(m)))
			break;
	}
	errno = saved;
	return finish(m, r);
}

/* The whole call by a worker, as the program made it. */
static ssize_t by_worker(unsigned cancel, const char *why, const long c[7])
{
	long r;

	if (cancel)
		gp_cancel_point();
	do
		r = gp_offload_call(cancel, why, c);
	while (r == -ERESTART);
	if (r == -ECANCELED)
		gp_cancel_now();
	return gp_ret(r);
}

static bool flippable(const struct end *out)
{
	return out->f->kind == GP_FD_STREAM && gp_fd_owned(out->f);
}

GP_EXPORT ssize_t splice(int in, off64_t *off_in, int out, off64_t *off_out, size_t len, unsigned flags)
{
	struct move m = { .why = "splice", .cancel = GP_PARK_CANCEL, .nr = SYS_splice, .off_in = (long)off_in, .off_out = (long)off_out,
			  .len = len, .flags = flags };

	if (!gp_coop(GP_F_IO) || !open_end(&m.in, in, POLLIN) || !open_end(&m.out, out, POLLOUT))
		return real_splice(in, off_in, out, off_out, len, flags);
	if (flags & SPLICE_F_NONBLOCK) {
		m.in.waits &= m.in.f->kind != GP_FD_PIPE;
		m.out.waits &= m.out.f->kind != GP_FD_PIPE;
	}
	if (m.out.waits && m.out.f->kind != GP_FD_PIPE) {
		if (!flippable(&m.out))
			return by_worker(m.cancel, m.why,
					 (long[7]){ SYS_splice, in, (long)off_in, out, (long)off_out, (long)len, flags });
		m.all = true;
	}
	return move(&m);
}

GP_EXPORT ssize_t tee(int in, int out, size_t len, unsigned flags)
{
	struct move m = { .why = "tee", .cancel = GP_PARK_CANCEL, .nr = SYS_tee, .len = len, .flags = flags };

	if (!gp_coop(GP_F_IO) || (flags & SPLICE_F_NONBLOCK))
		return real_tee(in, out, len, flags);
	if (!open_end(&m.in, in, POLLIN) || !open_end(&m.out, out, POLLOUT))
		return real_tee(in, out, len, flags);
	return move(&m);
}

/* To a pipe it is splice (fs/read_write.c: do_sendfile); what reads from anything but a file is rare. Not a cancellation point. */
GP_EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t len)
{
	struct move m = { .why = "sendfile", .nr = SYS_sendfile, .off_in = (long)offset, .len = len };

	if (!gp_coop(GP_F_IO) || !open_end(&m.in, in, POLLIN) || !open_end(&m.out, out, POLLOUT))
		return real_sendfile(out, in, offset, len);
	if (!m.out.waits && m.in.f->kind == GP_FD_FILE) {
		gp_tick();
		return real_sendfile(out, in, offset, len);
	}
	if (m.out.waits && m.in.f->kind == GP_FD_FILE && m.out.f->kind == GP_FD_PIPE)
		m.nr = SYS_splice;
	else if (m.out.waits && m.in.f->kind == GP_FD_FILE && flippable(&m.out))
		m.all = true;
	else
		return by_worker(0, m.why, (long[7]){ SYS_sendfile, out, in, (long)offset, (long)len });
	return move(&m);
}
GP_ALIAS_OF(sendfile64, sendfile);

/* Between memory and a pipe, either way round; one wait, then as much as goes. */
GP_EXPORT ssize_t vmsplice(int fd, const struct iovec *iov, size_t count, unsigned flags)
{
	int mode;
	struct gp_io io;

	if (!gp_coop(GP_F_IO) || (flags & SPLICE_F_NONBLOCK) || (mode = real_fcntl(fd, F_GETFL)) < 0)
		return real_vmsplice(fd, iov, count, flags);
	io = gp_io(fd, (mode & O_ACCMODE) == O_RDONLY ? POLLIN : POLLOUT, 0, "vmsplice");
	while (gp_io_next(&io))
		io.ret = real_syscall(SYS_vmsplice, io.fd, iov, count, flags | SPLICE_F_NONBLOCK);
	return gp_io_end(&io, 0);
}
