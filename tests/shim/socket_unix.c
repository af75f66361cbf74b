/* socket_unix.c - AF_UNIX in its three types, abstract names only */
#include "case.h"

static struct sockaddr_un named(const char *name, socklen_t *len)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "gpatch-test-%d-%s", (int)getpid(), name);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a.sun_path + 1));
	return a;
}

static int bound_to(int type, const char *name)
{
	socklen_t len;
	struct sockaddr_un a = named(name, &len);
	int fd = socket(AF_UNIX, type, 0);

	MUST(bind(fd, (struct sockaddr *)&a, len) == 0);
	return fd;
}

static int connect_name(int fd, const char *name)
{
	socklen_t len;
	struct sockaddr_un a = named(name, &len);

	return connect(fd, (struct sockaddr *)&a, len);
}

static void connect_and_put(long type)
{
	int fd = socket(AF_UNIX, (int)type, 0);

	NOTE(1, connect_name(fd, "server"));
	put(fd);
}

static void serve(int type)
{
	int l = bound_to(type, "server"), fd = -1;

	SHOW(listen(l, 4));
	later(20, connect_and_put, type);
	TIMED(20, SHOW_OK(fd = accept(l, NULL, NULL)));
	SHOW_BYTES(buf, recv(fd, buf, 9, 0));
	finish();
	TELL(1);
	SHOW(recv(fd, buf, 9, MSG_DONTWAIT));
}

CASE(stream_server)
{
	serve(SOCK_STREAM);
}

CASE(seqpacket_server)
{
	serve(SOCK_SEQPACKET);
}

CASE(connect_errors)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/nonexistent/socket" };
	int c = socket(AF_UNIX, SOCK_STREAM, 0);

	SHOW(connect(c, (struct sockaddr *)&a, sizeof(a)));
	SHOW(connect_name(c, "nobody"));
	bound_to(SOCK_STREAM, "bound-only");
	SHOW(connect_name(c, "bound-only"));
	bound_to(SOCK_DGRAM, "other-type");
	SHOW(connect_name(c, "other-type"));
	SHOW(connect(c, (struct sockaddr *)&a, sizeof(a) + 1));
	strcpy(a.sun_path, "/etc/passwd");
	SHOW(connect(c, (struct sockaddr *)&a, sizeof(a)));
}

CASE(connect_full_backlog_nonblocking)
{
	int l = bound_to(SOCK_STREAM, "full"), c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	listen(l, 0);
	SHOW(connect_name(socket(AF_UNIX, SOCK_STREAM, 0), "full"));
	SHOW(connect_name(c, "full"));
	SHOW_OK(accept(l, NULL, NULL));
	SHOW(connect_name(c, "full"));
	SHOW(connect_name(c, "full"));
}

CASE(stream_pair)
{
	int s[2];

	pair(s, SOCK_STREAM);
	SHOW(send(s[0], "abc", 3, 0));
	SHOW(send(s[0], "def", 3, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
	close(s[0]);
	SHOW(recv(s[1], buf, 9, 0));
}

CASE(unread_data_resets)
{
	int s[2];

	pair(s, SOCK_STREAM);
	put(s[0]);
	close(s[1]);
	SHOW(recv(s[0], buf, 9, 0));
	SHOW(recv(s[0], buf, 9, 0));
}

CASE(seqpacket_keeps_bounds)
{
	int s[2];

	pair(s, SOCK_SEQPACKET);
	SHOW(send(s[0], "abc", 3, 0));
	SHOW(send(s[0], "defgh", 5, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 2, 0));
	SHOW(recv(s[1], buf, 9, MSG_DONTWAIT));
	later(20, put, s[0]);
	TIMED(20, SHOW(recv(s[1], buf, 9, MSG_WAITALL)));
	later(20, shut, s[0]);
	TIMED(20, SHOW(recv(s[1], buf, 9, 0)));
}

CASE(datagram_pair)
{
	int s[2];

	pair(s, SOCK_DGRAM);
	SHOW(send(s[0], "abc", 3, 0));
	SHOW(send(s[0], "", 0, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
	SHOW(recv(s[1], buf, 9, 0));
	SHOW(recv(s[1], buf, 9, MSG_DONTWAIT));
	later(20, put, s[0]);
	TIMED(20, SHOW(recv(s[1], buf, 9, 0)));
}

static void take_all(long fd)
{
	while (recv((int)fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
}

CASE(full_datagram_pair)
{
	int s[2], n = 0;

	pair(s, SOCK_DGRAM);
	while (send(s[0], "x", 1, MSG_DONTWAIT) == 1)
		n++;
	say("errno=%s some=%d", errname(errno), n > 0);
	later(20, take_all, s[1]);
	TIMED(20, SHOW(send(s[0], "y", 1, 0)));
}

/* Poll says writable while the receiver's queue is full: the waiting must not spin or stop the others. */
CASE(full_unconnected_receiver)
{
	int r = bound_to(SOCK_DGRAM, "receiver"), c = socket(AF_UNIX, SOCK_DGRAM, 0), n = 0;
	socklen_t len;
	struct sockaddr_un a = named("receiver", &len);

	while (sendto(c, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&a, len) == 1)
		n++;
	say("errno=%s some=%d", errname(errno), n > 0);
	later(30, take_all, r);
	TIMED(30, SHOW(sendto(c, "y", 1, 0, (struct sockaddr *)&a, len)));
}

static void send_one(long fd)
{
	NOTE(0, send((int)fd, "x", 1, MSG_NOSIGNAL));
}

CASE(receiver_goes_away)
{
	int s[2];

	pair(s, SOCK_DGRAM);
	while (send(s[0], "x", 1, MSG_DONTWAIT) == 1)
		;
	later(0, send_one, s[0]);
	settle();
	close(s[1]);
	finish();
	TELL(0);
}

CASE(long_packets)
{
	int s[2];

	pair(s, SOCK_SEQPACKET);
	set_int(s[0], SO_SNDBUF, 4096);
	SHOW(send(s[0], buf, 60000, 0));
	SHOW(send(s[0], buf, 1000, 0));
	SHOW(recv(s[1], buf, 60000, 0));
}

CASE(listener_shut_down)
{
	int l = bound_to(SOCK_STREAM, "shut");

	listen(l, 4);
	later(30, end_both, l);
	TIMED(30, SHOW(accept(l, NULL, NULL)));
	SHOW(connect_name(socket(AF_UNIX, SOCK_STREAM, 0), "shut"));
}
