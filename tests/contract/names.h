/* names.h - a name server that is slow, for the resolver of libc in all its guises */
#ifndef NAMES_H
#define NAMES_H

#include "waits.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

/* The question once more, and one answer: 127.1.2.3, or the name of that. */
static size_t respond(unsigned char *m, size_t n)
{
	static const unsigned char number[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 127, 1, 2, 3 };
	static const unsigned char name[] = { 0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 9, 0, 11, 4, 'h', 'o', 's', 't', 4, 't', 'e', 's', 't', 0 };
	size_t end = 12;
	int type;

	while (end < n && m[end])
		end += m[end] + 1u;
	end += 5;
	type = m[end - 3];
	memcpy(m + 2, "\x81\x80\0\1\0\1\0\0\0\0", 10);
	if (type == ns_t_a)
		memcpy(m + end, number, sizeof(number));
	else if (type == ns_t_ptr)
		memcpy(m + end, name, sizeof(name));
	else
		m[7] = 0;
	return end + (type == ns_t_a ? sizeof(number) : type == ns_t_ptr ? sizeof(name) : 0);
}

/* Until nobody has asked for a while. */
static void serve(long fd)
{
	unsigned char m[1024];
	struct sockaddr_in who;
	socklen_t len = sizeof(who);
	struct timeval patience = { 0, 100000 };
	ssize_t n;

	setsockopt((int)fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while ((n = recvfrom((int)fd, m, sizeof(m) - 64, 0, (void *)&who, &len)) > 0)
		sendto((int)fd, m, respond(m, (size_t)n), 0, (void *)&who, len);
}

static void ask_us(void)
{
	int fd = bound(SOCK_DGRAM);

	res_init();
	_res.nscount = 1;
	_res.nsaddr_list[0] = name_of(fd);
	elsewhere(serve, fd);
}

#endif
