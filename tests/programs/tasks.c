/*
 * tasks.c - ten tasks that take 0 to 2 ms: one after the other they finish in order, as threads by completion.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TASKS = 10 };

static void *task(void *arg)
{
	usleep((useconds_t)(random() % 3 * 1000));
	printf("Task %d done\n", (int)(intptr_t)arg);
	return NULL;
}

static void synchronous(void)
{
	for (int i = 1; i <= TASKS; i++)
		task((void *)(intptr_t)i);
}

static void asynchronous(void)
{
	pthread_t threads[TASKS];

	for (int i = 0; i < TASKS; i++) {
		if (pthread_create(&threads[i], NULL, task, (void *)(intptr_t)(i + 1))) {
			fprintf(stderr, "tasks: cannot create a thread\n");
			exit(1);
		}
	}
	for (int i = 0; i < TASKS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	srandom((unsigned)time(NULL) ^ (unsigned)getpid());
	printf("Synchronous:\n");
	synchronous();
	printf("Asynchronous:\n");
	asynchronous();
	return 0;
}
