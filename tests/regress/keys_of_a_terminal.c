/* ^C, ^Z and ^\ at a terminal, a stop and its end, beside threads that run on: a job with threads, its shell, and who types. */
#include "must.h"
#include <pty.h>
#include <sys/resource.h>
#include <termios.h>

static volatile sig_atomic_t hits, in_main;
static pthread_t main_thread;
static atomic_ulong ticks;

static void hit(int sig)
{
	(void)sig;
	hits++;
	in_main = pthread_equal(pthread_self(), main_thread);
}

static void *ticker(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL); /* main is to have them: natively it is not always first choice */
	for (;;) {
		pause_us(1000);
		ticks++;
	}
	return arg;
}

/* As editors do it: tidy up, stop, go on. */
static void suspend(int sig)
{
	sigset_t set, old;

	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	pthread_sigmask(SIG_UNBLOCK, &set, &old); /* here it stops */
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	signal(sig, suspend);
	hits++;
}

static void others_run(void)
{
	unsigned long then = ticks;

	for (int i = 0; i < 5000 && ticks < then + 3; i++)
		pause_us(1000);
	MUST(ticks >= then + 3);
}

static void say(const char *text)
{
	MUST(write(1, text, strlen(text)) == (ssize_t)strlen(text));
}

/* What main's read says when a key is pressed. */
static void expect_interrupt(const char *prompt)
{
	char c;

	hits = in_main = 0;
	say(prompt);
	MUST(read(0, &c, 1) == -1 && errno == EINTR && hits == 1 && in_main);
	others_run();
}

static void expect_line(const char *prompt, const char *line)
{
	char text[64];
	ssize_t n;

	say(prompt);
	while ((n = read(0, text, sizeof(text))) < 0)
		MUST(errno == EINTR);
	MUST(n == (ssize_t)strlen(line) && !memcmp(text, line, (size_t)n));
	others_run();
}

static void job(void)
{
	main_thread = pthread_self();
	for (int i = 0; i < 3; i++)
		start(ticker, NULL);
	on(SIGINT, hit, 0);
	expect_interrupt("press ^C\n");
	on(SIGINT, hit, SA_RESTART);
	hits = 0;
	expect_line("press ^C and type\n", "typed\n");
	MUST(hits == 1);
	expect_line("press ^Z\n", "resumed\n"); /* no handler: the read goes on after the stop */
	on(SIGCONT, hit, 0);
	expect_interrupt("press ^Z again\n");
	signal(SIGCONT, SIG_DFL);
	on(SIGTSTP, suspend, SA_RESTART);
	hits = 0;
	expect_line("press ^Z to suspend\n", "back\n");
	MUST(hits == 1);
	expect_line("press ^\\\n", "never\n");
}

/* The shell: each stop is told, and ended. */
static void shell(void)
{
	struct termios t;
	char text[64];
	pid_t pid;
	int st;

	tcgetattr(0, &t);
	t.c_lflag &= ~(tcflag_t)ECHO;
	t.c_oflag &= ~(tcflag_t)OPOST;
	tcsetattr(0, TCSANOW, &t);
	signal(SIGTTOU, SIG_IGN);
	MUST((pid = fork()) >= 0);
	if (!pid) {
		setpgid(0, 0);
		tcsetpgrp(0, getpid());
		signal(SIGTTOU, SIG_DFL);
		job();
		_exit(0);
	}
	setpgid(pid, pid);
	for (;;) {
		MUST(waitpid(pid, &st, WUNTRACED) == pid);
		if (!WIFSTOPPED(st))
			break;
		snprintf(text, sizeof(text), "stopped by %s\n", sigabbrev_np(WSTOPSIG(st)));
		say(text);
		pause_us(20000);
		kill(pid, SIGCONT);
	}
	snprintf(text, sizeof(text), "ended by %s %d\n", WIFSIGNALED(st) ? sigabbrev_np(WTERMSIG(st)) : "exit", WEXITSTATUS(st));
	say(text);
	_exit(0);
}

static int terminal;

static void wait_for(const char *line)
{
	char text[64];
	size_t n = 0;

	do {
		ssize_t r = read(terminal, &text[n], 1);

		if (r == 1)
			n++;
		if (r != 1 || n == sizeof(text) - 1 || text[n - 1] == '\n') {
			text[n] = '\0';
			if (!strcmp(text, line))
				return;
			dprintf(2, "wanted: %sread:   %s\n", line, text);
			_exit(1);
		}
	} while (true);
}

static void type(const char *keys)
{
	pause_us(30000); /* it reads by now */
	MUST(write(terminal, keys, strlen(keys)) == (ssize_t)strlen(keys));
}

int main(void)
{
	struct rlimit no_core = { 0, 0 };
	pid_t pid;
	int st;

	alarm(15);
	setrlimit(RLIMIT_CORE, &no_core);
	MUST((pid = forkpty(&terminal, NULL, NULL, NULL)) >= 0);
	if (!pid)
		shell();
	wait_for("press ^C\n");
	type("\003");
	wait_for("press ^C and type\n");
	type("\003");
	type("typed\n");
	wait_for("press ^Z\n");
	type("\032");
	wait_for("stopped by TSTP\n");
	pause_us(20000);
	type("resumed\n");
	wait_for("press ^Z again\n");
	type("\032");
	wait_for("stopped by TSTP\n");
	wait_for("press ^Z to suspend\n");
	type("\032");
	wait_for("stopped by TSTP\n");
	pause_us(20000);
	type("back\n");
	wait_for("press ^\\\n");
	type("\034");
	wait_for("ended by QUIT 0\n");
	MUST(waitpid(pid, &st, 0) == pid && !st);
	return 0;
}
