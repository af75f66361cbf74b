/* netdb.c - names and services that need no server; libc: symbols */
#include "case.h"
#include <netdb.h>

static void show_list(int rc, struct addrinfo *list)
{
	char host[64] = "", port[16] = "";

	say("%s", rc ? gai_strerror(rc) : "found");
	for (struct addrinfo *a = rc ? NULL : list; a; a = a->ai_next) {
		int e = getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
		say("family=%d type=%d protocol=%d %s port %s (%d) canonical=%s", a->ai_family, a->ai_socktype, a->ai_protocol,
		    host, port, e, a->ai_canonname ? a->ai_canonname : "none");
	}
	if (!rc)
		freeaddrinfo(list);
}

static void look_up(const char *name, const char *service, int family, int type, int flags)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = type, .ai_flags = flags }, *list = NULL;
	int rc = getaddrinfo(name, service, &hints, &list);

	show_list(rc, list);
}

CASE(numeric)
{
	look_up("127.0.0.1", "80", AF_UNSPEC, SOCK_STREAM, AI_NUMERICHOST);
	look_up("::1", "443", AF_UNSPEC, SOCK_STREAM, AI_NUMERICHOST);
	look_up("10.1", NULL, AF_INET, SOCK_DGRAM, AI_NUMERICHOST);
}

CASE(localhost)
{
	look_up("localhost", "80", AF_INET, SOCK_STREAM, 0);
	look_up("localhost", NULL, AF_INET, 0, 0);
	look_up("localhost", "http", AF_INET, SOCK_STREAM, AI_CANONNAME);
}

CASE(no_hints)
{
	struct addrinfo *list = NULL;
	int rc = getaddrinfo("127.0.0.1", "7", NULL, &list);

	show_list(rc, list);
}

CASE(passive)
{
	look_up(NULL, "8080", AF_INET, SOCK_STREAM, AI_PASSIVE);
	look_up(NULL, "8080", AF_INET, SOCK_STREAM, 0);
}

CASE(errors)
{
	look_up(NULL, NULL, AF_INET, SOCK_STREAM, 0);
	look_up("not-a-number", "80", AF_INET, SOCK_STREAM, AI_NUMERICHOST);
	look_up("127.0.0.1", "no-such-service", AF_INET, SOCK_STREAM, 0);
	look_up("127.0.0.1", "http", AF_INET, SOCK_STREAM, AI_NUMERICSERV);
	look_up("127.0.0.1", "80", 77, SOCK_STREAM, 0);
	look_up("127.0.0.1", "80", AF_INET, 77, 0);
	look_up("127.0.0.1", "80", AF_INET, SOCK_STREAM, 0x40000000);
	look_up("127.0.0.1", "80", AF_INET6, SOCK_STREAM, AI_NUMERICHOST);
	look_up(NULL, "80", AF_INET, SOCK_STREAM, AI_CANONNAME);
}

CASE(names_of_addresses)
{
	struct sockaddr_in a = loopback(80);
	char host[64], port[16];

	say("rc=%d", getnameinfo((void *)&a, sizeof(a), host, sizeof(host), port, sizeof(port), NI_NUMERICHOST));
	say("%s %s", host, port);
	say("rc=%d", getnameinfo((void *)&a, sizeof(a), host, sizeof(host), NULL, 0, 0));
	say("%s", host);
	say("rc=%d", getnameinfo((void *)&a, 3, host, sizeof(host), NULL, 0, NI_NUMERICHOST));
	say("rc=%d", getnameinfo((void *)&a, sizeof(a), host, 3, NULL, 0, NI_NUMERICHOST));
	say("rc=%d", getnameinfo((void *)&a, sizeof(a), NULL, 0, NULL, 0, NI_NUMERICHOST));
	a.sin_family = 77;
	say("rc=%d", getnameinfo((void *)&a, sizeof(a), host, sizeof(host), NULL, 0, NI_NUMERICHOST));
}

static void show_host(struct hostent *h)
{
	char text[64] = "none";

	if (h && h->h_addr_list[0])
		inet_ntop(h->h_addrtype, h->h_addr_list[0], text, sizeof(text));
	say("%s %s type=%d length=%d", h ? h->h_name : "nothing", text, h ? h->h_addrtype : 0, h ? h->h_length : 0);
}

CASE(old_calls)
{
	struct in_addr a = { htonl(INADDR_LOOPBACK) };

	show_host(gethostbyname("localhost"));
	show_host(gethostbyname("127.0.0.1"));
	show_host(gethostbyname2("localhost", AF_INET));
	show_host(gethostbyname2("::1", AF_INET6));
	show_host(gethostbyaddr(&a, sizeof(a), AF_INET));
}

CASE(reentrant_calls)
{
	struct hostent h, *found = NULL;
	struct in_addr a = { htonl(INADDR_LOOPBACK) };
	int herr = -1;

	SHOW_CODE(gethostbyname_r("localhost", &h, buf, sizeof(buf), &found, &herr));
	show_host(found);
	SHOW_CODE(gethostbyname_r("localhost", &h, buf, 8, &found, &herr));
	say("found=%d herr=%d", found != NULL, herr);
	SHOW_CODE(gethostbyname2_r("127.0.0.1", AF_INET, &h, buf, sizeof(buf), &found, &herr));
	show_host(found);
	SHOW_CODE(gethostbyaddr_r(&a, sizeof(a), AF_INET, &h, buf, sizeof(buf), &found, &herr));
	show_host(found);
}

static atomic_int found;

static void resolve(long n)
{
	for (long i = 0; i < n; i++) {
		struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list = NULL;

		if (getaddrinfo("localhost", "80", &hints, &list) == 0) {
			found += ((struct sockaddr_in *)(void *)list->ai_addr)->sin_port == htons(80);
			freeaddrinfo(list);
		}
	}
}

CASE(many_at_once)
{
	found = 0;
	for (int i = 0; i < 20; i++)
		later(0, resolve, 10);
	finish();
	say("found=%d", (int)found);
}
