#include "aiocopy.h"
#include "notify.h"

#include <stdlib.h>

struct copy {
	struct aiocb cb;
	struct copy *next;
	struct aiocb *orig;    /* NULL: told */
	struct sigevent event; /* the program's */
	int before;            /* its error then */
	pthread_attr_t attr;
};

bool gp_aio_any;
static struct copy *copies; /* under the lock of the notices: libc's threads come here, too */

static void tell(struct copy *c)
{
	int error = __atomic_load_n(&c->cb.__error_code, __ATOMIC_ACQUIRE);

	if (!c->orig || error == EINPROGRESS)
		return;
	c->orig->__return_value = c->cb.__return_value;
	__atomic_store_n(&c->orig->__error_code, error, __ATOMIC_RELEASE);
	c->orig = NULL;
}

void gp_aio_tell(void)
{
	if (!gp_aio_any)
		return;
	gp_notice_lock();
	for (struct copy *c = copies; c; c = c->next)
		tell(c);
	gp_notice_unlock();
}

static void tell_and_take_out(struct copy *gone)
{
	struct copy **p = &copies;

	gp_notice_lock();
	tell(gone);
	while (*p && *p != gone)
		p = &(*p)->next;
	if (*p)
		*p = gone->next;
	gp_aio_any = copies;
	gp_notice_unlock();
}

/* In libc's thread. */
static void arrived(union sigval value)
{
	struct copy *c = value.sival_ptr;

	tell_and_take_out(c);
	gp_notice_run(&c->event);
	free(c);
}

struct aiocb *gp_aio_request(struct aiocb *cb)
{
	struct copy *c;

	if (!gp_notice_wanted(&cb->aio_sigevent) || !(c = malloc(sizeof(*c))))
		return cb;
	*c = (struct copy){ .cb = *cb, .orig = cb, .event = cb->aio_sigevent, .before = cb->__error_code };
	gp_notice_copy(&c->event, &c->attr);
	c->cb.aio_sigevent.sigev_notify_function = arrived;
	c->cb.aio_sigevent.sigev_notify_attributes = NULL;
	c->cb.aio_sigevent.sigev_value.sival_ptr = c;
	c->cb.__error_code = cb->__error_code = EINPROGRESS;
	gp_notice_lock();
	for (struct copy *old = copies; old; old = old->next)
		if (old->orig == cb) /* used again before the end of the last was told */
			old->orig = NULL;
	c->next = copies;
	copies = c;
	gp_aio_any = true;
	gp_notice_unlock();
	return &c->cb;
}

void gp_aio_failed(struct aiocb *cb, struct aiocb *theirs)
{
	struct copy *c = gp_container(theirs, struct copy, cb);

	if (theirs == cb)
		return;
	if (c->cb.__error_code == EINPROGRESS) /* libc had no room, and has not touched it */
		c->cb.__error_code = c->before;
	tell_and_take_out(c);
	free(c);
}

const struct aiocb *gp_aio_theirs(const struct aiocb *cb)
{
	const struct aiocb *found = cb;

	if (!gp_aio_any || !cb)
		return cb;
	gp_notice_lock();
	for (struct copy *c = copies; c; c = c->next)
		if (c->orig == cb)
			found = &c->cb;
	gp_notice_unlock();
	return found;
}

void gp_aio_forget(void)
{
	copies = NULL;
	gp_aio_any = false;
}
