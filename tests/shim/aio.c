/* aio.c - waiting for POSIX aio and for getaddrinfo_a */
#include "gap.h"

#include <aio.h>
#include <netdb.h>

static struct aiocb cb[4];

static struct aiocb *reading(int i, int fd)
{
	cb[i] = (struct aiocb){ .aio_fildes = fd, .aio_buf = buf + i * 100, .aio_nbytes = 10, .aio_lio_opcode = LIO_READ };
	cb[i].aio_sigevent.sigev_notify = SIGEV_NONE;
	return &cb[i];
}

static const struct aiocb *list[4];

CASE(suspend_waits)
{
	int p[2], q[2];

	pipes(p);
	pipes(q);
	SHOW(aio_read(reading(0, p[0])));
	SHOW(aio_read(reading(1, q[0])));
	list[0] = &cb[0];
	list[1] = NULL;
	list[2] = &cb[1];
	TIMED(30, SHOW(aio_suspend(list, 3, MS(30))));
	SHOW(aio_error(&cb[0]));
	later(30, put, q[1]);
	TIMED(25, SHOW(aio_suspend(list, 3, NULL)));
	SHOW(aio_error(&cb[0]));
	SHOW(aio_error(&cb[1]));
	SHOW_BYTES(buf + 100, aio_return(&cb[1]));
	SHOW(aio_suspend(list, 3, NULL));
	put(p[1]);
	SHOW(aio_suspend(list, 1, MS(2000)));
	SHOW_BYTES(buf, aio_return(&cb[0]));
	SHOW(aio_suspend(list, 0, NULL));
	list[0] = NULL;
	SHOW(aio_suspend(list, 1, NULL));
}

CASE(suspend_interrupted)
{
	int p[2];

	pipes(p);
	SHOW(aio_read(reading(0, p[0])));
	list[0] = &cb[0];
	on_usr1(0);
	later(30, poke, 0);
	TIMED(25, SHOW(aio_suspend(list, 1, NULL)));
	on_usr1(SA_RESTART);
	later(30, poke, 0);
	TIMED(25, SHOW(aio_suspend(list, 1, MS(2000))));
	later(20, poke, 0);
	later(40, put, p[1]);
	TIMED(35, SHOW(aio_suspend(list, 1, NULL)));
	say("handled=%d", (int)handled);
}

CASE(listio)
{
	struct aiocb *all[3];
	int p[2], q[2];

	pipes(p);
	pipes(q);
	all[0] = reading(0, p[0]);
	all[1] = reading(1, q[0]);
	all[2] = NULL;
	later(20, put, p[1]);
	later(40, put, q[1]);
	TIMED(35, SHOW(lio_listio(LIO_WAIT, all, 3, NULL)));
	SHOW_BYTES(buf, aio_return(&cb[0]));
	SHOW_BYTES(buf + 100, aio_return(&cb[1]));
	reading(1, q[1]);
	put(p[1]);
	reading(0, p[0]);
	SHOW(lio_listio(LIO_WAIT, all, 3, NULL));
	SHOW(aio_error(&cb[0]));
	SHOW(aio_error(&cb[1]));
	SHOW(lio_listio(HIDDEN(77), all, 3, NULL));
	SHOW(lio_listio(LIO_WAIT, all, 0, NULL));
}

static void *suspend_and_die(void *unused)
{
	aio_suspend(list, 1, NULL);
	return unused;
}

CASE(suspend_cancelled)
{
	pthread_t t;
	int p[2];

	pipes(p);
	handled = 0;
	SHOW(aio_read(reading(0, p[0])));
	list[0] = &cb[0];
	MUST(pthread_create(&t, NULL, suspend_and_die, NULL) == 0);
	settle();
	pthread_cancel(t);
	say_end(t);
	put(p[1]);
	SHOW(aio_suspend(list, 1, NULL));
}

CASE(names)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
	struct gaicb one = { .ar_name = "127.0.0.1", .ar_request = &hints }, two = { .ar_name = "nonsense", .ar_request = &hints };
	struct gaicb *all[2] = { &one, &two };
	int r;

	SHOW(getaddrinfo_a(GAI_WAIT, all, 2, NULL));
	SHOW(gai_error(&one));
	SHOW(gai_error(&two));
	r = getaddrinfo_a(GAI_NOWAIT, all, 2, NULL);
	SHOW(r);
	while ((r = gai_suspend((const struct gaicb *const *)all, 2, MS(2000))) != EAI_ALLDONE && !r)
		;
	SHOW(r == EAI_ALLDONE);
	SHOW(gai_suspend((const struct gaicb *const *)all, 2, NULL) == EAI_ALLDONE);
	SHOW(gai_error(&one));
	SHOW(gai_error(&two));
}

LAST_CASE
