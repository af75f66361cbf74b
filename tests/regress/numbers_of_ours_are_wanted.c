/*
 * A program that copies descriptors to every number there is gets each of them, also where the runtime has something: its loop, a child
 * that is waited for, a file that was closed under a reader. Those who wait notice nothing.
 */
#include "must.h"
#include <sys/resource.h>
#include <sys/stat.h>

static int fds[2];
static atomic_bool over, waited;
static atomic_ulong ticks;
static pid_t child;

static void *reader(void *arg)
{
	char c = 0;

	MUST(read(fds[0], &c, 1) == 1 && c == 'r');
	return arg;
}

static void *waiter(void *arg)
{
	int st;

	MUST(waitpid(child, &st, 0) == child && st == 9 << 8);
	waited = true;
	return arg;
}

static void *sigwaiter(void *arg)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	MUST(!sigwait(&set, &sig) && sig == SIGUSR1);
	return arg;
}

static void *ticker(void *arg)
{
	while (!over) {
		pause_us(300);
		ticks++;
	}
	return arg;
}

static bool open_before(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void take(int fd, int how)
{
	struct stat a, b;

	if (how == 0)
		MUST(dup2(2, fd) == fd);
	else
		MUST(dup3(2, fd, O_CLOEXEC) == fd);
	MUST(!fstat(2, &a) && !fstat(fd, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	MUST(fcntl(fd, F_GETFD) == (how ? FD_CLOEXEC : 0));
}

int main(void)
{
	struct rlimit rl;
	int gate[2], end;
	pthread_t t[4];
	sigset_t set;
	char c = 'r';

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	MUST(!sigprocmask(SIG_BLOCK, &set, NULL));
	MUST(!getrlimit(RLIMIT_NOFILE, &rl));
	if (rl.rlim_max > 1200) {
		rl.rlim_cur = 1200;
		MUST(!setrlimit(RLIMIT_NOFILE, &rl));
	}
	end = (int)rl.rlim_cur;
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds) && !pipe(gate));
	if (!(child = fork())) {
		close(gate[1]);
		_exit(read(gate[0], &c, 1) ? 8 : 9);
	}
	close(gate[0]);
	t[0] = start(reader, NULL);
	t[1] = start(waiter, NULL);
	t[2] = start(sigwaiter, NULL);
	t[3] = start(ticker, NULL);
	pause_us(3000);
	for (int i = 0; end == 1200 && i < 20; i++) { /* ours are from 1024 on */
		MUST(fcntl(2, i % 2 ? F_DUPFD : F_DUPFD_CLOEXEC, 1020) == 1020 + i);
		MUST(fcntl(1020 + i, F_GETFD) == (i % 2 ? 0 : FD_CLOEXEC));
		for (int then = (int)ticks; (int)ticks < then + 1;)
			pause_us(300);
	}
	if (end == 1200)
		MUST(!close_range(1020, 1039, 0));
	close(fds[0]); /* the reader keeps the file */
	for (int round = 0; round < 4; round++)
		for (int fd = 3, then; fd < end; fd++) {
			if (open_before(fd))
				continue;
			take(fd, round % 2);
			if (round > 1) {
				MUST(!close(fd)); /* else the next round finds nothing to take */
			} else if (fd >= 20 && fd < end - 100) {
				MUST(!close(fd));
			}
			then = (int)ticks;
			while (fd % 16 == 0 && (int)ticks < then + 1)
				pause_us(300);
		}
	MUST(!waited);
	close(gate[1]);
	MUST(write(fds[1], &c, 1) == 1);
	kill(getpid(), SIGUSR1);
	for (int i = 0; i < 3; i++)
		MUST(!pthread_join(t[i], NULL));
	over = true;
	MUST(!pthread_join(t[3], NULL));
	return 0;
}
