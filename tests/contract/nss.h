/* nss.h - a module of the name service switch that waits for a server (tests/lib/nss_slow.c), instead of all that the machine has */
#ifndef NSS_SLOW_H
#define NSS_SLOW_H

#include "streams.h"

#include <dlfcn.h>
#include <nss.h>

/* The module's. */
static int *server;

static void use_module(void)
{
	static const char *const databases[] = { "aliases", "ethers", "group", "gshadow", "hosts", "initgroups", "netgroup", "networks",
						 "passwd", "protocols", "publickey", "rpc", "services", "shadow" };
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 20);
	void *module;

	if (server)
		return;
	MUST(n > 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	snprintf(strrchr(path, '/'), 20, "/lib/nss_slow.so");
	MUST((module = dlopen(path, RTLD_NOW)) && (server = dlsym(module, "nss_slow_server")));
	for (int i = 0; i < LENGTH(databases); i++)
		MUST(__nss_configure_lookup(databases[i], "slow") == 0);
}

/* The next that asks the module waits. */
static void slow(void)
{
	int p[2];

	use_module();
	pipes(p);
	*server = p[0];
	elsewhere(put, p[1]);
}

/* An entry's name is its first member. */
MAYBE void say_name(const void *entry)
{
	RETURNED;
	say("%s", entry ? *(char *const *)entry : "none");
}

#define WAITS_SHOWN(name, call)                                                                                                \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		slow();                                                                                                        \
		SHOW(call);                                                                                                    \
	}

#endif
