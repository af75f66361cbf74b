/*
 * Programs that have used up their limit of descriptors go on as natively: threads are made, talk and sleep, children are waited for and
 * sleep themselves, and where the hard limit leaves room for ours, EMFILE comes with the number that it natively comes with.
 */
#include "must.h"
#include <sys/resource.h>

static int ask[2], answer[2];

static void *echo(void *arg)
{
	char c;

	while (read(ask[0], &c, 1) == 1)
		MUST(write(answer[1], &c, 1) == 1);
	return arg;
}

static void talk(int times)
{
	char c = 'x';

	while (times--) {
		MUST(write(ask[1], &c, 1) == 1 && read(answer[0], &c, 1) == 1);
		pause_us(10);
	}
}

static int fill(void)
{
	int fd, last = -1;

	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	MUST(errno == EMFILE);
	return last;
}

static void *child_thread(void *arg)
{
	pause_us(1000);
	return arg;
}

static void child(void)
{
	struct pollfd p = { ask[1], POLLOUT, 0 };
	pthread_t t;

	pause_us(1000);
	MUST(poll(&p, 1, 1) == 1);
	MUST(!pthread_create(&t, NULL, child_thread, NULL) && !pthread_join(t, NULL));
	_exit(3);
}

static int phase(rlim_t soft, rlim_t hard, bool before)
{
	struct rlimit rl = { soft, hard };
	struct pollfd p = { -1, POLLIN, 0 };
	pthread_t t;
	pid_t pid;
	int st;

	MUST(!setrlimit(RLIMIT_NOFILE, &rl));
	MUST(!pipe(ask) && !pipe(answer));
	if (before)
		MUST(fill() == (int)soft - 1);
	MUST(!pthread_create(&t, NULL, echo, NULL));
	talk(20);
	if (!before)
		fill();
	talk(20);
	MUST(!getrlimit(RLIMIT_NOFILE, &rl) && rl.rlim_cur == soft && rl.rlim_max == hard);
	if (hard > 2 * soft && !before)
		MUST(!close((int)soft - 1) && dup(2) == (int)soft - 1);
	MUST((pid = fork()) >= 0);
	if (!pid)
		child();
	MUST(waitpid(pid, &st, 0) == pid && st == 3 << 8);
	p.fd = ask[0];
	MUST(poll(&p, 1, 5) == 0);
	MUST(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EMFILE);
	rl.rlim_cur = hard;
	MUST(!setrlimit(RLIMIT_NOFILE, &rl));
	talk(20);
	close(ask[1]);
	MUST(!pthread_join(t, NULL));
	return 0;
}

int main(void)
{
	static const struct { rlim_t soft, hard; } limits[] = { { 8, 8 }, { 8, 20 }, { 16, 16 }, { 24, 24 }, { 64, 64 }, { 64, 4096 }, { 1024, 4096 } };
	int st, bad = 0;

	for (unsigned i = 0; i < 2 * sizeof(limits) / sizeof(limits[0]); i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(phase(limits[i / 2].soft, limits[i / 2].hard, i % 2));
		MUST(waitpid(pid, &st, 0) == pid);
		if (st)
			printf("limits %d %d, %s: %x\n", (int)limits[i / 2].soft, (int)limits[i / 2].hard, i % 2 ? "before" : "after", (unsigned)st);
		bad |= st;
	}
	return !!bad;
}
