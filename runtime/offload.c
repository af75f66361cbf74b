#include "offload.h"
#include "hub.h"
#include "real.h"

#include <stdlib.h>

#define STACK     (256u << 10) /* getaddrinfo with its NSS modules takes about 12 KiB; other people's modules more */
#define IDLE_SECS 5

struct job {
	struct gp_hub_call call;
	struct job *next;
	struct gp_wait wait;
	struct greenlet *g;
	long (*fn)(void *);
	void *arg;
	long result;
	int err, herr;
	bool done, left;
};

unsigned gp_offload_threads, gp_offload_threads_max;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct job *first, **last = &first;
static unsigned queued, idle;

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
	if (!j->left)
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

/* Waits for a job with the lock held; NULL: none came for a while. */
static struct job *next_job(void)
{
	struct timespec until;
	struct job *j;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += IDLE_SECS;
	idle++;
	while (!(j = take()) && r != ETIMEDOUT)
		r = real_pthread_cond_timedwait(&more, &lock, &until);
	idle--;
	return j;
}

static void *work(void *unused)
{
	(void)unused;
	real_pthread_mutex_lock(&lock);
	for (struct job *j; (j = next_job());) {
		real_pthread_mutex_unlock(&lock);
		run(j);
		real_pthread_mutex_lock(&lock);
	}
	gp_offload_threads--;
	real_pthread_mutex_unlock(&lock);
	return NULL;
}

/* One more native thread, with every signal blocked from its first instruction on: handlers belong to greenlets. */
static bool make_worker(void)
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
	r = real_pthread_create(&t, &attr, work, NULL);
	if (r == EINVAL) { /* the program's static TLS does not fit on it */
		pthread_attr_destroy(&attr);
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		r = real_pthread_create(&t, &attr, work, NULL);
	}
	real_pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (!r && ++gp_offload_threads > gp_offload_threads_max)
		gp_offload_threads_max = gp_offload_threads;
	return !r;
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

static void await(struct job *j, const char *why)
{
	while (!j->done) {
		j->left = false;
		gp_wait_push(&j->wait, leave);
		if (gp_park(GP_PARK_NOTIME, why, (void *)(uintptr_t)j->fn, GP_FOREVER) == -ECANCELED) {
			j->left = true; /* PTHREAD_CANCEL_ASYNCHRONOUS: a jump, too */
			gp_cancel_now();
		}
		gp_wait_pop(&j->wait);
	}
}

/* On the heap, because the worker may outlive the call; it is lost where the caller was jumped out of. */
long gp_offload(long (*fn)(void *), void *arg, const char *why)
{
	struct job *j = gp_self ? malloc(sizeof(*j)) : NULL;
	long result;

	if (j)
		*j = (struct job){ .g = gp_self, .fn = fn, .arg = arg, .err = errno, .herr = h_errno };
	if (!j || !submit(j)) {
		free(j);
		return fn(arg);
	}
	await(j, why);
	result = j->result;
	h_errno = j->herr;
	errno = j->err;
	free(j);
	return result;
}

void gp_offload_forget(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	more = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	first = NULL;
	last = &first;
	queued = idle = gp_offload_threads = 0;
}
