/*
 * A process is killed while its threads wait for a terminal, pipes and sockets that others hold, too: their flags, and the terminal's
 * settings, are all the time what they were.
 */
#include "must.h"
#include <pty.h>
#include <termios.h>

enum { TTY, PIPE_IN, PIPE_OUT, SOCKET, FULL, LISTENER, FILES };

static int fds[FILES], others[FILES];

static void *reads(void *arg)
{
	char c;

	while (read(*(int *)arg, &c, 1) == 1)
		;
	return NULL;
}

static void *writes(void *arg)
{
	static char bytes[4096];

	while (write(*(int *)arg, bytes, sizeof(bytes)) > 0)
		;
	return NULL;
}

static void *polls(void *arg)
{
	struct pollfd p = { *(int *)arg, POLLPRI, 0 };

	(void)!poll(&p, 1, -1);
	return NULL;
}

static void *accepts(void *arg)
{
	(void)!accept(*(int *)arg, NULL, NULL);
	return NULL;
}

static void *ticker(void *arg)
{
	for (;;) {
		pause_us(1000);
		(void)!write(*(int *)arg, "t", 1);
	}
	return NULL;
}

static void uses_all(int tell)
{
	start(reads, &fds[TTY]);
	start(reads, &fds[PIPE_IN]);
	start(reads, &fds[SOCKET]);
	start(writes, &fds[PIPE_OUT]);
	start(writes, &fds[FULL]);
	start(polls, &fds[TTY]);
	start(accepts, &fds[LISTENER]);
	start(ticker, &tell);
	for (;;)
		pause();
}

struct traces {
	int flags[FILES], descriptor[FILES];
	struct termios t;
};

static struct traces look(void)
{
	struct traces s;

	memset(&s, 0, sizeof(s));
	for (int i = 0; i < FILES; i++) {
		s.flags[i] = fcntl(fds[i], F_GETFL);
		s.descriptor[i] = fcntl(fds[i], F_GETFD);
	}
	MUST(!tcgetattr(fds[TTY], &s.t));
	return s;
}

static void same(const struct traces *a)
{
	struct traces now = look();

	for (int i = 0; i < FILES; i++)
		if (now.flags[i] != a->flags[i])
			dprintf(2, "file %d: flags %x, not %x\n", i, (unsigned)now.flags[i], (unsigned)a->flags[i]);
	MUST(!memcmp(&now, a, sizeof(now)));
}

static void make_all(void)
{
	int p[2];

	MUST(!openpty(&others[TTY], &fds[TTY], NULL, NULL, NULL));
	MUST(!pipe(p));
	fds[PIPE_IN] = p[0], others[PIPE_IN] = p[1];
	MUST(!pipe(p));
	fds[PIPE_OUT] = p[1], others[PIPE_OUT] = p[0];
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	fds[SOCKET] = p[0], others[SOCKET] = p[1];
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	fds[FULL] = p[0], others[FULL] = p[1];
	MUST((fds[LISTENER] = others[LISTENER] = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && !listen(fds[LISTENER], 1));
}

int main(void)
{
	struct traces before;
	char c[4];
	int st;

	make_all();
	before = look();
	for (int i = 0; i < 10; i++) {
		int tell[2];
		pid_t pid;

		MUST(!pipe(tell) && (pid = fork()) >= 0);
		if (!pid) {
			close(tell[0]);
			uses_all(tell[1]);
		}
		close(tell[1]);
		for (int k = 0; k < 20; k++) {
			MUST(read(tell[0], c, 1) == 1);
			if (k % 4 == 3) {
				MUST(write(others[PIPE_IN], "x", 1) == 1 && write(others[SOCKET], "x", 1) == 1);
				MUST(write(others[TTY], "x\n", 2) == 2);
				(void)!read(others[PIPE_OUT], c, 1);
			}
			same(&before);
		}
		MUST(!kill(pid, SIGKILL) && waitpid(pid, &st, 0) == pid && WIFSIGNALED(st));
		close(tell[0]);
		same(&before);
		tcflush(fds[TTY], TCIFLUSH);
	}
	return 0;
}
