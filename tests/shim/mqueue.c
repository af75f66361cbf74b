/* mqueue.c - POSIX message queues */
#include "gap.h"

#include <mqueue.h>

static char name[64];

static mqd_t queue(int flags)
{
	struct mq_attr a = { .mq_maxmsg = 2, .mq_msgsize = 32 };
	mqd_t q;

	snprintf(name, sizeof(name), "/gpatch-test-%d", (int)getpid());
	q = mq_open(name, O_CREAT | O_RDWR | flags, 0600, &a);
	MUST(q >= 0);
	mq_unlink(name);
	return q;
}

static void post(long q)
{
	mq_send((mqd_t)q, "hello", 5, 1);
}

static void take(long q)
{
	char m[32];

	mq_receive((mqd_t)q, m, sizeof(m), NULL);
}

CASE(receive_waits)
{
	unsigned priority = 0;
	mqd_t q = queue(0);

	later(30, post, q);
	TIMED(25, SHOW_BYTES(buf, mq_receive(q, buf, 32, &priority)));
	say("priority=%u", priority);
	mq_send(q, "low", 3, 1);
	mq_send(q, "high", 4, 7);
	SHOW_BYTES(buf, mq_receive(q, buf, 32, NULL));
	SHOW_BYTES(buf, mq_receive(q, buf, 32, NULL));
}

CASE(send_waits)
{
	mqd_t q = queue(0);

	post(q);
	post(q);
	later(30, take, q);
	TIMED(25, SHOW(mq_send(q, "x", 1, 0)));
	SHOW(mq_receive(q, buf, 32, NULL));
	SHOW_BYTES(buf, mq_receive(q, buf, 32, NULL));
}

CASE(times_out)
{
	mqd_t q = queue(0);

	TIMED(30, SHOW(mq_timedreceive(q, buf, 32, NULL, AT(CLOCK_REALTIME, 30))));
	SHOW(mq_timedreceive(q, buf, 32, NULL, &(struct timespec){ 0, 0 }));
	SHOW(mq_timedreceive(q, buf, 32, NULL, &(struct timespec){ 0, 1000000000 }));
	SHOW(mq_timedreceive(q, buf, 32, NULL, &(struct timespec){ -1, 0 }));
	SHOW(mq_timedreceive(q, buf, 32, NULL, (void *)bad));
	later(20, post, q);
	TIMED(15, SHOW(mq_timedreceive(q, buf, 32, NULL, AT(CLOCK_REALTIME, 2000))));
	later(20, post, q);
	TIMED(15, SHOW(mq_timedreceive(q, buf, 32, NULL, nil)));
	post(q);
	post(q);
	SHOW(mq_timedsend(q, "x", 1, 0, &(struct timespec){ 0, 1000000000 }));
	TIMED(30, SHOW(mq_timedsend(q, "x", 1, 0, AT(CLOCK_REALTIME, 30))));
	later(20, take, q);
	TIMED(15, SHOW(mq_timedsend(q, "x", 1, 0, AT(CLOCK_REALTIME, 2000))));
	SHOW(mq_timedreceive(q, buf, 32, NULL, (void *)bad)); /* though one is there */
	SHOW(mq_timedreceive(q, buf, 32, NULL, &(struct timespec){ 0, 0 }));
}

CASE(nonblocking)
{
	mqd_t q = queue(O_NONBLOCK);

	SHOW(mq_receive(q, buf, 32, NULL));
	SHOW(mq_timedreceive(q, buf, 32, NULL, AT(CLOCK_REALTIME, 30)));
	post(q);
	post(q);
	SHOW(mq_send(q, "x", 1, 0));
	SHOW(mq_receive(q, buf, 32, NULL));
}

CASE(errors)
{
	mqd_t q = queue(0), r;

	SHOW(mq_receive(-1, buf, 32, NULL));
	SHOW(mq_receive(0, buf, 32, NULL));
	SHOW(mq_receive(q, buf, 31, NULL));
	SHOW(mq_send(q, buf, 33, 0));
	SHOW(mq_send(q, buf, 1, HIDDEN(40000u)));
	SHOW(mq_send(q, bad, 1, 0));
	post(q);
	SHOW(mq_receive(q, bad, 32, NULL));
	later(30, post, q);
	TIMED(25, SHOW(mq_receive(q, bad, 32, NULL)));
	mq_close(q);
	q = mq_open(name, O_CREAT | O_RDONLY, 0600, NULL);
	r = mq_open(name, O_WRONLY);
	mq_unlink(name);
	SHOW(mq_send(q, "x", 1, 0));
	SHOW(mq_receive(r, buf, 10000, NULL));
	SHOW(mq_close(q));
	SHOW(mq_close(q));
	SHOW(mq_close(r));
}

CASE(interrupted)
{
	mqd_t q = queue(0);

	on_usr1(0);
	later(30, poke, 0);
	TIMED(25, SHOW(mq_receive(q, buf, 32, NULL)));
	later(30, poke, 0);
	TIMED(25, SHOW(mq_timedreceive(q, buf, 32, NULL, AT(CLOCK_REALTIME, 2000))));
	on_usr1(SA_RESTART);
	later(20, poke, 0);
	later(40, post, q);
	TIMED(35, SHOW(mq_receive(q, buf, 32, NULL)));
	later(20, poke, 0);
	TIMED(60, SHOW(mq_timedreceive(q, buf, 32, NULL, AT(CLOCK_REALTIME, 60))));
	say("handled=%d", (int)handled);
}

static atomic_int received;

static void receive(long q)
{
	char m[32];

	received += mq_receive((mqd_t)q, m, sizeof(m), NULL) == 5;
}

CASE(many)
{
	mqd_t q = queue(0);

	received = 0;
	for (int i = 0; i < 50; i++)
		later(0, receive, q);
	for (int i = 0; i < 50; i++)
		post(q);
	finish();
	say("received=%d", (int)received);
}

static void *receive_and_die(void *q)
{
	char m[32];

	mq_receive((mqd_t)(intptr_t)q, m, sizeof(m), NULL);
	return NULL;
}

CASE(cancelled)
{
	mqd_t q = queue(0);
	pthread_t t;

	handled = 0;
	MUST(pthread_create(&t, NULL, receive_and_die, (void *)(intptr_t)q) == 0);
	settle();
	pthread_cancel(t);
	say_end(t);
	post(q);
	settle();
	SHOW(mq_receive(q, buf, 32, NULL));
}

/* The number of a closed queue means another one next. */
CASE(numbers_again)
{
	for (int i = 0; i < 3; i++) {
		mqd_t q = queue(0);

		later(20, post, q);
		SHOW(mq_receive(q, buf, 32, NULL));
		finish();
		SHOW(mq_close(q));
	}
}

LAST_CASE
