/*
 * A FILE that one thread reads is closed by another, and a process ends while a thread waits in fgets: fclose waits for the reader's lock,
 * as natively, and those who come after find their own.
 * libc: symbols
 */
#include "must.h"
#include "ticker.h"
#include <gnu/libc-version.h>

static FILE *f;

static void *reads(void *arg)
{
	char line[64];

	MUST(fgets(line, sizeof(line), f) && !strcmp(line, "late\n"));
	return arg;
}

static void *closes(void *arg)
{
	MUST(!fclose(f));
	return arg;
}

static void closed_meanwhile(void)
{
	for (int i = 0; i < 10; i++) {
		int p[2], then = ticks;
		pthread_t r, c;

		MUST(!pipe(p) && (f = fdopen(p[0], "r")));
		r = start(reads, NULL);
		while (!ftrylockfile(f)) { /* it does not read yet */
			funlockfile(f);
			pause_us(300);
		}
		c = start(closes, NULL);
		while (ticks < then + 5)
			pause_us(500);
		MUST(write(p[1], "late\n", 5) == 5);
		MUST(!pthread_join(r, NULL) && !pthread_join(c, NULL));
		MUST(write(p[1], "x", 1) == -1 && errno == EPIPE);
		close(p[1]);
	}
}

int main(void)
{
	int p[2], st;
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	start(ticker, NULL);
	closed_meanwhile();
	if (atof(gnu_get_libc_version()) * 100 > 237.5) /* since 2.38 exit() waits for every FILE */
		return 0;
	MUST(!pipe(p));
	if (!(pid = fork())) {
		MUST((f = fdopen(p[0], "r")));
		start(reads, NULL);
		start(ticker, NULL);
		pause_us(3000);
		exit(7);
	}
	MUST(waitpid(pid, &st, 0) == pid && st == 7 << 8);
	return 0;
}
