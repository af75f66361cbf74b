/* libc: symbols */
/* names.c - names and addresses that a server tells */
#include "names.h"

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

LAST_CASE
