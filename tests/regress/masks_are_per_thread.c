/* Every thread has its own mask: who gets what, what is pending, and what a child or a new program inherits. */
#include "must.h"
#include <spawn.h>

extern char **environ;
static __thread volatile int hits;
static volatile int total;
static pthread_t last;
static atomic_int step;
static atomic_bool over;

static void hit(int sig)
{
	(void)sig;
	hits++;
	total++;
	last = pthread_self();
}

static void mask(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	MUST(!pthread_sigmask(how, &set, NULL));
}

static bool pending(int sig)
{
	sigset_t set;

	MUST(!sigpending(&set));
	return sigismember(&set, sig);
}

/* Unblocked here, blocked in main and everywhere else. */
static void *taker(void *arg)
{
	mask(SIG_UNBLOCK, SIGUSR1);
	step = 1;
	while (!over)
		pause_us(500);
	return arg;
}

static void *bystander(void *arg)
{
	while (!over)
		pause_us(300);
	MUST(hits == 0);
	return arg;
}

static void *private_pending(void *arg)
{
	mask(SIG_BLOCK, SIGUSR2);
	step = 2;
	while (step != 3)
		pause_us(500);
	MUST(pending(SIGUSR2) && hits == 0);
	mask(SIG_UNBLOCK, SIGUSR2);
	MUST(!pending(SIGUSR2) && hits == 1);
	return arg;
}

static void *inherits(void *arg)
{
	sigset_t set;

	MUST(!pthread_sigmask(SIG_BLOCK, NULL, &set));
	MUST(sigismember(&set, SIGUSR1) && !sigismember(&set, SIGUSR2) && sigismember(&set, SIGTERM) == (arg != NULL));
	MUST(!pending(SIGTERM)); /* what was sent to its maker alone is not inherited */
	return NULL;
}

/* As a new program: what is blocked, of which the first argument names one. */
static int child_program(void)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, SIGUSR1) << 2 | sigismember(&set, SIGTERM) << 1 | sigismember(&set, SIGINT);
}

static int status_of(pid_t pid)
{
	int st;

	MUST(pid > 0 && waitpid(pid, &st, 0) == pid && WIFEXITED(st));
	return WEXITSTATUS(st);
}

static void *starts_programs(void *self)
{
	char *argv[] = { self, "child", NULL }, command[4096];
	FILE *f;
	pid_t pid;

	mask(SIG_BLOCK, SIGTERM); /* this thread alone: 6 = USR1 and TERM */
	MUST(!posix_spawn(&pid, self, NULL, NULL, argv, environ) && status_of(pid) == 6);
	MUST(!posix_spawnp(&pid, self, NULL, NULL, argv, environ) && status_of(pid) == 6);
	for (int how = 0; how < 5; how++) {
		if (!(pid = how & 1 ? vfork() : fork())) {
			if (how == 0)
				execv(self, argv);
			if (how == 1)
				execve(self, argv, environ);
			if (how == 2)
				execl(self, self, "child", (char *)NULL);
			if (how == 3)
				execlp(self, self, "child", (char *)NULL);
			execle(self, self, "child", (char *)NULL, environ);
			_exit(99);
		}
		MUST(status_of(pid) == 6);
	}
	if (!(pid = fork()))
		_exit(child_program());
	MUST(status_of(pid) == 6);
	snprintf(command, sizeof(command), "exec %s child", (char *)self);
	MUST(WEXITSTATUS(system(command)) == 6);
	MUST((f = popen(command, "r")) && WEXITSTATUS(pclose(f)) == 6);
	MUST(execl("/nowhere", "x", (char *)NULL) == -1 && errno == ENOENT); /* and the mask is as before */
	MUST(child_program() == 6);
	mask(SIG_UNBLOCK, SIGTERM);
	MUST(!posix_spawn(&pid, self, NULL, NULL, argv, environ) && status_of(pid) == 4);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t, b, p;

	if (argc > 1)
		return child_program();
	on(SIGUSR1, hit, 0);
	on(SIGUSR2, hit, 0);
	mask(SIG_BLOCK, SIGUSR1);
	t = start(taker, NULL);
	b = start(bystander, NULL);
	while (step != 1)
		pause_us(500);
	for (int i = 0; i < 100; i++) {
		kill(getpid(), SIGUSR1);
		while (total <= i)
			pause_us(100);
		MUST(pthread_equal(last, t));
	}
	MUST(hits == 0 && !pending(SIGUSR1));

	raise(SIGUSR1); /* main's own: nobody else may have it */
	pause_us(5000);
	MUST(total == 100 && pending(SIGUSR1));
	mask(SIG_UNBLOCK, SIGUSR1);
	MUST(hits == 1);
	mask(SIG_BLOCK, SIGUSR1);

	p = start(private_pending, NULL);
	while (step != 2)
		pause_us(500);
	pthread_kill(p, SIGUSR2);
	pthread_kill(p, SIGUSR2);
	pause_us(5000);
	MUST(!pending(SIGUSR2));
	step = 3;
	pthread_join(p, NULL);

	pthread_join(start(inherits, NULL), NULL);
	mask(SIG_BLOCK, SIGTERM);
	raise(SIGTERM);
	pthread_join(start(inherits, (void *)1), NULL);
	on(SIGTERM, SIG_IGN, 0); /* forgets what is pending */
	MUST(!pending(SIGTERM));
	on(SIGTERM, SIG_DFL, 0);
	mask(SIG_UNBLOCK, SIGTERM);

	pthread_join(start(starts_programs, realpath(argv[0], NULL)), NULL);

	MUST(pthread_kill(t, 0) == 0 && pthread_kill(t, 65) == EINVAL && pthread_kill(t, -1) == EINVAL);
	over = true;
	pthread_join(t, NULL);
	pthread_join(b, NULL);
	kill(getpid(), SIGUSR1); /* with the taker gone it waits */
	pause_us(5000);
	MUST(total == 102 && pending(SIGUSR1));
	mask(SIG_UNBLOCK, SIGUSR1);
	MUST(total == 103);
	return 0;
}
