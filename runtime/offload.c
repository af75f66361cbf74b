#include "offload.h"
#include "alloc.h"
#include "hub.h"
#include "real.h"
#include "stop.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>

#define STACK     (256u << 10) /* getaddrinfo with its NSS modules takes about 12 KiB; other people's modules more */
#define IDLE_SECS 5
#define END_TRIES 50           /* of a millisecond each, until a call that is told to end is given up as one that cannot */
#define WAKE_AGAIN 1000000u    /* ns */

struct job {
	struct gp_hub_call call;
	struct job *next;
	struct gp_wait wait;
	struct greenlet *g;
	long (*fn)(void *);
	void *arg;
	long result;
	int err, herr;
	unsigned era;
	bool done, left;

	/* a system call that can be ended */
	long call_of[7];
	volatile int stop;
	int over;        /* a futex: the call has returned */
	pid_t worker;    /* 0 while queued */
	bool disowned;   /* nobody waits for it any more */
};

unsigned gp_offload_threads, gp_offload_threads_max;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct job *first, **last = &first;
static unsigned queued, idle;
static unsigned era; /* counts forks: workers, and what they were doing, are not inherited */
static uintptr_t brood; /* of workers that share our descriptors and directories */

static struct job *take(void)
{
	struct job *j = first;

	if (j) {
		first = j->next;
		last = first ? last : &first;
		queued--;
	}
	return j;
}

static void finished(struct gp_hub_call *c)
{
	struct job *j = gp_container(c, struct job, call);

	j->done = true;
	if (j->disowned)
		gp_free(j);
	else if (!j->left)
		gp_ready(j->g, 0);
}

static void run(struct job *j)
{
	errno = j->err;
	h_errno = j->herr;
	j->result = j->fn(j->arg);
	j->err = errno;
	j->herr = h_errno;
	j->call.fn = finished;
	gp_hub_post(&j->call);
}

/* Waits for a job with the lock held; NULL: none came for a while, or they are for others now. */
static struct job *next_job(uintptr_t mine)
{
	struct timespec until;
	struct job *j = NULL;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += IDLE_SECS;
	idle += mine == brood;
	while (mine == brood && !(j = take()) && r != ETIMEDOUT)
		r = real_pthread_cond_timedwait(&more, &lock, &until);
	idle -= mine == brood;
	return j;
}

static void *work(void *mine)
{
	pid_t tid = (pid_t)real_syscall(SYS_gettid);

	gp_stop_worker();
	real_pthread_mutex_lock(&lock);
	for (struct job *j; (j = next_job((uintptr_t)mine));) {
		j->worker = tid;
		real_pthread_mutex_unlock(&lock);
		run(j);
		real_pthread_mutex_lock(&lock);
	}
	gp_offload_threads--;
	real_pthread_mutex_unlock(&lock);
	return NULL;
}

bool gp_native_thread(void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t t;
	sigset_t all, old;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&all);
	real_pthread_sigmask(SIG_SETMASK, &all, &old);
	r = real_pthread_create(&t, &attr, fn, arg);
	if (r == EINVAL) { /* the program's static TLS does not fit on it */
		pthread_attr_destroy(&attr);
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		r = real_pthread_create(&t, &attr, fn, arg);
	}
	real_pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return !r;
}

static bool make_worker(void)
{
	if (!gp_native_thread(work, (void *)brood))
		return false;
	if (++gp_offload_threads > gp_offload_threads_max)
		gp_offload_threads_max = gp_offload_threads;
	return true;
}

/* False where nobody would ever take it. A worker that was woken but has not run yet still counts as idle: hence the comparison. */
static bool submit(struct job *j)
{
	bool ok;

	gp_enter(); /* a handler that offloads too must not meet the lock held under it */
	real_pthread_mutex_lock(&lock);
	ok = queued < idle || make_worker();
	if (ok) {
		*last = j;
		last = &j->next;
		j->era = era;
		queued++;
		real_pthread_cond_signal(&more);
	}
	real_pthread_mutex_unlock(&lock);
	gp_leave();
	return ok;
}

/* A handler is about to run on the caller's stack, and may jump away for good: the greenlet then waits for other things. */
static void leave(struct gp_wait *w)
{
	gp_container(w, struct job, wait)->left = true;
}

/* Linked without a moment in which a handler could run. */
static void link_again(struct gp_wait *w, void (*unlink)(struct gp_wait *))
{
	gp_enter();
	gp_wait_pop(w);
	gp_wait_push(w, unlink);
	gp_leave();
}

/* What came while it was linked is handled now. */
static void unlink_and_look(struct gp_wait *w)
{
	gp_wait_pop(w);
	gp_signal_noted |= gp_self->signal_pending;
	gp_enter();
	gp_leave();
}

/* With wake the caller's cancellation ends the call; it is no jump then, whatever its kind. The job is linked from before a worker has it. */
static void await(struct job *j, const char *why, void (*wake)(void *))
{
	unsigned flags = GP_PARK_NOTIME | (wake ? GP_PARK_CANCEL : 0);
	uint64_t until = GP_FOREVER;
	int r;

	while (!j->done && j->era == era) {
		j->left = false;
		r = gp_park(flags, why, (void *)(uintptr_t)j->fn, until);
		if (r == -ECANCELED && !wake) {
			j->left = true; /* PTHREAD_CANCEL_ASYNCHRONOUS: a jump, too */
			gp_wait_pop(&j->wait);
			gp_cancel_now();
		}
		link_again(&j->wait, leave);
		if (wake && (r == -ECANCELED || (r == -ETIMEDOUT && until != GP_FOREVER))) {
			wake(j->arg);
			flags = GP_PARK_NOTIME;
			until = gp_now() + WAKE_AGAIN; /* it may not have begun to wait, or wait for another lock by now */
		}
	}
	unlink_and_look(&j->wait);
}

/* On the heap, because the worker may outlive the call; it is lost where the caller was jumped out of. */
static long offload(long (*fn)(void *), void *arg, const char *why, void (*wake)(void *))
{
	struct job *j = gp_self ? gp_alloc(sizeof(*j)) : NULL;
	long result;

	if (!j)
		return fn(arg);
	*j = (struct job){ .g = gp_self, .fn = fn, .arg = arg, .err = errno, .herr = h_errno };
	gp_wait_push(&j->wait, leave);
	if (!submit(j)) {
		unlink_and_look(&j->wait);
		gp_free(j);
		return fn(arg);
	}
	await(j, why, wake);
	if (!j->done) /* a handler has forked, and this is the child */
		j->result = fn(arg);
	result = j->result;
	h_errno = j->herr;
	errno = j->err;
	gp_free(j);
	return result;
}

long gp_offload(long (*fn)(void *), void *arg, const char *why)
{
	return offload(fn, arg, why, NULL);
}

long gp_offload_until_cancelled(long (*fn)(void *), void *arg, const char *why, void (*wake)(void *))
{
	uint8_t async = gp_self->cancel_async;
	long r;

	gp_self->cancel_async = 0; /* fn works with what lies on our stack */
	r = offload(fn, arg, why, wake);
	gp_self->cancel_async = async;
	return r;
}

/* In the worker. A signal that was meant for the job before this one, or glibc's own for setuid, ends nothing. */
static long make_call(void *arg)
{
	struct job *j = arg;
	long r;

	do
		r = gp_stoppable(&j->stop, j->call_of);
	while (r == -EINTR && !j->stop);
	j->result = r;
	__atomic_store_n(&j->over, 1, __ATOMIC_SEQ_CST);
	if (j->stop)
		real_syscall(SYS_futex, &j->over, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
	return r;
}

static bool unqueue(struct job *j)
{
	for (struct job **p = &first; *p; p = &(*p)->next)
		if (*p == j) {
			*p = j->next;
			last = j->next ? last : p;
			queued--;
			return true;
		}
	return false;
}

/* True once the call is over, whichever way; false: it sleeps where no signal ends it (a dead NFS or FUSE server). */
static bool end_call(struct job *j)
{
	struct timespec ms = { 0, 1000000 };
	bool never;

	j->stop = 1;
	real_pthread_mutex_lock(&lock);
	never = unqueue(j);
	real_pthread_mutex_unlock(&lock);
	if (never) {
		j->result = -EINTR;
		j->over = j->done = 1;
	}
	for (int i = 0; !__atomic_load_n(&j->over, __ATOMIC_SEQ_CST) && i < END_TRIES; i++) {
		gp_stop_thread(j->worker); /* it lives: workers end only between jobs */
		real_syscall(SYS_futex, &j->over, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &ms, NULL, 0);
	}
	return __atomic_load_n(&j->over, __ATOMIC_SEQ_CST);
}

struct caller {
	struct gp_wait wait;
	struct job *j;  /* NULL once result holds */
	long result;
};

/* The greenlet goes on without its job: to the next thing, or to a handler that never comes back. */
static void settle(struct caller *c)
{
	struct job *j = c->j;
	int saved = errno;

	gp_enter();
	if (j && j->era != era) { /* in the child of a fork: as if it had never been made */
		c->result = -EINTR;
		c->j = NULL;
	} else if (j && end_call(j)) {
		c->result = j->result;
		c->j = NULL;
		j->disowned = true;
		if (j->done)
			gp_free(j);
	}
	gp_leave();
	errno = saved;
}

static void settle_first(struct gp_wait *w)
{
	struct caller *c = gp_container(w, struct caller, wait);

	settle(c);
	if (c->j)
		c->j->left = true;
}

/* 0 when the job is done, or why the park ended. It is linked, from before a worker has it: no handler may jump away and leave it to that. */
static int wait_for_call(struct caller *c, unsigned flags, const char *why)
{
	int r = 0, s;

	while (c->j && !c->j->done) {
		c->j->left = false;
		s = gp_park(flags, why, (void *)(uintptr_t)c->j->call_of[0], GP_FOREVER);
		if (!s && c->j && c->j->era == era)
			continue;
		settle(c);
		link_again(&c->wait, settle_first);
		r = r && r != -ERESTART ? r : s ? s : -ERESTART;
		flags = GP_PARK_NOTIME; /* where it did not end, nothing else will end it */
	}
	if (c->j) {
		c->result = c->j->result;
		gp_free(c->j);
	}
	unlink_and_look(&c->wait);
	return r;
}

long gp_offload_call(unsigned flags, const char *why, const long call[7])
{
	struct greenlet *g = gp_self;
	unsigned ran = g->handlers_ran;
	int saved = errno, r;

	for (;;) {
		struct caller c = { .j = NULL };

		/* First of all: a handler that jumped away would leave the call to the worker. */
		gp_wait_push(&c.wait, settle_first);
		if ((c.j = gp_alloc(sizeof(*c.j)))) {
			*c.j = (struct job){ .g = g, .fn = make_call, .arg = c.j };
			memcpy(c.j->call_of, call, sizeof(c.j->call_of));
		}
		if (!c.j || !submit(c.j)) { /* no memory or no thread: it waits as it would natively, and everybody with it */
			gp_free(c.j);
			unlink_and_look(&c.wait);
			c.result = real_syscall(call[0], call[1], call[2], call[3], call[4], call[5], call[6]);
			r = c.result == -1 ? -errno : (int)c.result;
			errno = saved;
			return c.result == -1 ? r : c.result;
		}
		r = wait_for_call(&c, flags, why);
		errno = saved;
		if (c.result != -EINTR)
			return c.result;
		if (r != -ERESTART || g->handlers_ran != ran) /* else it was woken for nothing: no handler, no cancellation */
			return r;
	}
}

void gp_offload_renew(void)
{
	gp_enter();
	real_pthread_mutex_lock(&lock);
	brood++;
	idle = 0;
	real_pthread_cond_broadcast(&more);
	real_pthread_mutex_unlock(&lock);
	gp_leave();
}

void gp_offload_forget(void)
{
	era++;
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	more = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	first = NULL;
	last = &first;
	queued = idle = gp_offload_threads = 0;
}
