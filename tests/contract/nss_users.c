/* libc: symbols */
/* nss_users.c - who asks the databases of /etc/nsswitch.conf in other words */
#include "nss.h"
#include "sunrpc.h"

#include <glob.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/ether.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
char *cuserid(char *name);
int getpw(uid_t uid, char *line);

static char name[L_cuserid + 100];
static struct ether_addr ether;

WAITS_SHOWN(cuserid, strcmp(cuserid(name), "slow"))
WAITS_SHOWN(getpw, getpw(77, name))
WAITS_SHOWN(getgrouplist, getgrouplist("slow", 77, (gid_t[8]){ 0 }, &(int){ 8 }))
WAITS_SHOWN(ether_hostton, ether_hostton("slow", &ether))
WAITS_SHOWN(ether_ntohost, ether_ntohost(name, &ether))

/* In a child, which need not keep its groups. */
WAITS(initgroups)
{
	int status = -1;

	slow();
	if (!fork())
		_exit(initgroups("slow", 77) == 0 ? 0 : errno);
	while (wait(&status) == helper_process)
		;
	SHOW(status >> 8);
}

/* Names of users in patterns. */
WAITS(glob)
{
	glob_t g;

	slow();
	SHOW(glob("~slow", GLOB_TILDE, NULL, &g));
	say("%zu %s", g.gl_pathc, g.gl_pathc ? g.gl_pathv[0] : "");
	globfree(&g);
}

WAITS(glob64)
{
	glob64_t g;

	slow();
	SHOW(glob64("~slow", GLOB_TILDE, NULL, &g));
	say("%zu %s", g.gl_pathc, g.gl_pathc ? g.gl_pathv[0] : "");
	globfree64(&g);
}

/* The number of the host is its address, unless a file says it. */
WAITS(gethostid)
{
	slow();
	if (access("/etc/hostid", R_OK) == 0)
		put(*server), meeting->done = 1;
	SHOW_OK(gethostid());
}

WAITS_SHOWN(innetgr, innetgr("slow", "host", NULL, NULL))
WAITS_SHOWN(setnetgrent, setnetgrent("slow"))

static char *host, *user, *domain;

WAITS(getnetgrent)
{
	use_module();
	setnetgrent("slow");
	slow();
	SHOW(getnetgrent(&host, &user, &domain));
	say("%s %s %s", host, user, domain);
}

WAITS(getnetgrent_r)
{
	use_module();
	setnetgrent("slow");
	slow();
	SHOW(getnetgrent_r(&host, &user, &domain, buf, sizeof(buf)));
	say("%s %s %s", host, user, domain);
}

WAITS(endnetgrent)
{
	use_module();
	setnetgrent("slow");
	slow();
	SHOW((endnetgrent(), 0));
}

/* ---- answers that a thread of libc's own fetches */

static struct gaicb query = { .ar_name = "slow" };
static struct gaicb *const queries[] = { &query };

static void say_query(void)
{
	RETURNED;
	say("%s", gai_strerror(gai_error(&query)));
	if (query.ar_result)
		freeaddrinfo(query.ar_result);
	query.ar_result = NULL;
}

WAITS(getaddrinfo_a)
{
	slow();
	SHOW(getaddrinfo_a(GAI_WAIT, (struct gaicb **)queries, 1, NULL));
	say_query();
}

WAITS(gai_suspend)
{
	slow();
	MUST(getaddrinfo_a(GAI_NOWAIT, (struct gaicb **)queries, 1, NULL) == 0);
	SHOW(gai_suspend((const struct gaicb *const *)queries, 1, NULL));
	say_query();
}

/* ---- who may log in, and who has */

WAITS_SHOWN(ruserok, ruserok("slow", 1, "them", "us"))
WAITS_SHOWN(ruserok_af, ruserok_af("slow", 1, "them", "us", AF_INET))
WAITS_SHOWN(iruserok, iruserok(htonl(0x7f010203), 1, "them", "slow"))
WAITS_SHOWN(iruserok_af, iruserok_af(&(struct in_addr){ htonl(0x7f010203) }, 1, "them", "slow", AF_INET))

/* The kernel keeps who logged in, by number; a process without may say it once, in its first thread. */
__attribute__((constructor)) static void log_in(void)
{
	int fd = open("/proc/self/loginuid", O_WRONLY);

	(void)!write(fd, "77", 2);
	close(fd);
}

static void slow_login(void)
{
	int fd = open("/proc/self/loginuid", O_RDONLY);
	char number[12] = "";

	(void)!read(fd, number, sizeof(number) - 1);
	slow();
	if (!*number || !strcmp(number, "4294967295"))
		put(*server), meeting->done = 1;
}

int __getlogin_r_chk(char *name, size_t n, size_t room);

#define WAITS_LOGIN(name, call)                                                                                                \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		slow_login();                                                                                                  \
		SHOW_OK(call);                                                                                                 \
	}
WAITS_LOGIN(getlogin, getlogin() ? 0 : -1)
WAITS_LOGIN(getlogin_r, getlogin_r(name, sizeof(name)))
WAITS_LOGIN(__getlogin_r_chk, __getlogin_r_chk(name, sizeof(name), sizeof(name)))

/* ---- Sun RPC: hosts by name, and keys */

OLD(int, xdr_void, struct xdr *, ...);
OLD(int, callrpc, const char *host, long program, long version, long procedure, xdrproc *in, void *from, xdrproc *out, void *to);
OLD(void *, clnt_create, const char *host, long program, long version, const char *protocol);
OLD(int, getrpcport, const char *host, long program, long version, int protocol);
OLD(int, getpublickey, const char *name, char *key);
OLD(int, getsecretkey, const char *name, char *key, const char *password);
OLD(int, netname2user, const char *name, uid_t *uid, gid_t *gid, int *n, gid_t *list);
OLD(void *, authdes_create, const char *name, unsigned window, struct sockaddr *clock, void *key);

WAITS_SHOWN(callrpc, callrpc("slow", 7, 7, 7, xdr_void, NULL, xdr_void, NULL) != 0)
WAITS_SHOWN(clnt_create, clnt_create("slow", 7, 7, "tcp") != NULL)
WAITS_SHOWN(getrpcport, getrpcport("slow", 7, 7, IPPROTO_TCP))
WAITS_SHOWN(getpublickey, getpublickey("slow", name))
WAITS_SHOWN(getsecretkey, getsecretkey("slow", name, "password"))
WAITS_SHOWN(netname2user, netname2user("slow", &(uid_t){ 0 }, &(gid_t){ 0 }, &(int){ 0 }, (gid_t[8]){ 0 }))
WAITS_SHOWN(authdes_create, authdes_create("slow", 60, NULL, name) != NULL)

LAST_CASE
