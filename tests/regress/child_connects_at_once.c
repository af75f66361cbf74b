/*
 * The first thing that waits in a child is a call for a worker (connect on an inherited socket): the worker was done before the
 * child's hub had its loop, and the hub never looked.
 */
#include "must.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { CHILDREN = 150 };

static struct sockaddr_in server;

static int stream(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	MUST(fd >= 0);
	return fd;
}

static void *fork_and_connect(void *arg)
{
	for (int i = 0; i < CHILDREN; i++) {
		int fd = stream(), status = -1;
		pid_t pid = fork();

		if (!pid) {
			alarm(15);
			_exit(connect(fd, (struct sockaddr *)&server, sizeof(server)) ? 1 : 0);
		}
		MUST(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
		close(fd);
	}
	return arg;
}

int main(void)
{
	socklen_t len = sizeof(server);
	int l = stream();
	pthread_t t;

	server = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	MUST(bind(l, (struct sockaddr *)&server, len) == 0 && listen(l, CHILDREN) == 0);
	MUST(getsockname(l, (struct sockaddr *)&server, &len) == 0);
	MUST(pthread_create(&t, NULL, fork_and_connect, NULL) == 0 && pthread_join(t, NULL) == 0);
	puts("ok");
	return 0;
}
