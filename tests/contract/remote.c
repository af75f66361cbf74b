/* remote.c - commands on other hosts, by slow servers; without patched entries they stop everybody */
#include "sandbox.h"

#include <netdb.h>

/* Says that the command runs, whatever it is, and what it is. */
static void run_it(long fd)
{
	int c = accept((int)fd, NULL, NULL);

	(void)!recv(c, buf, 1, 0);
	(void)!write(c, "\0output", 7);
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define WAITS_REMOTE(name, ...)                                                                                                \
	WAITS_ALONE(name)                                                                                                      \
	{                                                                                                                      \
		char *host = (char[]){ "127.0.0.1" };                                                                          \
		int l = listener(1), fd;                                                                                       \
		in_port_t port = name_of(l).sin_port;                                                                          \
		elsewhere(run_it, l);                                                                                          \
		SHOW_OK(fd = name(&host, port, __VA_ARGS__));                                                                  \
		RETURNED;                                                                                                      \
		SHOW_BYTES(buf, read(fd, buf, 6));                                                                             \
	}
WAITS_REMOTE(rexec, "user", "password", "command", NULL)
WAITS_REMOTE(rexec_af, "user", "password", "command", NULL, AF_INET)
WAITS_REMOTE(rcmd, "us", "them", "command", NULL)
WAITS_REMOTE(rcmd_af, "us", "them", "command", NULL, AF_INET)

LAST_CASE
