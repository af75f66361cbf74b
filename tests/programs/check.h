/*
 * check.h - for the self-checking programs of this directory: the first check that fails is named on stderr and ends the program
 * with status 1. Nothing in here knows the shim.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* _exit: atexit handlers and the other threads may hang on what just failed. */
static inline _Noreturn void check_failed(const char *file, int line, const char *what, long long got, long long wanted)
{
	int e = errno;

	fflush(stdout);
	fprintf(stderr, "%s:%d: %s: got %lld, wanted %lld (errno %d, %s)\n", file, line, what, got, wanted, e, strerror(e));
	_exit(1);
}

#define CHECK_EQ(call, wanted)                                                                                                 \
	do {                                                                                                                   \
		long long got_ = (long long)(call), wanted_ = (long long)(wanted);                                             \
		if (got_ != wanted_)                                                                                           \
			check_failed(__FILE__, __LINE__, #call, got_, wanted_);                                                \
	} while (0)
#define CHECK(cond) CHECK_EQ(!!(cond), 1)
/* A call that must fail with -1 and this errno. */
#define CHECK_ERR(call, error)                                                                                                 \
	do {                                                                                                                   \
		errno = 0;                                                                                                     \
		CHECK_EQ(call, -1);                                                                                            \
		CHECK_EQ(errno, error);                                                                                        \
	} while (0)

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* The time `ms` from now on this clock, as the absolute calls want it. */
static inline struct timespec in_ms(clockid_t clock, long ms)
{
	uint64_t t = clock_ns(clock) + (uint64_t)(ms * 1000000);

	return (struct timespec){ (time_t)(t / 1000000000), (long)(t % 1000000000) };
}

static inline uint64_t ts_ns(struct timespec ts)
{
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline pthread_t spawn(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, fn, arg), 0);
	return t;
}

static inline void *join(pthread_t t)
{
	void *value;

	CHECK_EQ(pthread_join(t, &value), 0);
	return value;
}

#endif
