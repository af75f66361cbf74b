/* Daemons close all they do not know: one by one, closefrom, close_range, dup2 over it, setrlimit. Threads that wait go on waiting. */
#include "must.h"
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static atomic_ulong ticks, talks;
static atomic_bool over;
static int fds[2];

static void *ticker(void *arg)
{
	while (!over) {
		pause_us(300);
		ticks++;
	}
	return arg;
}

static void *echo(void *arg)
{
	char c;

	while (read(fds[0], &c, 1) == 1)
		if (write(fds[0], &c, 1) != 1)
			break;
	return arg;
}

static void still_alive(void)
{
	unsigned long then = ticks;
	char c = 'x', back;
	int p[2];

	MUST(write(fds[1], &c, 1) == 1 && read(fds[1], &back, 1) == 1 && back == c);
	for (int i = 0; ticks < then + 3; i++) {
		MUST(i < 1000);
		pause_us(500);
	}
	MUST(!pipe(p));
	MUST(poll(&(struct pollfd){ p[0], POLLIN, 0 }, 1, 5) == 0);
	close(p[0]);
	close(p[1]);
	talks++;
}

/* The lowest free number is what it would be without us. */
static void lowest_free(int want)
{
	int a = dup(2), b = open("/dev/null", O_RDONLY), c = socket(AF_UNIX, SOCK_STREAM, 0);

	if (a != want || b != want + 1 || c != want + 2) {
		printf("dup gave %d, open %d, socket %d; %d is free\n", a, b, c, want);
		_exit(1);
	}
	close(a);
	close(b);
	close(c);
}

static void raw_close(int fd)
{
#ifdef __x86_64__
	long r = SYS_close;

	__asm__ volatile("syscall" : "+a"(r) : "D"((long)fd) : "rcx", "r11", "memory");
#else
	close(fd);
#endif
}

static int phase(int how)
{
	struct rlimit rl;
	pthread_t t, e;
	int st;
	pid_t pid;

	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	t = start(ticker, NULL);
	e = start(echo, NULL);
	still_alive();
	lowest_free(5);
	switch (how) {
	case 0:
		for (int fd = 5; fd < 4096; fd++)
			MUST(close(fd) == -1 && errno == EBADF);
		break;
	case 1:
		closefrom(5);
		break;
	case 2:
		MUST(!close_range(5, ~0u, 0));
		break;
	case 3:
		MUST(!close_range(5, ~0u, CLOSE_RANGE_CLOEXEC));
		break;
	case 4: /* over whatever is there, and everything reads as the program's */
		MUST(!getrlimit(RLIMIT_NOFILE, &rl));
		for (int fd = 5; fd < (int)(rl.rlim_cur < 5000 ? rl.rlim_cur : 5000); fd++) {
			struct stat a, b;

			MUST(dup2(2, fd) == fd);
			MUST(!fstat(2, &a) && !fstat(fd, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
			if (fd % 7 == 0)
				still_alive();
			MUST(!close(fd));
		}
		break;
	case 5:
		MUST(!getrlimit(RLIMIT_NOFILE, &rl));
		rl.rlim_cur = 64;
		MUST(!setrlimit(RLIMIT_NOFILE, &rl));
		for (int i = 0; i < 3; i++)
			still_alive();
		start(ticker, NULL);
		break;
	case 6: /* system calls that nobody can see */
		for (int fd = 5; fd < 4096; fd++)
			raw_close(fd);
		still_alive();
		for (int fd = 1023; fd >= 5; fd--)
			raw_close(fd);
		break;
	case 7:
		if (!(pid = fork())) { /* twice over, as daemons do it */
			for (int fd = 5; fd < 1024; fd++)
				close(fd);
			t = start(ticker, NULL);
			ticks = 0;
			for (int i = 0; i < 1000 && ticks <= 2; i++)
				pause_us(5000);
			over = true;
			pthread_join(t, NULL);
			_exit(ticks > 2 ? 0 : 1);
		}
		MUST(waitpid(pid, &st, 0) == pid && !st);
		break;
	}
	for (int i = 0; i < 5; i++)
		still_alive();
	if (how != 5)
		lowest_free(5);
	over = true;
	close(fds[1]);
	MUST(!pthread_join(t, NULL) && !pthread_join(e, NULL));
	return 0;
}

int main(void)
{
	struct rlimit few = { 1024, 1024 };
	int st, bad = 0;

	close_range(3, ~0u, 0);
	MUST(!setrlimit(RLIMIT_NOFILE, &few));
	for (int how = 0; how < 8; how++) {
		pid_t pid = fork();

		if (!pid)
			_exit(phase(how));
		MUST(waitpid(pid, &st, 0) == pid);
		if (st) {
			printf("phase %d: status %x\n", how, (unsigned)st);
			bad = 1;
		}
	}
	return bad;
}
