/*
 * What a thread waits for comes together with a signal whose handler lets the call go on: the call has it then, however close the two
 * are. It waited for ever where the descriptor told first and the handler ran before the call looked.
 */
#include "must.h"

#define ROUNDS 1000

static int fds[2], back[2];
static atomic_int hits;
static atomic_bool over;

static void hit(int sig)
{
	(void)sig;
	hits++;
}

static void *echo(void *arg)
{
	char c;

	while (read(fds[0], &c, 1) == 1)
		MUST(write(back[1], &c, 1) == 1);
	return arg;
}

static void *fill(void *arg)
{
	static char much[256 << 10];

	while (!over)
		MUST(write(fds[1], much, sizeof(much)) > 0);
	return arg;
}

static void *ticker(void *arg)
{
	for (;;)
		pause_us(1000);
	return arg;
}

/* A byte, a few turns of the others, a signal: at some number of turns both are there when it runs. */
static void one_byte(pthread_t t, int round)
{
	struct pollfd p = { back[0], POLLIN, 0 };
	char c = 'x';

	MUST(write(fds[1], &c, 1) == 1);
	for (int i = 0; i < round % 140; i++)
		sched_yield();
	MUST(!pthread_kill(t, SIGUSR1));
	MUST(poll(&p, 1, 5000) == 1 && read(back[0], &c, 1) == 1);
}

static void reading(void)
{
	pthread_t t = start(echo, NULL);

	for (int i = 0; i < ROUNDS; i++)
		one_byte(t, i);
	close(fds[1]);
	pthread_join(t, NULL);
}

static void writing(void)
{
	static char sink[64 << 10];
	struct pollfd p = { fds[0], POLLIN, 0 };
	pthread_t t = start(fill, NULL);

	for (int i = 0; i < ROUNDS; i++) {
		MUST(poll(&p, 1, 5000) == 1 && read(fds[0], sink, sizeof(sink)) > 0);
		for (int k = 0; k < i % 140; k++)
			sched_yield();
		MUST(!pthread_kill(t, SIGUSR1));
	}
	over = true;
	while (pthread_tryjoin_np(t, NULL))
		if (poll(&p, 1, 1) == 1)
			MUST(read(fds[0], sink, sizeof(sink)) > 0);
	over = false;
}

int main(void)
{
	on(SIGUSR1, hit, SA_RESTART);
	MUST(!pipe(back));
	start(ticker, NULL);
	MUST(!pipe(fds));
	reading();
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	reading();
	MUST(!pipe(fds));
	writing();
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	writing();
	MUST(hits);
	return 0;
}
