/*
 * getcontext saves the mask of the thread that calls it, and setcontext, swapcontext and the end of a makecontext function set that:
 * else coroutines block and unblock what all threads have blocked together, and a signal waits for ever or comes where it must not.
 */
#include "must.h"

#include <ucontext.h>

static sem_t over;
static volatile int came;
static ucontext_t here, there;

static void *beside(void *arg)
{
	MUST(!sem_wait(&over));
	return arg;
}

static void count(int sig)
{
	(void)sig;
	came++;
}

static bool blocked(int sig)
{
	sigset_t s;

	MUST(!pthread_sigmask(SIG_BLOCK, NULL, &s));
	return sigismember(&s, sig);
}

static void change(int how, int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	MUST(!pthread_sigmask(how, &s, NULL));
}

static void coroutine(void)
{
	MUST(!blocked(SIGUSR2) && blocked(SIGUSR1));
	MUST(came == 2);
	MUST(!swapcontext(&there, &here)); /* main's, that has it blocked */
	change(SIG_UNBLOCK, SIGUSR2);
}

static void all(void)
{
	static char stack[65536];
	volatile int round = 0;
	ucontext_t at;

	came = 0;
	change(SIG_BLOCK, SIGUSR1);
	MUST(!getcontext(&at));
	MUST(!sigismember(&at.uc_sigmask, SIGUSR2) && sigismember(&at.uc_sigmask, SIGUSR1));
	if (round++ == 0) {
		change(SIG_BLOCK, SIGUSR2);
		MUST(!pthread_kill(pthread_self(), SIGUSR2));
		MUST(came == 0);
		setcontext(&at);
		MUST(0);
	}
	MUST(came == 1 && !blocked(SIGUSR2) && blocked(SIGUSR1));

	MUST(!getcontext(&there));
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, coroutine, 0);
	change(SIG_BLOCK, SIGUSR2);
	MUST(!pthread_kill(pthread_self(), SIGUSR2));
	MUST(came == 1);
	MUST(!swapcontext(&here, &there));
	MUST(came == 2 && blocked(SIGUSR2));
	MUST(!pthread_kill(pthread_self(), SIGUSR2));
	MUST(!swapcontext(&here, &there)); /* unblocks as it goes on, and comes back by uc_link */
	MUST(came == 3 && blocked(SIGUSR2));
	change(SIG_UNBLOCK, SIGUSR2);
	MUST(came == 3);
	change(SIG_UNBLOCK, SIGUSR1);
}

static void *thread(void *arg)
{
	all();
	return arg;
}

int main(void)
{
	sigset_t full, old;
	pthread_t t, u;

	MUST(!sem_init(&over, 0, 0));
	on(SIGUSR2, count, 0);
	all();
	sigfillset(&full);
	MUST(!pthread_sigmask(SIG_SETMASK, &full, &old));
	t = start(beside, NULL);
	MUST(!pthread_sigmask(SIG_SETMASK, &old, NULL));
	all();
	u = start(thread, NULL);
	MUST(!pthread_join(u, NULL));
	MUST(!sem_post(&over));
	MUST(!pthread_join(t, NULL));
	return 0;
}
