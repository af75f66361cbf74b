/* poll.c - poll and ppoll: events, time-outs, descriptors that are none */
#include "case.h"

static const struct {
	short bit;
	const char *name;
} event_names[] = { { POLLIN, "IN" },	{ POLLPRI, "PRI" }, { POLLOUT, "OUT" },	   { POLLERR, "ERR" },
		    { POLLHUP, "HUP" }, { POLLNVAL, "NVAL" }, { POLLRDHUP, "RDHUP" }, { POLLRDNORM, "RDNORM" },
		    { POLLRDBAND, "RDBAND" }, { POLLWRNORM, "WRNORM" }, { POLLWRBAND, "WRBAND" } };

static void events(const struct pollfd *p)
{
	char text[200] = "";

	for (int i = 0; i < LENGTH(event_names); i++)
		if (p->revents & event_names[i].bit)
			strcat(strcat(text, text[0] ? "|" : ""), event_names[i].name);
	say("revents=%s", text);
}

#define ALL_EVENTS (POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND)

static void ask(int fd, short what, int timeout)
{
	struct pollfd p = { fd, what, -1 };

	SHOW(poll(&p, 1, timeout));
	events(&p);
}

CASE(nothing_expires)
{
	TIMED(30, SHOW(poll(NULL, 0, 30)));
}

CASE(nothing_zero)
{
	SHOW(poll(NULL, 0, 0));
	SHOW(poll((void *)bad, 0, 0));
}

CASE(silent_pipe_expires)
{
	int p[2];

	pipes(p);
	TIMED(30, ask(p[0], POLLIN, 30));
	ask(p[0], POLLIN, 0);
}

CASE(no_timeout)
{
	int p[2];

	pipes(p);
	later(30, put, p[1]);
	TIMED(30, ask(p[0], POLLIN, -1));
}

CASE(any_negative_timeout_is_for_ever)
{
	int p[2];

	pipes(p);
	later(20, put, p[1]);
	TIMED(20, ask(p[0], POLLIN, INT32_MIN));
}

CASE(largest_timeout)
{
	int p[2];

	pipes(p);
	later(20, put, p[1]);
	ask(p[0], POLLIN, INT32_MAX);
}

CASE(negative_fd)
{
	TIMED(20, ask(-1, POLLIN, 20));
	ask(-77, ALL_EVENTS, 0);
}

CASE(closed_fd)
{
	ask(77, POLLIN, -1);
	ask(77, 0, 1000);
	ask(INT32_MAX, POLLOUT, 0);
}

CASE(closed_fd_beside_a_silent_one)
{
	int p[2];
	struct pollfd set[2];

	pipes(p);
	set[0] = (struct pollfd){ p[0], POLLIN, 0 };
	set[1] = (struct pollfd){ 99, POLLIN, 0 };
	SHOW(poll(set, 2, -1));
	events(&set[0]);
	events(&set[1]);
}

CASE(fault)
{
	SHOW(poll((void *)bad, 1, 0));
	SHOW(poll(nil, 3, 100));
}

CASE(too_many)
{
	struct pollfd p = { -1, 0, 0 };

	SHOW(poll(HIDDEN(&p), HIDDEN(1ul << 30), 0));
	SHOW(poll(HIDDEN(&p), HIDDEN(~0ul), 0));
}

CASE(read_only_array)
{
	struct pollfd *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fds[2];

	pipes(fds);
	put(fds[1]);
	*p = (struct pollfd){ fds[0], POLLIN, 0 };
	mprotect(p, 4096, PROT_READ);
	SHOW(poll(p, 1, 0));
	munmap(p, 4096);
}

CASE(pipe_ends)
{
	int p[2];

	pipes(p);
	ask(p[1], ALL_EVENTS, 100);
	put(p[1]);
	ask(p[0], ALL_EVENTS, 100);
	close(p[1]);
	ask(p[0], ALL_EVENTS, 100);
	read(p[0], buf, 1) == 1 ? ask(p[0], POLLIN, 100) : (void)0;
}

CASE(hang_up_is_told_unasked)
{
	int p[2];

	pipes(p);
	later(20, shut, p[1]);
	TIMED(20, ask(p[0], 0, 5000));
}

CASE(broken_pipe)
{
	int p[2];

	pipes(p);
	later(20, shut, p[0]);
	ask(p[1], 0, 5000);
	ask(p[1], POLLOUT, 0);
}

CASE(full_pipe)
{
	int p[2];

	pipes(p);
	stuff(p[1]);
	ask(p[1], POLLOUT, 20);
	later(20, drain, p[0]);
	TIMED(20, ask(p[1], POLLOUT, 5000));
	close(p[1]);
}

CASE(unix_stream)
{
	int s[2];

	pair(s, SOCK_STREAM);
	ask(s[0], ALL_EVENTS, 10);
	put(s[1]);
	ask(s[0], ALL_EVENTS, 10);
	shutdown(s[1], SHUT_WR);
	ask(s[0], ALL_EVENTS, 10);
	close(s[1]);
	ask(s[0], ALL_EVENTS, 10);
}

CASE(tcp_half_closed)
{
	int s[2];

	tcp(s);
	later(20, end_writing, s[0]);
	ask(s[1], POLLIN | POLLRDHUP, 5000);
	shutdown(s[1], SHUT_WR);
	settle();
	ask(s[1], ALL_EVENTS, 10);
}

CASE(shutdown_wakes_own_poll)
{
	int s[2];

	tcp(s);
	later(20, end_both, s[1]);
	ask(s[1], POLLIN | POLLRDHUP, 5000);
}

CASE(unconnected_sockets)
{
	ask(socket(AF_INET, SOCK_STREAM, 0), ALL_EVENTS, 10);
	ask(socket(AF_INET, SOCK_DGRAM, 0), ALL_EVENTS, 10);
	ask(socket(AF_UNIX, SOCK_STREAM, 0), ALL_EVENTS, 10);
}

CASE(listener_gets_a_connection)
{
	int l = listener(4), c = socket(AF_INET, SOCK_STREAM, 0);

	ask(l, ALL_EVENTS, 10);
	connect_to(c, l);
	ask(l, ALL_EVENTS, 1000);
}

CASE(refused_connection)
{
	int b = bound(SOCK_STREAM), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	SHOW(connect_to(c, b));
	ask(c, POLLIN | POLLOUT, 1000);
}

CASE(out_of_band)
{
	int s[2];

	tcp(s);
	SHOW(send(s[0], "!", 1, MSG_OOB));
	ask(s[1], POLLPRI, 2000);
	ask(s[1], ALL_EVENTS, 0);
}

CASE(datagrams)
{
	int u[2];

	udp(u);
	ask(u[0], ALL_EVENTS, 10);
	later(20, put, u[1]);
	TIMED(20, ask(u[0], POLLIN, 5000));
}

CASE(files)
{
	ask(open("/etc/passwd", O_RDONLY), ALL_EVENTS, 10);
	ask(open("/", O_RDONLY | O_DIRECTORY), POLLIN | POLLOUT, 10);
	ask(open("/dev/null", O_RDWR), ALL_EVENTS, 10);
}

CASE(same_fd_twice)
{
	struct pollfd set[3];
	int s[2];

	pair(s, SOCK_STREAM);
	for (int i = 0; i < 3; i++)
		set[i] = (struct pollfd){ s[0], i == 2 ? POLLOUT : POLLIN, 0 };
	later(20, put, s[1]);
	SHOW(poll(set, 2, 5000));
	events(&set[0]);
	events(&set[1]);
	SHOW(poll(set, 3, 5000));
	events(&set[2]);
}

CASE(asked_events_are_kept)
{
	struct pollfd p;
	int fds[2];

	pipes(fds);
	put(fds[1]);
	p = (struct pollfd){ fds[0], POLLIN | POLLPRI, 123 };
	SHOW(poll(&p, 1, 100));
	say("fd is kept=%d events=%d", p.fd == fds[0], p.events == (POLLIN | POLLPRI));
}

CASE(closed_while_polled)
{
	int p[2];

	pipes(p);
	later(10, shut, p[0]);
	TIMED(60, ask(p[0], POLLIN, 60));
	ask(p[0], POLLIN, 0);
}

static void exchange(long fd)
{
	int q[2];

	close((int)fd);
	pipes(q); /* the number is used again, and has data */
	put(q[1]);
}

CASE(reused_while_polled)
{
	int p[2];

	pipes(p);
	later(10, exchange, p[0]);
	TIMED(60, ask(p[0], POLLIN, 60));
}

static int shared_fd;

static void poller(long slot)
{
	struct pollfd p = { shared_fd, slot % 2 ? POLLOUT : POLLIN, 0 };

	NOTE(slot, poll(&p, 1, 5000));
}

CASE(all_pollers_wake)
{
	int p[2];

	pipes(p);
	shared_fd = p[0];
	for (int i = 0; i < 6; i += 2)
		later(0, poller, i);
	settle();
	put(p[1]);
	finish();
	for (int i = 0; i < 6; i += 2)
		TELL(i);
}

CASE(reader_and_writer_on_one_socket)
{
	int s[2];

	pair(s, SOCK_STREAM);
	stuff(s[0]);
	shared_fd = s[0];
	later(0, poller, 0);
	later(0, poller, 1);
	settle();
	put(s[1]);
	settle();
	say("reader=%d writer=%d", (int)notes[0].done, (int)notes[1].done);
	while (recv(s[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	finish();
	TELL(0);
	TELL(1);
}

CASE(many_fds)
{
	static struct pollfd set[400];
	int p[2];

	for (int i = 0; i < 200; i++) {
		pipes(p);
		set[2 * i] = (struct pollfd){ p[0], POLLIN, 0 };
		set[2 * i + 1] = (struct pollfd){ i % 2 ? -1 : p[1], 0, 0 };
	}
	later(20, put, p[1]);
	SHOW(poll(set, 400, 5000));
	events(&set[398]);
}

CASE(ppoll_expires)
{
	struct timespec ts = { 0, 20500000 };
	uint64_t begin = now_ns();

	SHOW(ppoll(NULL, 0, &ts, NULL));
	say("early=%d ts=%ld.%09ld", now_ns() - begin < 20500000, (long)ts.tv_sec, ts.tv_nsec);
}

CASE(ppoll_no_timeout)
{
	struct pollfd p = { 0 };
	int fds[2];

	pipes(fds);
	p = (struct pollfd){ fds[0], POLLIN, 0 };
	later(20, put, fds[1]);
	TIMED(20, SHOW(ppoll(&p, 1, NULL, NULL)));
	events(&p);
}

CASE(ppoll_zero)
{
	SHOW(ppoll(NULL, 0, MS(0), NULL));
}

CASE(ppoll_invalid)
{
	SHOW(ppoll(NULL, 0, &(struct timespec){ 0, -1 }, NULL));
	SHOW(ppoll(NULL, 0, &(struct timespec){ 0, 1000000000 }, NULL));
	SHOW(ppoll(NULL, 0, &(struct timespec){ -1, 0 }, NULL));
}

CASE(ppoll_fault)
{
	SHOW(ppoll((void *)bad, 1, MS(0), NULL));
	SHOW(ppoll(NULL, 0, MS(0), (void *)bad));
}

CASE(spin_on_poll_zero)
{
	struct pollfd p;
	int fds[2];

	pipes(fds);
	p = (struct pollfd){ fds[0], POLLIN, 0 };
	later(0, put, fds[1]);
	while (poll(&p, 1, 0) == 0)
		;
	events(&p);
}
