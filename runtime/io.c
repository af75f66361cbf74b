#include "io.h"
#include "pollwait.h"
#include "real.h"

#include <fcntl.h>
#include <sys/socket.h>

#define TICK_FIRST 500000u    /* 0.5 ms */
#define TICK_MAX   10000000u

struct gp_io gp_io(int fd, short event, int flags, const char *why)
{
	struct gp_io io = { .fd = fd, .event = event, .dontwait = flags & MSG_DONTWAIT, .why = why, .saved = errno };

	gp_cancel_point();
	io.f = gp_fd(fd);
	return io;
}

/* The program's own time-out starts with the call, as the kernel's does. */
static uint64_t deadline(struct gp_io *io)
{
	if (!io->timed) {
		uint64_t t = gp_fd_timeo(io->fd, io->f, io->event);

		io->deadline = t == GP_FOREVER ? t : gp_now() + t;
		io->timed = true;
	}
	return io->deadline;
}

/*
 * EAGAIN though poll says ready: what is waited for has no poll (a full AF_UNIX datagram peer that we are not connected to). Retry on
 * a clock, as nothing else would tell us.
 */
static bool not_pollable(struct gp_io *io)
{
	struct pollfd p = { io->fd, io->event, 0 };

	return io->event == POLLOUT && io->f->kind == GP_FD_SOCKET && gp_poll_now(&p, 1) == 1 && p.revents == POLLOUT;
}

static int wait_once(struct gp_io *io)
{
	uint64_t until = deadline(io);
	unsigned flags = GP_PARK_CANCEL | (io->done || until != GP_FOREVER ? GP_PARK_STOP : io->f->kind == GP_FD_TTY ? GP_PARK_ANEW : 0);
	int r;

	if (not_pollable(io)) {
		io->tick = io->tick ? (io->tick * 2 < TICK_MAX ? io->tick * 2 : TICK_MAX) : TICK_FIRST;
		until = gp_now() + io->tick < until ? gp_now() + io->tick : until;
		r = gp_park(flags, io->why, (void *)(intptr_t)io->fd, until);
		return r == -ETIMEDOUT && until != io->deadline ? 0 : r;
	}
	r = gp_fdwait(&io->fd, io->event, io->tried_at, flags, io->why, until);
	io->f = gp_fd(io->fd);
	return r;
}

/* No edge has come since the last try. A signal ends the wait in favour of its handler, and an edge that came with it is gone by. */
static bool still_nothing(const struct gp_io *io)
{
	return io->event == POLLIN ? io->f->drained && !io->f->hup : io->f->full;
}

/* Parks until the call is worth making; false: it is over, with errno in io->err (0: partial count). */
static bool park(struct gp_io *io)
{
	unsigned ran = gp_self->handlers_ran;
	int r;

	do {
		io->parked = true;
		r = wait_once(io);
		if (r == -ECANCELED) {
			gp_fd_done(io->fd, io->event);
			gp_cancel_now();
		}
		/* signal(7): a socket call with a time-out set is never restarted; and none that has moved something. */
		if (r == -ERESTART && ran != gp_self->handlers_ran && (io->done || deadline(io) != GP_FOREVER))
			r = -EINTR;
	} while ((r == -ERESTART || r == -ECANCELED) && still_nothing(io));
	if (r == -ERESTART || r == -ECANCELED)
		return true;
	if (r == -EPERM) { /* not a file that epoll takes: the call itself never waits long */
		return true;
	}
	io->err = r == -ETIMEDOUT ? EAGAIN : -r;
	return !r;
}

/*
 * A send that waited on a connection that broke. After a partial count native reports the count now and leaves the error to the next
 * call; else the error itself, which another try would hide behind EPIPE (AF_UNIX looks at the shutdown first).
 */
static bool broken(struct gp_io *io)
{
	struct pollfd p = { io->fd, io->event, 0 };
	socklen_t len = sizeof(io->err);

	if (io->event != POLLOUT || gp_poll_now(&p, 1) <= 0 || !(p.revents & (POLLERR | POLLHUP)))
		return false;
	if (io->done)
		return true;
	return !getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &io->err, &len) && io->err;
}

/* No memory for the table of descriptors: the call waits as it would natively, and everybody with it. */
static bool wait_without_record(struct gp_io *io)
{
	struct pollfd p = { io->fd, io->event, 0 };
	int flags = real_fcntl(io->fd, F_GETFL);

	if (io->dontwait || flags < 0 || (flags & O_NONBLOCK) || real_poll(&p, 1, -1) < 0)
		return false;
	return true;
}

static void trying(struct gp_io *io)
{
	io->tried_at = gp_handlers_ran;
	__asm__ volatile("" ::: "memory");
}

/* Nothing there, or no room, until an edge comes. Of one that a handler met, in a wait of its own since the try, nobody else would know. */
static void exhausted(const struct gp_io *io, uint8_t *mark)
{
	*mark = 1;
	__asm__ volatile("" ::: "memory");
	if (gp_unlikely(io->tried_at != gp_handlers_ran))
		*mark = 0;
}

bool gp_io_next(struct gp_io *io)
{
	struct gp_fd *f = io->f;

	if (!io->tried) {
		io->tried = true;
		trying(io);
		/* What the last call on this fd learned: nothing there, and no edge since. The try would cost a system call. */
		if (gp_likely(f) && (io->event == POLLIN ? f->drained && !f->hup : f->full) && !io->dontwait && !gp_fd_nonblock(io->fd, f)) {
			io->ret = -1;
			if (!park(io))
				return false;
			trying(io);
		}
		return true;
	}
	if (io->ret >= 0) {
		if (!io->want || io->done + (size_t)io->ret >= io->want || !io->ret || io->dontwait || !f)
			return false;
		if (gp_fd_kind(io->fd, f) != GP_FD_STREAM && f->kind != GP_FD_PIPE && !f->nowait_refused) /* a terminal */
			return false;
		if (gp_fd_nonblock(io->fd, f))
			return false;
		io->done += (size_t)io->ret;
		io->ret = 0;
		trying(io);
		return true; /* the next try gives EAGAIN, or the rest */
	}
	if (errno != EAGAIN)
		return false;
	if (gp_unlikely(!f))
		return wait_without_record(io);
	if (io->dontwait || (!io->done && gp_fd_nonblock(io->fd, f)))
		return false;
	/* No edge can be lost between the try and here but by a handler: one kernel thread, and arming reports what is ready. */
	if (f->kind != GP_FD_TTY && (f->armed & (io->event == POLLIN ? POLLIN : POLLOUT)))
		exhausted(io, io->event == POLLIN ? &f->drained : &f->full);
	if (!park(io) || broken(io))
		return false;
	trying(io);
	return true;
}

ssize_t gp_io_end(struct gp_io *io, size_t asked)
{
	struct gp_fd *f = io->f;
	int err = io->err ? io->err : errno;

	if (f) {
		if (io->ret > 0 && (size_t)io->ret < asked && (f->armed & POLLIN) && !f->hup && !f->parts &&
		    (f->kind == GP_FD_STREAM || (f->kind == GP_FD_PIPE && !gp_fd_packets)))
			exhausted(io, &f->drained);
		if (gp_unlikely(io->parked || !gp_list_empty(&f->waiters)))
			gp_fd_done(io->fd, io->event);
	}
	if (!io->parked)
		gp_tick_io();
	if (io->ret > 0)
		io->done += (size_t)io->ret;
	errno = io->ret < 0 && !io->done ? err : io->saved;
	return io->done ? (ssize_t)io->done : io->ret;
}
