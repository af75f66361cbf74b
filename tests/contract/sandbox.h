/* sandbox.h - a network and a /run of its own, for servers whose place is fixed; without privileges, in a user namespace */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "sunrpc.h"

#include <net/if.h>
#include <sys/mount.h>

static bool alone;

__attribute__((constructor)) static void enter_sandbox(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS))
		return;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	alone = ioctl(fd, SIOCSIFFLAGS, &lo) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		mount("none", "/run", "tmpfs", 0, NULL) == 0;
	close(fd);
}

/* Where that is refused a case proves nothing, and says the same as natively. */
#define WAITS_ALONE(name)                                                                                                      \
	static void alone_##name(void);                                                                                        \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		if (alone)                                                                                                     \
			alone_##name();                                                                                        \
		else                                                                                                           \
			meeting->done = 1;                                                                                     \
	}                                                                                                                      \
	static void alone_##name(void)

MAYBE struct sockaddr_in at_port(int type, int port, int *fd)
{
	struct sockaddr_in a = loopback(port);
	int on = 1;

	MUST((*fd = socket(AF_INET, type, 0)) >= 0 && setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	MUST(bind(*fd, (void *)&a, sizeof(a)) == 0 && (type == SOCK_DGRAM || listen(*fd, 1) == 0));
	return a;
}

#endif
