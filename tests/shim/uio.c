/* uio.c - readv, writev and their offset twins */
#include "case.h"

static struct iovec v[1100];

static struct iovec *two(void *a, size_t n, void *b, size_t m)
{
	v[0] = (struct iovec){ a, n };
	v[1] = (struct iovec){ b, m };
	return v;
}

CASE(scattered)
{
	int p[2];

	pipes(p);
	SHOW(writev(p[1], two("abc", 3, "de", 2), 2));
	SHOW_BYTES(buf, readv(p[0], two(buf, 2, buf + 2, 10), 2));
}

CASE(readv_waits)
{
	int p[2];

	pipes(p);
	later(30, put, p[1]);
	TIMED(30, SHOW_BYTES(buf, readv(p[0], two(buf, 1, buf + 1, 1), 2)));
}

CASE(readv_waits_on_a_socket)
{
	int s[2];

	tcp(s);
	later(30, put, s[1]);
	TIMED(30, SHOW_BYTES(buf, readv(s[0], two(buf, 1, buf + 1, 1), 2)));
}

CASE(counts)
{
	int p[2];

	pipes(p);
	put(p[1]);
	SHOW(writev(p[1], v, 0));
	SHOW(readv(p[0], v, 0));
	SHOW(writev(p[1], v, HIDDEN(-1)));
	SHOW(readv(p[0], v, HIDDEN(-1)));
	memset(v, 0, sizeof(v));
	SHOW(writev(p[1], v, 1024));
	SHOW(writev(p[1], v, 1025));
	SHOW(readv(p[0], v, 1025));
	SHOW(readv(p[0], v, HIDDEN(INT32_MAX)));
}

CASE(zero_lengths)
{
	int p[2];

	pipes(p);
	SHOW(readv(p[0], two(buf, 0, NULL, 0), 2));
	SHOW(writev(p[1], two(buf, 0, "x", 1), 2));
	SHOW_BYTES(buf, readv(p[0], two(NULL, 0, buf, 1), 2));
}

CASE(total_too_large)
{
	int p[2];

	pipes(p);
	put(p[1]);
	SHOW(readv(p[0], two(buf, (size_t)SSIZE_MAX + 1, buf, 1), 1));
	SHOW(writev(p[1], two(buf, (size_t)-1, buf, 1), 2));
}

CASE(bad_fds)
{
	int p[2];

	pipes(p);
	two(buf, 1, buf, 1);
	SHOW(readv(-1, v, 1));
	SHOW(writev(77, v, 1));
	SHOW(readv(p[1], v, 1));
	SHOW(writev(p[0], v, 1));
	SHOW(readv(-1, v, 0));
}

CASE(fault)
{
	int p[2];

	pipes(p);
	put(p[1]);
	SHOW(readv(p[0], (void *)bad, 1));
	SHOW(writev(p[1], (void *)bad, 2));
	SHOW(readv(p[0], two(bad, 1, buf, 1), 2));
	SHOW(writev(p[1], two(bad, 1, buf, 1), 2));
	SHOW(writev(p[1], two("yz", 2, bad, 4), 2));
	SHOW_BYTES(buf, readv(p[0], two(buf, 9, buf, 0), 2));
}

CASE(fault_after_a_wait)
{
	int p[2];

	pipes(p);
	later(20, put, p[1]);
	TIMED(20, SHOW(readv(p[0], two(bad, 1, bad, 1), 2)));
}

static void write_all(int out, int in, size_t n)
{
	char *p = pattern(n);
	size_t step = n / 1000 + 1, at = 0;
	int count = 0;

	for (; at < n; at += step, count++)
		v[count] = (struct iovec){ p + at, at + step > n ? n - at : step };
	later(0, drain, in);
	SHOW(writev(out, v, count));
	close(out);
	finish();
	tell_drained();
	say("untouched=%d", v[0].iov_base == p && v[0].iov_len == step && v[1].iov_len == step);
	free(p);
}

CASE(much_through_a_pipe)
{
	int p[2];

	pipes(p);
	write_all(p[1], p[0], 1234567);
}

CASE(much_through_a_socket)
{
	int s[2];

	pair(s, SOCK_STREAM);
	write_all(s[0], s[1], 2345678);
}

CASE(much_through_tcp)
{
	int s[2];

	tcp(s);
	write_all(s[0], s[1], 3456789);
}

CASE(much_through_a_tiny_buffer)
{
	int s[2];

	pair(s, SOCK_STREAM);
	set_int(s[0], SO_SNDBUF, 1);
	write_all(s[0], s[1], 123456);
}

CASE(nonblocking)
{
	int p[2];
	char *all = calloc(1, 1 << 20);

	MUST(pipe2(p, O_NONBLOCK) == 0);
	SHOW(readv(p[0], two(buf, 1, buf, 1), 2));
	SHOW(writev(p[1], two(all, 100, all, 1 << 20), 2));
	SHOW(writev(p[1], two(all, 1, all, 1), 2));
	free(all);
}

CASE(datagram_is_one)
{
	int u[2];

	udp(u);
	SHOW(writev(u[0], two("abc", 3, "de", 2), 2));
	SHOW_BYTES(buf, readv(u[1], two(buf, 1, buf + 1, 9), 2));
}

CASE(offsets_on_a_pipe)
{
	int p[2];

	pipes(p);
	put(p[1]);
	two(buf, 1, buf, 1);
	SHOW(preadv(p[0], v, 1, 0));
	SHOW(pwritev(p[1], v, 1, 0));
	SHOW(pread(p[0], buf, 1, 0));
	SHOW(preadv2(p[0], v, 1, 0, 0));
	SHOW(preadv2(p[0], v, 1, -1, 0));
	SHOW(pwritev2(p[1], v, 1, -1, 0));
	SHOW(preadv2(p[0], v, 1, -2, 0));
}

CASE(preadv2_waits)
{
	int p[2];

	pipes(p);
	later(30, put, p[1]);
	TIMED(30, SHOW(preadv2(p[0], two(buf, 1, buf, 1), 2, -1, 0)));
}

CASE(preadv2_nowait)
{
	int p[2];

	pipes(p);
	two(buf, 1, buf, 1);
	SHOW(preadv2(p[0], v, 1, -1, RWF_NOWAIT));
	put(p[1]);
	SHOW(preadv2(p[0], v, 1, -1, RWF_NOWAIT));
	stuff(p[1]);
	SHOW(pwritev2(p[1], v, 1, -1, RWF_NOWAIT));
	SHOW(fcntl(p[1], F_GETFL) & O_NONBLOCK);
}

CASE(flags)
{
	int p[2];

	pipes(p);
	put(p[1]);
	two(buf, 1, buf, 1);
	SHOW(preadv2(p[0], v, 1, -1, 0x40000000));
	SHOW(pwritev2(p[1], v, 1, -1, 0x40000000));
	SHOW(preadv2(-1, v, 1, -1, 0));
	SHOW(preadv2(p[0], (void *)bad, 1, -1, 0));
}

CASE(regular_file)
{
	char name[] = "/tmp/gpatch-test-XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	SHOW(writev(fd, two("abc", 3, "de", 2), 2));
	SHOW(preadv(fd, two(buf, 1, buf + 1, 9), 2, 1));
	SHOW(pwritev2(fd, two("X", 1, "Y", 1), 2, 2, 0));
	SHOW(lseek(fd, 0, SEEK_SET));
	SHOW_BYTES(buf, readv(fd, two(buf, 3, buf + 3, 9), 2));
	SHOW(readv(fd, v, 2));
}
