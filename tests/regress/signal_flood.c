/* Two thousand queued signals for main while another thread computes: they wait somewhere, and none is lost. */
#include "must.h"

#define COUNT 2000

static volatile int next, wrong;
static atomic_bool over;

static void handle(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	wrong += info->si_value.sival_int != next++;
}

static void *compute(void *arg)
{
	while (!over) /* with all signals blocked, as main had them */
		for (volatile int i = 0; i < 1000000; i++)
			;
	return arg;
}

static void *each_to_itself(void *arg)
{
	sigset_t one;
	siginfo_t info;

	sigemptyset(&one);
	sigaddset(&one, SIGRTMIN + 2);
	pthread_sigmask(SIG_BLOCK, &one, NULL);
	for (int i = 0; i < 200; i++)
		MUST(!pthread_sigqueue(pthread_self(), SIGRTMIN + 2, (union sigval){ .sival_int = i }));
	for (int i = 0; i < 200; i++)
		MUST(sigwaitinfo(&one, &info) == SIGRTMIN + 2 && info.si_value.sival_int == i);
	return arg;
}

/* Two thousand at once; or in bursts, while some are being handled. */
static void flood(bool bursts)
{
	pid_t child;
	int st;

	next = 0;
	if (!(child = fork())) {
		for (int i = 0; i < COUNT; i++) {
			MUST(!sigqueue(getppid(), SIGRTMIN + 1, (union sigval){ .sival_int = i }));
			if (bursts && i % 5 == 0)
				pause_us(20);
		}
		_exit(0);
	}
	while (waitpid(child, &st, 0) != child)
		MUST(errno == EINTR);
	MUST(!st);
	for (int i = 0; next < COUNT && i < 5000; i++)
		pause_us(1000);
	if (next != COUNT || wrong)
		dprintf(2, "%d handled, %d out of order\n", next, wrong);
	MUST(next == COUNT && !wrong);
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };
	sigset_t all, before;
	pthread_t t, u;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	t = start(compute, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	sigaction(SIGRTMIN + 1, &act, NULL);
	flood(false);
	flood(true);
	u = start(each_to_itself, NULL);
	pthread_join(u, NULL);
	over = true;
	pthread_join(t, NULL);
	return 0;
}
