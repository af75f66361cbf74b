/*
 * The child of a fork joins a thread that only its parent has, as destructors and atexit handlers do that know nothing of forks: glibc
 * takes it for ended. It waited for ever.
 */
#include "must.h"

static pthread_t sleeper;

static void *sleeps(void *arg)
{
	for (;;)
		pause_us(1000000);
	return arg;
}

static void join_it(void)
{
	MUST(!pthread_join(sleeper, NULL));
}

static void *forks(void *arg)
{
	pid_t pid = fork();
	int st;

	if (!pid) {
		alarm(5);
		atexit(join_it);
		exit(3);
	}
	MUST(waitpid(pid, &st, 0) == pid);
	if (st != 3 << 8)
		printf("%s: %x\n", arg ? "in a thread" : "in main", (unsigned)st);
	return (void *)(intptr_t)(st != 3 << 8);
}

int main(void)
{
	void *bad;

	sleeper = start(sleeps, NULL);
	pause_us(2000);
	if (forks(NULL))
		return 1;
	MUST(!pthread_join(start(forks, main), &bad));
	return bad ? 1 : 0;
}
