/* Two hundred times vfork and exec, from main and from threads, while others run. */
#include "must.h"

#ifndef CHILDREN
#define CHILDREN 100 /* tests/soak makes a thousand */
#endif

static atomic_ulong ticks;
static atomic_bool over;

static void *ticker(void *arg)
{
	while (!over) {
		pause_us(200);
		ticks++;
	}
	return arg;
}

static void *run(void *arg)
{
	for (volatile int i = 0; i < CHILDREN; i++) {
		volatile int local = i;
		pid_t pid = vfork();
		int st;

		if (!pid) {
			if (i % 10 == 9)
				_exit(5);
			execl(i % 10 == 8 ? "/nowhere" : "/bin/true", "true", (char *)NULL);
			_exit(127);
		}
		MUST(pid > 0 && waitpid(pid, &st, 0) == pid && local == i);
		MUST(WIFEXITED(st) && WEXITSTATUS(st) == (i % 10 == 9 ? 5 : i % 10 == 8 ? 127 : 0));
	}
	return arg;
}

int main(void)
{
	pthread_t t = start(ticker, NULL), r = start(run, NULL);

	run(NULL);
	pthread_join(r, NULL);
	MUST(ticks > 10);
	over = true;
	pthread_join(t, NULL);
	return 0;
}
