/* libc: symbols */
/* nss.c - the databases of /etc/nsswitch.conf, told by a module that waits */
#include "nss.h"

#include <aliases.h>
#include <grp.h>
#include <gshadow.h>
#include <netdb.h>
#include <pwd.h>
#include <rpc/netdb.h>
#include <shadow.h>

#define WAITS_FOR(name, ...)                                                                                                   \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		slow();                                                                                                        \
		say_name(name(__VA_ARGS__));                                                                                   \
	}
#define WAITS_FOR_R(name, type, ...)                                                                                           \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		struct type e, *found = NULL;                                                                                  \
		int r, why = 0;                                                                                                \
		(void)why;                                                                                                     \
		slow();                                                                                                        \
		r = name(__VA_ARGS__);                                                                                         \
		RETURNED;                                                                                                      \
		say("%s", errname(r));                                                                                         \
		say_name(found);                                                                                               \
	}
#define INTO    &e, buf, sizeof(buf), &found

/* What has not been begun is not ended. */
#define WAITS_ENT(ent, type, stay, ...)                                                                                        \
	WAITS(set##ent)                                                                                                        \
	{                                                                                                                      \
		slow();                                                                                                        \
		SHOW((set##ent(stay), 0));                                                                                     \
	}                                                                                                                      \
	WAITS_FOR(get##ent)                                                                                                    \
	WAITS_FOR_R(get##ent##_r, type, INTO __VA_ARGS__)                                                                      \
	WAITS(end##ent)                                                                                                        \
	{                                                                                                                      \
		use_module();                                                                                                  \
		set##ent(stay);                                                                                                \
		slow();                                                                                                        \
		SHOW((end##ent(), 0));                                                                                         \
	}

WAITS_ENT(pwent, passwd, )
WAITS_FOR(getpwnam, "slow")
WAITS_FOR_R(getpwnam_r, passwd, "slow", INTO)
WAITS_FOR(getpwuid, 77)
WAITS_FOR_R(getpwuid_r, passwd, 77, INTO)

WAITS_ENT(grent, group, )
WAITS_FOR(getgrnam, "slow")
WAITS_FOR_R(getgrnam_r, group, "slow", INTO)
WAITS_FOR(getgrgid, 77)
WAITS_FOR_R(getgrgid_r, group, 77, INTO)

WAITS_ENT(spent, spwd, )
WAITS_FOR(getspnam, "slow")
WAITS_FOR_R(getspnam_r, spwd, "slow", INTO)

WAITS_ENT(sgent, sgrp, )
WAITS_FOR(getsgnam, "slow")
WAITS_FOR_R(getsgnam_r, sgrp, "slow", INTO)

WAITS_ENT(hostent, hostent, 1, , &why)

WAITS_ENT(netent, netent, 1, , &why)
WAITS_FOR(getnetbyname, "slow")
WAITS_FOR_R(getnetbyname_r, netent, "slow", INTO, &why)
WAITS_FOR(getnetbyaddr, 0x7f000000, AF_INET)
WAITS_FOR_R(getnetbyaddr_r, netent, 0x7f000000, AF_INET, INTO, &why)

WAITS_ENT(protoent, protoent, 1)
WAITS_FOR(getprotobyname, "slow")
WAITS_FOR_R(getprotobyname_r, protoent, "slow", INTO)
WAITS_FOR(getprotobynumber, 7)
WAITS_FOR_R(getprotobynumber_r, protoent, 7, INTO)

WAITS_ENT(servent, servent, 1)
WAITS_FOR(getservbyname, "slow", "tcp")
WAITS_FOR_R(getservbyname_r, servent, "slow", "tcp", INTO)
WAITS_FOR(getservbyport, 7, "tcp")
WAITS_FOR_R(getservbyport_r, servent, 7, "tcp", INTO)

WAITS_ENT(rpcent, rpcent, 1)
WAITS_FOR(getrpcbyname, "slow")
WAITS_FOR_R(getrpcbyname_r, rpcent, "slow", INTO)
WAITS_FOR(getrpcbynumber, 7)
WAITS_FOR_R(getrpcbynumber_r, rpcent, 7, INTO)

WAITS_ENT(aliasent, aliasent, )
WAITS_FOR(getaliasbyname, "slow")
WAITS_FOR_R(getaliasbyname_r, aliasent, "slow", INTO)

LAST_CASE
