/* socket_end.c - EOF, half-close, shutdown, reset, close: who wakes, and what the others are told */
#include "case.h"

CASE(half_close)
{
	int s[2];

	tcp(s);
	SHOW(send(s[0], "ab", 2, 0));
	SHOW(shutdown(s[0], SHUT_WR));
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
	SHOW(recv(s[1], buf, 9, 0));
	SHOW(recv(s[1], buf, 9, 0));
	SHOW(send(s[1], "cd", 2, 0));
	SHOW_BYTES(buf, recv(s[0], buf, 9, 0));
	SHOW(send(s[0], "e", 1, 0));
}

CASE(eof_wakes)
{
	int s[2];

	tcp(s);
	later(20, shut, s[0]);
	TIMED(20, SHOW(recv(s[1], buf, 9, 0)));
	SHOW(recv(s[1], buf, 9, MSG_DONTWAIT));
}

CASE(shutdown_wakes_own_reader)
{
	int s[2];

	tcp(s);
	later(0, note_read, s[1]);
	settle();
	SHOW(shutdown(s[1], SHUT_RD));
	finish();
	TELL(0);
}

CASE(shutdown_wakes_unix_reader)
{
	int s[2];

	pair(s, SOCK_STREAM);
	later(0, note_read, s[1]);
	settle();
	SHOW(shutdown(s[1], SHUT_RDWR));
	finish();
	TELL(0);
}

static void note_send_much(long fd)
{
	static char much[16 << 20]; /* calloc would clear what was used before, for longer than the others wait */

	NOTE(0, send((int)fd, much, sizeof(much), MSG_NOSIGNAL) > 0 ? 1 : -1);
}

CASE(shutdown_wakes_writer)
{
	int s[2];

	pair(s, SOCK_STREAM);
	stuff(s[0]);
	later(0, note_send_much, s[0]);
	settle();
	SHOW(shutdown(s[0], SHUT_WR));
	finish();
	TELL(0);
}

CASE(peer_close_wakes_writer)
{
	int s[2];

	pair(s, SOCK_STREAM);
	stuff(s[0]);
	later(0, note_send_much, s[0]);
	settle();
	close(s[1]);
	finish();
	TELL(0);
}

CASE(partial_count_before_the_error)
{
	int s[2];

	pair(s, SOCK_STREAM);
	later(0, note_send_much, s[0]);
	settle();
	close(s[1]);
	finish();
	TELL(0);
	SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
}

static void reset(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	close(fd);
	pause_ms(5);
}

CASE(reset_is_read)
{
	int s[2];

	tcp(s);
	reset(s[0]);
	SHOW(recv(s[1], buf, 9, 0));
	SHOW(recv(s[1], buf, 9, 0));
	SHOW(send(s[1], buf, 9, 0));
}

CASE(reset_is_written)
{
	int s[2];

	tcp(s);
	reset(s[0]);
	SHOW(send(s[1], buf, 9, 0));
	SHOW(send(s[1], buf, 9, 0));
}

CASE(reset_after_data)
{
	int s[2];

	tcp(s);
	SHOW(send(s[0], "ab", 2, 0));
	reset(s[0]);
	SHOW_BYTES(buf, recv(s[1], buf, 9, 0));
	SHOW(recv(s[1], buf, 9, 0));
}

static void reset_it(long fd)
{
	reset((int)fd);
}

CASE(reset_wakes_reader)
{
	int s[2];

	tcp(s);
	later(20, reset_it, s[0]);
	TIMED(20, SHOW(recv(s[1], buf, 9, 0)));
	SHOW(recv(s[1], buf, 9, 0));
}

CASE(broken_pipe)
{
	int s[2];

	pair(s, SOCK_STREAM);
	close(s[1]);
	SHOW(send(s[0], "x", 1, 0));
	SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
	SHOW(write(s[0], "x", 1));
	SHOW(recv(s[0], buf, 1, 0));
}

static atomic_int pipe_signals;

static void count_signal(int sig)
{
	(void)sig;
	pipe_signals++;
}

CASE(sigpipe_is_raised)
{
	int s[2];

	pair(s, SOCK_STREAM);
	close(s[1]);
	signal(SIGPIPE, count_signal);
	SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
	say("signals=%d", (int)pipe_signals);
	SHOW(send(s[0], "x", 1, 0));
	say("signals=%d", (int)pipe_signals);
	SHOW(write(s[0], "x", 1));
	say("signals=%d", (int)pipe_signals);
	signal(SIGPIPE, SIG_IGN);
}

CASE(closed_while_read)
{
	int s[2];

	tcp(s);
	later(0, note_read, s[1]);
	settle();
	close(s[1]);
	settle();
	say("done=%d", (int)notes[0].done);
	put(s[0]);
	finish();
	TELL(0);
}

CASE(number_reused_while_read)
{
	int s[2], q[2];

	pair(s, SOCK_STREAM);
	later(0, note_read, s[1]);
	settle();
	close(s[1]);
	pair(q, SOCK_STREAM); /* q[0] has the reader's number */
	SHOW(write(q[1], "wrong", 5));
	settle();
	SHOW(write(s[0], "right", 5));
	finish();
	TELL(0);
	SHOW_BYTES(buf, recv(q[0], buf, 9, 0));
}
