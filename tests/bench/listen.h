/* listen.h - how every server here begins: a port of its own, told to whoever started it. */
#ifndef LISTEN_H
#define LISTEN_H

#include "bench.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static inline int start_listening(int flags)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = MUST(socket(AF_INET, SOCK_STREAM | flags, 0));

	MUST(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	MUST(listen(fd, 4096));
	MUST(getsockname(fd, (struct sockaddr *)&addr, &len));
	printf("port %d\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

#endif
