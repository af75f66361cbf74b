/*
 * Two processes, each with two readers and a ticker, read from one pipe: whoever comes too late for what both were told of must not stop
 * its process. Each byte is had once.
 */
#include "must.h"
#include <sys/mman.h>

enum { BYTES = 2000 };

static struct shared {
	atomic_int had[2], ticks[2], ready;
	atomic_bool seen[BYTES];
} *shared;
static int fds[2], me;

static void *reads(void *arg)
{
	unsigned short n;

	while (read(fds[0], &n, sizeof(n)) == sizeof(n)) {
		MUST(n < BYTES && !atomic_exchange(&shared->seen[n], true));
		shared->had[me]++;
	}
	return arg;
}

static void *ticker(void *arg)
{
	for (;;) {
		pause_us(500);
		shared->ticks[me]++;
	}
	return arg;
}

int main(void)
{
	int silent = 0, then[2], st;
	pid_t pids[2];

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(shared != MAP_FAILED && !pipe(fds));
	for (me = 0; me < 2; me++)
		if (!(pids[me] = fork())) {
			pthread_t t;

			close(fds[1]);
			start(ticker, NULL);
			t = start(reads, NULL);
			shared->ready++;
			reads(NULL);
			pthread_join(t, NULL);
			_exit(0);
		}
	close(fds[0]);
	while (shared->ready < 2)
		pause_us(1000);
	for (unsigned short n = 0; n < BYTES; n++) {
		MUST(write(fds[1], &n, sizeof(n)) == sizeof(n));
		if (n % 100 == 99) { /* nothing comes any more: everybody goes on */
			for (int i = 0; i < 2; i++)
				then[i] = shared->ticks[i];
			for (int i = 0; i < 4000 && (shared->ticks[0] < then[0] + 2 || shared->ticks[1] < then[1] + 2); i++)
				pause_us(500);
			silent += shared->ticks[0] < then[0] + 2 || shared->ticks[1] < then[1] + 2;
		} else if (n % 3 == 0) {
			pause_us(50);
		}
	}
	close(fds[1]);
	for (int i = 0; i < 2; i++)
		MUST(waitpid(pids[i], &st, 0) == pids[i] && !st);
	MUST(!silent && shared->had[0] + shared->had[1] == BYTES);
	return 0;
}
