/*
 * Programs under limits of their files' size, stack, memory, locked memory, processes, or CPU time: threads are made, talk through stdio, and
 * what exceeds a limit fails as natively. Patching libc needs a file in memory, which RLIMIT_FSIZE counts.
 */
#include "must.h"
#include "ticker.h"
#include <sys/file.h>
#include <sys/resource.h>

static int fds[2];

static void *says(void *arg)
{
	FILE *f = fdopen(dup(fds[1]), "w");

	MUST(f);
	for (int i = 0; i < 20; i++) {
		pause_us(500);
		MUST(fprintf(f, "line %d\n", i) > 0 && !fflush(f));
	}
	MUST(!fclose(f));
	return arg;
}

static void too_slow(int sig)
{
	(void)sig;
	_exit(7);
}

/* 0, or 3 where the kernel gives no thread at all. */
static int works(int resource)
{
	FILE *f;
	char line[64], want[64];
	pthread_t t;
	int n = 0;

	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	if (pthread_create(&t, NULL, ticker, NULL) || pthread_create(&t, NULL, says, NULL))
		return 3;
	f = fdopen(fds[0], "r");
	MUST(f);
	for (; n < 20; n++) {
		MUST(fgets(line, sizeof(line), f));
		snprintf(want, sizeof(want), "line %d\n", n);
		MUST(!strcmp(line, want));
	}
	MUST(!pthread_join(t, NULL) && ticks > 2);
	if (resource == RLIMIT_FSIZE) { /* the program's own file still meets the limit */
		FILE *own = tmpfile();

		signal(SIGXFSZ, SIG_IGN);
		MUST(own && pwrite(fileno(own), "x", 1, 5000) == -1 && errno == EFBIG);
	}
	if (resource == RLIMIT_CPU) {
		on(SIGXCPU, too_slow, 0);
		for (;;)
			;
	}
	return 0;
}

int main(void)
{
	static const struct { int resource; rlim_t limit; int status; bool hard; } squeezes[] = {
		{ RLIMIT_FSIZE, 0, 0, true },
		{ RLIMIT_FSIZE, 0, 0, false },
		{ RLIMIT_FSIZE, 5000, 0, false },
		{ RLIMIT_STACK, RLIM_INFINITY, 0, false },
		{ RLIMIT_STACK, 65536, 0, false },
		{ RLIMIT_MEMLOCK, 0, 0, false },
		{ RLIMIT_AS, 600 << 20, 0, false },
		{ RLIMIT_DATA, 200 << 20, 0, false },
		{ RLIMIT_NPROC, 0, 0, false },
		{ RLIMIT_SIGPENDING, 0, 0, false },
		{ RLIMIT_CPU, 1, 7, false },
	};
	int bad = 0, st;

	for (size_t i = 0; i < sizeof(squeezes) / sizeof(squeezes[0]); i++) {
		pid_t pid = fork();

		if (!pid) {
			struct rlimit rl;

			MUST(!getrlimit(squeezes[i].resource, &rl));
			rl.rlim_cur = squeezes[i].limit < rl.rlim_max ? squeezes[i].limit : rl.rlim_max;
			if (squeezes[i].hard)
				rl.rlim_max = rl.rlim_cur;
			MUST(!setrlimit(squeezes[i].resource, &rl));
			if (squeezes[i].resource == RLIMIT_NPROC)
				(void)!setuid(65534); /* root has no such limit */
			_exit(works(squeezes[i].resource));
		}
		MUST(waitpid(pid, &st, 0) == pid);
		if (squeezes[i].resource == RLIMIT_NPROC && st == 3 << 8)
			continue; /* natively */
		if (st != squeezes[i].status << 8) {
			printf("limit %d to %lld: %x\n", squeezes[i].resource, (long long)squeezes[i].limit, (unsigned)st);
			bad = 1;
		}
	}
	return bad;
}
