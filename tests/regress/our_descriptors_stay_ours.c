/*
 * A program that clears FD_CLOEXEC on every number there is (to hand all it has to another program) hands on its own descriptors
 * only, by every way to start one; and none of them is at a number that is free natively.
 */
#include "must.h"
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

extern char **environ;

/* As the new program: its numbers above 2, told by the kernel. */
static int list(void)
{
	int sum = 0;

	for (int fd = 3; fd < 70000; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			sum = sum * 7 + fd;
	return sum % 251;
}

static int status_of(pid_t pid)
{
	int st;

	MUST(pid > 0 && waitpid(pid, &st, 0) == pid && WIFEXITED(st));
	return WEXITSTATUS(st);
}

static void *ticker(void *arg)
{
	for (;;)
		pause_us(500);
	return arg;
}

static void *waits(void *arg)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	fcntl(*(int *)arg, F_OFD_SETLKW, &lock); /* for ever: a worker has to wait */
	return arg;
}

int main(int argc, char **argv)
{
	char self[4096] = "", command[4200], *args[] = { self, "list", NULL };
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct rlimit rl;
	int fds[2], want = 0, p[2];
	FILE *f = tmpfile();
	pid_t pid;

	if (argc > 1) {
		fclose(f);
		return list();
	}
	MUST(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	fclose(f);
	close_range(3, ~0u, 0);
	(void)argv;
	fds[0] = open(self, O_RDONLY);
	MUST((f = tmpfile()) && !fcntl(fileno(f), F_OFD_SETLK, &lock));
	snprintf(command, sizeof(command), "/proc/self/fd/%d", fileno(f));
	fds[1] = open(command, O_RDWR);
	MUST(fds[0] == 3 && fileno(f) == 4 && fds[1] == 5);
	start(ticker, NULL);
	start(waits, &fds[1]);
	pause_us(3000);
	MUST(!pipe(p) && p[0] == 6 && p[1] == 7);
	MUST(!getrlimit(RLIMIT_NOFILE, &rl));
	for (int fd = 3; fd < (int)(rl.rlim_max < 70000 ? rl.rlim_max : 70000); fd++) {
		MUST(fcntl(fd, F_SETFD, 0) == (fd > 7 ? -1 : 0));
		MUST(ioctl(fd, FIONCLEX) == (fd > 7 ? -1 : 0));
	}
	for (int fd = 3; fd < 8; fd++)
		want = want * 7 + fd;
	want %= 251;
	if (!(pid = fork())) {
		execv(self, args);
		_exit(252);
	}
	MUST(status_of(pid) == want);
	if (!(pid = vfork())) {
		execv(self, args);
		_exit(252);
	}
	MUST(status_of(pid) == want);
	MUST(!posix_spawn(&pid, self, NULL, NULL, args, environ) && status_of(pid) == want);
	snprintf(command, sizeof(command), "exec %s list", self);
	MUST(WEXITSTATUS(system(command)) == want);
	_exit(0);
}
