/* modes: native async */
/*
 * half_close.c - proves how connections end: EOF after shutdown while the other direction goes on, reset, shutdown of a socket on
 * which another thread waits, refused connections, and what SO_RCVTIMEO and SO_SNDTIMEO give.
 */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

static struct sockaddr_in addr = { .sin_family = AF_INET };

/* A listener on a port of its own; addr says which. */
static int listen_here(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = 0;
	CHECK_EQ(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(listen(fd, 8), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	return fd;
}

static void *connects(void *arg)
{
	int *fd = arg;

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect(*fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return NULL;
}

static void tcp_pair(int fd[2])
{
	int listener = listen_here();
	pthread_t t = spawn(connects, &fd[0]);

	fd[1] = accept(listener, NULL, NULL);
	CHECK(fd[1] >= 0);
	join(t);
	CHECK_EQ(close(listener), 0);
}

/* Adds up what comes until EOF, then answers with the sum on the direction that is still open. */
static void *adds_up(void *arg)
{
	int fd = *(int *)arg;
	unsigned char buf[1000];
	uint32_t sum = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum += buf[i];
	CHECK_EQ(n, 0);
	CHECK_EQ(recv(fd, buf, sizeof(buf), 0), 0); /* EOF stays */
	CHECK_EQ(send(fd, &sum, sizeof(sum), 0), sizeof(sum));
	return NULL;
}

static void half_close(int fd[2])
{
	pthread_t t = spawn(adds_up, &fd[1]);
	unsigned char buf[5000];
	uint32_t sum = 0;

	memset(buf, 3, sizeof(buf));
	for (int i = 0; i < 100; i++)
		CHECK_EQ(send(fd[0], buf, sizeof(buf), 0), sizeof(buf));
	CHECK_EQ(shutdown(fd[0], SHUT_WR), 0);
	CHECK_ERR(send(fd[0], buf, 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(recv(fd[0], &sum, sizeof(sum), MSG_WAITALL), sizeof(sum));
	CHECK_EQ(sum, 100 * 3 * sizeof(buf));
	join(t);
	CHECK_EQ(close(fd[0]), 0);
	CHECK_EQ(recv(fd[1], buf, 1, 0), 0);
	CHECK_EQ(close(fd[1]), 0);
}

struct waiter {
	int fd;
	ssize_t result;
	int error;
};

static void *receives(void *arg)
{
	struct waiter *w = arg;
	char c;

	w->result = recv(w->fd, &c, 1, 0);
	w->error = w->result < 0 ? errno : 0;
	return NULL;
}

static void *accepts(void *arg)
{
	struct waiter *w = arg;

	w->result = accept(w->fd, NULL, NULL);
	w->error = w->result < 0 ? errno : 0;
	return NULL;
}

static void reset(void)
{
	struct linger at_once = { 1, 0 };
	struct waiter w;
	pthread_t t;
	int fd[2];

	tcp_pair(fd);
	w.fd = fd[0];
	t = spawn(receives, &w);
	usleep(10000);
	CHECK_EQ(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	CHECK_EQ(close(fd[1]), 0);
	join(t);
	CHECK_EQ(w.result, -1);
	CHECK_EQ(w.error, ECONNRESET);
	CHECK_EQ(recv(fd[0], &w, 1, 0), 0); /* the error is told once */
	CHECK_ERR(send(fd[0], &w, 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(close(fd[0]), 0);
}

static void shut_down_under_waiter(void)
{
	struct waiter w;
	pthread_t t;
	int fd[2];

	tcp_pair(fd);
	w.fd = fd[0];
	t = spawn(receives, &w);
	usleep(10000);
	CHECK_EQ(shutdown(fd[0], SHUT_RD), 0);
	join(t);
	CHECK_EQ(w.result, 0);
	CHECK_EQ(close(fd[0]), 0);
	CHECK_EQ(close(fd[1]), 0);
	w.fd = listen_here();
	t = spawn(accepts, &w);
	usleep(10000);
	CHECK_EQ(shutdown(w.fd, SHUT_RD), 0);
	join(t);
	CHECK_EQ(w.result, -1);
	CHECK_EQ(w.error, EINVAL);
	CHECK_EQ(close(w.fd), 0);
	CHECK_ERR(shutdown(w.fd, SHUT_RD), EBADF);
}

static void refused(void)
{
	int listener = listen_here(), fd = socket(AF_INET, SOCK_STREAM, 0);
	char c;

	CHECK_ERR(recv(fd, &c, 1, 0), ENOTCONN);
	CHECK_ERR(shutdown(fd, SHUT_WR), ENOTCONN);
	CHECK_EQ(close(listener), 0);
	CHECK_ERR(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ECONNREFUSED);
	CHECK_EQ(close(fd), 0);
}

static void *sends_later(void *arg)
{
	usleep(10000);
	CHECK_EQ(send(*(int *)arg, "z", 1, 0), 1);
	return NULL;
}

static void timeouts(int fd[2])
{
	struct timeval short_time = { 0, 30000 }, long_time = { 5, 0 }, got = { 0 };
	static char block[1 << 20];
	socklen_t len = sizeof(got);
	uint64_t start = now_ns();
	pthread_t t;
	ssize_t n;
	char c;

	CHECK_EQ(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time)), 0);
	CHECK_EQ(setsockopt(fd[0], SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof(short_time)), 0);
	CHECK_ERR(recv(fd[0], &c, 1, 0), EAGAIN);
	CHECK(now_ns() - start >= 25000000 && now_ns() - start < 2000000000); /* the kernel counts these in jiffies */
	start = now_ns();
	CHECK_ERR(read(fd[0], &c, 1), EAGAIN);
	CHECK(now_ns() - start >= 25000000);
	CHECK_EQ(send(fd[1], "abc", 3, 0), 3);
	start = now_ns();
	CHECK_EQ(recv(fd[0], block, 10, MSG_WAITALL), 3); /* what came before the time was over */
	CHECK(now_ns() - start >= 25000000);
	start = now_ns();
	while ((n = send(fd[0], block, sizeof(block), 0)) > 0)
		;
	CHECK_EQ(n, -1);
	CHECK_EQ(errno, EAGAIN);
	CHECK(now_ns() - start >= 25000000);
	CHECK_EQ(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof(long_time)), 0);
	CHECK_EQ(getsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &got, &len), 0);
	CHECK_EQ(got.tv_sec * 1000000 + got.tv_usec, 5000000);
	t = spawn(sends_later, &fd[1]);
	CHECK_EQ(recv(fd[0], &c, 1, 0), 1);
	CHECK_EQ(c, 'z');
	join(t);
	CHECK_EQ(close(fd[0]), 0);
	CHECK_EQ(close(fd[1]), 0);
}

int main(void)
{
	int fd[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	half_close(fd);
	tcp_pair(fd);
	half_close(fd);
	reset();
	shut_down_under_waiter();
	refused();
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	timeouts(fd);
	tcp_pair(fd);
	timeouts(fd);
	printf("half_close: EOF, reset, shutdown under a waiter, refused, time-outs\n");
	return 0;
}
