/* socket.c - making connections: connect, accept, shutdown, close */
#include "case.h"

static int stream(int flags)
{
	return socket(AF_INET, SOCK_STREAM | flags, 0);
}

static void blocking(int fd)
{
	say("nonblock=%d cloexec=%d", !!(fcntl(fd, F_GETFL) & O_NONBLOCK), !!(fcntl(fd, F_GETFD) & FD_CLOEXEC));
}

CASE(bad_sockets)
{
	SHOW(socket(9999, SOCK_STREAM, 0));
	SHOW(socket(AF_INET, 77, 0));
	SHOW(socket(AF_INET, SOCK_STREAM, 999));
	SHOW(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){ 0 }));
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, (void *)bad));
}

CASE(flags_of_new_sockets)
{
	int s[2];

	blocking(stream(0));
	blocking(stream(SOCK_NONBLOCK));
	blocking(stream(SOCK_CLOEXEC));
	pair(s, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
	blocking(s[0]);
	blocking(s[1]);
}

CASE(lowest_numbers_are_free)
{
	int a = stream(0), b = stream(0);

	close(a);
	say("%d %d %d", a, b, stream(0));
}

static int shared_fd;

static void connect_late(long server)
{
	shared_fd = stream(0);
	NOTE(1, connect_to(shared_fd, (int)server));
}

CASE(accept_waits)
{
	int l = listener(4), fd = -1;

	later(30, connect_late, l);
	TIMED(30, SHOW_OK(fd = accept(l, NULL, NULL)));
	blocking(fd);
	finish();
	TELL(1);
}

CASE(accept4_flags)
{
	int l = listener(4);

	connect_to(stream(0), l);
	connect_to(stream(0), l);
	blocking(accept4(l, NULL, NULL, SOCK_NONBLOCK));
	blocking(accept4(l, NULL, NULL, SOCK_CLOEXEC));
	SHOW(accept4(l, NULL, NULL, 1));
}

CASE(accept_nonblocking_listener)
{
	int l = listener(4);

	set_nonblock(l);
	SHOW(accept(l, NULL, NULL));
	connect_to(stream(0), l);
	blocking(accept(l, NULL, NULL));
	SHOW(accept4(l, NULL, NULL, 0));
}

CASE(accept_errors)
{
	int fds[2];

	pipes(fds);
	SHOW(accept(-1, NULL, NULL));
	SHOW(accept(77, NULL, NULL));
	SHOW(accept(fds[0], NULL, NULL));
	SHOW(accept(stream(0), NULL, NULL));
	SHOW(accept(bound(SOCK_DGRAM), NULL, NULL));
}

CASE(accept_address)
{
	int l = listener(4), c = stream(0);
	struct sockaddr_in a = { 0 }, mine;
	socklen_t len = sizeof(a);

	connect_to(c, l);
	SHOW_OK(accept(l, (struct sockaddr *)&a, &len));
	mine = name_of(c);
	say("len=%u same=%d", len, a.sin_port == mine.sin_port && a.sin_addr.s_addr == mine.sin_addr.s_addr);
}

CASE(accept_short_address)
{
	int l = listener(4);
	unsigned char a[16];
	socklen_t len = 3;

	memset(a, 0xee, sizeof(a));
	connect_to(stream(0), l);
	SHOW_OK(accept(l, (struct sockaddr *)a, &len));
	say("len=%u family=%u after=%x", len, a[0], a[3]);
}

CASE(accept_bad_address)
{
	int l = listener(4);
	socklen_t len = (socklen_t)-1;

	connect_to(stream(0), l);
	SHOW(accept(l, (void *)bad, &(socklen_t){ 16 }));
	connect_to(stream(0), l);
	SHOW(accept(l, (struct sockaddr *)buf, &len));
	connect_to(stream(0), l);
	SHOW(accept(l, (struct sockaddr *)buf, (void *)bad));
}

static void acceptor(long slot)
{
	NOTE(slot, accept(shared_fd, NULL, NULL) < 0 ? -1 : 0);
}

CASE(shutdown_wakes_accept)
{
	shared_fd = listener(4);
	later(0, acceptor, 0);
	settle();
	SHOW(shutdown(shared_fd, SHUT_RDWR));
	finish();
	TELL(0);
	SHOW(accept(shared_fd, NULL, NULL));
}

CASE(accept_outlives_close)
{
	int keep;
	struct sockaddr_in a;

	shared_fd = listener(4);
	a = name_of(shared_fd);
	later(0, acceptor, 0);
	settle();
	close(shared_fd);
	settle();
	say("done=%d", (int)notes[0].done);
	keep = stream(0); /* the number of the listener */
	SHOW(connect(keep, (struct sockaddr *)&a, sizeof(a)));
	finish();
	TELL(0);
}

CASE(each_connection_is_accepted_once)
{
	int ok = 0;

	shared_fd = listener(16);
	for (int i = 0; i < 8; i++)
		later(0, acceptor, i);
	settle();
	for (int i = 0; i < 8; i++)
		ok += connect_to(stream(0), shared_fd) == 0;
	finish();
	for (int i = 0; i < 8; i++)
		ok += notes[i].ret == 0;
	say("ok=%d", ok);
}

CASE(connect_refused)
{
	int b = bound(SOCK_STREAM), c = stream(0);

	SHOW(connect_to(c, b));
	SHOW(connect_to(c, b)); /* the socket can be used again */
	listen(b, 4);
	SHOW(connect_to(c, b));
}

CASE(connect_twice)
{
	int l = listener(4), c = stream(0);

	SHOW(connect_to(c, l));
	SHOW(connect_to(c, l));
	SHOW(connect_to(accept(l, NULL, NULL), l));
}

CASE(connect_nonblocking)
{
	int l = listener(4), c = stream(SOCK_NONBLOCK);
	struct pollfd p = { c, POLLOUT, 0 };

	SHOW(connect_to(c, l));
	SHOW(poll(&p, 1, 2000));
	SHOW(connect_to(c, l));
	SHOW(connect_to(c, l));
	blocking(c);
}

CASE(connect_nonblocking_refused)
{
	int b = bound(SOCK_STREAM), c = stream(SOCK_NONBLOCK), error = 0;
	struct pollfd p = { c, POLLOUT, 0 };
	socklen_t len = sizeof(error);

	SHOW(connect_to(c, b));
	SHOW(poll(&p, 1, 2000));
	SHOW(getsockopt(c, SOL_SOCKET, SO_ERROR, &error, &len));
	say("error=%s", errname(error));
}

/* With one connection in the queue of a listener without room the next one's handshake never ends. */
static int full_listener(void)
{
	int l = listener(0);

	MUST(connect_to(stream(0), l) == 0);
	return l;
}

CASE(connect_already)
{
	int l = full_listener(), c = stream(SOCK_NONBLOCK);

	SHOW(connect_to(c, l));
	SHOW(connect_to(c, l));
	set_nonblock(c);
	SHOW(send(c, "x", 1, 0));
	SHOW(recv(c, buf, 1, 0));
}

CASE(connect_times_out)
{
	int l = full_listener(), c = stream(0);
	struct timeval tv = { 0, 40000 };

	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	TIMED(40, SHOW(connect_to(c, l)));
	SHOW(fcntl(c, F_GETFL) & O_NONBLOCK);
	TIMED(40, SHOW(connect_to(c, l)));
}

static int waiting_socket;

static void connect_note(long server)
{
	NOTE(0, connect_to(waiting_socket, (int)server));
}

CASE(connect_keeps_flags_while_it_waits)
{
	int l = full_listener();

	waiting_socket = stream(0);
	later(0, connect_note, l);
	settle();
	blocking(waiting_socket);
	say("done=%d", (int)notes[0].done);
	SHOW(shutdown(waiting_socket, SHUT_RDWR));
	finish();
	TELL(0);
	blocking(waiting_socket);
}

CASE(connect_waits_for_room)
{
	int l = full_listener();

	waiting_socket = stream(0);
	later(0, connect_note, l);
	settle();
	SHOW_OK(accept(l, NULL, NULL));
	SHOW_OK(accept(l, NULL, NULL)); /* SYN is sent again after a second */
	finish();
	TELL(0);
}

CASE(connect_errors)
{
	struct sockaddr_in a = loopback(1);
	int fds[2];

	pipes(fds);
	SHOW(connect(-1, (struct sockaddr *)&a, sizeof(a)));
	SHOW(connect(fds[0], (struct sockaddr *)&a, sizeof(a)));
	SHOW(connect(stream(0), (struct sockaddr *)&a, 2));
	SHOW(connect(stream(0), (struct sockaddr *)&a, 0));
	SHOW(connect(stream(0), (struct sockaddr *)&a, HIDDEN((socklen_t)-1)));
	SHOW(connect(stream(0), (void *)bad, sizeof(a)));
	SHOW(connect(stream(0), nil, sizeof(a)));
	a.sin_family = 77;
	SHOW(connect(stream(0), (struct sockaddr *)&a, sizeof(a)));
}

CASE(connect_to_a_listener_itself)
{
	int l = listener(4);

	SHOW(connect_to(l, l));
}

CASE(connect_udp)
{
	int a = bound(SOCK_DGRAM), b = bound(SOCK_DGRAM);
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	SHOW(connect_to(a, b));
	SHOW(send(a, "x", 1, 0));
	SHOW(connect(a, &none, sizeof(none)));
	SHOW(send(a, "x", 1, 0));
	SHOW(connect_to(b, a));
}

CASE(shutdown_errors)
{
	int s[2], fds[2];

	pair(s, SOCK_STREAM);
	pipes(fds);
	SHOW(shutdown(-1, SHUT_RD));
	SHOW(shutdown(fds[0], SHUT_RD));
	SHOW(shutdown(s[0], 77));
	SHOW(shutdown(stream(0), SHUT_RDWR));
	SHOW(shutdown(s[0], SHUT_RDWR));
	SHOW(shutdown(s[0], SHUT_RDWR));
}

CASE(closed_twice)
{
	int fd = stream(0);

	SHOW(close(fd));
	SHOW(close(fd));
	SHOW(recv(fd, buf, 1, 0));
	SHOW(send(fd, buf, 1, 0));
	SHOW(connect(fd, (struct sockaddr *)&(struct sockaddr_in){ 0 }, 16));
}

CASE(sockopt_timeouts)
{
	int s = stream(0);
	struct timeval tv = { 1, 2000 };
	socklen_t len = sizeof(tv);

	SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	memset(&tv, 0, sizeof(tv));
	SHOW(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	say("%ld.%06ld len=%u", (long)tv.tv_sec, (long)tv.tv_usec, len);
	SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0, 1000000 }, sizeof(tv)));
	SHOW(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, 3));
	SHOW(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, (void *)bad, sizeof(tv)));
	SHOW(setsockopt(-1, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	SHOW(setsockopt(0, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
}
