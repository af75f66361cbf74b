/*
 * main has ended by pthread_exit, and a thread forks: the child, that thread alone, makes threads and ends with its start routine; its
 * parent lives on until its last thread has gone.
 */
#include "must.h"

static int out;
static pthread_t main_thread;

static void at_exit(void)
{
	dprintf(out, "atexit ");
}

static void *small(void *arg)
{
	pause_us(1000);
	dprintf(out, "%s ", (char *)arg);
	return arg;
}

static void *forks(void *arg)
{
	int st;
	pid_t pid;

	MUST(!pthread_join(main_thread, NULL));
	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (!pid) {
			MUST(!pthread_join(start(small, "grandchild"), NULL));
			if (i == 0)
				return arg;
			if (i == 1)
				pthread_exit(NULL);
			start(small, "last"); /* outlives the one that forked */
			pthread_exit(NULL);
		}
		MUST(waitpid(pid, &st, 0) == pid && !st);
	}
	pause_us(1000);
	dprintf(out, "parent ");
	return arg;
}

int main(void)
{
	static const char want[] = "grandchild atexit grandchild atexit grandchild last atexit parent atexit ";
	char text[256] = "";
	size_t len = 0;
	ssize_t n;
	int fds[2], st;
	pid_t pid;

	MUST(!pipe(fds));
	if (!(pid = fork())) {
		close(fds[0]);
		out = fds[1];
		main_thread = pthread_self();
		atexit(at_exit);
		start(forks, NULL);
		pthread_exit(NULL);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	MUST(waitpid(pid, &st, 0) == pid);
	if (st || strcmp(text, want)) {
		printf("status %x, \"%s\", not \"%s\"\n", (unsigned)st, text, want);
		return 1;
	}
	return 0;
}
