/*
 * A library of the program is initialised before an object of LD_PRELOAD, and makes a thread: nothing was set up yet. libc stayed
 * unpatched and threads that spin were never interrupted, and GPATCH_MODE and its like were not looked at, for the whole run. What its
 * handler made in the child of a fork was forgotten with the parent's threads, but not by libc: the next setuid crashed.
 */
#include "must.h"
#include <dirent.h>
#include <dlfcn.h>

static int kernel_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = -2; /* . and .. */

	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

static void its_thread_runs(void)
{
	volatile int *flag = dlsym(RTLD_DEFAULT, "library_flag");

	MUST(flag);
	for (int i = 0; i < 20; i++) {
		*flag = 0;
		while (!*flag)
			;
	}
}

static int works(void)
{
	const char *mode = getenv("GPATCH_MODE");
	pid_t pid;
	int st;

	if (mode && !strcmp(mode, "threads"))
		MUST(kernel_threads() == 2);
	its_thread_runs();
	if ((pid = fork()) == 0) {
		alarm(10);
		its_thread_runs();
		MUST(!seteuid(geteuid()));
		its_thread_runs();
		_exit(0);
	}
	MUST(waitpid(pid, &st, 0) == pid && !st);
	return 0;
}

int main(int argc, char **argv)
{
	const char *preload = getenv("LD_PRELOAD");
	char self[4096] = "", both[9000];

	if (argc > 1)
		return works();
	MUST(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0'; /* build/regress */
	*strrchr(self, '/') = '\0';
	for (int round = 0; round < 2; round++) {
		pid_t pid;
		int st;

		if ((pid = fork()) == 0) {
			snprintf(both, sizeof(both), "%s:%s/lib/first_thread.so", preload ? preload : "", self);
			setenv("LD_PRELOAD", both, 1);
			if (round)
				setenv("GPATCH_MODE", "threads", 1);
			alarm(20);
			execl("/proc/self/exe", argv[0], "works", (char *)NULL);
			_exit(99);
		}
		MUST(waitpid(pid, &st, 0) == pid);
		MUST(!st);
	}
	return 0;
}
