/*
 * All threads wait for each other, for ever: the process computes nothing, runs handlers, stops and goes on, and is ended by a signal, as
 * natively.
 */
#include "must.h"
#include <sys/resource.h>

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static atomic_int holding;
static int out;

static void *locks(void *arg)
{
	pthread_mutex_t *first = arg ? &a : &b, *second = arg ? &b : &a;

	MUST(!pthread_mutex_lock(first));
	holding++;
	while (holding < 2)
		pause_us(100);
	MUST(write(out, "x", 1) == 1);
	MUST(!pthread_mutex_lock(second));
	_exit(1);
}

static void tell(int sig)
{
	(void)sig;
	MUST(write(out, "h", 1) == 1);
}

int main(void)
{
	struct rusage used;
	int fds[2], st;
	pid_t pid;
	char c;

	MUST(!pipe(fds));
	if (!(pid = fork())) {
		out = fds[1];
		on(SIGUSR1, tell, SA_RESTART);
		start(locks, NULL);
		pthread_join(start(locks, &a), NULL);
		_exit(2);
	}
	for (int i = 0; i < 2; i++)
		MUST(read(fds[0], &c, 1) == 1 && c == 'x');
	pause_us(300000);
	for (int i = 0; i < 3; i++) {
		kill(pid, SIGUSR1);
		MUST(read(fds[0], &c, 1) == 1 && c == 'h');
		if (i == 1) {
			kill(pid, SIGSTOP);
			MUST(waitpid(pid, &st, WUNTRACED) == pid && WIFSTOPPED(st));
			kill(pid, SIGCONT);
		}
	}
	MUST(!kill(pid, SIGTERM));
	MUST(wait4(pid, &st, 0, &used) == pid && WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM);
	MUST(used.ru_utime.tv_sec + used.ru_stime.tv_sec == 0 && used.ru_utime.tv_usec + used.ru_stime.tv_usec < 60000);
	return 0;
}
