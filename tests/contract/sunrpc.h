/* sunrpc.h - the Sun RPC that glibc keeps for programs of old: no header tells of it, but a reference to the old version is bound still */
#ifndef SUNRPC_H
#define SUNRPC_H

#include "streams.h"

#ifdef __x86_64__
#define FIRST_VERSION "GLIBC_2.2.5"
#define QUAD_VERSION  "GLIBC_2.3.4"
#else
#define FIRST_VERSION "GLIBC_2.17"
#define QUAD_VERSION  FIRST_VERSION
#endif
#define OF_VERSION(version, type, name, ...)                                                                                   \
	type name(__VA_ARGS__);                                                                                                \
	__asm__(".symver " #name "," #name "@" version)
#define OLD(type, name, ...) OF_VERSION(FIRST_VERSION, type, name, __VA_ARGS__)

enum { ENCODE, DECODE };

struct xdr {
	int op;
	const void *ops;
	char *open, *private, *base;
	unsigned handy;
};

typedef int xdrproc(struct xdr *, ...);

/* Answers that are all ones: lengths, truths, kinds. A transport's marks of records stand in front. */
static const unsigned char ones[400] = { [3] = 1, [7] = 1, [11] = 1, [15] = 1, [19] = 1, [23] = 1, [27] = 1, [31] = 1, [35] = 1, [39] = 1,
					 [43] = 1, [47] = 1, [51] = 1, [55] = 1, [59] = 1, [63] = 1 };

MAYBE void feed_ones(long fd)
{
	(void)!write((int)fd, ones, sizeof(ones));
}

#endif
