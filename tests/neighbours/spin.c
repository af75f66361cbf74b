/*
 * A thread with an alternate stack for its handlers, as Rust gives to each of its threads: it runs a handler there, and spins until another
 * one tells it to end.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

static volatile int flag;
static char stack[65536];

static void handle(int sig)
{
	char here;

	printf("signal %d, %s\n", sig, &here > stack && &here < stack + sizeof(stack) ? "there" : "elsewhere");
}

static void *spin(void *arg)
{
	struct sigaction act = { .sa_handler = handle, .sa_flags = SA_ONSTACK };
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };

	if (sigaltstack(&ss, NULL) || sigaction(SIGUSR1, &act, NULL) || raise(SIGUSR1))
		return arg;
	while (!flag)
		;
	puts("told");
	return arg;
}

static void *tell(void *arg)
{
	flag = 1;
	return arg;
}

int main(void)
{
	pthread_t t[2];

	pthread_create(&t[0], NULL, spin, NULL);
	pthread_create(&t[1], NULL, tell, NULL);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	return 0;
}
