/*
 * A child by clone with CLONE_FILES, on memory of its own: its descriptors are its parent's. It closed the parent's loop with the rest of
 * what a child forgets, and the parent, which waited for it, never woke up again.
 */
#include "must.h"
#include <sched.h>
#include <sys/syscall.h>
#include "ticker.h"

static int p[2];

static void *sleep_a_little(void *arg)
{
	pause_us(1000);
	return arg;
}

static void child_waits(void)
{
	char c;

	MUST(read(p[0], &c, 1) == 1 && c == 'x');
	MUST(!pthread_join(start(sleep_a_little, NULL), NULL));
	MUST(!close(p[0]));
	_exit(3);
}

static int child(void *arg)
{
	(void)arg;
	child_waits();
	return 0;
}

static void round_of(int how)
{
	static char stack[65536] __attribute__((aligned(64)));
	pid_t pid;
	int seen, st;

	MUST(!pipe(p));
	if (how)
		pid = clone(child, stack + sizeof(stack), CLONE_FILES | SIGCHLD, NULL);
	else if ((pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0)) == 0)
		child_waits();
	MUST(pid > 0);
	pause_us(2000);
	seen = ticks;
	MUST(write(p[1], "x", 1) == 1);
	MUST(waitpid(pid, &st, 0) == pid && st == 3 << 8);
	while (ticks < seen + 3)
		pause_us(1000);
	MUST(close(p[0]) == -1 && errno == EBADF && !close(p[1]));
}

int main(void)
{
	alarm(30);
	start(ticker, NULL);
	for (int i = 0; i < 20; i++)
		round_of(i % 2);
	return 0;
}
