/* libc: symbols */
/* xdr.c - values of Sun RPC, which come through a stream */
#include "sunrpc.h"

OLD(void, xdrstdio_create, struct xdr *x, FILE *f, int op);
OLD(void, xdrrec_create, struct xdr *x, unsigned out, unsigned in, void *arg, int (*get)(void *, char *, int), int (*put)(void *, char *, int));

static struct xdr x;
static long value[512]; /* large enough for any of them */

static FILE *fed_with_ones(void)
{
	FILE *f;
	int p[2];

	pipes(p);
	elsewhere(feed_ones, p[1]);
	close(p[1]);
	f = fdopen(p[0], "r");
	memset(value, 0, sizeof(value));
	xdrstdio_create(&x, f, DECODE);
	return f;
}

#define WAITS_XDR_OF(version, name, ...)                                                                                       \
	OF_VERSION(version, int, name, struct xdr *, ...);                                                                     \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		FILE *f = fed_with_ones();                                                                                     \
		SHOW(name(&x, __VA_ARGS__));                                                                                   \
		RETURNED;                                                                                                      \
		fclose(f);                                                                                                     \
	}
#define WAITS_XDR_BY(name, ...)          WAITS_XDR_OF(FIRST_VERSION, name, __VA_ARGS__)
#define WAITS_XDR(name)                  WAITS_XDR_BY(name, value)
#define WAITS_XDR_QUAD(name)             WAITS_XDR_OF(QUAD_VERSION, name, value)

WAITS_XDR(xdr_bool)
WAITS_XDR(xdr_char)
WAITS_XDR(xdr_u_char)
WAITS_XDR(xdr_short)
WAITS_XDR(xdr_u_short)
WAITS_XDR(xdr_int)
WAITS_XDR(xdr_u_int)
WAITS_XDR(xdr_long)
WAITS_XDR(xdr_u_long)
WAITS_XDR(xdr_hyper)
WAITS_XDR(xdr_u_hyper)
WAITS_XDR(xdr_longlong_t)
WAITS_XDR(xdr_u_longlong_t)
WAITS_XDR(xdr_int8_t)
WAITS_XDR(xdr_uint8_t)
WAITS_XDR(xdr_int16_t)
WAITS_XDR(xdr_uint16_t)
WAITS_XDR(xdr_int32_t)
WAITS_XDR(xdr_uint32_t)
WAITS_XDR(xdr_int64_t)
WAITS_XDR(xdr_uint64_t)
WAITS_XDR_QUAD(xdr_quad_t)
WAITS_XDR_QUAD(xdr_u_quad_t)
WAITS_XDR(xdr_enum)
WAITS_XDR(xdr_float)
WAITS_XDR(xdr_double)
WAITS_XDR(xdr_netobj)
WAITS_XDR(xdr_wrapstring)

/* What messages are made of. */
WAITS_XDR(xdr_accepted_reply)
WAITS_XDR(xdr_rejected_reply)
WAITS_XDR(xdr_replymsg)
WAITS_XDR(xdr_callmsg)
WAITS_XDR(xdr_opaque_auth)
WAITS_XDR(xdr_authunix_parms)
WAITS_XDR(xdr_authdes_cred)
WAITS_XDR(xdr_authdes_verf)
WAITS_XDR(xdr_des_block)
WAITS_XDR(xdr_cryptkeyarg)
WAITS_XDR(xdr_cryptkeyarg2)
WAITS_XDR(xdr_cryptkeyres)
WAITS_XDR(xdr_getcredres)
WAITS_XDR(xdr_unixcred)
WAITS_XDR(xdr_keybuf)
WAITS_XDR(xdr_keystatus)
WAITS_XDR(xdr_key_netstarg)
WAITS_XDR(xdr_key_netstres)
WAITS_XDR(xdr_netnamestr)
WAITS_XDR(xdr_pmap)
WAITS_XDR(xdr_pmaplist)

#define VALUES ((char **)(void *)value)
static unsigned count;
static struct choice {
	int of;
	void *by;
} choices[2];
WAITS_XDR_BY(xdr_opaque, (char *)value, 4)
WAITS_XDR_BY(xdr_string, VALUES, 100)
WAITS_XDR_BY(xdr_bytes, VALUES, &count, 100)
WAITS_XDR_BY(xdr_array, VALUES, &count, 100, 4, xdr_int)
WAITS_XDR_BY(xdr_vector, (char *)value, 2, 4, xdr_int)
WAITS_XDR_BY(xdr_reference, VALUES, 4, xdr_int)
WAITS_XDR_BY(xdr_pointer, VALUES, 4, xdr_int)
WAITS_XDR_BY(xdr_union, &(int){ 0 }, (char *)value, (choices[0] = (struct choice){ 1, (void *)xdr_int }, choices), NULL)

static struct {
	unsigned long *port, length;
	char *to;
	void *by;
} result = { .to = (char *)value, .by = (void *)xdr_int };
static struct {
	unsigned long program, version, procedure, length;
	char *from;
	void *by;
} call = { .from = (char *)value, .by = (void *)xdr_int };
WAITS_XDR_BY(xdr_rmtcallres, &result)
WAITS_XDR_BY(xdr_rmtcall_args, &call)

OLD(int, xdr_callhdr, struct xdr *, void *);
WAITS(xdr_callhdr)
{
	FILE *f = full();

	memset(value, 0, sizeof(value));
	xdrstdio_create(&x, f, ENCODE);
	SHOW(xdr_callhdr(&x, value));
	RETURNED;
	fclose(f);
}

/* ---- records, which the program reads and writes for libc */

static int get(void *file, char *to, int n)
{
	return (int)read(fileno(file), to, (size_t)n);
}

static int out(void *file, char *from, int n)
{
	return (int)write(fileno(file), from, (size_t)n);
}

OLD(int, xdrrec_eof, struct xdr *);
OLD(int, xdrrec_skiprecord, struct xdr *);
OLD(int, xdrrec_endofrecord, struct xdr *, int now);

/* The first of all records has to be asked for. */
#define WAITS_RECORD(name, make, direction, ...)                                                                               \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		FILE *f = make;                                                                                                \
		xdrrec_create(&x, 0, 0, f, get, out);                                                                          \
		x.op = direction;                                                                                              \
		if (direction == DECODE)                                                                                       \
			xdrrec_skiprecord(&x);                                                                                 \
		SHOW(name(&x __VA_ARGS__));                                                                                    \
		RETURNED;                                                                                                      \
		fclose(f);                                                                                                     \
	}
WAITS_RECORD(xdrrec_eof, fed_with_ones(), DECODE)
WAITS_RECORD(xdrrec_skiprecord, fed_with_ones(), DECODE)
WAITS_RECORD(xdrrec_endofrecord, full(), ENCODE, , 1)

LAST_CASE
