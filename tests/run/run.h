/*
 * run.h - starts one program the way a test wants it (natively or preloaded, in some mode), with a time limit, and keeps what it
 * said. The runner itself is never preloaded: LD_PRELOAD is set in the child only.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Seconds for a program, and for a test that runs several and looks into those that hang. */
enum { LIMIT = 20, PATIENCE = 200, SOAK_LIMIT = 900 };

/* How to run it. mode NULL: natively, without the preload. */
struct how {
	const char *name;
	const char *mode;     /* GPATCH_MODE */
	const char *backend;  /* GPATCH_SWITCH; NULL: the default */
	const char *stats;    /* GPATCH_STATS; NULL: none */
	const char *libc;     /* GPATCH_LIBC; NULL: the default */
};

extern const struct how native, async_asm, async_ucontext, async_symbols, sync_mode, threads_mode;

struct result {
	int status;           /* the exit status, 128 + n after signal n, -1 when it was too slow */
	double seconds;
	char *out, *err;      /* never NULL; err of a program that was too slow ends with its stacks */
	size_t out_size;
};

/* The build directory, and a file in it as an absolute path (static storage, one at a time). */
const char *build(void);
const char *built(const char *name);

struct result run(const struct how *how, const char *const *argv, int limit);
void forget(struct result *r);

/* A program that stays: its standard output can be read from the returned descriptor. Killed by `stop`, which tells its status. */
pid_t start(const struct how *how, const char *const *argv, int *out);
int stop(pid_t pid, int sig, int limit);

/*
 * What makes the two differ (status, first lines of standard output that are not the same) as a text to be freed; NULL: nothing.
 * sorted: the order of the lines does not count.
 */
char *difference(const char *wanted_by, int wanted_status, const char *wanted, const char *got_by, const struct result *got, bool sorted);

/* The file's text to be freed, NULL where there is none. */
char *slurp(const char *path);

__attribute__((format(printf, 1, 2))) char *text(const char *format, ...);

#endif
