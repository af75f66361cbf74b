/* Signals that main had raised, blocked, before there was another thread were pending in every thread, and anybody's to take. */
#include "must.h"

static sigset_t mine;

static void *look(void *arg)
{
	static const struct timespec zero;
	sigset_t pending;

	MUST(!sigpending(&pending));
	MUST(!sigismember(&pending, SIGUSR1) && !sigismember(&pending, SIGRTMIN + 3) && sigismember(&pending, SIGUSR2));
	MUST(sigtimedwait(&mine, NULL, &zero) == -1 && errno == EAGAIN);
	return arg;
}

int main(void)
{
	sigset_t blocked, pending;
	siginfo_t info;

	sigemptyset(&mine);
	sigaddset(&mine, SIGUSR1);
	sigaddset(&mine, SIGRTMIN + 3);
	blocked = mine;
	sigaddset(&blocked, SIGUSR2);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	MUST(!raise(SIGUSR1));
	for (int i = 0; i < 3; i++)
		MUST(!pthread_sigqueue(pthread_self(), SIGRTMIN + 3, (union sigval){ .sival_int = i }));
	MUST(!kill(getpid(), SIGUSR2)); /* the process's */
	pthread_join(start(look, NULL), NULL);
	MUST(!sigpending(&pending) && sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGUSR2));
	MUST(sigwaitinfo(&blocked, &info) == SIGUSR1);
	for (int i = 0; i < 3; i++)
		MUST(sigwaitinfo(&blocked, &info) == SIGRTMIN + 3 && info.si_value.sival_int == i);
	MUST(sigwaitinfo(&blocked, &info) == SIGUSR2); /* what came to the process is last */
	return 0;
}
