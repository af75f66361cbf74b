/* modes: native async */
/*
 * big_send.c - proves that a blocking send, write, writev or sendmsg sends all however slow the reader, and what the flags of recv
 * mean: MSG_WAITALL, MSG_PEEK, MSG_DONTWAIT, MSG_TRUNC of datagrams.
 */
#include "check.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { BIG = 64 << 20, MIDDLE = 4 << 20 };

static char *big;

static char pattern(size_t i)
{
	return (char)(i * 2654435761u >> 22);
}

static void tcp_pair(int fd[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(addr);

	CHECK_EQ(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(listen(listener, 1), 0);
	CHECK_EQ(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect(fd[0], (struct sockaddr *)&addr, sizeof(addr)), 0);
	fd[1] = accept(listener, NULL, NULL);
	CHECK(fd[1] >= 0);
	CHECK_EQ(close(listener), 0);
}

struct reader {
	int fd;
	size_t wanted;
};

/* Reads in small pieces with pauses, and stops reading altogether now and then. */
static void *reads_slowly(void *arg)
{
	struct reader *r = arg;
	static char buf[300000];
	size_t at = 0;
	ssize_t n = 1;

	for (int i = 0; at < r->wanted && n > 0; i++) {
		n = recv(r->fd, buf, sizeof(buf), 0);
		CHECK(n > 0);
		CHECK_EQ(memcmp(buf, big + at, (size_t)n), 0);
		at += (size_t)n;
		if (i % 50 == 0)
			usleep(2000);
	}
	CHECK_EQ(at, r->wanted);
	CHECK_ERR(recv(r->fd, buf, 1, MSG_DONTWAIT), EAGAIN);
	return NULL;
}

static void sends_all(int fd[2])
{
	struct iovec iov[3] = { { big, 1 }, { big + 1, MIDDLE / 2 }, { big + 1 + MIDDLE / 2, MIDDLE / 2 - 1 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };
	struct reader r = { fd[1], BIG };
	pthread_t t = spawn(reads_slowly, &r);

	CHECK_EQ(send(fd[0], big, BIG, 0), BIG);
	join(t);
	r.wanted = MIDDLE;
	t = spawn(reads_slowly, &r);
	CHECK_EQ(write(fd[0], big, MIDDLE), MIDDLE);
	join(t);
	t = spawn(reads_slowly, &r);
	CHECK_EQ(writev(fd[0], iov, 3), MIDDLE);
	join(t);
	t = spawn(reads_slowly, &r);
	CHECK_EQ(sendmsg(fd[0], &msg, 0), MIDDLE);
	join(t);
	CHECK_EQ(iov[1].iov_len, MIDDLE / 2); /* the program's vectors are as they were */
	CHECK(iov[1].iov_base == big + 1);
	CHECK_EQ(fcntl(fd[0], F_GETFL) & O_NONBLOCK, 0);
	CHECK_EQ(fcntl(fd[1], F_GETFL) & O_NONBLOCK, 0);
}

static void *trickles(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 10; i++) {
		usleep(1000);
		CHECK_EQ(send(fd, big + i * 10000, 10000, 0), 10000);
	}
	return NULL;
}

static void *sends_and_shuts(void *arg)
{
	usleep(2000);
	CHECK_EQ(send(*(int *)arg, "tail", 4, 0), 4);
	usleep(2000);
	CHECK_EQ(shutdown(*(int *)arg, SHUT_WR), 0);
	return NULL;
}

static void flags(int fd[2])
{
	static char buf[100000];
	char small[10];
	pthread_t t;

	CHECK_ERR(recv(fd[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_ERR(recv(fd[1], buf, 1, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	t = spawn(trickles, &fd[0]);
	CHECK_EQ(recv(fd[1], small, 10, MSG_PEEK | MSG_WAITALL), 10);
	CHECK_EQ(recv(fd[1], small + 5, 5, MSG_PEEK), 5);
	CHECK_EQ(memcmp(small, big, 5) || memcmp(small + 5, big, 5), 0);
	CHECK_EQ(recv(fd[1], buf, sizeof(buf), MSG_WAITALL), sizeof(buf));
	CHECK_EQ(memcmp(buf, big, sizeof(buf)), 0);
	join(t);
	t = spawn(trickles, &fd[0]);
	for (size_t at = 0, n; at < sizeof(buf); at += n) {
		struct iovec iov[2] = { { buf, 10 }, { buf + 10, 49990 } };
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

		n = (size_t)recvmsg(fd[1], &msg, MSG_WAITALL);
		CHECK_EQ(n, 50000);
		CHECK_EQ(memcmp(buf, big + at, n), 0);
	}
	join(t);
	t = spawn(sends_and_shuts, &fd[0]);
	CHECK_EQ(recv(fd[1], buf, sizeof(buf), MSG_WAITALL), 4); /* short at EOF */
	CHECK_EQ(recv(fd[1], buf, sizeof(buf), MSG_WAITALL), 0);
	join(t);
}

static void *sends_datagrams(void *arg)
{
	usleep(2000);
	for (size_t n = 1; n <= 50; n++)
		CHECK_EQ(send(*(int *)arg, big, n * 100, 0), n * 100);
	CHECK_EQ(send(*(int *)arg, big, 0, 0), 0);
	return NULL;
}

/* Datagrams keep their borders: one recv, one message, whatever MSG_WAITALL says. */
static void datagrams(void)
{
	char buf[10000];
	pthread_t t;
	int fd[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	t = spawn(sends_datagrams, &fd[0]);
	for (int n = 1; n <= 49; n++) {
		CHECK_EQ(recv(fd[1], buf, 10, MSG_PEEK | MSG_TRUNC), n * 100);
		CHECK_EQ(recv(fd[1], buf, sizeof(buf), n % 2 ? MSG_WAITALL : 0), n * 100);
		CHECK_EQ(memcmp(buf, big, (size_t)n * 100), 0);
	}
	CHECK_EQ(recv(fd[1], buf, 10, 0), 10); /* the rest of the message is gone */
	CHECK_EQ(recv(fd[1], buf, sizeof(buf), 0), 0);
	CHECK_ERR(recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	join(t);
	CHECK_EQ(close(fd[0]), 0);
	CHECK_EQ(close(fd[1]), 0);
}

int main(void)
{
	int fd[2];

	big = malloc(BIG);
	CHECK(big != NULL);
	for (size_t i = 0; i < BIG; i++)
		big[i] = pattern(i);
	tcp_pair(fd);
	sends_all(fd);
	flags(fd);
	CHECK_EQ(close(fd[0]), 0);
	CHECK_EQ(close(fd[1]), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	sends_all(fd);
	flags(fd);
	datagrams();
	printf("big_send: %d MiB in one call, vectors, flags, datagrams\n", BIG >> 20);
	return 0;
}
