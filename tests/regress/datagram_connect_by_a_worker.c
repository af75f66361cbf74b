/*
 * connect of datagram sockets only notes the address: it needs no thread, whoever else has the socket, and whoever made it. Each took two turns of a
 * worker thread, and the resolver, which connects one for each address to sort them, was five times as slow.
 */
#include "must.h"
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>

enum { TIMES = 50 };

static int threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	MUST(d);
	while (readdir(d))
		n++;
	MUST(!closedir(d));
	return n;
}

static void *connects(void *shared)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM }, *found;
	int fd = *(int *)shared, before = threads();

	for (int i = 0; i < TIMES; i++) {
		addr.sin_port = htons((uint16_t)(1000 + i));
		MUST(!connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
		MUST(!getaddrinfo("localhost", "80", &hint, &found));
		freeaddrinfo(found);
	}
	MUST(connect(fd, (struct sockaddr *)&addr, 3) == -1 && errno == EINVAL);
	MUST(threads() == before);
	return shared;
}

int main(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), st;
	pid_t pid = fork(); /* shares it from now on */

	if (!pid) {
		pause_us(1000);
		_exit(0);
	}
	MUST(waitpid(pid, &st, 0) == pid && !st);
	MUST(!pthread_join(start(connects, &fd), NULL));
	return 0;
}
