/*
 * <netdb.h>: names. Libc's resolver waits inside libc, for sockets, files and other people's NSS modules alike, so the whole call
 * goes to a kernel thread; what cannot wait (numbers to numbers) stays here.
 */
#include "shim.h"
#include "../runtime/offload.h"
#include "../runtime/park.h"
#include "../runtime/patch.h"
#include "../runtime/rw.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <netdb.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where libc is patched its resolver parks by itself, in the calling greenlet. */
static bool by_worker(void)
{
	return gp_coop(GP_F_DNS) && !gp_patched;
}

/* An address in figures, as libc's own test before any look-up has it; a scope ("%eth0") is left to getaddrinfo. */
static bool numeric(const char *name)
{
	struct in6_addr a6;
	struct in_addr a4;

	return inet_aton(name, &a4) || inet_pton(AF_INET6, name, &a6) == 1;
}

/* What a thread may have set in its _res, which is not the worker's: servers, search list, options. */
struct settings {
	int retrans, retry, servers;
	u_long options;
	unsigned ndots;
	struct sockaddr_in server[MAXNS];
	char names[sizeof(_res.defdname)];
	ptrdiff_t search[MAXDNSRCH + 1]; /* in names; -1: none */
};

static void take(struct settings *s, const struct __res_state *r)
{
	*s = (struct settings){ .retrans = r->retrans, .retry = r->retry, .servers = r->nscount, .options = r->options, .ndots = r->ndots };
	memcpy(s->server, r->nsaddr_list, sizeof(s->server));
	memcpy(s->names, r->defdname, sizeof(s->names));
	for (int i = 0; i <= MAXDNSRCH; i++) {
		ptrdiff_t at = r->dnsrch[i] - r->defdname;

		s->search[i] = r->dnsrch[i] && at >= 0 && at < (ptrdiff_t)sizeof(s->names) ? at : -1;
	}
}

static void give(const struct settings *s, struct __res_state *r)
{
	r->retrans = s->retrans;
	r->retry = s->retry;
	r->options = s->options;
	r->ndots = s->ndots & 15;
	r->nscount = s->servers;
	memcpy(r->nsaddr_list, s->server, sizeof(s->server));
	memcpy(r->defdname, s->names, sizeof(s->names));
	for (int i = 0; i <= MAXDNSRCH; i++)
		r->dnsrch[i] = s->search[i] < 0 ? NULL : r->defdname + s->search[i];
}

struct task {
	long (*fn)(void *);
	void *arg;
	struct settings settings;
};

static long work(void *arg)
{
	struct task *t = arg;
	struct settings own;
	long r;

	if (!(t->settings.options & RES_INIT) || (!(_res.options & RES_INIT) && res_init()))
		return t->fn(t->arg);
	take(&own, &_res);
	give(&t->settings, &_res);
	r = t->fn(t->arg);
	give(&own, &_res);
	return r;
}

/* fn on a worker, which asks those that the caller would ask. */
static long look_up(long (*fn)(void *), void *arg, const char *why)
{
	struct task *t = malloc(sizeof(*t)); /* lost where a handler jumps out of the call */
	long r;

	if (!t)
		return gp_offload(fn, arg, why);
	*t = (struct task){ .fn = fn, .arg = arg };
	take(&t->settings, &_res);
	r = gp_offload(work, t, why);
	free(t);
	return r;
}

/* All that the worker touches: where a handler jumps out of the call meanwhile, this is lost and nothing is overrun. */
struct lookup {
	struct addrinfo hints, *result;
	const char *node, *service;
	bool hinted;
	char strings[];
};

static struct lookup *copy(const char *node, const char *service, const struct addrinfo *hints)
{
	size_t n = node ? strlen(node) + 1 : 0, s = service ? strlen(service) + 1 : 0;
	struct lookup *l = malloc(sizeof(*l) + n + s);

	if (!l)
		return NULL;
	l->hinted = hints;
	l->hints = hints ? *hints : (struct addrinfo){ 0 };
	l->node = node ? memcpy(l->strings, node, n) : NULL;
	l->service = service ? memcpy(l->strings + n, service, s) : NULL;
	return l;
}

static long do_getaddrinfo(void *arg)
{
	struct lookup *l = arg;

	return real_getaddrinfo(l->node, l->service, l->hinted ? &l->hints : NULL, &l->result);
}

GP_EXPORT int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
			  struct addrinfo **restrict res)
{
	bool named_service = service && !(hints && hints->ai_flags & AI_NUMERICSERV) && !isdigit((unsigned char)*service);
	struct lookup *l;
	int r;

	if (!by_worker())
		return real_getaddrinfo(node, service, hints, res);
	if (!named_service && (!node || (hints && hints->ai_flags & AI_NUMERICHOST) || numeric(node)))
		return real_getaddrinfo(node, service, hints, res);
	if (!(l = copy(node, service, hints)))
		return EAI_MEMORY;
	r = (int)look_up(do_getaddrinfo, l, "getaddrinfo");
	if (!r)
		*res = l->result;
	free(l);
	return r;
}

struct query {
	const struct sockaddr *addr;
	socklen_t len, hostlen, servlen;
	char *host, *serv;
	int flags;
};

static long do_getnameinfo(void *arg)
{
	struct query *q = arg;

	return real_getnameinfo(q->addr, q->len, q->host, q->hostlen, q->serv, q->servlen, q->flags);
}

GP_EXPORT int getnameinfo(const struct sockaddr *restrict addr, socklen_t len, char *restrict host, socklen_t hostlen,
			  char *restrict serv, socklen_t servlen, int flags)
{
	struct query q = { addr, len, hostlen, servlen, host, serv, flags };
	bool lookup = (host && hostlen && !(flags & NI_NUMERICHOST)) || (serv && servlen && !(flags & NI_NUMERICSERV));

	if (!by_worker() || !lookup)
		return real_getnameinfo(addr, len, host, hostlen, serv, servlen, flags);
	return (int)look_up(do_getnameinfo, &q, "getnameinfo");
}

/* The reentrant three. */
struct reentrant {
	const void *name;
	socklen_t len;
	int type;
	struct hostent *ret;
	char *buf;
	size_t size;
	struct hostent **result;
	int *err;
};

static long do_gethostbyname_r(void *arg)
{
	struct reentrant *q = arg;

	return real_gethostbyname_r(q->name, q->ret, q->buf, q->size, q->result, q->err);
}

GP_EXPORT int gethostbyname_r(const char *restrict name, struct hostent *restrict ret, char *restrict buf, size_t size,
			      struct hostent **restrict result, int *restrict err)
{
	struct reentrant q = { .name = name, .ret = ret, .buf = buf, .size = size, .result = result, .err = err };

	if (!by_worker() || numeric(name))
		return real_gethostbyname_r(name, ret, buf, size, result, err);
	return (int)look_up(do_gethostbyname_r, &q, "gethostbyname_r");
}

static long do_gethostbyname2_r(void *arg)
{
	struct reentrant *q = arg;

	return real_gethostbyname2_r(q->name, q->type, q->ret, q->buf, q->size, q->result, q->err);
}

GP_EXPORT int gethostbyname2_r(const char *restrict name, int af, struct hostent *restrict ret, char *restrict buf, size_t size,
			       struct hostent **restrict result, int *restrict err)
{
	struct reentrant q = { .name = name, .type = af, .ret = ret, .buf = buf, .size = size, .result = result, .err = err };

	if (!by_worker() || numeric(name))
		return real_gethostbyname2_r(name, af, ret, buf, size, result, err);
	return (int)look_up(do_gethostbyname2_r, &q, "gethostbyname2_r");
}

static long do_gethostbyaddr_r(void *arg)
{
	struct reentrant *q = arg;

	return real_gethostbyaddr_r(q->name, q->len, q->type, q->ret, q->buf, q->size, q->result, q->err);
}

GP_EXPORT int gethostbyaddr_r(const void *restrict addr, socklen_t len, int type, struct hostent *restrict ret, char *restrict buf,
			      size_t size, struct hostent **restrict result, int *restrict err)
{
	struct reentrant q = { addr, len, type, ret, buf, size, result, err };

	if (!by_worker())
		return real_gethostbyaddr_r(addr, len, type, ret, buf, size, result, err);
	return (int)look_up(do_gethostbyaddr_r, &q, "gethostbyaddr_r");
}

/*
 * The old three answer in a buffer of libc's, one each, filled under a lock of libc's that a worker holds for the whole look-up.
 * Nobody on this thread may run into that lock, numbers included; so greenlets queue before it, and the next one comes in only
 * once the last has been given its answer and has parked again.
 */
static bool busy[3];

static struct hostent *offload_one(long (*fn)(void *), struct reentrant *q, bool *taken, const char *why)
{
	struct hostent *h;

	while (*taken)
		gp_lot_wait(taken, GP_PARK_NOTIME, why, GP_FOREVER);
	*taken = true;
	h = (struct hostent *)look_up(fn, q, why);
	*taken = false;
	gp_lot_wake(taken, 1);
	return h;
}

static long do_gethostbyname(void *arg)
{
	return (long)real_gethostbyname(((struct reentrant *)arg)->name);
}

GP_EXPORT struct hostent *gethostbyname(const char *name)
{
	struct reentrant q = { .name = name };

	return by_worker() ? offload_one(do_gethostbyname, &q, &busy[0], "gethostbyname") : real_gethostbyname(name);
}

static long do_gethostbyname2(void *arg)
{
	struct reentrant *q = arg;

	return (long)real_gethostbyname2(q->name, q->type);
}

GP_EXPORT struct hostent *gethostbyname2(const char *name, int af)
{
	struct reentrant q = { .name = name, .type = af };

	return by_worker() ? offload_one(do_gethostbyname2, &q, &busy[1], "gethostbyname2") : real_gethostbyname2(name, af);
}

static long do_gethostbyaddr(void *arg)
{
	struct reentrant *q = arg;

	return (long)real_gethostbyaddr(q->name, q->len, q->type);
}

GP_EXPORT struct hostent *gethostbyaddr(const void *addr, socklen_t len, int type)
{
	struct reentrant q = { .name = addr, .len = len, .type = type };

	if (!by_worker())
		return real_gethostbyaddr(addr, len, type);
	return offload_one(do_gethostbyaddr, &q, &busy[2], "gethostbyaddr");
}

/* libc's writes by a system call of its own. */
GP_EXPORT void herror(const char *s)
{
	const char *what = hstrerror(h_errno);
	struct iovec v[4];
	size_t bytes = 0;
	int n = 0;

	if (!gp_coop(GP_F_IO)) {
		real_herror(s);
		return;
	}
	if (s && *s) {
		v[n++] = (struct iovec){ (void *)s, strlen(s) };
		v[n++] = (struct iovec){ (void *)": ", 2 };
	}
	v[n++] = (struct iovec){ (void *)what, strlen(what) };
	v[n++] = (struct iovec){ (void *)"\n", 1 };
	for (int i = 0; i < n; i++)
		bytes += v[i].iov_len;
	gp_write(STDERR_FILENO, v, n, bytes, "herror");
}
