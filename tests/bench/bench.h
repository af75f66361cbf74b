/*
 * bench.h - what the benchmark programs share. Each prints "figure value" lines on stdout and ends with 0 only where all that it
 * did was verified, with 77 where the system's limits forbid the size, and else with 1 and a line on stderr.
 */
#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { TOO_LARGE = 77, MESSAGE = 64 };

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

/* MUST: calls that set errno; PTHREAD: calls that return the error; CHECK: what is verified. */
#define MUST(call) \
	({ \
		__typeof__(call) must_ = (call); \
		if (must_ == (__typeof__(call))-1) \
			die("%s:%d: %s: %s", __FILE__, __LINE__, #call, strerror(errno)); \
		must_; \
	})
#define PTHREAD(call) \
	do { \
		int err_ = (call); \
		if (err_) \
			die("%s:%d: %s: %s", __FILE__, __LINE__, #call, strerror(err_)); \
	} while (0)
#define CHECK(cond) \
	do { \
		if (!(cond)) \
			die("%s:%d: not so: %s", __FILE__, __LINE__, #cond); \
	} while (0)

static inline long long clock_ns(clockid_t clock)
{
	struct timespec ts;

	MUST(clock_gettime(clock, &ts));
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static inline long long now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline void *allocate(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("out of memory");
	return p;
}

static inline void report(const char *figure, double value)
{
	printf("%s %.10g\n", figure, value);
}

static inline long number(const char *arg)
{
	char *end;
	long n = strtol(arg, &end, 10);

	if (end == arg || *end || n < 0)
		die("%s is not a number", arg);
	return n;
}

/* A line of /proc: the number after the name, -1 where there is no such line. */
static inline long proc_value(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	char line[256];
	long value = -1;

	while (f && value < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name), NULL, 10);
	if (f)
		fclose(f);
	return value;
}

/* Needs n descriptors at once, or ends. */
static inline void need_files(long n)
{
	struct rlimit lim;

	MUST(getrlimit(RLIMIT_NOFILE, &lim));
	lim.rlim_cur = lim.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &lim));
	if ((rlim_t)n + 64 > lim.rlim_max)
		exit(TOO_LARGE);
}

struct samples {
	long long *v;
	size_t n, cap;
};

static inline void sample(struct samples *s, long long v)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 1 << 16;
		s->v = realloc(s->v, s->cap * sizeof(*s->v));
		if (!s->v)
			die("out of memory");
	}
	s->v[s->n++] = v;
}

static inline int ascending(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

/* The sample below which `part` of all lie; `s` is sorted by it. */
static inline double percentile(struct samples *s, double part)
{
	if (!s->n)
		die("no samples");
	qsort(s->v, s->n, sizeof(*s->v), ascending);
	return (double)s->v[(size_t)((double)(s->n - 1) * part)];
}

/* Runs with more and more units until one run lasts long enough; reports the wall and CPU time of a unit in that run. */
static inline void cost_of_unit(void (*run)(long n), long n, double seconds)
{
	for (;;) {
		long long cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), t = now_ns();

		run(n);
		t = now_ns() - t;
		cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		if ((double)t >= seconds * 1e9) {
			report("cpu_ns", (double)cpu / (double)n);
			report("wall_ns", (double)t / (double)n);
			return;
		}
		n *= (double)t * 4 >= seconds * 1e9 ? 2 : 4;
	}
}

#endif
