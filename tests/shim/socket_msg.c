/* socket_msg.c - datagrams, recvfrom/sendto, recvmsg/sendmsg and their many-message twins, descriptors in messages */
#include "case.h"

static struct iovec iov(void *base, size_t len)
{
	return (struct iovec){ base, len };
}

static struct msghdr message(struct iovec *v, size_t n)
{
	return (struct msghdr){ .msg_iov = v, .msg_iovlen = n };
}

CASE(datagrams_are_atomic)
{
	int u[2];

	udp(u);
	SHOW(send(u[0], "abc", 3, 0));
	SHOW(send(u[0], "defgh", 5, 0));
	SHOW_BYTES(buf, recv(u[1], buf, 9, 0));
	SHOW_BYTES(buf, recv(u[1], buf, 2, 0));
	SHOW(recv(u[1], buf, 9, MSG_DONTWAIT));
}

CASE(datagram_truncated)
{
	int u[2];

	udp(u);
	SHOW(send(u[0], "abcdef", 6, 0));
	SHOW(recv(u[1], buf, 2, MSG_PEEK | MSG_TRUNC));
	SHOW_BYTES(buf, recv(u[1], buf, 2, MSG_TRUNC) > 2 ? 2 : -1);
}

CASE(empty_datagram)
{
	int u[2];

	udp(u);
	SHOW(send(u[0], "", 0, 0));
	SHOW(recv(u[1], buf, 9, 0));
	SHOW(recv(u[1], buf, 9, MSG_DONTWAIT));
	SHOW(write(u[0], "", 0));
	SHOW(recv(u[1], buf, 9, MSG_DONTWAIT));
}

CASE(datagram_waits)
{
	int u[2];

	udp(u);
	later(20, put, u[0]);
	TIMED(20, SHOW_BYTES(buf, recv(u[1], buf, 9, 0)));
	later(20, put, u[0]);
	TIMED(20, SHOW_BYTES(buf, read(u[1], buf, 9)));
}

CASE(zero_length_receive_takes_a_datagram)
{
	int u[2];

	udp(u);
	SHOW(send(u[0], "abc", 3, 0));
	SHOW(recv(u[1], buf, 0, 0));
	SHOW(recv(u[1], buf, 9, MSG_DONTWAIT));
}

CASE(datagram_too_long)
{
	int u[2];

	udp(u);
	SHOW(send(u[0], buf, 65508, 0));
	SHOW(send(u[0], buf, 65507, MSG_DONTWAIT) == 65507 ? 0 : -1);
	SHOW(recv(u[1], buf, sizeof(buf), 0));
}

CASE(datagram_refused)
{
	int u[2];

	udp(u);
	close(u[1]);
	SHOW(send(u[0], "x", 1, 0));
	settle();
	SHOW(send(u[0], "x", 1, 0)); /* only tells */
	SHOW(send(u[0], "x", 1, 0));
	settle();
	SHOW(recv(u[0], buf, 1, 0));
	SHOW(recv(u[0], buf, 1, MSG_DONTWAIT));
}

CASE(waitall_of_datagrams)
{
	int u[2];

	udp(u);
	SHOW(send(u[0], "ab", 2, 0));
	SHOW_BYTES(buf, recv(u[1], buf, 9, MSG_WAITALL));
}

CASE(sendto_recvfrom)
{
	int a = bound(SOCK_DGRAM), b = bound(SOCK_DGRAM);
	struct sockaddr_in to = name_of(b), from = { 0 }, mine = name_of(a);
	socklen_t len = sizeof(from);

	SHOW(sendto(a, "abc", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	SHOW_BYTES(buf, recvfrom(b, buf, 9, 0, (struct sockaddr *)&from, &len));
	say("len=%u same=%d", len, from.sin_port == mine.sin_port);
	SHOW(sendto(a, "abc", 3, 0, NULL, 0));
	SHOW(sendto(a, "abc", 3, 0, (struct sockaddr *)&to, 3));
	SHOW(sendto(a, "abc", 3, 0, (void *)bad, sizeof(to)));
}

CASE(recvfrom_waits)
{
	int u[2];
	struct sockaddr_in from = { 0 };
	socklen_t len = 5;

	udp(u);
	later(20, put, u[0]);
	TIMED(20, SHOW_BYTES(buf, recvfrom(u[1], buf, 9, 0, (struct sockaddr *)&from, &len)));
	say("len=%u", len);
}

CASE(recvfrom_bad_address)
{
	int u[2];
	socklen_t negative = (socklen_t)-1;

	udp(u);
	put(u[0]);
	put(u[0]);
	put(u[0]);
	SHOW(recvfrom(u[1], buf, 9, 0, (void *)bad, &(socklen_t){ 16 }));
	SHOW(recvfrom(u[1], buf, 9, 0, (struct sockaddr *)buf, &negative));
	SHOW(recvfrom(u[1], buf, 9, 0, (struct sockaddr *)buf, (void *)bad));
	SHOW(recv(u[1], buf, 9, MSG_DONTWAIT));
}

CASE(sendto_on_a_stream)
{
	int s[2];
	struct sockaddr_in a = loopback(1);

	tcp(s);
	SHOW(sendto(s[0], "abc", 3, 0, (struct sockaddr *)&a, sizeof(a)));
	SHOW_BYTES(buf, recvfrom(s[1], buf, 9, 0, (struct sockaddr *)&a, &(socklen_t){ sizeof(a) }));
}

CASE(message_in_pieces)
{
	int s[2];
	struct iovec out[3] = { iov("ab", 2), iov("", 0), iov("cde", 3) }, in[2] = { iov(buf, 1), iov(buf + 1, 8) };
	struct msghdr o = message(out, 3), i = message(in, 2);

	pair(s, SOCK_STREAM);
	SHOW(sendmsg(s[0], &o, 0));
	SHOW_BYTES(buf, recvmsg(s[1], &i, 0));
	say("flags=%#x", i.msg_flags);
}

CASE(message_waits)
{
	int s[2];
	struct iovec in = iov(buf, 9);
	struct msghdr i = message(&in, 1);

	tcp(s);
	later(20, put, s[0]);
	TIMED(20, SHOW_BYTES(buf, recvmsg(s[1], &i, 0)));
	SHOW(recvmsg(s[1], &i, MSG_DONTWAIT));
}

CASE(message_waitall)
{
	int s[2];
	struct iovec in[2] = { iov(buf, 1), iov(buf + 1, 1) };
	struct msghdr i = message(in, 2);

	tcp(s);
	later(10, put, s[0]);
	later(40, put, s[0]);
	TIMED(40, SHOW_BYTES(buf, recvmsg(s[1], &i, MSG_WAITALL)));
	say("%zu %zu", in[0].iov_len, in[1].iov_len);
}

CASE(message_truncated)
{
	int u[2];
	struct iovec in = iov(buf, 2);
	struct msghdr i = message(&in, 1);

	udp(u);
	SHOW(send(u[0], "abcd", 4, 0));
	SHOW_BYTES(buf, recvmsg(u[1], &i, 0));
	say("flags=%#x", i.msg_flags);
	SHOW(send(u[0], "abcd", 4, 0));
	SHOW(recvmsg(u[1], &i, MSG_TRUNC));
}

CASE(message_errors)
{
	int s[2];
	struct iovec v = iov(buf, 1), faulty = iov(bad, 1);
	struct msghdr m = message(&v, 1);

	tcp(s);
	put(s[0]);
	SHOW(recvmsg(-1, &m, 0));
	SHOW(sendmsg(-1, &m, 0));
	SHOW(recvmsg(s[1], (void *)bad, 0));
	SHOW(sendmsg(s[1], nil, 0));
	m.msg_iovlen = 1025;
	SHOW(recvmsg(s[1], &m, 0));
	SHOW(sendmsg(s[1], &m, 0));
	m = message((void *)bad, 1);
	SHOW(recvmsg(s[1], &m, 0));
	SHOW(sendmsg(s[1], &m, 0));
	m = message(&faulty, 1);
	SHOW(recvmsg(s[1], &m, 0));
	SHOW(sendmsg(s[1], &m, 0));
	m = message(NULL, 0);
	SHOW(sendmsg(s[1], &m, 0));
	SHOW(recvmsg(s[1], &m, 0));
}

CASE(much_in_one_message)
{
	int s[2];
	char *p = pattern(4 << 20);
	struct iovec v[4] = { iov(p, 1), iov(p + 1, 1 << 20), iov(p + 1 + (1 << 20), 3), iov(p + 4 + (1 << 20), (3 << 20) - 4) };
	struct msghdr m = message(v, 4);

	pair(s, SOCK_STREAM);
	later(0, drain, s[1]);
	SHOW(sendmsg(s[0], &m, 0));
	close(s[0]);
	finish();
	tell_drained();
	say("untouched=%d", v[0].iov_base == p && v[0].iov_len == 1 && v[3].iov_len == (3 << 20) - 4);
	free(p);
}

static ssize_t send_fd(int s, int fd, size_t data)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} c = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char *p = calloc(1, data);
	struct iovec v = iov(p, data);
	struct msghdr m = message(&v, 1);
	ssize_t n;

	memcpy(CMSG_DATA(&c.head), &fd, sizeof(fd));
	m.msg_control = &c;
	m.msg_controllen = sizeof(c);
	n = sendmsg(s, &m, 0);
	free(p);
	return n;
}

static ssize_t receive_fd(int s, int flags, int *fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} c;
	struct iovec v = iov(buf, sizeof(buf));
	struct msghdr m = message(&v, 1);
	ssize_t n;

	*fd = -1;
	m.msg_control = &c;
	m.msg_controllen = sizeof(c);
	n = recvmsg(s, &m, flags);
	if (n >= 0 && m.msg_controllen >= CMSG_LEN(sizeof(int)) && c.head.cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(&c.head), sizeof(*fd));
	return n;
}

CASE(descriptor_passed)
{
	int s[2], p[2], fd;

	pair(s, SOCK_STREAM);
	pipes(p);
	SHOW(send_fd(s[0], p[0], 1));
	SHOW(receive_fd(s[1], MSG_CMSG_CLOEXEC, &fd));
	say("got=%d cloexec=%d", fd > 2, fcntl(fd, F_GETFD));
	later(20, put, p[1]);
	TIMED(20, SHOW_BYTES(buf, read(fd, buf, 9)));
	SHOW(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void note_send_fd(long s)
{
	NOTE(0, send_fd((int)s, (int)s, 1 << 20));
}

CASE(descriptor_once_with_much_data)
{
	int s[2], fds = 0;
	ssize_t n = 0, got;

	pair(s, SOCK_STREAM);
	later(0, note_send_fd, s[0]);
	for (int fd; n < 1 << 20 && (got = receive_fd(s[1], 0, &fd)) > 0; n += got)
		fds += fd >= 0;
	finish();
	say("n=%zd fds=%d", n, fds);
	TELL(0);
}

/* ---- recvmmsg, sendmmsg */

static struct mmsghdr many[8];
static struct iovec many_iov[8];

static struct mmsghdr *fresh(char *data, size_t len)
{
	memset(many, 0, sizeof(many));
	for (int i = 0; i < 8; i++) {
		many_iov[i] = iov(data + (size_t)i * 16, len);
		many[i].msg_hdr = message(&many_iov[i], 1);
	}
	return many;
}

static void lengths(void)
{
	say("lengths=%u %u %u %u", many[0].msg_len, many[1].msg_len, many[2].msg_len, many[3].msg_len);
}

CASE(sendmmsg_counts)
{
	int u[2];

	udp(u);
	SHOW(sendmmsg(u[0], fresh(buf, 3), 3, 0));
	lengths();
	SHOW(recvmmsg(u[1], fresh(buf, 9), 3, 0, NULL));
	lengths();
	SHOW(recvmmsg(u[1], fresh(buf, 9), 3, MSG_DONTWAIT, NULL));
}

CASE(recvmmsg_dontwait_gives_fewer)
{
	int u[2];

	udp(u);
	SHOW(sendmmsg(u[0], fresh(buf, 3), 2, 0));
	SHOW(recvmmsg(u[1], fresh(buf, 9), 8, MSG_DONTWAIT, NULL));
	lengths();
}

static void put_four(long fd)
{
	for (int i = 0; i < 4; i++) {
		put(fd);
		pause_ms(10);
	}
}

CASE(recvmmsg_waits_for_all)
{
	int u[2];

	udp(u);
	later(5, put_four, u[0]);
	TIMED(30, SHOW(recvmmsg(u[1], fresh(buf, 9), 4, 0, NULL)));
	lengths();
}

CASE(recvmmsg_waits_for_one)
{
	int u[2];

	udp(u);
	later(20, put, u[0]);
	TIMED(20, SHOW(recvmmsg(u[1], fresh(buf, 9), 4, MSG_WAITFORONE, NULL)));
	lengths();
}

/* The kernel looks at the time-out only when a datagram has come. */
CASE(recvmmsg_timeout)
{
	int u[2];
	struct timespec ts = { 0, 15000000 };

	udp(u);
	later(0, put, u[0]);
	later(60, put, u[0]);
	TIMED(60, SHOW(recvmmsg(u[1], fresh(buf, 9), 4, 0, &ts)));
	say("ts=%ld.%09ld", (long)ts.tv_sec, ts.tv_nsec);
}

CASE(recvmmsg_zero_timeout)
{
	int u[2];
	struct timespec ts = { 0, 0 };

	udp(u);
	put(u[0]);
	put(u[0]);
	SHOW(recvmmsg(u[1], fresh(buf, 9), 4, 0, &ts));
	SHOW(recvmmsg(u[1], fresh(buf, 9), 1, MSG_DONTWAIT, &ts));
}

CASE(recvmmsg_errors)
{
	int u[2];

	udp(u);
	put(u[0]);
	SHOW(recvmmsg(-1, fresh(buf, 9), 1, 0, NULL));
	SHOW(recvmmsg(u[1], (void *)bad, 1, 0, NULL));
	SHOW(recvmmsg(u[1], fresh(buf, 9), 1, 0, &(struct timespec){ 0, -1 }));
	SHOW(recvmmsg(u[1], fresh(buf, 9), 1, 0, &(struct timespec){ -1, 0 }));
	SHOW(recvmmsg(u[1], fresh(buf, 9), 0, 0, NULL));
	SHOW(recvmmsg(u[1], fresh(bad, 9), 2, MSG_DONTWAIT, NULL));
}

CASE(sendmmsg_errors)
{
	int u[2];

	udp(u);
	SHOW(sendmmsg(-1, fresh(buf, 3), 1, 0));
	SHOW(sendmmsg(u[0], (void *)bad, 1, 0));
	SHOW(sendmmsg(u[0], fresh(buf, 3), 0, 0));
	fresh(buf, 3)[1].msg_hdr.msg_iov = (void *)bad;
	SHOW(sendmmsg(u[0], many, 3, 0));
	SHOW(sendmmsg(u[0], fresh(bad, 3), 3, 0));
}

CASE(sendmmsg_on_a_full_stream)
{
	int s[2];
	struct mmsghdr *m = fresh(buf, 16);

	pair(s, SOCK_STREAM);
	stuff(s[0]);
	SHOW(sendmmsg(s[0], m, 4, MSG_DONTWAIT));
	later(20, drain, s[1]);
	TIMED(20, SHOW(sendmmsg(s[0], m, 4, 0)));
	lengths();
	close(s[0]);
}
