/*
 * echo_epoll.c - the limit to compare with in W1 and W2: the same server as echo_threads, by hand on epoll.
 *
 *   echo_epoll N         serves N connections
 *   echo_epoll N fsbase  and loads the FS base for each request: the limit for threads where that is a system call
 */
#include "bench.h"
#include "fsbase.h"
#include "listen.h"
#include <sys/epoll.h>
#include <sys/socket.h>

static void watch(int ep, int fd)
{
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.fd = fd }));
}

static void accept_all(int ep, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		watch(ep, fd);
	CHECK(errno == EAGAIN);
}

/* What came, or 0 at EOF. A client that waits for its 64 bytes leaves room for them: a short send is an error here. */
static ssize_t echo(int fd)
{
	char buf[1024];
	ssize_t n = MUST(recv(fd, buf, sizeof(buf), 0));

	if (n)
		CHECK(send(fd, buf, (size_t)n, 0) == n);
	return n;
}

int main(int argc, char **argv)
{
	long open = argc > 1 ? number(argv[1]) : 0, total = 0;
	struct epoll_event events[512];
	bool fsbase = argc > 2 && !strcmp(argv[2], "fsbase");
	int ep = MUST(epoll_create1(0)), listener;

	need_files(open);
	listener = start_listening(SOCK_NONBLOCK);
	watch(ep, listener);
	while (open) {
		int ready = MUST(epoll_wait(ep, events, 512, -1));

		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;
			ssize_t n;

			if (fd == listener) {
				accept_all(ep, fd);
				continue;
			}
			if (fsbase)
				load_fs_base();
			n = echo(fd);
			total += n;
			if (!n) {
				MUST(close(fd));
				open--;
			}
		}
	}
	printf("bytes %ld\n", total);
	return 0;
}
