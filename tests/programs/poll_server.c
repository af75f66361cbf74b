/* modes: native async */
/*
 * poll_server.c - proves poll() beside blocking threads: a server with its own loop over O_NONBLOCK sockets serves clients that
 * block, and the answers of poll itself are right: time-outs, hang-up, closed numbers, room to write.
 */
#include "check.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

enum { CLIENTS = 16, LINES = 50, LINE = 100, BACKLOG = 65536 };

struct conn {
	char out[BACKLOG]; /* what the socket did not take yet */
	size_t used;
};

static struct sockaddr_in addr = { .sin_family = AF_INET };
static struct pollfd fds[CLIENTS + 1];
static struct conn conns[CLIENTS + 1];

static void accept_one(int *n)
{
	int fd = accept4(fds[0].fd, NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0) {
		CHECK_EQ(errno, EAGAIN);
		return;
	}
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(*n <= CLIENTS);
	fds[*n] = (struct pollfd){ .fd = fd, .events = POLLIN };
	++*n;
}

/* Answers in capitals. False: the client has left and has all its answers. */
static int serve(struct pollfd *p, struct conn *c)
{
	ssize_t n;

	if (p->revents & POLLIN) {
		n = read(p->fd, c->out + c->used, BACKLOG - c->used);
		if (n == 0)
			p->events = POLLOUT;
		else if (n < 0)
			CHECK_EQ(errno, EAGAIN);
		for (; n > 0; n--, c->used++)
			c->out[c->used] = (char)toupper(c->out[c->used]);
	}
	if (c->used) {
		n = write(p->fd, c->out, c->used);
		if (n > 0)
			memmove(c->out, c->out + n, c->used -= (size_t)n);
		else
			CHECK_EQ(errno, EAGAIN);
	}
	if (p->events & POLLIN)
		p->events = (short)(POLLIN | (c->used ? POLLOUT : 0));
	return c->used || p->events != POLLOUT;
}

static void *server(void *arg)
{
	int n = 1, left = CLIENTS;

	while (left > 0) {
		CHECK(poll(fds, (nfds_t)n, 5000) > 0);
		for (int i = n - 1; i > 0; i--) {
			CHECK(!(fds[i].revents & (POLLERR | POLLNVAL)));
			if (fds[i].fd >= 0 && fds[i].revents && !serve(&fds[i], &conns[i])) {
				close(fds[i].fd);
				fds[i].fd = -1; /* poll passes over negative numbers */
				left--;
			}
		}
		if (fds[0].revents & POLLIN)
			accept_one(&n);
	}
	return arg;
}

static void *client(void *arg)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char line[LINE], answer[LINE];

	CHECK_EQ(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	for (int i = 0; i < LINES; i++) {
		memset(line, 'a' + i % 26, LINE);
		CHECK_EQ(send(fd, line, LINE, 0), LINE);
		CHECK_EQ(recv(fd, answer, LINE, MSG_WAITALL), LINE);
		for (int j = 0; j < LINE; j++)
			CHECK_EQ(answer[j], toupper(line[j]));
	}
	CHECK_EQ(shutdown(fd, SHUT_WR), 0);
	CHECK_EQ(recv(fd, answer, LINE, 0), 0);
	CHECK_EQ(close(fd), 0);
	return arg;
}

static void *writes_later(void *arg)
{
	usleep(10000);
	CHECK_EQ(write(*(int *)arg, "x", 1), 1);
	return arg;
}

static void answers(void)
{
	struct timespec ts = { 0, 15000000 };
	struct pollfd p[3];
	struct pollfd *volatile nowhere = (struct pollfd *)8;
	uint64_t start = now_ns();
	pthread_t writer;
	int pipes[2];

	CHECK_EQ(poll(NULL, 0, 15), 0);
	CHECK(now_ns() - start >= 15000000);
	start = now_ns();
	CHECK_EQ(ppoll(NULL, 0, &ts, NULL), 0);
	CHECK(now_ns() - start >= 15000000);
	CHECK_EQ(ts.tv_nsec, 15000000); /* ppoll of libc leaves the time as it was */
	CHECK_EQ(pipe(pipes), 0);
	p[0] = (struct pollfd){ .fd = pipes[0], .events = POLLIN };
	p[1] = (struct pollfd){ .fd = pipes[1], .events = POLLOUT };
	p[2] = (struct pollfd){ .fd = 12345, .events = POLLIN };
	CHECK_EQ(poll(p, 1, 15), 0);
	CHECK_EQ(poll(p, 2, -1), 1);
	CHECK_EQ(p[0].revents, 0);
	CHECK_EQ(p[1].revents, POLLOUT);
	CHECK_EQ(poll(p, 3, -1), 2);
	CHECK_EQ(p[2].revents, POLLNVAL);
	p[1].events = 0;
	writer = spawn(writes_later, &pipes[1]);
	CHECK_EQ(poll(p, 2, 5000), 1);
	CHECK_EQ(p[0].revents, POLLIN);
	join(writer);
	CHECK_EQ(close(pipes[1]), 0);
	p[0].events = 0;
	CHECK_EQ(poll(p, 1, -1), 1);
	CHECK_EQ(p[0].revents, POLLHUP);
	p[0].fd = -1;
	CHECK_EQ(poll(p, 1, 1), 0);
	CHECK_EQ(p[0].revents, 0);
	CHECK_ERR(poll(nowhere, 1, 0), EFAULT);
	ts.tv_nsec = 1000000000;
	CHECK_ERR(ppoll(NULL, 0, &ts, NULL), EINVAL);
	CHECK_EQ(close(pipes[0]), 0);
}

int main(void)
{
	socklen_t len = sizeof(addr);
	pthread_t threads[CLIENTS], loop;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fds[0] = (struct pollfd){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .events = POLLIN };
	CHECK_EQ(bind(fds[0].fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(listen(fds[0].fd, CLIENTS), 0);
	CHECK_EQ(getsockname(fds[0].fd, (struct sockaddr *)&addr, &len), 0);
	loop = spawn(server, NULL);
	for (int i = 0; i < CLIENTS; i++)
		threads[i] = spawn(client, NULL);
	for (int i = 0; i < CLIENTS; i++)
		join(threads[i]);
	join(loop);
	answers();
	printf("poll_server: %d clients, %d lines each, poll's own answers\n", CLIENTS, LINES);
	return 0;
}
