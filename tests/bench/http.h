/* http.h - the answer that httpd gives and fetch expects. */
#ifndef HTTP_H
#define HTTP_H

#include "bench.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { HTTP_DELAY_MS = 50, HTTP_BODY = 1000, HTTP_TEXT = 1200 };

static inline size_t http_answer(char text[HTTP_TEXT], long number)
{
	int len = snprintf(text, HTTP_TEXT, "HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n", HTTP_BODY);

	for (long i = 0; i < HTTP_BODY; i++)
		text[len++] = (char)('a' + (i + number) % 26);
	return (size_t)len;
}

static inline int http_listen(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));

	MUST(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	MUST(listen(fd, 4096));
	MUST(getsockname(fd, (struct sockaddr *)&addr, &len));
	printf("port %d\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

#endif
