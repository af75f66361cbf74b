/*
 * startup.c - W8: what a preloaded library adds to the start of /bin/true: with and without it in turn, the median of each.
 *
 *   startup LIBRARY RUNS
 */
#include "bench.h"
#include <spawn.h>
#include <sys/wait.h>

static double start(char **env)
{
	char *argv[] = { "true", NULL };
	long long t = now_ns();
	int status;
	pid_t pid;

	PTHREAD(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, env));
	MUST(waitpid(pid, &status, 0));
	CHECK(status == 0);
	return (double)(now_ns() - t);
}

int main(int argc, char **argv)
{
	long runs = argc > 2 ? number(argv[2]) : 0;
	struct samples without = { 0 }, with = { 0 };
	char *none[] = { NULL }, *preload[] = { NULL, NULL };

	if (!runs || asprintf(&preload[0], "LD_PRELOAD=%s", argv[1]) < 0)
		die("the library and the number of runs");
	for (long i = 0; i < runs; i++) {
		sample(&without, (long long)start(none));
		sample(&with, (long long)start(preload));
	}
	report("without_us", percentile(&without, 0.5) / 1e3);
	report("with_us", percentile(&with, 0.5) / 1e3);
	return 0;
}
