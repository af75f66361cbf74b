/*
 * sigwait and its kin for a signal that has a handler and is not blocked: Linux gives it to the wait while there is one. The handler took
 * it: sigwaitinfo ended with EINTR, and sigwait went on waiting for ever.
 */
#include "must.h"

static sigset_t usr1, usr2;
static atomic_int handled;
static atomic_bool asks, over;
static pid_t sender;

static void handle(int sig)
{
	(void)sig;
	handled++;
}

static void waits_for_usr1(siginfo_t *info)
{
	struct timespec while_ = { 10, 0 };
	int sig;

	for (int i = 0; i < 100; i++) {
		MUST(sigwaitinfo(&usr1, info) == SIGUSR1 && info->si_code == SI_USER && info->si_pid == sender);
		MUST(!sigwait(&usr1, &sig) && sig == SIGUSR1);
		MUST(sigtimedwait(&usr1, NULL, &while_) == SIGUSR1);
	}
}

static void *thread(void *arg)
{
	siginfo_t info;
	int before;

	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	waits_for_usr1(&info);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	asks = true;
	for (int i = 0; i < 100; i++)
		MUST(sigwaitinfo(&usr2, &info) == SIGUSR2 && info.si_pid == getpid());
	before = handled;
	while (handled < before + 3) /* out of the wait it is the handler's again */
		pause_us(1000);
	over = true;
	return arg;
}

/* Sent by another process, until its parent has gone. */
static pid_t send_for_ever(void)
{
	pid_t parent = getpid(), pid;

	if ((pid = fork()))
		return pid;
	while (getppid() == parent) {
		kill(parent, SIGUSR1);
		pause_us(1000);
	}
	_exit(0);
}

int main(void)
{
	siginfo_t info;
	pthread_t t;
	int st;

	alarm(40);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	on(SIGUSR1, handle, SA_RESTART);
	on(SIGUSR2, handle, SA_RESTART);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	t = start(thread, NULL); /* natively it takes them, too, while it waits, since nobody else does */
	sender = send_for_ever();
	while (!over) {
		if (asks)
			pthread_kill(t, SIGUSR2);
		pause_us(1000);
	}
	MUST(!pthread_join(t, NULL));
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	waits_for_usr1(&info);
	kill(sender, SIGKILL);
	MUST(waitpid(sender, &st, 0) == sender);
	return 0;
}
