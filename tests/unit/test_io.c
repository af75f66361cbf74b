#include "unit.h"
#include "../../runtime/io.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/un.h>

TestSuite(io, .timeout = 10);

static int s[2];
static unsigned tries;
static char log_[64];

static void make_known(void)
{
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(gp_greenlets_start(), 0);
	for (int i = 0; i < 2; i++) {
		gp_fd_opened(s[i], true, 0);
		gp_fd_kind(s[i], gp_fd(s[i]));
	}
}

static void make_pair(int type)
{
	cr_assert_eq(socketpair(AF_UNIX, type, 0, s), 0);
	make_known();
}

static void make_tcp_pair(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(addr);

	cr_assert(!bind(listener, (struct sockaddr *)&addr, len) && !listen(listener, 1) && !getsockname(listener, (struct sockaddr *)&addr, &len));
	s[0] = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(s[0], (struct sockaddr *)&addr, len), 0);
	s[1] = accept(listener, NULL, NULL);
	make_known();
}

/* What the shim's recv and send are. */
static ssize_t co_recv(int fd, void *buf, size_t len, int flags)
{
	struct gp_io io = gp_io(fd, POLLIN, flags, "recv");

	for (tries = 0; gp_io_next(&io); tries++)
		io.ret = recv(io.fd, buf, len, flags | MSG_DONTWAIT);
	return gp_io_end(&io, len);
}

static ssize_t co_send(int fd, const char *buf, size_t len, int flags)
{
	struct gp_io io = gp_io(fd, POLLOUT, flags, "send");

	gp_io_all(&io, len);
	while (gp_io_next(&io))
		io.ret = send(io.fd, buf + io.done, len - io.done, flags | MSG_DONTWAIT);
	return gp_io_end(&io, 0);
}

static void *send_x(void *fd)
{
	cr_expect_eq(co_send((int)(intptr_t)fd, "x", 1, 0), 1);
	return NULL;
}

Both(io, what_is_there_is_taken_at_once)
{
	char buf[8];

	make_pair(SOCK_STREAM);
	errno = 5;
	cr_assert_eq(co_send(s[0], "abc", 3, 0), 3);
	cr_assert_eq(co_recv(s[1], buf, 2, 0), 2);
	cr_assert_eq(co_recv(s[1], buf, 8, 0), 1);
	cr_assert_eq(tries, 1u);
	shutdown(s[0], SHUT_WR);
	cr_assert_eq(co_recv(s[1], buf, 8, 0), 0);
	cr_assert_eq(errno, 5);
}

Both(io, a_read_waits)
{
	char buf[8];

	make_pair(SOCK_STREAM);
	errno = 5;
	for (int i = 0; i < 50; i++) {
		spawn(send_x, (void *)(intptr_t)s[0]);
		cr_assert_eq(co_recv(s[1], buf, 8, 0), 1);
	}
	cr_assert_eq(errno, 5);
	cr_assert_eq(fcntl(s[1], F_GETFL) & O_NONBLOCK, 0);
}

/* After a read that left nothing the next try is saved: it would only say EAGAIN. */
Both(io, a_drained_descriptor_is_not_tried)
{
	char buf[8];

	make_tcp_pair();
	spawn(send_x, (void *)(intptr_t)s[0]);
	cr_assert_eq(co_recv(s[1], buf, 8, 0), 1);
	cr_assert_eq(tries, 2u, "nothing was known yet");
	cr_assert(gp_fd(s[1])->drained);
	spawn(send_x, (void *)(intptr_t)s[0]);
	cr_assert_eq(co_recv(s[1], buf, 8, 0), 1);
	cr_assert_eq(tries, 1u);
	cr_assert_eq(co_recv(s[1], buf, 8, MSG_DONTWAIT), -1);
	cr_assert_eq(errno, EAGAIN);
	cr_assert_eq(tries, 1u);
	send(s[0], "y", 1, 0);
	cr_assert_eq(co_recv(s[1], buf, 8, MSG_DONTWAIT), 1, "the edge has not been seen yet: only a try tells");
	send(s[0], "y", 1, 0);
	cr_assert_eq(co_recv(s[1], buf, 8, 0), 1);
	shutdown(s[0], SHUT_WR);
	cr_assert_eq(co_recv(s[1], buf, 8, 0), 0);
	cr_assert_eq(co_recv(s[1], buf, 8, 0), 0, "no edge comes any more");
}

/* It may have ended at a descriptor that was sent along. */
Both(io, a_short_read_of_a_unix_socket_says_nothing)
{
	char buf[8];

	make_pair(SOCK_STREAM);
	spawn(send_x, (void *)(intptr_t)s[0]);
	cr_assert_eq(co_recv(s[1], buf, 8, 0), 1);
	cr_assert(!gp_fd(s[1])->drained);
}

Both(io, a_datagram_is_no_sign_that_nothing_is_left)
{
	char buf[8];

	make_pair(SOCK_DGRAM);
	spawn(send_x, (void *)(intptr_t)s[0]);
	cr_assert_eq(co_recv(s[1], buf, 8, 0), 1);
	cr_assert(!gp_fd(s[1])->drained);
}

Both(io, no_wait_is_wanted)
{
	char buf[8];

	make_pair(SOCK_STREAM);
	cr_assert_eq(co_recv(s[1], buf, 8, MSG_DONTWAIT), -1);
	cr_assert_eq(errno, EAGAIN);
	gp_fd_opened(s[1], true, 1);
	errno = 0;
	cr_assert_eq(co_recv(s[1], buf, 8, 0), -1);
	cr_assert_eq(errno, EAGAIN);
	gp_fd_opened(s[1], false, -1);
	fcntl(s[1], F_SETFL, O_NONBLOCK);
	errno = 0;
	cr_assert_eq(co_recv(s[1], buf, 8, 0), -1);
	cr_assert_eq(errno, EAGAIN);
	cr_assert_eq(co_recv(990, buf, 8, 0), -1);
	cr_assert_eq(errno, EBADF);
	cr_assert_eq(co_recv(-1, buf, 8, 0), -1);
	cr_assert_eq(errno, EBADF);
}

static void set_timeout(int option, long us)
{
	struct timeval tv = { 0, us };

	setsockopt(s[1], SOL_SOCKET, option, &tv, sizeof(tv));
	gp_fd_changed(s[1]);
}

enum { BIG = 3000000 };
static char big[BIG], back[BIG];

Both(io, socket_timeouts)
{
	uint64_t begin;
	char buf[8];
	ssize_t n;

	make_pair(SOCK_STREAM);
	set_timeout(SO_RCVTIMEO, 20000);
	for (int i = 0; i < 3; i++) {
		begin = gp_now();
		cr_assert_eq(co_recv(s[1], buf, 8, 0), -1);
		cr_assert_eq(errno, EAGAIN);
		cr_assert_geq(gp_now() - begin, 20 * MS);
	}
	set_timeout(SO_SNDTIMEO, 20000);
	begin = gp_now();
	n = co_send(s[1], big, BIG, 0);
	cr_assert(n > 0 && n < BIG, "the count so far");
	cr_assert_geq(gp_now() - begin, 20 * MS);
	cr_assert_eq(co_send(s[1], big, BIG, 0), -1);
	cr_assert_eq(errno, EAGAIN);
}

static void *send_big(void *flags)
{
	return (void *)co_send(s[0], big, BIG, (int)(intptr_t)flags);
}

static size_t receive_all(size_t most)
{
	size_t got = 0;

	while (got < most) {
		ssize_t n = co_recv(s[1], back + got, most - got < 7777 ? most - got : 7777, 0);

		if (n <= 0)
			break;
		got += (size_t)n;
		if (got % 5 == 0)
			gp_yield();
	}
	return got;
}

Both(io, a_blocking_send_sends_all)
{
	struct greenlet *g;

	make_pair(SOCK_STREAM);
	for (int i = 0; i < BIG; i++)
		big[i] = (char)(i * 2654435761u >> 13);
	g = spawn(send_big, NULL);
	cr_assert_eq(receive_all(BIG), (size_t)BIG);
	cr_assert_eq((long)join(g), BIG);
	cr_assert_eq(memcmp(big, back, BIG), 0);
	g = spawn(send_big, (void *)MSG_DONTWAIT);
	gp_yield();
	cr_assert(g->state == GP_DEAD && (long)g->result > 0 && (long)g->result < BIG, "%ld", (long)g->result);
}

Both(io, a_peer_that_goes_in_the_middle_of_a_send)
{
	struct greenlet *g;

	make_pair(SOCK_STREAM);
	g = spawn(send_big, NULL);
	cr_assert_eq(receive_all(100000), 100000u);
	close(s[1]);
	cr_assert_gt((long)join(g), 99999, "the count comes first");
	cr_assert_eq(co_send(s[0], "x", 1, 0), -1, "the error with the next call");
	cr_assert(errno == EPIPE || errno == ECONNRESET);
}

static void on_alarm(int sig)
{
	(void)sig;
	strcat(log_, "!");
}

static void *send_later(void *fd)
{
	rest(40 * MS);
	return send_x(fd);
}

static ssize_t recv_with_alarm(int flags, bool timeout)
{
	struct sigaction act = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval soon = { .it_value = { 0, 15000 } };
	char buf[8];
	ssize_t n;

	make_pair(SOCK_STREAM);
	if (timeout)
		set_timeout(SO_RCVTIMEO, 900000);
	gp_signal_action(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	spawn(send_later, (void *)(intptr_t)s[0]);
	n = co_recv(s[1], buf, 8, 0);
	cr_assert_str_eq(log_, "!");
	return n;
}

Both(io, a_handler_interrupts_a_call)
{
	cr_assert_eq(recv_with_alarm(0, false), -1);
	cr_assert_eq(errno, EINTR);
}

Both(io, a_restarted_call)
{
	cr_assert_eq(recv_with_alarm(SA_RESTART, false), 1);
}

/* signal(7) */
Both(io, a_call_with_a_timeout_is_not_restarted)
{
	cr_assert_eq(recv_with_alarm(SA_RESTART, true), -1);
	cr_assert_eq(errno, EINTR);
}

static void *recv_name(void *name)
{
	char buf[8];

	cr_expect_eq(co_recv(s[1], buf, 1, 0), 1);
	strcat(log_, name);
	return NULL;
}

Both(io, readers_of_one_socket_stand_in_line)
{
	struct greenlet *g[3];

	make_pair(SOCK_STREAM);
	for (int i = 0; i < 3; i++)
		g[i] = spawn(recv_name, (const char *[]){ "a", "b", "c" }[i]);
	rest(MS);
	cr_assert_eq(write(s[0], "123", 3), 3);
	for (int i = 0; i < 3; i++)
		join(g[i]);
	cr_assert_str_eq(log_, "abc");
}

/* Woken for a byte that the one behind it must get. */
Both(io, a_cancelled_reader_passes_the_baton)
{
	struct greenlet *a, *b;

	make_pair(SOCK_STREAM);
	a = spawn(recv_name, "a");
	b = spawn(recv_name, "b");
	rest(MS);
	cr_assert_eq(write(s[0], "1", 1), 1);
	gp_cancel(a);
	gp_fd_harvest(0, 1);
	cr_assert_eq(join(a), PTHREAD_CANCELED);
	join(b);
	cr_assert_str_eq(log_, "b");
}

Both(io, a_call_goes_on_with_the_file_that_is_closed_under_it)
{
	struct greenlet *g;
	int fd;

	make_pair(SOCK_STREAM);
	g = spawn(recv_name, "a");
	rest(MS);
	fd = s[1];
	gp_fd_closing(fd);
	close(fd);
	cr_assert_eq(open("/dev/null", O_RDWR), fd);
	gp_fd_opened(fd, true, 0);
	rest(MS);
	cr_assert_eq(write(s[0], "1", 1), 1);
	join(g);
	cr_assert_str_eq(log_, "a");
	cr_assert_eq(write(s[0], "1", 1), -1, "nobody reads there any more");
}

static struct sockaddr_un peer;
static socklen_t peer_len;

static void *fill_queue(void *unused)
{
	long n = 0;

	(void)unused;
	for (; n < 2000; n++) {
		struct gp_io io = gp_io(s[0], POLLOUT, 0, "sendto");

		for (tries = 0; gp_io_next(&io); tries++)
			io.ret = sendto(io.fd, "d", 1, MSG_DONTWAIT, peer_len ? (struct sockaddr *)&peer : NULL, peer_len);
		if (gp_io_end(&io, 0) != 1)
			break;
	}
	return (void *)n;
}

/* A full queue of datagrams: poll can tell a sender that is connected to it, and no other. */
static void full_queue(bool connected)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(name);
	int other, queued = 0;
	struct greenlet *g;
	char buf[8];

	make_pair(SOCK_DGRAM);
	if (!connected) {
		close(s[1]);
		s[1] = socket(AF_UNIX, SOCK_DGRAM, 0);
		cr_assert_eq(bind(s[1], (struct sockaddr *)&name, sizeof(sa_family_t)), 0); /* any free name */
		getsockname(s[1], (struct sockaddr *)&name, &len);
		close(s[0]);
		s[0] = socket(AF_UNIX, SOCK_DGRAM, 0);
		gp_fd_opened(s[0], true, 0);
		gp_fd_kind(s[0], gp_fd(s[0]));
		memcpy(&peer, &name, peer_len = len);
		other = socket(AF_UNIX, SOCK_DGRAM, 0); /* what is in the queue is not even ours */
		while (sendto(other, "d", 1, MSG_DONTWAIT, (struct sockaddr *)&peer, peer_len) == 1)
			queued++;
	}
	g = spawn(fill_queue, NULL);
	rest(40 * MS);
	cr_assert_lt(tries, 100u, "it spins"); /* each try that fails frees a buffer, which the kernel reports as an edge */
	for (int i = 0; i < 100 && g->state == GP_READY; i++) /* its next try is due just now */
		rest(100000);
	cr_assert_eq(g->state, GP_PARKED);
	for (int i = 0; i < 2000 + queued; i++)
		cr_assert_eq(co_recv(s[1], buf, 8, 0), 1);
	cr_assert_eq((long)join(g), 2000);
}

Both(io, datagrams_to_the_full_queue_of_ones_peer)
{
	full_queue(true);
}

Both(io, datagrams_to_the_full_queue_of_a_stranger)
{
	full_queue(false);
}

static bool stop;

static void *recv_on(void *unused)
{
	char buf[8];
	long n = 0;

	(void)unused;
	for (; !stop && n < 100000; n++)
		if (co_recv(s[1], buf, 1, MSG_PEEK) != 1)
			break;
	return (void *)n;
}

static void *stop_it(void *unused)
{
	(void)unused;
	stop = true;
	return NULL;
}

Both(io, one_that_always_has_data_gives_way)
{
	struct greenlet *g;

	make_pair(SOCK_STREAM);
	send(s[0], "x", 1, 0);
	g = spawn(recv_on, NULL);
	spawn(stop_it, NULL);
	cr_assert_lt((long)join(g), 1000);
}
