/*
 * switch.c - two threads that yield to each other. One kernel thread runs them in turn: foo, bar, foo, bar, every time.
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *foo(void *arg)
{
	printf("Running in foo\n");
	sleep(0);
	printf("Explicit context switch to foo again\n");
	return arg;
}

static void *bar(void *arg)
{
	printf("Explicit context to bar\n");
	sleep(0);
	printf("Implicit context switch back to bar\n");
	return arg;
}

int main(void)
{
	pthread_t threads[2];

	if (pthread_create(&threads[0], NULL, foo, NULL) || pthread_create(&threads[1], NULL, bar, NULL)) {
		fprintf(stderr, "switch: cannot create a thread\n");
		return 1;
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
