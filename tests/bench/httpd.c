/*
 * httpd.c - the server of W6, by hand on epoll: answers "GET /NUMBER" after 50 ms with a body that depends on the number.
 *
 * Every answer waits equally long: those that wait stand in a queue, the oldest first.
 */
#include "bench.h"
#include "http.h"
#include "listen.h"
#include <sys/epoll.h>
#include <sys/socket.h>

struct pending {
	int fd;
	long number;
	long long due;
};

static struct pending queue[1 << 16]; /* more than there are descriptors */
static unsigned head, tail;
static int ep;

static void take_request(int fd)
{
	char buf[512];
	ssize_t n = MUST(recv(fd, buf, sizeof(buf) - 1, 0));

	if (!n) {
		MUST(close(fd));
		return;
	}
	buf[n] = 0; /* a client sends its few bytes at once */
	CHECK(!strncmp(buf, "GET /", 5) && strstr(buf, "\r\n\r\n"));
	MUST(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	queue[tail++ % (1 << 16)] = (struct pending){ fd, atol(buf + 5), now_ns() + HTTP_DELAY_MS * 1000000ll };
}

static void answer(const struct pending *p)
{
	char text[HTTP_TEXT];
	size_t len = http_answer(text, p->number);

	CHECK(send(p->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len);
	MUST(close(p->fd));
}

int main(void)
{
	struct epoll_event events[256];
	int listener, fd;

	need_files(4000);
	ep = MUST(epoll_create1(0));
	listener = start_listening(SOCK_NONBLOCK);
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, listener, &(struct epoll_event){ .events = EPOLLIN, .data.fd = listener }));
	for (;;) {
		long long wait = head == tail ? -1 : queue[head % (1 << 16)].due - now_ns();
		int n = MUST(epoll_wait(ep, events, 256, head == tail ? -1 : wait <= 0 ? 0 : (int)((wait + 999999) / 1000000)));

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != listener) {
				take_request(events[i].data.fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
				MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.fd = fd }));
		}
		while (head != tail && queue[head % (1 << 16)].due <= now_ns())
			answer(&queue[head++ % (1 << 16)]);
	}
}
