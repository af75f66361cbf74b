/* Two threads that wake each other with pthread_kill and sigsuspend, as garbage collectors do; main with ppoll and pselect. */
#include "must.h"
#include <sys/select.h>

#define ROUNDS 5000

static __thread volatile sig_atomic_t hits;
static pthread_t side[2];
static atomic_int started;

static void hit(int sig)
{
	(void)sig;
	hits++;
}

static void *ping(void *arg)
{
	long me = (long)arg;
	sigset_t mask, inside;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	sigdelset(&mask, SIGUSR1);
	started++;
	while (started < 2)
		pause_us(100);
	for (int i = 0; i < ROUNDS; i++) {
		int before = hits;

		if (me == 0)
			pthread_kill(side[1], SIGUSR1);
		MUST(sigsuspend(&mask) == -1 && errno == EINTR);
		MUST(hits == before + 1);
		pthread_sigmask(SIG_BLOCK, NULL, &inside);
		MUST(sigismember(&inside, SIGUSR1));
		if (me == 1)
			pthread_kill(side[0], SIGUSR1);
	}
	return NULL;
}

static void *shoot(void *arg)
{
	pthread_t target = *(pthread_t *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		while (started != i + 1) /* it is about to wait, or waits */
			sched_yield();
		if (i & 1)
			pthread_kill(target, SIGUSR1);
		else
			kill(getpid(), SIGUSR1);
	}
	return NULL;
}

int main(void)
{
	pthread_t self = pthread_self(), t;
	struct timespec ten = { 10, 0 };
	sigset_t usr1, none;

	on(SIGUSR1, hit, SA_RESTART);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigemptyset(&none);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	for (long i = 0; i < 2; i++)
		side[i] = start(ping, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(side[i], NULL);

	started = 0;
	t = start(shoot, &self);
	for (int i = 0; i < ROUNDS; i++) {
		int r;

		started++;
		r = i % 3 == 0 ? ppoll(NULL, 0, &ten, &none) : i % 3 == 1 ? pselect(0, NULL, NULL, NULL, &ten, &none) : sigsuspend(&none);
		MUST(r == -1 && errno == EINTR);
		MUST(hits == i + 1);
	}
	pthread_join(t, NULL);
	return 0;
}
