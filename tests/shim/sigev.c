/*
 * sigev.c - SIGEV_THREAD: timers, message queues, look-ups and file requests that end with a call in a thread of its own.
 * libc: symbols
 * link: -lrt
 */
#include "case.h"
#include <aio.h>
#include <mqueue.h>
#include <netdb.h>
#include <semaphore.h>

static sem_t called;
static atomic_int calls, order[20];
static sigset_t mask_there;
static size_t stack_there;
static bool elsewhere, detached;

/* errno: natively the thread is new, and says 0 */
static void note_call(union sigval v)
{
	pthread_attr_t a;
	int state;

	elsewhere = !pthread_equal(pthread_self(), main_thread) && !pthread_equal(pthread_self(), case_thread);
	pthread_sigmask(SIG_SETMASK, NULL, &mask_there);
	pthread_getattr_np(pthread_self(), &a);
	pthread_attr_getdetachstate(&a, &state);
	pthread_attr_getstacksize(&a, &stack_there);
	pthread_attr_destroy(&a);
	detached = state == PTHREAD_CREATE_DETACHED;
	order[calls++ % 20] = v.sival_int;
	sem_post(&called);
}

static struct sigevent event(void (*fn)(union sigval), int value)
{
	struct sigevent e = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = fn, .sigev_value.sival_int = value };

	calls = 0;
	sem_init(&called, 0, 0);
	return e;
}

static void await(int n)
{
	struct timespec end = in_ms(CLOCK_REALTIME, 5000);

	while (n--)
		if (sem_timedwait(&called, &end))
			say("never called: %s", errname(errno));
}

static void tell_call(void)
{
	await(1);
	say("value=%d elsewhere=%d detached=%d usr1=%d term=%d segv=%d big=%d", (int)order[0], elsewhere, detached,
	    sigismember(&mask_there, SIGUSR1), sigismember(&mask_there, SIGTERM), sigismember(&mask_there, SIGSEGV), stack_there > 1000000);
}

/* ---- timers */

static timer_t timer;

static void set(long first_ms, long every_ms)
{
	struct itimerspec t = { { every_ms / 1000, every_ms % 1000 * 1000000 }, { first_ms / 1000, first_ms % 1000 * 1000000 } };

	SHOW(timer_settime(timer, 0, &t, NULL));
}

CASE(timer_once)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };

	for (int i = 0; i < LENGTH(clocks); i++) {
		struct sigevent e = event(note_call, 7 + i);
		struct itimerspec left;

		SHOW(timer_create(clocks[i], &e, &timer));
		set(100, 0);
		SHOW(timer_gettime(timer, &left));
		say("left=%d", left.it_value.tv_nsec > 0);
		say("early=%d", (int)calls);
		tell_call();
		SHOW(timer_gettime(timer, &left));
		say("left=%d", left.it_value.tv_nsec > 0);
		SHOW(timer_getoverrun(timer));
		SHOW(timer_delete(timer));
	}
}

CASE(timer_attributes)
{
	struct sigevent e = event(note_call, 3);
	pthread_attr_t a;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 262144);
	e.sigev_notify_attributes = &a;
	SHOW(timer_create(CLOCK_MONOTONIC, &e, &timer));
	pthread_attr_destroy(&a);
	memset(&a, 0, sizeof(a)); /* it was copied */
	set(1, 0);
	tell_call();
	say("stack=%zu", stack_there);
	timer_delete(timer);
}

CASE(timer_again_and_again)
{
	struct sigevent e = event(note_call, 1);
	int last;

	SHOW(timer_create(CLOCK_MONOTONIC, &e, &timer));
	set(5, 5);
	await(5);
	say("called=%d", calls >= 5);
	set(0, 0);
	pause_ms(30);
	last = calls;
	pause_ms(30);
	say("more=%d", calls - last);
	set(5, 0);
	for (int i = 0; calls == last && i < 5000; i++)
		pause_ms(1);
	say("more=%d", calls - last);
	SHOW(timer_delete(timer));
	SHOW(timer_create(CLOCK_MONOTONIC, &e, &timer));
	set(200, 5);
	SHOW(timer_delete(timer));
	last = calls;
	pause_ms(250);
	say("more=%d", calls - last);
}

CASE(timer_errors)
{
	struct sigevent e = event(note_call, 1);

	SHOW(timer_create(77, &e, &timer));
	e.sigev_notify = 99;
	SHOW(timer_create(CLOCK_MONOTONIC, &e, &timer));
	e.sigev_notify = SIGEV_NONE;
	SHOW(timer_create(CLOCK_MONOTONIC, &e, &timer));
	SHOW(timer_delete(timer));
	SHOW(timer_create(CLOCK_MONOTONIC, NULL, &timer));
	SHOW(timer_delete(timer));
}

static atomic_int inside, most;

static void slow_call(union sigval v)
{
	(void)v;
	if (++inside > most)
		most = inside;
	pause_ms(60);
	inside--;
	sem_post(&called);
}

/* One call does not wait for the last. */
CASE(timer_overlaps)
{
	struct sigevent e = event(slow_call, 0);

	inside = most = 0;
	SHOW(timer_create(CLOCK_MONOTONIC, &e, &timer));
	set(5, 5);
	await(3);
	set(0, 0);
	say("side by side=%d", most > 1);
	timer_delete(timer);
	while (inside)
		pause_ms(1);
}

static void exits(union sigval v)
{
	note_call(v);
	pthread_exit(NULL);
}

static void *note_thread(void *arg)
{
	calls += 10;
	return arg;
}

static void makes_threads(union sigval v)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, note_thread, NULL))
		pthread_join(t, NULL);
	timer_delete(timer);
	note_call(v);
}

CASE(what_a_call_may_do)
{
	struct sigevent e = event(exits, 2);

	SHOW(timer_create(CLOCK_MONOTONIC, &e, &timer));
	set(2, 0);
	await(1);
	timer_delete(timer);
	e = event(makes_threads, 4);
	SHOW(timer_create(CLOCK_MONOTONIC, &e, &timer));
	set(2, 0);
	await(1);
	say("calls=%d", calls >= 11);
	pause_ms(20);
}

/* ---- look-ups */

CASE(look_up_once)
{
	struct sigevent e = event(note_call, 5);
	struct gaicb one = { .ar_name = "127.0.0.1" }, two = { .ar_name = "::1" }, *list[] = { &one, NULL, &two };

	say("rc=%d", getaddrinfo_a(GAI_NOWAIT, list, 3, &e));
	tell_call();
	say("%d %d", gai_error(&one), gai_error(&two));
	pause_ms(20);
	say("calls=%d", (int)calls);
	freeaddrinfo(one.ar_result);
	freeaddrinfo(two.ar_result);
	e = event(note_call, 6);
	say("rc=%d", getaddrinfo_a(GAI_NOWAIT, list, 0, &e));
	tell_call();
}

/* ---- file requests */

static struct aiocb cb[3];

static void prepare(int i, int fd, int op, struct sigevent e)
{
	memset(&cb[i], 0, sizeof(cb[i]));
	cb[i].aio_fildes = fd;
	cb[i].aio_buf = buf + 100 * i;
	cb[i].aio_nbytes = 5;
	cb[i].aio_lio_opcode = op;
	cb[i].aio_sigevent = e;
}

static void in_call(union sigval v)
{
	struct aiocb *c = v.sival_ptr;

	notes[0].error = aio_error(c);
	notes[0].ret = aio_return(c);
	calls++;
	sem_post(&called);
}

CASE(request_once)
{
	int fd = memfd_create("request", 0);
	struct sigevent e = event(in_call, 0);

	e.sigev_value.sival_ptr = &cb[0];
	prepare(0, fd, 0, e);
	SHOW(aio_write(&cb[0]));
	await(1);
	say("error=%s ret=%lld", errname(notes[0].error), notes[0].ret);
	say("untouched=%d", cb[0].aio_sigevent.sigev_notify_function == in_call && cb[0].aio_sigevent.sigev_value.sival_ptr == &cb[0]);
	cb[0].aio_buf = buf + 200; /* the same request for something else */
	SHOW(aio_read(&cb[0]));
	await(1);
	say("error=%s ret=%lld %.5s", errname(notes[0].error), notes[0].ret, buf + 200);
	SHOW(aio_fsync(O_SYNC, &cb[0]));
	await(1);
	say("error=%s ret=%lld", errname(notes[0].error), notes[0].ret);
	cb[0].aio_fildes = -1;
	SHOW(aio_read(&cb[0]));
	await(1);
	say("error=%s ret=%lld calls=%d", errname(notes[0].error), notes[0].ret, (int)calls);
	cb[0].aio_reqprio = -1;
	SHOW(aio_read(&cb[0]));
	say("error=%s", errname(aio_error(&cb[0])));
	pause_ms(20);
	say("calls=%d", (int)calls);
}

CASE(request_waited_for)
{
	struct sigevent e = event(note_call, 1);
	const struct aiocb *list[] = { &cb[0], &cb[1] };
	int p[2];

	pipes(p);
	prepare(0, p[0], 0, e);
	prepare(1, p[0], 0, e);
	SHOW(aio_read(&cb[0]));
	SHOW(aio_suspend(list, 1, MS(20)));
	say("error=%s", errname(aio_error(&cb[0])));
	SHOW(aio_read(&cb[1]));
	SHOW(aio_cancel(p[0], &cb[1]) == AIO_CANCELED);
	say("error=%s", errname(aio_error(&cb[1])));
	await(1);
	SHOW(aio_return(&cb[1]));
	put(p[1]);
	SHOW(aio_suspend(list, 1, NULL));
	await(1);
	say("error=%s calls=%d", errname(aio_error(&cb[0])), (int)calls);
	SHOW(aio_return(&cb[0]));
	SHOW(aio_cancel(p[0], &cb[0]) == AIO_ALLDONE);
}

CASE(list_of_requests)
{
	int fd = memfd_create("list", 0);
	struct sigevent e = event(note_call, 1), all = event(note_call, 3), none = { .sigev_notify = SIGEV_NONE };
	struct aiocb *list[] = { &cb[0], NULL, &cb[1], &cb[2] };

	all.sigev_value.sival_int = 3;
	prepare(0, fd, LIO_WRITE, e);
	e.sigev_value.sival_int = 2;
	prepare(1, fd, LIO_WRITE, e);
	prepare(2, fd, LIO_NOP, none);
	SHOW(lio_listio(LIO_NOWAIT, list, 4, &all));
	await(3);
	say("sum=%d", order[0] + order[1] + order[2]);
	SHOW(aio_return(&cb[0]));
	SHOW(aio_return(&cb[1]));
	SHOW(lio_listio(LIO_WAIT, list, 4, NULL));
	say("%s %s", errname(aio_error(&cb[0])), errname(aio_error(&cb[1])));
	await(2);
	say("calls=%d", (int)calls);
	SHOW(lio_listio(77, list, 4, &all));
}

/* ---- message queues: last, as the frame closes what libc's thread listens to */

static mqd_t queue;

static void take_and_ask_again(union sigval v)
{
	struct sigevent e = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = take_and_ask_again };
	char m[16];

	e.sigev_value.sival_int = v.sival_int + 1;
	notes[0].ret = mq_notify(queue, &e);
	while (mq_receive(queue, m, sizeof(m), NULL) > 0)
		;
	note_call(v);
}

CASE(queue_tells)
{
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 16 };
	struct sigevent e = event(take_and_ask_again, 1);
	char name[40];

	snprintf(name, sizeof(name), "/sigev-%d", (int)getpid());
	queue = mq_open(name, O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attr);
	mq_unlink(name);
	SHOW(mq_notify(queue, &e));
	SHOW(mq_notify(queue, &e));
	for (int i = 0; i < 3; i++) {
		SHOW(mq_send(queue, "m", 1, 0));
		await(1);
		say("value=%d again=%lld", (int)order[i], notes[0].ret);
	}
	SHOW(mq_notify(queue, NULL));
	SHOW(mq_send(queue, "m", 1, 0));
	pause_ms(30);
	say("calls=%d", (int)calls);
	SHOW(mq_notify(-1, &e));
	e = event(note_call, 9);
	SHOW(mq_receive(queue, buf, 16, NULL));
	SHOW(mq_notify(queue, &e));
	SHOW(mq_send(queue, "m", 1, 0));
	tell_call();
	SHOW(mq_close(queue));
}
