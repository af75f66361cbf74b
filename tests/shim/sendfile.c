/* sendfile.c - sendfile, splice, tee, vmsplice: bytes that never pass the program */
#include "gap.h"

#include <sys/sendfile.h>

static int file_of(const char *bytes, size_t n)
{
	char name[] = "/tmp/gpatch-test-XXXXXX";
	int fd = mkstemp(name);

	MUST(fd >= 0 && unlink(name) == 0);
	MUST(write(fd, bytes, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int patterned(size_t n)
{
	char *p = pattern(n);
	int fd = file_of(p, n);

	free(p);
	return fd;
}

static void empty_slowly(long fd)
{
	static char sink[1 << 17];

	(void)!read((int)fd, sink, sizeof(sink));
}

CASE(to_a_socket)
{
	int s[2], f = patterned(3000000);

	tcp(s);
	later(0, drain, s[1]);
	SHOW(sendfile(s[0], f, NULL, 3000000));
	SHOW(lseek(f, 0, SEEK_CUR));
	close(s[0]);
	finish();
	tell_drained();
	SHOW(fcntl(f, F_GETFL) & O_NONBLOCK);
}

CASE(flags_are_back)
{
	int s[2], f = patterned(100000);

	tcp(s);
	later(0, drain, s[1]);
	SHOW(sendfile(s[0], f, NULL, 100000));
	SHOW(fcntl(s[0], F_GETFL) & O_NONBLOCK);
	close(s[0]);
}

CASE(to_a_tiny_buffer)
{
	int s[2], f = patterned(300000);

	pair(s, SOCK_STREAM);
	set_int(s[0], SO_SNDBUF, 1);
	later(0, drain, s[1]);
	SHOW(sendfile(s[0], f, NULL, 300000));
	close(s[0]);
	finish();
	tell_drained();
}

CASE(to_a_shared_socket)
{
	int s[2], f = patterned(2000000), d;

	tcp(s);
	d = dup(s[0]); /* somebody else might see its flags now */
	later(0, drain, s[1]);
	SHOW(sendfile(d, f, NULL, 2000000));
	close(s[0]);
	close(d);
	finish();
	tell_drained();
}

CASE(offsets)
{
	int s[2], f = file_of("0123456789", 10);
	off_t off = 3;

	tcp(s);
	SHOW(sendfile(s[0], f, &off, 4));
	say("offset=%lld position=%lld", (long long)off, (long long)lseek(f, 0, SEEK_CUR));
	SHOW_BYTES(buf, read(s[1], buf, 100));
	SHOW(sendfile(s[0], f, &off, 100));
	SHOW_BYTES(buf, read(s[1], buf, 100));
	SHOW(sendfile(s[0], f, &off, 100));
	off = -1;
	SHOW(sendfile(s[0], f, &off, 1));
	SHOW(sendfile(s[0], f, (void *)bad, 1));
	SHOW(sendfile(s[0], f, NULL, 0));
}

CASE(sendfile_to_a_pipe)
{
	int p[2], f = patterned(300000);

	pipes(p);
	SHOW(sendfile(p[1], f, NULL, 300000));
	later(30, empty_slowly, p[0]);
	TIMED(25, SHOW(sendfile(p[1], f, NULL, 5000)));
	SHOW(sendfile(p[1], f, (void *)bad, 1));
	SHOW(lseek(f, 0, SEEK_CUR));
}

CASE(sendfile_errors)
{
	int p[2], s[2], f = patterned(10);

	pipes(p);
	tcp(s);
	SHOW(sendfile(-1, f, NULL, 1));
	SHOW(sendfile(s[0], -1, NULL, 1));
	SHOW(sendfile(p[0], f, NULL, 1));
	SHOW(sendfile(p[1], p[0], NULL, 1));
	SHOW(sendfile(f, p[0], NULL, 1));
	SHOW(sendfile(open("/dev/null", O_WRONLY), f, NULL, 10));
	SHOW(sendfile(s[0], open("/dev/null", O_WRONLY), NULL, 10));
	SHOW(sendfile(s[0], open("/dev/zero", O_RDONLY), NULL, 10));
	close(s[1]);
	lseek(f, 0, SEEK_SET);
	SHOW(sendfile(s[0], f, NULL, 1));
	settle();
	SHOW(sendfile(s[0], f, NULL, 1));
}

CASE(sendfile_nonblocking)
{
	int s[2], f = patterned(3000000);
	ssize_t n;

	tcp(s);
	set_nonblock(s[0]);
	while ((n = sendfile(s[0], f, NULL, 3000000)) > 0)
		;
	SHOW(sendfile(s[0], f, NULL, 1000));
}

CASE(sendfile_interrupted)
{
	int p[2], s[2], f = patterned(10000);

	pipes(p);
	tcp(s);
	stuff(p[1]);
	stuff(s[0]);
	on_usr1(0);
	later(30, poke, 0);
	TIMED(25, SHOW(sendfile(p[1], f, NULL, 10)));
	later(30, poke, 0);
	TIMED(25, SHOW(sendfile(s[0], f, NULL, 10)));
	say("handled=%d", (int)handled);
}

CASE(send_timeout)
{
	int s[2], f = patterned(10000);

	tcp(s);
	stuff(s[0]);
	MUST(setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, TV(30), sizeof(struct timeval)) == 0);
	TIMED(25, SHOW(sendfile(s[0], f, NULL, 10)));
}

CASE(splice_waits_to_read)
{
	int p[2], q[2];

	pipes(p);
	pipes(q);
	later(30, put, p[1]);
	TIMED(25, SHOW(splice(p[0], NULL, q[1], NULL, 100, 0)));
	SHOW_BYTES(buf, read(q[0], buf, 10));
	later(30, shut, p[1]);
	TIMED(25, SHOW(splice(p[0], NULL, q[1], NULL, 100, 0)));
	later(30, end_writing, p[1]);
}

CASE(splice_waits_to_write)
{
	int p[2], q[2];

	pipes(p);
	pipes(q);
	put(p[1]);
	stuff(q[1]);
	later(30, empty_slowly, q[0]);
	TIMED(25, SHOW(splice(p[0], NULL, q[1], NULL, 100, 0)));
	SHOW_BYTES(buf, read(q[0], buf, 10));
}

CASE(splice_nonblock)
{
	int p[2], q[2];

	pipes(p);
	pipes(q);
	SHOW(splice(p[0], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK));
	put(p[1]);
	stuff(q[1]);
	SHOW(splice(p[0], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK));
	set_nonblock(q[1]);
	SHOW(splice(p[0], NULL, q[1], NULL, 100, 0));
	SHOW(tee(p[0], q[1], 100, SPLICE_F_NONBLOCK));
}

CASE(socket_to_pipe)
{
	int p[2], s[2], u[2];

	pipes(p);
	tcp(s);
	later(30, put, s[1]);
	TIMED(25, SHOW(splice(s[0], NULL, p[1], NULL, 100, 0)));
	SHOW_BYTES(buf, read(p[0], buf, 10));
	pair(u, SOCK_STREAM);
	later(30, put, u[1]);
	TIMED(25, SHOW(splice(u[0], NULL, p[1], NULL, 100, 0)));
	later(30, shut, u[1]);
	TIMED(25, SHOW(splice(u[0], NULL, p[1], NULL, 100, 0)));
	set_nonblock(s[0]);
	SHOW(splice(s[0], NULL, p[1], NULL, 100, 0));
}

static int relay_in, relay_out;

static void relay(long to)
{
	ssize_t n;

	while ((n = splice(relay_in, NULL, (int)to, NULL, 1 << 20, SPLICE_F_MOVE)) > 0)
		;
	close((int)to);
}

static char *bulk;

static void write_bulk(long fd)
{
	(void)!write((int)fd, bulk, 2000000);
	close((int)fd);
}

CASE(pipe_to_socket)
{
	int p[2], s[2];

	bulk = pattern(2000000);
	pipes(p);
	tcp(s);
	relay_in = p[0];
	later(0, write_bulk, p[1]);
	later(0, relay, s[0]);
	later(0, drain, s[1]);
	finish();
	tell_drained();
	free(bulk);
}

CASE(socket_to_socket)
{
	int p[2], s[2], t[2];
	ssize_t n;

	bulk = pattern(2000000);
	pipes(p);
	tcp(s);
	tcp(t);
	later(0, write_bulk, s[0]);
	later(0, drain, t[1]);
	while ((n = splice(s[1], NULL, p[1], NULL, 30000, 0)) > 0)
		while (n > 0) {
			ssize_t m = splice(p[0], NULL, t[0], NULL, (size_t)n, 0);

			MUST(m > 0);
			n -= m;
		}
	close(t[0]);
	finish();
	tell_drained();
	free(bulk);
}

CASE(relay_through_pipes)
{
	int p[2], q[2];

	bulk = pattern(2000000);
	pipes(p);
	pipes(q);
	relay_in = p[0];
	relay_out = q[1];
	later(0, write_bulk, p[1]);
	later(0, relay, q[1]);
	later(0, drain, q[0]);
	finish();
	tell_drained();
	free(bulk);
}

CASE(files)
{
	int p[2], f = file_of("0123456789", 10), g = file_of("", 0);
	off64_t off = 2;

	pipes(p);
	SHOW(splice(f, &off, p[1], NULL, 5, 0));
	say("offset=%lld", (long long)off);
	off = 1;
	SHOW(splice(p[0], NULL, g, &off, 100, 0));
	say("offset=%lld size=%lld", (long long)off, (long long)lseek(g, 0, SEEK_END));
	later(30, put, p[1]);
	TIMED(25, SHOW(splice(p[0], NULL, g, NULL, 100, 0)));
	lseek(f, 10, SEEK_SET);
	SHOW(splice(f, NULL, p[1], NULL, 5, 0));
}

CASE(splice_errors)
{
	int p[2], s[2], f = file_of("0123456789", 10);
	off64_t off = 0;

	pipes(p);
	tcp(s);
	SHOW(splice(-1, NULL, p[1], NULL, 1, 0));
	SHOW(splice(p[0], NULL, 99, NULL, 1, 0));
	SHOW(splice(f, NULL, s[0], NULL, 1, 0));
	SHOW(splice(p[0], &off, s[0], NULL, 1, 0));
	SHOW(splice(p[0], NULL, p[1], NULL, 1, 0));
	SHOW(splice(p[1], NULL, f, NULL, 1, 0));
	SHOW(splice(p[0], NULL, f, NULL, 1, 0x4000));
	SHOW(splice(f, (void *)bad, p[1], NULL, 1, 0));
	SHOW(splice(p[0], NULL, s[0], NULL, 0, 0));
	SHOW(tee(p[0], f, 1, 0));
	SHOW(tee(-1, p[1], 1, 0));
	SHOW(tee(p[0], p[1], 1, 0));
}

CASE(tee_waits)
{
	int p[2], q[2];

	pipes(p);
	pipes(q);
	later(30, put, p[1]);
	TIMED(25, SHOW(tee(p[0], q[1], 100, 0)));
	SHOW_BYTES(buf, read(q[0], buf, 10));
	SHOW_BYTES(buf, read(p[0], buf, 10));
	put(p[1]);
	stuff(q[1]);
	later(30, empty_slowly, q[0]);
	TIMED(25, SHOW(tee(p[0], q[1], 100, 0)));
	SHOW(read(q[0], buf, 10));
	close(p[1]);
	SHOW(read(p[0], buf, 1));
	SHOW(tee(p[0], q[1], 100, 0));
}

CASE(vmsplice_waits)
{
	struct iovec v = { buf, 100 };
	int p[2];

	pipes(p);
	SHOW(vmsplice(p[1], &v, 1, 0));
	SHOW_BYTES(buf + 1000, read(p[0], buf + 1000, 10));
	stuff(p[1]);
	SHOW(vmsplice(p[1], &v, 1, SPLICE_F_NONBLOCK));
	later(30, empty_slowly, p[0]);
	TIMED(25, SHOW(vmsplice(p[1], &v, 1, 0)));
	SHOW(read(p[0], buf + 1000, 1000));
	v.iov_base = buf + 2000;
	later(30, put, p[1]);
	TIMED(25, SHOW_BYTES(buf + 2000, vmsplice(p[0], &v, 1, 0)));
	SHOW(vmsplice(p[0], &v, 1, SPLICE_F_NONBLOCK));
	SHOW(vmsplice(-1, &v, 1, 0));
	SHOW(vmsplice(p[1], (void *)bad, 1, 0));
	SHOW(vmsplice(p[1], &v, 1, 0x4000));
	SHOW(vmsplice(p[1], &v, 0, 0));
	close(p[1]);
	SHOW(vmsplice(p[0], &v, 1, 0));
}

CASE(interrupted)
{
	int p[2], q[2];

	pipes(p);
	pipes(q);
	on_usr1(0);
	later(30, poke, 0);
	TIMED(25, SHOW(splice(p[0], NULL, q[1], NULL, 100, 0)));
	later(30, poke, 0);
	TIMED(25, SHOW(tee(p[0], q[1], 100, 0)));
	on_usr1(SA_RESTART);
	later(20, poke, 0);
	later(40, put, p[1]);
	TIMED(35, SHOW(splice(p[0], NULL, q[1], NULL, 100, 0)));
	say("handled=%d", (int)handled);
}

static void *splice_and_die(void *fds)
{
	splice(((int *)fds)[0], NULL, ((int *)fds)[1], NULL, 1, 0);
	return NULL;
}

CASE(cancelled)
{
	int p[2], q[2], fds[2];
	pthread_t t;

	pipes(p);
	pipes(q);
	fds[0] = p[0];
	fds[1] = q[1];
	handled = 0;
	MUST(pthread_create(&t, NULL, splice_and_die, fds) == 0);
	settle();
	pthread_cancel(t);
	say_end(t);
	put(p[1]);
	SHOW(splice(p[0], NULL, q[1], NULL, 1, 0));
}

CASE(closed_meanwhile)
{
	int p[2], q[2];

	pipes(p);
	pipes(q);
	later(20, shut, p[0]);
	later(40, put, p[1]);
	TIMED(30, SHOW(splice(p[0], NULL, q[1], NULL, 100, 0)));
	SHOW_BYTES(buf, read(q[0], buf, 10));
}

LAST_CASE
