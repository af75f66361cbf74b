/* eventfd.c - eventfd_read and eventfd_write */
#include "gap.h"

#include <sys/eventfd.h>

static eventfd_t v;

static void add(long fd)
{
	eventfd_write((int)fd, 5);
}

static void clear(long fd)
{
	eventfd_t x;

	eventfd_read((int)fd, &x);
}

static void show_value(int r)
{
	say("ret=%d errno=%s value=%llu", r, r ? errname(errno) : "0", (unsigned long long)v);
}

CASE(read_waits)
{
	int e = eventfd(0, 0), s = eventfd(0, EFD_SEMAPHORE);

	later(30, add, e);
	TIMED(25, show_value(eventfd_read(e, &v)));
	later(30, add, s);
	TIMED(25, show_value(eventfd_read(s, &v)));
	show_value(eventfd_read(s, &v));
}

CASE(write_waits)
{
	int e = eventfd(0, 0);

	SHOW(eventfd_write(e, UINT64_MAX - 1));
	later(30, clear, e);
	TIMED(25, SHOW(eventfd_write(e, 1)));
	show_value(eventfd_read(e, &v));
	SHOW(eventfd_write(e, 10));
	later(30, clear, e);
	TIMED(25, SHOW(eventfd_write(e, UINT64_MAX - 5))); /* writable for poll, but too much */
	show_value(eventfd_read(e, &v));
	SHOW(eventfd_write(e, 0));
}

CASE(nonblocking)
{
	int e = eventfd(0, EFD_NONBLOCK);

	v = 7;
	show_value(eventfd_read(e, &v));
	SHOW(eventfd_write(e, UINT64_MAX - 1));
	SHOW(eventfd_write(e, 1));
	SHOW(eventfd_write(e, 2));
	show_value(eventfd_read(e, &v));
}

CASE(errors)
{
	int e = eventfd(3, 0), p[2];

	pipes(p);
	SHOW(eventfd_read(-1, &v));
	SHOW(eventfd_write(-1, 1));
	SHOW(eventfd_write(-1, 100));
	SHOW(eventfd_read(e, (void *)bad));
	SHOW(eventfd_write(e, UINT64_MAX));
	put(p[1]);
	SHOW(eventfd_read(p[0], &v));
	SHOW(eventfd_read(p[1], &v));
	SHOW(eventfd_write(p[1], 100));
	SHOW(eventfd_read(p[0], &v));
	SHOW(v);
}

CASE(interrupted)
{
	int e = eventfd(0, 0);

	on_usr1(0);
	later(30, poke, 0);
	TIMED(25, SHOW(eventfd_read(e, &v)));
	eventfd_write(e, 10);
	later(30, poke, 0);
	TIMED(25, SHOW(eventfd_write(e, UINT64_MAX - 5)));
	show_value(eventfd_read(e, &v));
	on_usr1(SA_RESTART);
	later(20, poke, 0);
	later(40, add, e);
	TIMED(35, show_value(eventfd_read(e, &v)));
	say("handled=%d", (int)handled);
}

static void *read_and_die(void *e)
{
	eventfd_t x;

	eventfd_read((int)(intptr_t)e, &x);
	return NULL;
}

CASE(cancelled)
{
	int e = eventfd(0, 0);
	pthread_t t;

	handled = 0;
	MUST(pthread_create(&t, NULL, read_and_die, (void *)(intptr_t)e) == 0);
	settle();
	pthread_cancel(t);
	say_end(t);
	add(e);
	show_value(eventfd_read(e, &v));
}

LAST_CASE
