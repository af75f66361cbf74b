/* Default actions beside living threads: status as natively; and the one line of a stack overflow, under the shim alone. */
#include "must.h"
#include <sys/resource.h>

static void *sleeper(void *arg)
{
	for (;;)
		pause_us(1000000);
	return arg;
}

static void *broken_pipe(void *arg)
{
	int fds[2];

	MUST(!pipe(fds));
	close(fds[0]);
	(void)!write(fds[1], "x", 1);
	return arg;
}

static void *broken_socket(void *arg)
{
	int fds[2];

	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	close(fds[0]);
	send(fds[1], "x", 1, 0);
	return arg;
}

static void *broken_pipe_handled(void *arg)
{
	int fds[2];

	MUST(!pipe(fds));
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	MUST(write(fds[1], "x", 1) == -1 && errno == EPIPE);
	exit(3);
	return arg;
}

static void *segv(void *arg)
{
	*(volatile int *)arg = 1;
	return arg;
}

static __attribute__((noinline)) int recurse(int n)
{
	volatile char frame[512];

	frame[0] = (char)n;
	return n <= 0 ? 0 : recurse(n + 1) + frame[0];
}

static void *overflow(void *arg)
{
	pthread_setname_np(pthread_self(), "deep");
	recurse(1);
	return arg;
}

static char *alt;
static void tell(int sig)
{
	(void)sig;
	(void)!write(2, "handled\n", 8);
	_exit(5);
}

static void *overflow_handled(void *arg)
{
	stack_t ss = { .ss_sp = alt = malloc(65536), .ss_size = 65536 };

	sigaltstack(&ss, NULL);
	on(SIGSEGV, tell, SA_ONSTACK);
	return overflow(arg);
}

static void *aborts(void *arg)
{
	abort();
	return arg;
}

static void *terminates(void *arg)
{
	kill(getpid(), SIGTERM);
	pause();
	return arg;
}

static void *kills_thread(void *arg)
{
	pthread_kill(*(pthread_t *)arg, SIGHUP);
	pause();
	return arg;
}

static void *blocked_then_dies(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR2);
	pause_us(2000);
	dprintf(2, "alive\n");
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	_exit(9);
	return arg;
}

static void *alarm_kills(void *arg)
{
	struct itimerval soon = { .it_value.tv_usec = 2000 };

	setitimer(ITIMER_REAL, &soon, NULL);
	pause();
	return arg;
}

static void *sent_segv(void *arg)
{
	kill(getpid(), SIGSEGV);
	pause();
	return arg;
}

static void *stops_and_goes_on(void *arg)
{
	pid_t me = getpid();

	if (!fork()) {
		usleep(30000);
		kill(me, SIGCONT);
		_exit(0);
	}
	raise(SIGSTOP);
	dprintf(2, "on\n");
	_exit(4);
	return arg;
}

static const struct {
	void *(*fn)(void *);
	int status;       /* as a shell says it */
	const char *text;
	const char *line; /* under the shim */
} cases[] = {
	{ broken_pipe, 128 + SIGPIPE, "", "" },
	{ broken_socket, 128 + SIGPIPE, "", "" },
	{ broken_pipe_handled, 3, "", "" },
	{ segv, 128 + SIGSEGV, "", "" },
	{ overflow, 128 + SIGSEGV, "", "gpatch: stack overflow in greenlet 3 (deep), stack 131072 bytes\n" },
	{ overflow_handled, 5, "handled\n", "handled\n" },
	{ aborts, 128 + SIGABRT, "", "" },
	{ terminates, 128 + SIGTERM, "", "" },
	{ kills_thread, 128 + SIGHUP, "", "" },
	{ blocked_then_dies, 128 + SIGUSR2, "alive\n", "alive\n" },
	{ alarm_kills, 128 + SIGALRM, "", "" },
	{ sent_segv, 128 + SIGSEGV, "", "" },
	{ stops_and_goes_on, 4, "on\n", "on\n" },
};

static int run_one(int i)
{
	struct rlimit none = { 0, 0 };
	pthread_attr_t attr;
	pthread_t a, t;

	setrlimit(RLIMIT_CORE, &none);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 131072);
	a = start(sleeper, NULL);
	start(sleeper, NULL);
	MUST(!pthread_create(&t, &attr, cases[i].fn, cases[i].fn == segv ? NULL : &a));
	pthread_join(t, NULL);
	return 77;
}

int main(int argc, char **argv)
{
	const char *preload = getenv("LD_PRELOAD"), *mode = getenv("GPATCH_MODE");
	int bad = 0;

	if (argc > 1)
		return run_one(atoi(argv[1]));
	for (int i = 0; i < (int)(sizeof(cases) / sizeof(cases[0])); i++) {
		const char *want = preload && strstr(preload, "gpatch") && (!mode || !strcmp(mode, "async")) ? cases[i].line : cases[i].text;
		char command[4096], text[512] = "";
		int fds[2], st;
		ssize_t n;
		pid_t pid;

		MUST(!pipe(fds));
		if (!(pid = fork())) {
			snprintf(command, sizeof(command), "%d", i);
			dup2(fds[1], 2);
			close(fds[0]);
			close(fds[1]);
			execl("/proc/self/exe", argv[0], command, (char *)NULL);
			_exit(98);
		}
		close(fds[1]);
		for (size_t len = 0; (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0;)
			len += (size_t)n;
		close(fds[0]);
		MUST(waitpid(pid, &st, 0) == pid);
		st = WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
		if (st != cases[i].status || strcmp(text, want)) {
			printf("case %d: status %d, not %d; text \"%s\", not \"%s\"\n", i, st, cases[i].status, text, want);
			bad = 1;
		}
	}
	return bad;
}
