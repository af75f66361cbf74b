/*
 * A read that is shorter than asked for, though more is there: a pipe of packets, AF_UNIX at a descriptor that was sent, TCP at urgent data. It was
 * taken for all there was, and the next read waited for ever.
 */
#include "must.h"
#include <netinet/in.h>

static int fds[2];

static void send_with(const char *text, int fd)
{
	char room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { (void *)(uintptr_t)text, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	MUST(sendmsg(fds[1], &m, 0) == 1);
}

static void *packets(void *arg)
{
	pause_us(20000);
	MUST(write(fds[1], "a", 1) == 1 && write(fds[1], "b", 1) == 1);
	return arg;
}

static void *descriptors(void *arg)
{
	pause_us(20000);
	send_with("a", 0);
	send_with("b", 0);
	return arg;
}

static void *urgent(void *arg)
{
	pause_us(20000);
	MUST(send(fds[1], "a", 1, 0) == 1 && send(fds[1], "!", 1, MSG_OOB) == 1 && send(fds[1], "b", 1, 0) == 1);
	return arg;
}

static void both(void *(*writer)(void *))
{
	pthread_t t = start(writer, NULL);
	char b[64];

	for (ssize_t n = 0, r; n < 2; n += r)
		MUST((r = read(fds[0], b, sizeof(b))) > 0);
	MUST(!pthread_join(t, NULL));
}

static void connect_both(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int l = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MUST(!bind(l, (struct sockaddr *)&a, len) && !listen(l, 1) && !getsockname(l, (struct sockaddr *)&a, &len));
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	MUST(!connect(fds[1], (struct sockaddr *)&a, len) && (fds[0] = accept(l, NULL, NULL)) >= 0);
}

int main(void)
{
	alarm(30);
	MUST(!pipe2(fds, O_DIRECT));
	both(packets);
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	both(descriptors);
	connect_both();
	both(urgent);
	return 0;
}
