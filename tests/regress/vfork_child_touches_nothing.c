/*
 * The child of vfork runs on its parent's memory: what it writes is seen, as natively, but its close, dup2, sigaction, sigprocmask, vfork
 * and fork are its own. The parent's threads, connections, handlers and masks are as they were; so are its numbers.
 */
#include "echoes.h"
#include <sys/stat.h>
#include <sys/syscall.h>

static atomic_bool over;
static atomic_ulong caught, ticks;
static volatile int told, nested;

static void *ticker(void *arg)
{
	while (!over) {
		pause_us(500);
		ticks++;
	}
	return arg;
}

static void count(int sig)
{
	(void)sig;
	caught++;
}

/* Only what POSIX would frown at, and real programs do. */
__attribute__((noinline)) static void child(int how)
{
	struct sigaction old;
	sigset_t mask;
	struct stat a, b;
	pid_t pid;
	int st;

	told = how + 1;
	if (sigprocmask(SIG_SETMASK, NULL, &mask) || !sigismember(&mask, SIGUSR2) || sigismember(&mask, SIGTERM))
		_exit(10);
	if (sigaction(SIGUSR1, NULL, &old) || old.sa_handler != count)
		_exit(11);
	signal(SIGUSR1, SIG_DFL);
	old.sa_handler = SIG_IGN;
	sigaction(SIGTERM, &old, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	for (int fd = 1020; fd < 1040; fd++)
		if (dup2(2, fd) != fd || fstat(2, &a) || fstat(fd, &b) || a.st_ino != b.st_ino)
			_exit(12);
	if (how % 2)
		close_range(3, ~0u, 0);
	for (int fd = 3; fd < 1100; fd++)
		close(fd);
	if (how % 5 == 1) {
		if (!(pid = vfork())) {
			nested++;
			_exit(3);
		}
		if (waitpid(pid, &st, 0) != pid || WEXITSTATUS(st) != 3)
			_exit(13);
	}
	if (how % 5 == 2) {
		if (!(pid = fork())) { /* a process like any other */
			pthread_t t = start(ticker, NULL);

			pause_us(5000);
			over = true;
			pthread_join(t, NULL);
			_exit(ticks ? 4 : 5);
		}
		if (waitpid(pid, &st, 0) != pid || st != 4 << 8)
			_exit(14);
	}
	if (how % 5 == 3)
		execl("/nowhere/at/all", "all", (char *)NULL);
	if (how % 5 == 4) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(15);
	}
	_exit(0);
}

static void parent_is_as_it_was(void)
{
	struct sigaction act;
	sigset_t mask;
	unsigned long then = caught;
	char c = 'p', back;

	MUST(!sigaction(SIGUSR1, NULL, &act) && act.sa_handler == count);
	MUST(!sigaction(SIGTERM, NULL, &act) && act.sa_handler == SIG_DFL);
	MUST(!sigprocmask(SIG_SETMASK, NULL, &mask) && sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGUSR1));
	MUST(!kill(getpid(), SIGUSR1));
	for (int i = 0; caught == then; i++) {
		MUST(i < 5000);
		pause_us(200);
	}
	for (int i = 0; i < ECHOES; i++)
		MUST(write(fds[i][1], &c, 1) == 1 && read(fds[i][1], &back, 1) == 1 && back == c);
}

static void *run(void *arg)
{
	for (volatile int how = 0; how < 20; how++) {
		volatile int local = how;
		unsigned long then;
		pid_t pid;
		int st;

		if (!(pid = vfork()))
			child(how);
		MUST(pid > 0 && local == how);
		MUST(told == how + 1); /* so it is no copy, and ran before us */
		MUST(waitpid(pid, &st, 0) == pid);
		if (st)
			printf("child %d: %x\n", how, (unsigned)st);
		MUST(!st);
		parent_is_as_it_was();
		then = ticks;
		while (ticks < then + 2)
			pause_us(500);
	}
	return arg;
}

int main(void)
{
	pthread_t t;
	sigset_t mask;

	on(SIGUSR1, count, SA_RESTART);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	MUST(!pthread_sigmask(SIG_BLOCK, &mask, NULL));
	start_echoes();
	t = start(ticker, NULL);
	run(NULL);
	MUST(!pthread_join(start(run, NULL), NULL));
	MUST(nested == 8);
	over = true;
	pthread_join(t, NULL);
	end_echoes();
	return 0;
}
