/* rpc.c - Sun RPC: clients of slow servers; without patched entries they stop everybody */
#include "sandbox.h"

#include <semaphore.h>

enum { PORTMAPPER = 111, TIME = 37 };

/* Accepted, and a list of one, or an answer of 1; behind the mark of a record. */
static uint32_t answer[] = { 0x80000060, 0, 1, 0, 0, 0, 0, 1, [24] = 0 };

static void answer_datagrams(long fd)
{
	struct sockaddr_in who;
	socklen_t len = sizeof(who);
	uint32_t m[500];

	setsockopt((int)fd, SOL_SOCKET, SO_RCVTIMEO, TV(100), sizeof(struct timeval));
	while (recvfrom((int)fd, m, sizeof(m), 0, (void *)&who, &len) > 0) {
		answer[1] = m[0];
		sendto((int)fd, answer + 1, sizeof(answer) - 4, 0, (void *)&who, len);
	}
}

static void answer_connections(long fd)
{
	int c = accept((int)fd, NULL, NULL);
	uint32_t m[500];

	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, TV(100), sizeof(struct timeval));
	while (read(c, m, sizeof(m)) > 0) {
		answer[1] = m[1];
		(void)!write(c, answer, sizeof(answer));
	}
}

__attribute__((constructor)) static void to_network_order(void)
{
	for (int i = 0; i < LENGTH(answer); i++)
		answer[i] = htonl(answer[i]);
}

static struct sockaddr_in slow_datagrams(int port)
{
	int fd;
	struct sockaddr_in a = at_port(SOCK_DGRAM, port, &fd);

	elsewhere(answer_datagrams, fd);
	close(fd);
	return a;
}

static struct sockaddr_in slow_connections(int port)
{
	int fd;
	struct sockaddr_in a = at_port(SOCK_STREAM, port, &fd);

	elsewhere(answer_connections, fd);
	close(fd);
	return a;
}

static struct sockaddr_un at_path(const char *path, int backlog, int *fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path, path);
	unlink(path);
	MUST((*fd = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0 && bind(*fd, (void *)&a, sizeof(a)) == 0 && listen(*fd, backlog) == 0);
	return a;
}

/* ---- clients */

OLD(int, xdr_void, struct xdr *, ...);
OLD(unsigned short, pmap_getport, struct sockaddr_in *a, long program, long version, unsigned protocol);
OLD(void *, pmap_getmaps, struct sockaddr_in *a);
OLD(int, pmap_set, long program, long version, int protocol, unsigned short port);
OLD(int, pmap_unset, long program, long version);
OLD(int, pmap_rmtcall, struct sockaddr_in *a, long program, long version, long procedure, xdrproc *in, void *from, xdrproc *out, void *to,
    struct timeval patience, unsigned long *port);
OLD(void *, clnttcp_create, struct sockaddr_in *a, long program, long version, int *fd, unsigned out, unsigned in);
OLD(void *, clntudp_create, struct sockaddr_in *a, long program, long version, struct timeval again, int *fd);
OLD(void *, clntudp_bufcreate, struct sockaddr_in *a, long program, long version, struct timeval again, int *fd, unsigned out, unsigned in);
OLD(void *, clntunix_create, struct sockaddr_un *a, long program, long version, int *fd, unsigned out, unsigned in);
OLD(int, rtime, struct sockaddr_in *a, void *time, void *patience);
OLD(int, key_gendes, void *key);

#define WAITS_SERVER(name, server, port, call)                                                                                 \
	WAITS_ALONE(name)                                                                                                      \
	{                                                                                                                      \
		struct sockaddr_in a = server(port);                                                                           \
		(void)a;                                                                                                       \
		SHOW(call);                                                                                                    \
	}
static int any = -1;
WAITS_SERVER(pmap_getport, slow_datagrams, PORTMAPPER, pmap_getport(&a, 7, 7, IPPROTO_UDP) == 1)
WAITS_SERVER(pmap_getmaps, slow_connections, PORTMAPPER, pmap_getmaps(&a) != NULL)
WAITS_SERVER(pmap_set, slow_datagrams, PORTMAPPER, pmap_set(7, 7, IPPROTO_UDP, 7))
WAITS_SERVER(pmap_unset, slow_datagrams, PORTMAPPER, pmap_unset(7, 7))
WAITS_SERVER(pmap_rmtcall, slow_datagrams, PORTMAPPER,
	     pmap_rmtcall(&a, 7, 7, 7, xdr_void, NULL, xdr_void, NULL, *TV(9000), &(unsigned long){ 0 }))
WAITS_SERVER(clnttcp_create, slow_connections, PORTMAPPER, (a.sin_port = 0, any = -1, clnttcp_create(&a, 7, 7, &any, 0, 0)) ? 1 : 0)
WAITS_SERVER(clntudp_create, slow_datagrams, PORTMAPPER, (a.sin_port = 0, any = -1, clntudp_create(&a, 7, 7, *TV(9000), &any)) ? 1 : 0)
WAITS_SERVER(clntudp_bufcreate, slow_datagrams, PORTMAPPER,
	     (a.sin_port = 0, any = -1, clntudp_bufcreate(&a, 7, 7, *TV(9000), &any, 400, 400)) ? 1 : 0)
WAITS_SERVER(key_gendes, slow_datagrams, PORTMAPPER, key_gendes(buf))
WAITS_SERVER(rtime, slow_datagrams, TIME, rtime(&a, buf, (struct timeval[]){ *TV(9000) }))

struct transport;

static void serve_nobody(void *request, struct transport *t)
{
	(void)request;
	(void)t;
}

OLD(struct transport *, svcudp_create, int fd);
OLD(int, svc_register, struct transport *t, long program, long version, void (*fn)(void *, struct transport *), long protocol);
OLD(void, svc_unregister, long program, long version);
WAITS_SERVER(svc_register, slow_datagrams, PORTMAPPER, svc_register(svcudp_create(-1), 7, 7, serve_nobody, IPPROTO_UDP))
WAITS_SERVER(svc_unregister, slow_datagrams, PORTMAPPER, (svc_unregister(7, 7), 0))

static struct {
	unsigned length;
	char *bytes;
} public = { 4, buf };

OLD(void *, authdes_pk_create, const char *name, void *public, unsigned window, struct sockaddr_in *clock, void *key);
WAITS_SERVER(authdes_pk_create, slow_datagrams, TIME, authdes_pk_create("slow", &public, 60, &a, buf) != NULL)

static void let_in(long fd)
{
	close(accept((int)fd, NULL, NULL));
}

WAITS_ALONE(clntunix_create)
{
	int fd;
	struct sockaddr_un a = at_path("/run/full", 0, &fd);

	MUST(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof(a)) == 0);
	elsewhere(let_in, fd);
	any = -1;
	SHOW(clntunix_create(&a, 7, 7, &any, 0, 0) != NULL);
}

/* ---- the server of keys, to which each thread keeps its connection: so each asks in a thread of its own, which stays */

OLD(int, key_decryptsession, const char *name, void *key);
OLD(int, key_decryptsession_pk, const char *name, void *public, void *key);
OLD(int, key_encryptsession, const char *name, void *key);
OLD(int, key_encryptsession_pk, const char *name, void *public, void *key);
OLD(int, key_get_conv, const char *public, void *key);
OLD(int, key_secretkey_is_set, void);
OLD(int, key_setnet, void *names);
OLD(int, key_setsecret, const char *key);

static struct {
	char keys[96], *name;
} names = { .name = buf };
static sem_t asked;

#define WAITS_KEY(name, call)                                                                                                  \
	static void *ask_##name(void *arg)                                                                                     \
	{                                                                                                                      \
		NOTE(0, call);                                                                                                 \
		for (sem_post(&asked);;)                                                                                       \
			pause();                                                                                               \
		return arg;                                                                                                    \
	}                                                                                                                      \
	WAITS_ALONE(name)                                                                                                      \
	{                                                                                                                      \
		pthread_t t;                                                                                                   \
		int fd;                                                                                                        \
		at_path("/run/keyservsock", 1, &fd);                                                                           \
		elsewhere(answer_connections, fd);                                                                             \
		close(fd);                                                                                                     \
		MUST(pthread_create(&t, NULL, ask_##name, NULL) == 0);                                                         \
		sem_wait(&asked);                                                                                              \
		RETURNED;                                                                                                      \
		TELL(0);                                                                                                       \
	}
WAITS_KEY(key_decryptsession, key_decryptsession("slow", buf))
WAITS_KEY(key_decryptsession_pk, key_decryptsession_pk("slow", &public, buf))
WAITS_KEY(key_encryptsession, key_encryptsession("slow", buf))
WAITS_KEY(key_encryptsession_pk, key_encryptsession_pk("slow", &public, buf))
WAITS_KEY(key_get_conv, key_get_conv(buf, buf))
WAITS_KEY(key_secretkey_is_set, key_secretkey_is_set())
WAITS_KEY(key_setnet, key_setnet(&names))
WAITS_KEY(key_setsecret, key_setsecret(buf))

LAST_CASE
