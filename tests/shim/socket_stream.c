/* socket_stream.c - bytes through connected sockets: all of them, in order, with native's partial counts and flags */
#include "case.h"

CASE(recv_waits)
{
	int s[2];

	tcp(s);
	later(30, put, s[0]);
	TIMED(30, SHOW_BYTES(buf, recv(s[1], buf, 10, 0)));
}

CASE(recv_gives_what_is_there)
{
	int s[2];

	tcp(s);
	SHOW(send(s[0], "hello", 5, 0));
	SHOW_BYTES(buf, recv(s[1], buf, sizeof(buf), 0));
	SHOW(recv(s[1], buf, sizeof(buf), MSG_DONTWAIT));
}

CASE(recv_in_pieces)
{
	int s[2];

	pair(s, SOCK_STREAM);
	SHOW(send(s[0], "hello", 5, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 2, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 2, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 2, 0));
	SHOW(recv(s[1], buf, 2, MSG_DONTWAIT));
}

CASE(read_and_write)
{
	int s[2];

	tcp(s);
	SHOW(write(s[0], "hello", 5));
	SHOW_BYTES(buf, read(s[1], buf, 3));
	SHOW_BYTES(buf, read(s[1], buf, 3));
	later(20, put, s[0]);
	TIMED(20, SHOW_BYTES(buf, read(s[1], buf, 3)));
}

CASE(zero_lengths)
{
	int s[2];

	tcp(s);
	SHOW(send(s[0], buf, 0, 0));
	SHOW(write(s[0], buf, 0));
	SHOW(recv(s[1], buf, 0, MSG_DONTWAIT));
	SHOW(send(s[0], "a", 1, 0));
	SHOW(recv(s[1], buf, 0, 0));
	SHOW(read(s[1], buf, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
}

CASE(zero_length_on_a_silent_socket)
{
	int s[2];

	tcp(s);
	SHOW(read(s[1], buf, 0));
	later(20, put, s[0]);
	TIMED(20, SHOW(recv(s[1], buf, 0, 0))); /* waits, as if it wanted a byte */
	SHOW(recv(s[1], nil, 0, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
}

CASE(dontwait)
{
	int s[2];

	tcp(s);
	SHOW(recv(s[1], buf, 9, MSG_DONTWAIT));
	SHOW(fcntl(s[1], F_GETFL) & O_NONBLOCK);
	pair(s, SOCK_STREAM);
	stuff(s[0]);
	SHOW(send(s[0], buf, 1, MSG_DONTWAIT));
}

CASE(dontwait_sends_a_part)
{
	int s[2];
	char *p = pattern(8 << 20);
	ssize_t n;

	pair(s, SOCK_STREAM);
	n = send(s[0], p, 8 << 20, MSG_DONTWAIT);
	say("part=%d", n > 0 && n < 8 << 20);
	later(0, drain, s[1]);
	pause_ms(1);
	for (ssize_t m = 0; n < 8 << 20; n += m)
		if ((m = send(s[0], p + n, (size_t)((8 << 20) - n), 0)) <= 0)
			break;
	close(s[0]);
	finish();
	tell_drained();
	free(p);
}

CASE(peek_keeps)
{
	int s[2];

	tcp(s);
	later(20, put, s[0]);
	TIMED(20, SHOW_BYTES(buf, recv(s[1], buf, 9, MSG_PEEK)));
	SHOW_BYTES(buf, recv(s[1], buf, 9, MSG_PEEK));
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
	SHOW(recv(s[1], buf, 9, MSG_PEEK | MSG_DONTWAIT));
}

static void put_three_times(long fd)
{
	for (int i = 0; i < 3; i++) {
		(void)!write((int)fd, "abc" + i, 1);
		pause_ms(10);
	}
}

CASE(waitall)
{
	int s[2];

	tcp(s);
	later(10, put_three_times, s[0]);
	TIMED(30, SHOW_BYTES(buf, recv(s[1], buf, 3, MSG_WAITALL)));
}

CASE(waitall_unix)
{
	int s[2];

	pair(s, SOCK_STREAM);
	later(10, put_three_times, s[0]);
	TIMED(30, SHOW_BYTES(buf, recv(s[1], buf, 3, MSG_WAITALL)));
}

static void put_three_and_close(long fd)
{
	put_three_times(fd);
	close((int)fd);
}

CASE(waitall_and_eof)
{
	int s[2];

	tcp(s);
	later(10, put_three_and_close, s[0]);
	SHOW_BYTES(buf, recv(s[1], buf, 9, MSG_WAITALL));
	SHOW(recv(s[1], buf, 9, MSG_WAITALL));
}

CASE(waitall_dontwait)
{
	int s[2];

	tcp(s);
	SHOW(send(s[0], "ab", 2, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 9, MSG_WAITALL | MSG_DONTWAIT));
	SHOW(recv(s[1], buf, 9, MSG_WAITALL | MSG_DONTWAIT));
}

CASE(waitall_peek)
{
	int s[2];

	tcp(s);
	later(10, put_three_times, s[0]);
	TIMED(30, SHOW_BYTES(buf, recv(s[1], buf, 3, MSG_WAITALL | MSG_PEEK)));
	SHOW_BYTES(buf, recv(s[1], buf, 3, 0));
}

CASE(trunc_discards)
{
	int s[2];

	tcp(s);
	SHOW(send(s[0], "abcdef", 6, 0));
	SHOW(recv(s[1], buf, 4, MSG_TRUNC));
	SHOW_BYTES(buf, recv(s[1], buf, 4, 0));
}

CASE(out_of_band)
{
	int s[2], at_mark = -1;

	tcp(s);
	SHOW(send(s[0], "ab!", 3, MSG_OOB));
	SHOW(send(s[0], "cd", 2, 0));
	settle();
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
	SHOW(ioctl(s[1], SIOCATMARK, &at_mark));
	say("at mark=%d", at_mark);
	SHOW_BYTES(buf, recv(s[1], buf, 9, MSG_OOB));
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
	SHOW(recv(s[1], buf, 9, MSG_OOB));
}

CASE(user_nonblock)
{
	int s[2], on = 1, off = 0;

	tcp(s);
	SHOW(ioctl(s[1], FIONBIO, &on));
	SHOW(recv(s[1], buf, 9, 0));
	SHOW(read(s[1], buf, 9));
	SHOW(fcntl(s[1], F_GETFL) & O_NONBLOCK);
	SHOW(ioctl(s[1], FIONBIO, &off));
	later(20, put, s[0]);
	TIMED(20, SHOW(recv(s[1], buf, 9, 0)));
	set_nonblock(s[1]);
	SHOW(recv(s[1], buf, 9, 0));
	SHOW(fcntl(s[1], F_SETFL, 0));
	later(20, put, s[0]);
	TIMED(20, SHOW(recv(s[1], buf, 9, 0)));
}

CASE(waitall_nonblock)
{
	int s[2];

	tcp(s);
	set_nonblock(s[1]);
	SHOW(send(s[0], "ab", 2, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 9, MSG_WAITALL));
}

/* ---- much data */

static void send_much(int out, int in, size_t n)
{
	char *p = pattern(n);

	later(0, drain, in);
	SHOW(send(out, p, n, 0));
	close(out);
	finish();
	tell_drained();
	free(p);
}

CASE(send_all_unix)
{
	int s[2];

	pair(s, SOCK_STREAM);
	send_much(s[0], s[1], 3 << 20);
}

CASE(send_all_tcp)
{
	int s[2];

	tcp(s);
	send_much(s[0], s[1], 8 << 20);
}

CASE(send_all_tiny_buffer_unix)
{
	int s[2];

	pair(s, SOCK_STREAM);
	set_int(s[0], SO_SNDBUF, 1);
	send_much(s[0], s[1], 200000);
}

CASE(send_all_tiny_buffer_tcp)
{
	int s[2];

	tcp(s);
	set_int(s[0], SO_SNDBUF, 1);
	send_much(s[0], s[1], 200000);
}

CASE(send_all_tiny_receive_buffer)
{
	int s[2];

	tcp(s);
	set_int(s[1], SO_RCVBUF, 1);
	send_much(s[0], s[1], 12000); /* some 2 KB each 40 ms */
}

CASE(write_all)
{
	int s[2];
	char *p = pattern(2 << 20);

	pair(s, SOCK_STREAM);
	later(0, drain, s[1]);
	SHOW(write(s[0], p, 2 << 20));
	close(s[0]);
	finish();
	tell_drained();
	free(p);
}

static void discard(long fd)
{
	char piece[1000];

	while (read((int)fd, piece, sizeof(piece)) > 0)
		;
}

CASE(both_directions)
{
	int s[2];
	char *p = pattern(1 << 20);

	tcp(s);
	later(0, discard, s[0]);
	later(0, drain, s[1]);
	SHOW(send(s[0], p, 1 << 20, 0));
	SHOW(send(s[1], p, 1 << 20, 0));
	shutdown(s[0], SHUT_WR);
	shutdown(s[1], SHUT_WR);
	finish();
	tell_drained();
	free(p);
}

static void sender(long fd)
{
	char *p = malloc(300000);

	memset(p, (int)fd, 300000);
	(void)!send((int)fd, p, 300000, 0);
	free(p);
}

CASE(many_streams)
{
	int s[6][2], ok = 0;

	for (int i = 0; i < 6; i++) {
		pair(s[i], SOCK_STREAM);
		later(0, sender, s[i][0]);
	}
	for (int i = 0; i < 6; i++) {
		char *p = malloc(300000);
		ok += recv(s[i][1], p, 300000, MSG_WAITALL) == 300000 && p[0] == (char)s[i][0] && p[299999] == (char)s[i][0];
		free(p);
	}
	finish();
	say("ok=%d", ok);
}

CASE(ping_pong)
{
	int s[2], n = 0;

	tcp(s);
	for (; n < 500; n++)
		if (send(s[n % 2], &n, 4, 0) != 4 || recv(s[!(n % 2)], buf, 4, MSG_WAITALL) != 4 || memcmp(buf, &n, 4))
			break;
	say("rounds=%d", n);
}

static void echo(long fd)
{
	char piece[100];
	ssize_t n;

	while ((n = read((int)fd, piece, sizeof(piece))) > 0)
		(void)!write((int)fd, piece, (size_t)n);
}

CASE(echo_thread)
{
	int s[2], n = 0;

	tcp(s);
	later(0, echo, s[1]);
	for (; n < 500; n++)
		if (send(s[0], &n, 4, 0) != 4 || recv(s[0], buf, 4, MSG_WAITALL) != 4 || memcmp(buf, &n, 4))
			break;
	shutdown(s[0], SHUT_WR);
	finish();
	say("rounds=%d", n);
}

CASE(unconnected)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	SHOW(recv(s, buf, 1, 0));
	SHOW(send(s, buf, 1, MSG_NOSIGNAL));
	SHOW(read(s, buf, 1));
	SHOW(write(s, buf, 1));
	SHOW(recv(listener(1), buf, 1, 0));
}

CASE(bad_fds)
{
	int p[2];

	pipes(p);
	SHOW(recv(-1, buf, 1, 0));
	SHOW(send(-1, buf, 1, 0));
	SHOW(recv(77, buf, 1, 0));
	SHOW(send(p[1], buf, 1, 0));
	SHOW(recv(p[0], buf, 1, 0));
	SHOW(recvfrom(INT32_MAX, buf, 1, 0, NULL, NULL));
}

CASE(fault)
{
	int s[2];

	tcp(s);
	SHOW(send(s[0], bad, 1, 0));
	SHOW(send(s[0], nil, 1, 0));
	SHOW(send(s[0], "ab", 2, 0));
	SHOW(recv(s[1], bad, 1, 0));
	SHOW(recv(s[1], nil, 1, 0));
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
}

CASE(fault_after_a_wait)
{
	int s[2];

	tcp(s);
	later(20, put, s[0]);
	TIMED(20, SHOW(recv(s[1], bad, 1, 0)));
	SHOW_BYTES(buf, recv(s[1], buf, 9, MSG_DONTWAIT));
}

CASE(fault_in_the_middle)
{
	int s[2];
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(edge + 4096, 4096, PROT_NONE);
	memset(edge, 'e', 4096);
	pair(s, SOCK_STREAM);
	SHOW(send(s[0], edge + 4090, 100, 0));
	SHOW(send(s[0], "0123456789", 10, 0));
	SHOW(recv(s[1], edge + 4092, 10, 0));
	munmap(edge, 8192);
}

CASE(two_readers_share)
{
	int s[2];

	pair(s, SOCK_STREAM);
	later(0, note_read, s[1]);
	later(0, note_read, s[1]);
	settle();
	put(s[0]);
	settle();
	put(s[0]);
	finish();
	TELL(0);
	SHOW(recv(s[1], buf, 9, MSG_DONTWAIT));
}

static void write_much(long fd)
{
	char *p = malloc(1 << 20);

	memset(p, 'w', 1 << 20);
	NOTE(1, write((int)fd, p, 1 << 20));
	free(p);
}

CASE(reader_and_writer_on_one_socket)
{
	int s[2];
	size_t got = 0;
	ssize_t n;

	pair(s, SOCK_STREAM);
	later(0, write_much, s[0]);
	later(0, note_read, s[0]);
	settle();
	put(s[1]);
	settle();
	say("reader=%d writer=%d", (int)notes[0].done, (int)notes[1].done);
	while (got < 1 << 20 && (n = recv(s[1], buf, sizeof(buf), 0)) > 0)
		got += (size_t)n;
	finish();
	say("got=%zu", got);
	TELL(0);
	TELL(1);
}
