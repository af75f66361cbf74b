/* Daemons: all threads block everything, one waits in sigwait. Plus time-outs, signals for that thread alone, order and EINTR. */
#include "must.h"

static sigset_t all;
static int got[16], ngot;
static atomic_int ready;

static void *signal_thread(void *arg)
{
	int sig;

	ready = 1;
	do {
		MUST(!sigwait(&all, &sig));
		got[ngot++] = sig;
	} while (sig != SIGTERM);
	return arg;
}

static void *quiet(void *arg)
{
	sem_t *s = arg;

	MUST(!sem_wait(s));
	return NULL;
}

static volatile int handled;

static void handle(int sig)
{
	(void)sig;
	handled++;
}

static void *poke(void *arg)
{
	pause_us(30000);
	pthread_kill(*(pthread_t *)arg, SIGUSR2);
	return NULL;
}

static void *timed(void *arg)
{
	struct timespec ts = { 0, 50000000 }, zero = { 0, 0 }, long_time = { 20, 0 };
	pthread_t self = pthread_self(), t;
	siginfo_t info;
	uint64_t begin = now_us();
	sigset_t one, two;

	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	MUST(sigtimedwait(&one, &info, &ts) == -1 && errno == EAGAIN && now_us() - begin >= 50000);
	MUST(sigtimedwait(&one, &info, &zero) == -1 && errno == EAGAIN);
	/* for this thread alone, in the order of their numbers */
	MUST(!raise(SIGUSR1));
	MUST(!pthread_sigqueue(self, SIGRTMIN + 2, (union sigval){ .sival_int = 5 }));
	MUST(!pthread_sigqueue(self, SIGRTMIN + 2, (union sigval){ .sival_int = 6 }));
	MUST(!sigpending(&two) && sigismember(&two, SIGUSR1) && sigismember(&two, SIGRTMIN + 2));
	MUST(sigwaitinfo(&all, &info) == SIGUSR1 && info.si_code == SI_USER && info.si_pid == getpid());
	MUST(sigwaitinfo(&all, &info) == SIGRTMIN + 2 && info.si_code == SI_QUEUE && info.si_value.sival_int == 5);
	MUST(sigwaitinfo(&all, &info) == SIGRTMIN + 2 && info.si_value.sival_int == 6);
	MUST(sigtimedwait(&all, &info, &zero) == -1 && errno == EAGAIN);
	/* a handler of another signal ends the wait, SA_RESTART or not */
	on(SIGUSR2, handle, SA_RESTART);
	sigemptyset(&two);
	sigaddset(&two, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &two, NULL);
	t = start(poke, &self);
	MUST(sigtimedwait(&one, &info, &long_time) == -1 && errno == EINTR && handled == 1);
	pthread_join(t, NULL);
	pthread_sigmask(SIG_BLOCK, &two, NULL);
	/* and sent by somebody else while it waits */
	sigaddset(&one, SIGUSR2);
	t = start(poke, &self);
	MUST(sigtimedwait(&one, &info, &long_time) == SIGUSR2);
	pthread_join(t, NULL);
	return arg;
}

int main(void)
{
	pthread_t t[5], waiter;
	sem_t s;

	sem_init(&s, 0, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_join(start(timed, NULL), NULL);
	on(SIGUSR2, SIG_DFL, 0);
	for (int i = 0; i < 5; i++)
		t[i] = start(quiet, &s);
	waiter = start(signal_thread, NULL);
	while (!ready)
		pause_us(1000);
	for (int i = 0; i < 3; i++) {
		int sigs[] = { SIGHUP, SIGUSR2, SIGALRM };

		pause_us(5000);
		kill(getpid(), sigs[i]);
		while (ngot <= i)
			pause_us(1000);
	}
	if (!fork()) {
		kill(getppid(), SIGTERM);
		_exit(0);
	}
	pthread_join(waiter, NULL);
	MUST(ngot >= 4 && got[0] == SIGHUP && got[1] == SIGUSR2 && got[2] == SIGALRM && got[ngot - 1] == SIGTERM);
	for (int i = 0; i < 5; i++)
		sem_post(&s);
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	return 0;
}
