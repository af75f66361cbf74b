/*
 * A job in the background whose thread reads the terminal is stopped by SIGTTIN, again and again until it is in the foreground; it gets EIO
 * where it ignores or blocks that signal. It parked instead, and was put into the background without being stopped.
 */
#include "must.h"
#include <pty.h>
#include <termios.h>
#include <utmp.h>

static int out[2];

/* No ticker: a stop that finds a greenlet running goes unnoticed. */
static void *waits(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void say(const char *what)
{
	MUST(write(out[1], what, 1) == 1);
}

static char heard(void)
{
	char c = 0;

	MUST(read(out[0], &c, 1) == 1);
	return c;
}

static void *reads(void *arg)
{
	char line[16];
	sigset_t ttin;
	ssize_t n;

	if (arg) {
		sigemptyset(&ttin);
		sigaddset(&ttin, SIGTTIN);
		pthread_sigmask(SIG_BLOCK, &ttin, NULL);
	}
	say("r");
	while ((n = read(0, line, sizeof(line))) == 5 && !memcmp(line, "line\n", 5))
		say("l");
	say(n < 0 && errno == EIO ? "e" : n ? "?" : "0");
	return NULL;
}

enum { DEFAULT, IGNORED, BLOCKED };

static pid_t job(int how)
{
	pid_t pid = fork();

	MUST(pid >= 0);
	if (!pid) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		if (how == IGNORED)
			signal(SIGTTIN, SIG_IGN);
		start(waits, NULL);
		pthread_join(start(reads, how == BLOCKED ? out : NULL), NULL);
		_exit(how);
	}
	setpgid(pid, pid);
	return pid;
}

static void foreground(pid_t pid)
{
	MUST(!tcsetpgrp(0, pid));
}

static void stops(pid_t pid, int sig)
{
	int st;

	MUST(waitpid(pid, &st, WUNTRACED) == pid && WIFSTOPPED(st) && WSTOPSIG(st) == sig);
}

static void ends(pid_t pid, int status)
{
	int st;

	MUST(waitpid(pid, &st, 0) == pid && st == status << 8);
}

/* The terminal is read by `type` only: it has no echo. */
static void shell(int keys)
{
	struct termios t;
	pid_t pid;

	tcgetattr(0, &t);
	t.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(0, TCSANOW, &t);
	signal(SIGTTOU, SIG_IGN);
	pid = job(DEFAULT);
	MUST(heard() == 'r');
	for (int i = 0; i < 3; i++) { /* bg, bg, bg */
		stops(pid, SIGTTIN);
		kill(pid, SIGCONT);
	}
	stops(pid, SIGTTIN);
	foreground(pid);
	kill(pid, SIGCONT);
	pause_us(20000);
	MUST(write(keys, "line\n", 5) == 5 && heard() == 'l');
	pause_us(20000);
	MUST(write(keys, "\032", 1) == 1); /* ^Z in the read, then bg */
	stops(pid, SIGTSTP);
	foreground(getpgrp());
	kill(pid, SIGCONT);
	stops(pid, SIGTTIN);
	foreground(pid);
	kill(pid, SIGCONT);
	MUST(write(keys, "line\n", 5) == 5 && heard() == 'l');
	pause_us(20000);
	MUST(write(keys, "\004", 1) == 1 && heard() == '0');
	ends(pid, DEFAULT);
	foreground(getpgrp());
	for (int how = IGNORED; how <= BLOCKED; how++) {
		pid = job(how);
		MUST(heard() == 'r' && heard() == 'e');
		ends(pid, how);
	}
	_exit(0);
}

int main(void)
{
	int keys, inner, st;
	pid_t pid;

	alarm(20);
	MUST(!pipe(out) && !openpty(&keys, &inner, NULL, NULL, NULL) && (pid = fork()) >= 0);
	if (!pid) {
		int error = dup(2);

		MUST(!login_tty(inner) && dup2(error, 2) == 2);
		shell(keys);
	}
	MUST(waitpid(pid, &st, 0) == pid && st == 0);
	return 0;
}
