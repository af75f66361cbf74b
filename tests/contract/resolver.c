/* resolver.c - <resolv.h>, which waits inside libc: without patched entries it stops everybody */
#include "names.h"

static unsigned char answer[1024];

/* The length of the answer. */
#define WAITS_RES(name, ...)                                                                                                   \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		ask_us();                                                                                                      \
		SHOW(name(__VA_ARGS__, answer, sizeof(answer)));                                                               \
	}
WAITS_RES(res_query, "host.test", ns_c_in, ns_t_a)
WAITS_RES(res_search, "host.test.", ns_c_in, ns_t_a)
WAITS_RES(res_querydomain, "host", "test", ns_c_in, ns_t_a)
WAITS_RES(res_nquery, &_res, "host.test", ns_c_in, ns_t_a)
WAITS_RES(res_nsearch, &_res, "host.test.", ns_c_in, ns_t_a)
WAITS_RES(res_nquerydomain, &_res, "host", "test", ns_c_in, ns_t_a)

static unsigned char question[512];

static int ask(void)
{
	return res_mkquery(ns_o_query, "host.test", ns_c_in, ns_t_a, NULL, 0, NULL, question, sizeof(question));
}

WAITS(res_send)
{
	ask_us();
	SHOW(res_send(question, ask(), answer, sizeof(answer)));
}

WAITS(res_nsend)
{
	ask_us();
	SHOW(res_nsend(&_res, question, ask(), answer, sizeof(answer)));
}

LAST_CASE
