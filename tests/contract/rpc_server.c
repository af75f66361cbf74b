/* rpc_server.c - Sun RPC: a server of slow clients, and what it says of errors; without patched entries they stop everybody */
#include "sunrpc.h"

struct transport;

OLD(int, xdr_void, struct xdr *, ...);
OLD(struct transport *, svcfd_create, int fd, unsigned out, unsigned in);
OLD(struct transport *, svctcp_create, int fd, unsigned out, unsigned in);
OLD(struct transport *, svcudp_create, int fd);
OLD(struct transport *, svcudp_bufcreate, int fd, unsigned out, unsigned in);
OLD(struct transport *, svcunix_create, int fd, unsigned out, unsigned in, char *path);
OLD(int, svcudp_enablecache, struct transport *t, unsigned long size);
OLD(int, svc_register, struct transport *t, long program, long version, void (*fn)(void *, struct transport *), long protocol);
OLD(void, svc_run, void);
OLD(void, svc_exit, void);
OLD(void, svc_getreq, int set);
OLD(void, svc_getreqset, fd_set *set);
OLD(void, svc_getreq_common, int fd);
OLD(void, svc_getreq_poll, struct pollfd *p, int n);
OLD(int, svc_sendreply, struct transport *t, xdrproc *by, void *what);
OLD(void, svcerr_auth, struct transport *t, int why);
OLD(void, svcerr_decode, struct transport *t);
OLD(void, svcerr_noproc, struct transport *t);
OLD(void, svcerr_noprog, struct transport *t);
OLD(void, svcerr_progvers, struct transport *t, unsigned long low, unsigned long high);
OLD(void, svcerr_systemerr, struct transport *t);
OLD(void, svcerr_weakauth, struct transport *t);

/* Of procedure 7 of version 7 of program 7, behind the mark of a record. */
static const unsigned char call[44] = { 0x80, [3] = 40, [7] = 7, [15] = 2, [19] = 7, [23] = 7, [27] = 7 };

static void send_call(long fd)
{
	(void)!write((int)fd, call, sizeof(call));
}

static void send_call_alone(long fd)
{
	(void)!write((int)fd, call + 4, sizeof(call) - 4);
}

static void (*answer)(struct transport *);

static void dispatch(void *request, struct transport *t)
{
	(void)request;
	answer(t);
}

static void ends(struct transport *t)
{
	(void)t;
	svc_exit();
}

WAITS(svc_run)
{
	struct transport *t;
	int fds[2];

	udp(fds);
	MUST((t = svcudp_create(fds[0])) && svc_register(t, 7, 7, dispatch, 0));
	answer = ends;
	elsewhere(send_call_alone, fds[1]);
	SHOW((svc_run(), 0));
}

/* The client has come, but not said what it wants. */
static int answers;

static void counts(struct transport *t)
{
	(void)t;
	answers++;
}

static int silent_client(void)
{
	struct transport *t;
	int fds[2];

	pair(fds, SOCK_STREAM);
	MUST((t = svcfd_create(fds[0], 0, 0)) && svc_register(t, 7, 7, dispatch, 0));
	answer = counts;
	answers = 0;
	elsewhere(send_call, fds[1]);
	return fds[0];
}

#define WAITS_CALL(name, ...)                                                                                                  \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		int fd = silent_client();                                                                                      \
		fd_set set;                                                                                                    \
		FD_ZERO(&set);                                                                                                 \
		FD_SET(fd, &set);                                                                                              \
		(void)fd;                                                                                                      \
		SHOW((name(__VA_ARGS__), 0));                                                                                  \
		RETURNED;                                                                                                      \
		SHOW(answers);                                                                                                 \
	}
WAITS_CALL(svc_getreq, (int)set.fds_bits[0])
WAITS_CALL(svc_getreqset, &set)
WAITS_CALL(svc_getreq_common, fd)
WAITS_CALL(svc_getreq_poll, &(struct pollfd){ .fd = fd, .events = POLLIN, .revents = POLLIN }, 1)

/* The client does not take what it is told. */
#define WAITS_ANSWER(name, ...)                                                                                                \
	static void answer_##name(struct transport *t)                                                                         \
	{                                                                                                                      \
		SHOW((name(t __VA_ARGS__), 0));                                                                                \
		RETURNED;                                                                                                      \
	}                                                                                                                      \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		struct transport *t;                                                                                           \
		int fds[2];                                                                                                    \
		pair(fds, SOCK_STREAM);                                                                                        \
		MUST((t = svcfd_create(fds[0], 0, 0)) && svc_register(t, 7, 7, dispatch, 0));                                  \
		answer = answer_##name;                                                                                        \
		send_call(fds[1]);                                                                                             \
		stuff(fds[0]);                                                                                                 \
		not_theirs = fds[0];                                                                                           \
		elsewhere(swallow, fds[1]);                                                                                    \
		svc_getreq_common(fds[0]);                                                                                     \
		close(fds[0]);                                                                                                 \
		close(fds[1]);                                                                                                 \
	}
WAITS_ANSWER(svc_sendreply, , xdr_void, NULL)
WAITS_ANSWER(svcerr_auth, , 1)
WAITS_ANSWER(svcerr_decode)
WAITS_ANSWER(svcerr_noproc)
WAITS_ANSWER(svcerr_noprog)
WAITS_ANSWER(svcerr_progvers, , 1, 2)
WAITS_ANSWER(svcerr_systemerr)
WAITS_ANSWER(svcerr_weakauth)

/* ---- errors, to a full stream: a pipe is no socket */

OLD(void, clnt_pcreateerror, const char *text);
OLD(void, clnt_perrno, int why);
OLD(void, clnt_perror, void *client, const char *text);
OLD(void *, clntudp_create, struct sockaddr_in *a, long program, long version, struct timeval again, int *fd);

WAITS_STDERR(svctcp_create, svctcp_create(fileno(f), 0, 0) != NULL)
WAITS_STDERR(svcudp_create, svcudp_create(fileno(f)) != NULL)
WAITS_STDERR(svcudp_bufcreate, svcudp_bufcreate(fileno(f), 400, 400) != NULL)
WAITS_STDERR(svcunix_create, svcunix_create(fileno(f), 0, 0, buf) != NULL)
WAITS_STDERR(clnt_pcreateerror, (clnt_pcreateerror("text"), 0))
WAITS_STDERR(clnt_perrno, (clnt_perrno(1), 0))

/* A second one is refused. */
static int cache_twice(void)
{
	struct transport *t = svcudp_create(-1);

	return svcudp_enablecache(t, 8) + 2 * svcudp_enablecache(t, 8);
}
WAITS_STDERR(svcudp_enablecache, cache_twice())

static void *nobody(void)
{
	struct sockaddr_in a = loopback(7);
	int any = -1;

	return clntudp_create(&a, 7, 7, *TV(1), &any);
}
WAITS_STDERR(clnt_perror, (clnt_perror(nobody(), "text"), 0))

LAST_CASE
