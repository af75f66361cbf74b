/*
 * <mqueue.h>. A descriptor of a message queue polls. The try that does not wait is the timed call with a time long past: it takes
 * what is there and says ETIMEDOUT where it would wait, EAGAIN where the queue is O_NONBLOCK.
 */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/notify.h"

#include <mqueue.h>
#include <poll.h>

static const struct timespec past = { 0, 0 };

struct message {
	mqd_t queue;
	bool receive;
	char *in;        /* or */
	const char *out;
	size_t len;
	unsigned *priority_in, priority_out, tried;
};

/* The kernel looks at signals first, and at the time then. One for another thread is none of ours. */
static ssize_t try(struct message *m)
{
	unsigned ran = gp_self->handlers_ran;
	ssize_t n;

	do {
		m->tried = gp_handlers_ran;
		n = m->receive ? real_mq_timedreceive(m->queue, m->in, m->len, m->priority_in, &past)
			       : real_mq_timedsend(m->queue, m->out, m->len, m->priority_out, &past);
	} while (n < 0 && errno == EINTR && ran == gp_self->handlers_ran);
	return n;
}

/* 0: try again. The clock may have been set meanwhile. */
static int park(struct message *m, short event, const struct timespec *until, const char *why)
{
	uint64_t deadline = until ? gp_deadline(until, CLOCK_REALTIME, false) : GP_FOREVER;
	int r = gp_fdwait(&m->queue, event, m->tried, GP_PARK_CANCEL, why, deadline);

	if (r == -ETIMEDOUT && until && gp_now() >= deadline && gp_deadline(until, CLOCK_REALTIME, false) > gp_now())
		return 0;
	return r == -ERESTART ? 0 : r;
}

static ssize_t exchange(struct message *m, short event, const struct timespec *until, const char *why)
{
	int saved = errno, r = 0;
	ssize_t n;

	gp_cancel_point();
	n = try(m);
	if (n >= 0 || errno != ETIMEDOUT) {
		gp_tick();
		return n;
	}
	do {
		r = park(m, event, until, why);
		n = r == -ECANCELED ? -1 : try(m); /* what came at the last moment counts */
	} while (!r && n < 0 && errno == ETIMEDOUT);
	if (n < 0 && r != -ECANCELED && errno != ETIMEDOUT)
		r = -errno;
	gp_fd_done(m->queue, event);
	if (n < 0 && r == -ECANCELED)
		gp_cancel_now();
	errno = saved;
	return n >= 0 ? n : gp_ret(r);
}

/* The kernel looks at the time first, whether it will wait or not. */
static int take_time(struct timespec *copy, const struct timespec *user)
{
	if (gp_copy_in(copy, user, sizeof(*copy)))
		return -EFAULT;
	return copy->tv_sec < 0 || !gp_timespec_ok(copy) ? -EINVAL : 0;
}

static ssize_t get(mqd_t queue, char *msg, size_t len, unsigned *priority, const struct timespec *until)
{
	struct message m = { .queue = queue, .receive = true, .in = msg, .len = len, .priority_in = priority };
	struct timespec t;
	int r;

	if (until && (r = take_time(&t, until)))
		return gp_ret(r);
	return exchange(&m, POLLIN, until ? &t : NULL, "mq_receive");
}

static int put(mqd_t queue, const char *msg, size_t len, unsigned priority, const struct timespec *until)
{
	struct message m = { .queue = queue, .out = msg, .len = len, .priority_out = priority };
	struct timespec t;
	int r;

	if (until && (r = take_time(&t, until)))
		return (int)gp_ret(r);
	return (int)exchange(&m, POLLOUT, until ? &t : NULL, "mq_send");
}

/* The header says that the time is never NULL, and the compiler believes it; the kernel takes NULL for no time-out. */
static const struct timespec *any(const struct timespec *ts)
{
	__asm__("" : "+r"(ts));
	return ts;
}

GP_EXPORT ssize_t mq_timedreceive(mqd_t queue, char *restrict msg, size_t len, unsigned *restrict priority,
				  const struct timespec *restrict until)
{
	if (!gp_coop(GP_F_IO))
		return real_mq_timedreceive(queue, msg, len, priority, until);
	return get(queue, msg, len, priority, any(until));
}

GP_EXPORT ssize_t mq_receive(mqd_t queue, char *msg, size_t len, unsigned *priority)
{
	return gp_coop(GP_F_IO) ? get(queue, msg, len, priority, NULL) : real_mq_receive(queue, msg, len, priority);
}

GP_EXPORT int mq_timedsend(mqd_t queue, const char *msg, size_t len, unsigned priority, const struct timespec *until)
{
	return gp_coop(GP_F_IO) ? put(queue, msg, len, priority, any(until)) : real_mq_timedsend(queue, msg, len, priority, until);
}

GP_EXPORT int mq_send(mqd_t queue, const char *msg, size_t len, unsigned priority)
{
	return gp_coop(GP_F_IO) ? put(queue, msg, len, priority, NULL) : real_mq_send(queue, msg, len, priority);
}

/* The kernel keeps one registration a queue, which ends when it has served. */
GP_EXPORT int mq_notify(mqd_t queue, const struct sigevent *event)
{
	struct sigevent ours;
	uintptr_t id;
	int r;

	if (!gp_notice(event, &ours, GP_NOTICE_QUEUE, &id)) {
		r = real_mq_notify(queue, event);
		if (!r)
			gp_notice_drop_all(GP_NOTICE_QUEUE, queue);
		return r;
	}
	r = real_mq_notify(queue, &ours);
	if (r) {
		gp_notice_drop(id);
	} else {
		gp_notice_drop_all(GP_NOTICE_QUEUE, queue);
		gp_notice_belongs(id, queue);
	}
	return r;
}

/* A descriptor like any other: what is remembered of its number ends with it. */
GP_EXPORT int mq_close(mqd_t queue)
{
	if (gp_unlikely(gp_sched.live)) {
		if (gp_fd_is_ours(queue))
			return (int)gp_ret(-EBADF);
		gp_fd_closing(queue);
		gp_notice_drop_all(GP_NOTICE_QUEUE, queue);
	}
	return real_mq_close(queue);
}
