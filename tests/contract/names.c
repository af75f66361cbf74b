/* names.c - names that a server tells, which is slow: the resolver of libc, in all its guises */
#include "waits.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

static unsigned char answer[1024];

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

static const char *address(const void *a, int family)
{
	static char s[64];

	return a ? inet_ntop(family, a, s, sizeof(s)) : "none";
}

static void say_host(const struct hostent *h)
{
	say("%s %s", h ? h->h_name : "none", h ? address(h->h_addr_list[0], h->h_addrtype) : "");
}

WAITS(getaddrinfo)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	int r;

	ask_us();
	r = getaddrinfo("host.test.", "80", &hints, &list);
	RETURNED;
	say("%s %s", r ? gai_strerror(r) : "found", r ? "" : address(&((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr, AF_INET));
	if (!r)
		freeaddrinfo(list);
}

WAITS(getnameinfo)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010203) };
	char host[100] = "";
	int r;

	ask_us();
	r = getnameinfo((void *)&a, sizeof(a), host, sizeof(host), NULL, 0, NI_NAMEREQD);
	RETURNED;
	say("%s %s", r ? gai_strerror(r) : "found", host);
}

static struct in_addr number(void)
{
	return (struct in_addr){ htonl(0x7f010203) };
}

#define WAITS_HOST(name, call)                                                                                                 \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		struct hostent *h;                                                                                             \
		ask_us();                                                                                                      \
		h = call;                                                                                                      \
		RETURNED;                                                                                                      \
		say_host(h);                                                                                                   \
	}
WAITS_HOST(gethostbyname, gethostbyname("host.test."))
WAITS_HOST(gethostbyname2, gethostbyname2("host.test.", AF_INET))
WAITS_HOST(gethostbyaddr, gethostbyaddr(&(struct in_addr[]){ number() }, 4, AF_INET))

#define WAITS_HOST_R(name, ...)                                                                                                \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		struct hostent h, *found = NULL;                                                                               \
		int why = 0, r;                                                                                                \
		ask_us();                                                                                                      \
		r = name(__VA_ARGS__, &h, buf, sizeof(buf), &found, &why);                                                     \
		RETURNED;                                                                                                      \
		say("%s %d", errname(r), why);                                                                                 \
		say_host(found);                                                                                               \
	}
WAITS_HOST_R(gethostbyname_r, "host.test.")
WAITS_HOST_R(gethostbyname2_r, "host.test.", AF_INET)
WAITS_HOST_R(gethostbyaddr_r, &(struct in_addr[]){ number() }, 4, AF_INET)

/* The length of the answer. */
#define WAITS_RES(name, ...)                                                                                                   \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		ask_us();                                                                                                      \
		SHOW(name(__VA_ARGS__, answer, sizeof(answer)));                                                               \
	}
WAITS_RES(res_query, "host.test", ns_c_in, ns_t_a)
WAITS_RES(res_search, "host.test.", ns_c_in, ns_t_a)
WAITS_RES(res_querydomain, "host", "test", ns_c_in, ns_t_a)
WAITS_RES(res_nquery, &_res, "host.test", ns_c_in, ns_t_a)
WAITS_RES(res_nsearch, &_res, "host.test.", ns_c_in, ns_t_a)
WAITS_RES(res_nquerydomain, &_res, "host", "test", ns_c_in, ns_t_a)

static unsigned char question[512];

static int ask(void)
{
	return res_mkquery(ns_o_query, "host.test", ns_c_in, ns_t_a, NULL, 0, NULL, question, sizeof(question));
}

WAITS(res_send)
{
	ask_us();
	SHOW(res_send(question, ask(), answer, sizeof(answer)));
}

WAITS(res_nsend)
{
	ask_us();
	SHOW(res_nsend(&_res, question, ask(), answer, sizeof(answer)));
}

LAST_CASE
