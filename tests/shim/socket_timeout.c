/* socket_timeout.c - SO_RCVTIMEO and SO_SNDTIMEO */
#include "case.h"

static void limit(int fd, int option, long us)
{
	struct timeval tv = { us / 1000000, us % 1000000 };

	MUST(setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv)) == 0);
}

CASE(recv_times_out)
{
	int s[2];

	tcp(s);
	limit(s[1], SO_RCVTIMEO, 40000);
	TIMED(40, SHOW(recv(s[1], buf, 9, 0)));
	TIMED(40, SHOW(recv(s[1], buf, 9, 0)));
	SHOW(fcntl(s[1], F_GETFL) & O_NONBLOCK);
}

CASE(every_way_to_read_times_out)
{
	int s[2];
	struct iovec v = { buf, 9 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct mmsghdr mm = { .msg_hdr = m };

	tcp(s);
	limit(s[1], SO_RCVTIMEO, 25000);
	TIMED(24, SHOW(read(s[1], buf, 9)));
	TIMED(24, SHOW(readv(s[1], &v, 1)));
	TIMED(24, SHOW(recvfrom(s[1], buf, 9, 0, NULL, NULL)));
	TIMED(24, SHOW(recvmsg(s[1], &m, 0)));
	TIMED(24, SHOW(recvmmsg(s[1], &mm, 1, 0, NULL)));
}

CASE(data_comes_in_time)
{
	int s[2];

	tcp(s);
	limit(s[1], SO_RCVTIMEO, 5000000);
	later(20, put, s[0]);
	TIMED(20, SHOW(recv(s[1], buf, 9, 0)));
}

CASE(other_side_has_no_timeout)
{
	int s[2];

	tcp(s);
	limit(s[0], SO_RCVTIMEO, 20000);
	limit(s[1], SO_SNDTIMEO, 20000);
	later(60, put, s[0]);
	TIMED(60, SHOW(recv(s[1], buf, 9, 0)));
}

CASE(whole_seconds)
{
	int s[2];

	pair(s, SOCK_STREAM);
	limit(s[1], SO_RCVTIMEO, 1000000);
	TIMED(1000, SHOW(recv(s[1], buf, 9, 0)));
}

CASE(tiny_timeout)
{
	int s[2];

	pair(s, SOCK_STREAM);
	limit(s[1], SO_RCVTIMEO, 1);
	SHOW(recv(s[1], buf, 9, 0));
}

CASE(zero_is_for_ever)
{
	int s[2];

	pair(s, SOCK_STREAM);
	limit(s[1], SO_RCVTIMEO, 10000);
	limit(s[1], SO_RCVTIMEO, 0);
	later(50, put, s[0]);
	TIMED(50, SHOW(recv(s[1], buf, 9, 0)));
}

CASE(negative_is_at_once)
{
	int s[2];
	struct timeval tv = { -1, 0 };

	pair(s, SOCK_STREAM);
	SHOW(setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	later(100, put, s[0]);
	SHOW(recv(s[1], buf, 9, 0));
}

CASE(changed_between_calls)
{
	int s[2];

	pair(s, SOCK_STREAM);
	limit(s[1], SO_RCVTIMEO, 20000);
	TIMED(20, SHOW(recv(s[1], buf, 9, 0)));
	limit(s[1], SO_RCVTIMEO, 60000);
	TIMED(60, SHOW(recv(s[1], buf, 9, 0)));
}

static void shorten(long fd)
{
	limit((int)fd, SO_RCVTIMEO, 1000);
}

CASE(changed_during_a_call)
{
	int s[2];

	pair(s, SOCK_STREAM);
	limit(s[1], SO_RCVTIMEO, 100000);
	later(20, shorten, s[1]);
	TIMED(100, SHOW(recv(s[1], buf, 9, 0)));
}

CASE(duplicate_has_it_too)
{
	int s[2], d;

	pair(s, SOCK_STREAM);
	d = dup(s[1]);
	limit(s[1], SO_RCVTIMEO, 30000);
	TIMED(30, SHOW(recv(d, buf, 9, 0)));
}

CASE(dontwait_beats_it)
{
	int s[2];

	pair(s, SOCK_STREAM);
	limit(s[1], SO_RCVTIMEO, 5000000);
	SHOW(recv(s[1], buf, 9, MSG_DONTWAIT));
	set_nonblock(s[1]);
	SHOW(recv(s[1], buf, 9, 0));
}

CASE(waitall_partial_count_wins)
{
	int s[2];

	tcp(s);
	limit(s[1], SO_RCVTIMEO, 40000);
	SHOW(send(s[0], "abc", 3, 0));
	TIMED(40, SHOW_BYTES(buf, recv(s[1], buf, 9, MSG_WAITALL)));
	TIMED(40, SHOW(recv(s[1], buf, 9, MSG_WAITALL)));
}

CASE(waitall_unix_partial_count_wins)
{
	int s[2];

	pair(s, SOCK_STREAM);
	limit(s[1], SO_RCVTIMEO, 40000);
	SHOW(send(s[0], "abc", 3, 0));
	TIMED(40, SHOW_BYTES(buf, recv(s[1], buf, 9, MSG_WAITALL)));
}

CASE(send_times_out)
{
	int s[2];

	pair(s, SOCK_STREAM);
	stuff(s[0]);
	limit(s[0], SO_SNDTIMEO, 40000);
	TIMED(40, SHOW(send(s[0], buf, 9, 0)));
	TIMED(40, SHOW(write(s[0], buf, 9)));
	TIMED(40, SHOW(writev(s[0], &(struct iovec){ buf, 9 }, 1)));
}

CASE(send_tcp_times_out)
{
	int s[2];
	char *p = calloc(1, 16 << 20);
	ssize_t n = -1;

	tcp(s);
	limit(s[0], SO_SNDTIMEO, 40000);
	TIMED(40, n = send(s[0], p, 16 << 20, 0));
	say("part=%d", n > 0 && n < 16 << 20);
	free(p);
}

CASE(send_partial_count_wins)
{
	int s[2];
	char *p = calloc(1, 8 << 20);
	ssize_t n = -1;

	pair(s, SOCK_STREAM);
	limit(s[0], SO_SNDTIMEO, 40000);
	TIMED(40, n = send(s[0], p, 8 << 20, 0));
	say("part=%d", n > 0 && n < 8 << 20);
	TIMED(40, SHOW(send(s[0], p, 8 << 20, 0)));
	free(p);
}

CASE(accept_times_out)
{
	int l = listener(4);

	limit(l, SO_RCVTIMEO, 40000);
	TIMED(40, SHOW(accept(l, NULL, NULL)));
	connect_to(socket(AF_INET, SOCK_STREAM, 0), l);
	SHOW_OK(accept(l, NULL, NULL));
}

/* Linux: an accepted socket starts with the listener's time-out. */
CASE(accepted_socket_inherits)
{
	int l = listener(4), c = socket(AF_INET, SOCK_STREAM, 0), fd;

	limit(l, SO_RCVTIMEO, 40000);
	connect_to(c, l);
	fd = accept(l, NULL, NULL);
	TIMED(40, SHOW(recv(fd, buf, 9, 0)));
}

CASE(datagram_times_out)
{
	int u[2];

	udp(u);
	limit(u[1], SO_RCVTIMEO, 40000);
	TIMED(40, SHOW(recv(u[1], buf, 9, 0)));
	put(u[0]);
	SHOW(recv(u[1], buf, 9, 0));
}

CASE(datagram_send_times_out)
{
	int s[2];

	pair(s, SOCK_DGRAM);
	while (send(s[0], "x", 1, MSG_DONTWAIT) == 1)
		;
	limit(s[0], SO_SNDTIMEO, 40000);
	TIMED(40, SHOW(send(s[0], "x", 1, 0)));
}

CASE(poll_has_its_own_timeout)
{
	int s[2];

	pair(s, SOCK_STREAM);
	limit(s[1], SO_RCVTIMEO, 5000);
	TIMED(50, SHOW(poll(&(struct pollfd){ s[1], POLLIN, 0 }, 1, 50)));
}

CASE(low_water_mark)
{
	int s[2];

	tcp(s);
	set_int(s[1], SO_RCVLOWAT, 2);
	later(10, put, s[0]);
	later(40, put, s[0]);
	TIMED(40, SHOW_BYTES(buf, recv(s[1], buf, 9, 0)));
	put(s[0]);
	SHOW_BYTES(buf, recv(s[1], buf, 1, 0));
}
