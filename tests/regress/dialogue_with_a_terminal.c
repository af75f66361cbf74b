/*
 * Programs with threads that run others at a terminal, as expect and terminal emulators do: forkpty with a program in it, openpty with a
 * forked child that has threads itself. Prompts, lines, the window's size and its change, end of file, hang-up; all else goes on.
 */
#include "must.h"
#include <ctype.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <utmp.h>

static atomic_ulong ticks;
static atomic_bool over;
static volatile sig_atomic_t resized;

static void *ticker(void *arg)
{
	while (!over) {
		pause_us(1000);
		ticks++;
	}
	return arg;
}

/* ---- who sits at the terminal */

static void on_resize(int sig)
{
	(void)sig;
	resized = 1;
}

static void tell_size(void)
{
	struct winsize w;

	MUST(!ioctl(0, TIOCGWINSZ, &w));
	printf("%d x %d\n", w.ws_row, w.ws_col);
}

static int interactive(void)
{
	char line[100];

	on(SIGWINCH, on_resize, 0);
	MUST(isatty(0) && isatty(1) && getsid(0) == getpid() && tcgetpgrp(0) == getpid());
	tell_size();
	for (;;) {
		printf("> ");
		fflush(stdout);
		errno = 0;
		if (!fgets(line, sizeof(line), stdin)) {
			if (feof(stdin))
				break;
			MUST(errno == EINTR && resized);
			clearerr(stdin);
			resized = 0;
			tell_size();
			continue;
		}
		for (char *p = line; *p; p++)
			*p = (char)toupper(*p);
		fputs(line, stdout);
	}
	puts("bye");
	return 7;
}

/* ---- who runs them */

static void expect(int terminal, const char *wanted)
{
	char text[200];
	size_t n = 0;
	ssize_t r;

	while (n < strlen(wanted) && (r = read(terminal, text + n, strlen(wanted) - n)) > 0)
		n += (size_t)r;
	text[n] = '\0';
	if (strcmp(text, wanted)) {
		dprintf(2, "wanted \"%s\", read \"%s\"\n", wanted, text);
		_exit(1);
	}
}

static void type(int terminal, const char *keys)
{
	unsigned long then = ticks;

	pause_us(20000); /* it reads by now */
	MUST(ticks > then);
	MUST(write(terminal, keys, strlen(keys)) == (ssize_t)strlen(keys));
}

static void expect_end(int terminal, pid_t pid, int status)
{
	char c;
	int st;

	MUST(read(terminal, &c, 1) == -1 && errno == EIO);
	MUST(waitpid(pid, &st, 0) == pid);
	if (st != status)
		dprintf(2, "status %x\n", (unsigned)st);
	MUST(st == status && !close(terminal));
}

static struct winsize size = { .ws_row = 40, .ws_col = 100 };

static struct termios plain(void)
{
	struct termios t = { .c_iflag = ICRNL, .c_lflag = ICANON | ISIG, .c_cflag = CS8 | CREAD | B38400 };

	t.c_cc[VEOF] = 4;
	t.c_cc[VINTR] = 3;
	return t;
}

static void *talks(void *self)
{
	struct winsize now = { .ws_row = 25, .ws_col = 80 };
	struct termios t = plain();
	int terminal;
	pid_t pid;

	MUST((pid = forkpty(&terminal, NULL, &t, &size)) >= 0);
	if (!pid) {
		execl("/proc/self/exe", self, "interactive", (char *)NULL);
		_exit(99);
	}
	expect(terminal, "40 x 100\n> ");
	type(terminal, "some words\n");
	expect(terminal, "SOME WORDS\n> ");
	pause_us(20000);
	MUST(!ioctl(terminal, TIOCSWINSZ, &now));
	expect(terminal, "25 x 80\n> ");
	type(terminal, "in two ");
	type(terminal, "pieces\n");
	expect(terminal, "IN TWO PIECES\n> ");
	type(terminal, "\004");
	expect(terminal, "bye\n");
	expect_end(terminal, pid, 7 << 8);
	return NULL;
}

static void *answers(void *arg)
{
	char c;

	while (read(0, &c, 1) == 1)
		MUST(write(1, c == '\n' ? "\n" : c == 'q' ? "Q" : ".", 1) == 1);
	exit(arg ? 9 : 8);
}

static void *talks_to_a_fork(void *arg)
{
	struct termios t = plain(), now;
	char name[64];
	int terminal, inner, st;
	pid_t pid;

	MUST(!openpty(&terminal, &inner, name, &t, &size) && !tcgetattr(inner, &now) && now.c_lflag == t.c_lflag);
	MUST((pid = fork()) >= 0);
	if (!pid) {
		close(terminal);
		MUST(!login_tty(inner));
		start(ticker, NULL);
		pthread_join(start(answers, NULL), NULL);
	}
	close(inner);
	for (int i = 0; i < 20; i++) {
		MUST(write(terminal, "xyq\n", 4) == 4);
		expect(terminal, "..Q\n");
	}
	if (arg) {
		MUST(write(terminal, "\003", 1) == 1);
		expect_end(terminal, pid, SIGINT);
	} else {
		close(terminal);
		MUST(waitpid(pid, &st, 0) == pid && st == SIGHUP);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[8], tick;

	if (argc > 1)
		return interactive();
	alarm(30);
	tick = start(ticker, NULL);
	for (int i = 0; i < 8; i++)
		t[i] = i % 2 ? start(talks, argv[0]) : start(talks_to_a_fork, &over);
	for (int i = 0; i < 8; i++)
		MUST(!pthread_join(t[i], NULL));
	pthread_join(start(talks_to_a_fork, NULL), NULL); /* alone: the other children would hold the terminal open */
	over = true;
	pthread_join(tick, NULL);
	return 0;
}
