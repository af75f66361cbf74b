/* nss_slow.c - a module of the name service switch that asks a server: whatever it is asked, it waits for a byte first, once */
#include <aliases.h>
#include <grp.h>
#include <gshadow.h>
#include <netdb.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <nss.h>
#include <pwd.h>
#include <rpc/netdb.h>
#include <shadow.h>
#include <string.h>
#include <unistd.h>

int nss_slow_server = -1;

static enum nss_status ask(void)
{
	int fd = nss_slow_server;
	char c;

	nss_slow_server = -1;
	return fd < 0 || read(fd, &c, 1) == 1 ? NSS_STATUS_SUCCESS : NSS_STATUS_UNAVAIL;
}

static char *none[1];
static char address[] = { 127, 1, 2, 3 };

#define ARGS_OF_R(type) type *e, char *b, size_t n, int *errnop
#define UNUSED (void)b, (void)n, (void)errnop
#define ENTRY(...)                                                                                                             \
	{                                                                                                                      \
		UNUSED;                                                                                                        \
		*e = (__typeof__(*e)){ __VA_ARGS__ };                                                                          \
		return ask();                                                                                                  \
	}
#define SET_AND_END(ent)                                                                                                       \
	enum nss_status _nss_slow_set##ent(int stay)                                                                           \
	{                                                                                                                      \
		(void)stay;                                                                                                    \
		return ask();                                                                                                  \
	}                                                                                                                      \
	enum nss_status _nss_slow_end##ent(void)                                                                               \
	{                                                                                                                      \
		return ask();                                                                                                  \
	}
#define DATABASE(ent, type, key1, by1, key2, by2, ...)                                                                         \
	SET_AND_END(ent)                                                                                                       \
	enum nss_status _nss_slow_get##ent##_r(ARGS_OF_R(type)) ENTRY(__VA_ARGS__)                                             \
	enum nss_status _nss_slow_get##by1##_r(key1, ARGS_OF_R(type)) ENTRY(__VA_ARGS__)                                       \
	enum nss_status _nss_slow_get##by2##_r(key2, ARGS_OF_R(type)) ENTRY(__VA_ARGS__)

#pragma GCC diagnostic ignored "-Wunused-parameter"

DATABASE(pwent, struct passwd, const char *k, pwnam, uid_t u, pwuid, .pw_name = "slow", .pw_passwd = "x", .pw_uid = 77, .pw_gecos = "",
	 .pw_dir = "/tmp", .pw_shell = "")
DATABASE(grent, struct group, const char *k, grnam, gid_t g, grgid, .gr_name = "slow", .gr_passwd = "x", .gr_gid = 77, .gr_mem = none)
DATABASE(spent, struct spwd, const char *k, spnam, int unused, spnone, .sp_namp = "slow", .sp_pwdp = "x")
DATABASE(sgent, struct sgrp, const char *k, sgnam, int unused, sgnone, .sg_namp = "slow", .sg_passwd = "x", .sg_adm = none, .sg_mem = none)
DATABASE(protoent, struct protoent, const char *k, protobyname, int p, protobynumber, .p_name = "slow", .p_aliases = none, .p_proto = 7)
#define PROTOCOL const char *protocol
#define SERVICE .s_name = "slow", .s_aliases = none, .s_port = 7, .s_proto = "tcp"
SET_AND_END(servent)
enum nss_status _nss_slow_getservent_r(ARGS_OF_R(struct servent)) ENTRY(SERVICE)
enum nss_status _nss_slow_getservbyname_r(const char *k, PROTOCOL, ARGS_OF_R(struct servent)) ENTRY(SERVICE)
enum nss_status _nss_slow_getservbyport_r(int k, PROTOCOL, ARGS_OF_R(struct servent)) ENTRY(SERVICE)
DATABASE(rpcent, struct rpcent, const char *k, rpcbyname, int p, rpcbynumber, .r_name = "slow", .r_aliases = none, .r_number = 7)
DATABASE(aliasent, struct aliasent, const char *k, aliasbyname, int unused, aliasnone, .alias_name = "slow", .alias_members = none)

#define HOST .h_name = "slow", .h_aliases = none, .h_addrtype = AF_INET, .h_length = 4, .h_addr_list = (static_list)
#define NET .n_name = "slow", .n_aliases = none, .n_addrtype = AF_INET, .n_net = 0x7f000000
static char *static_list[] = { address, NULL };

SET_AND_END(hostent)
enum nss_status _nss_slow_gethostent_r(ARGS_OF_R(struct hostent), int *why) ENTRY(HOST)
enum nss_status _nss_slow_gethostbyname_r(const char *k, ARGS_OF_R(struct hostent), int *why) ENTRY(HOST)
enum nss_status _nss_slow_gethostbyaddr_r(const void *a, socklen_t l, int family, ARGS_OF_R(struct hostent), int *why) ENTRY(HOST)
SET_AND_END(netent)
enum nss_status _nss_slow_getnetent_r(ARGS_OF_R(struct netent), int *why) ENTRY(NET)
enum nss_status _nss_slow_getnetbyname_r(const char *k, ARGS_OF_R(struct netent), int *why) ENTRY(NET)
enum nss_status _nss_slow_getnetbyaddr_r(uint32_t net, int type, ARGS_OF_R(struct netent), int *why) ENTRY(NET)

enum nss_status _nss_slow_gethostbyname2_r(const char *k, int family, ARGS_OF_R(struct hostent), int *why)
{
	if (family == AF_INET)
		return _nss_slow_gethostbyname_r(k, e, b, n, errnop, why);
	*why = HOST_NOT_FOUND;
	return NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_slow_initgroups_dyn(const char *user, gid_t group, long *start, long *size, gid_t **groups, long limit, int *errnop)
{
	return ask();
}

struct etherent {
	const char *e_name;
	struct ether_addr e_addr;
};
enum nss_status _nss_slow_gethostton_r(const char *k, ARGS_OF_R(struct etherent)) ENTRY(.e_name = "slow", .e_addr = { { 1, 2, 3, 4, 5, 6 } })
enum nss_status _nss_slow_getntohost_r(const void *k, ARGS_OF_R(struct etherent)) ENTRY(.e_name = "slow")

/* The head of libc's struct __netgrent. */
struct netgroup {
	int type;
	const char *host, *user, *domain;
};

static int told;

enum nss_status _nss_slow_setnetgrent(const char *group, struct netgroup *e)
{
	told = 0;
	return ask();
}

enum nss_status _nss_slow_getnetgrent_r(struct netgroup *e, char *b, size_t n, int *errnop)
{
	*e = (struct netgroup){ 0, "host", "user", "domain" };
	return told++ ? NSS_STATUS_RETURN : ask();
}

enum nss_status _nss_slow_endnetgrent(struct netgroup *e)
{
	return ask();
}

enum nss_status _nss_slow_getpublickey(const char *name, char *key, int *errnop)
{
	strcpy(key, "slow");
	return ask();
}

enum nss_status _nss_slow_getsecretkey(const char *name, char *key, const char *password, int *errnop)
{
	strcpy(key, "slow");
	return ask();
}

enum nss_status _nss_slow_netname2user(char name[], uid_t *uid, gid_t *gid, int *gids, gid_t *list, int *errnop)
{
	*uid = 77;
	*gid = 77;
	*gids = 0;
	return ask();
}
