/* link: -lgpatch */
/* modes: async */
/*
 * tasks_api.c - the twin of tasks.c on the greenlet API.
 */
#include "greenlet.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TASKS = 10 };

static void *task(void *arg)
{
	greenlet_sleep((uint64_t)(random() % 3) * 1000000);
	printf("Task %d done\n", (int)(intptr_t)arg);
	return NULL;
}

static void synchronous(void)
{
	for (int i = 1; i <= TASKS; i++)
		task((void *)(intptr_t)i);
}

static int asynchronous(void)
{
	greenlet_t *greenlets[TASKS];

	for (int i = 0; i < TASKS; i++) {
		greenlets[i] = greenlet_spawn(task, (void *)(intptr_t)(i + 1));
		if (!greenlets[i]) {
			fprintf(stderr, "tasks_api: cannot spawn a greenlet\n");
			return 1;
		}
	}
	if (greenlet_joinall(greenlets, TASKS, GREENLET_FOREVER) != TASKS)
		return 1;
	for (int i = 0; i < TASKS; i++)
		greenlet_release(greenlets[i]);
	return 0;
}

int main(void)
{
	srandom((unsigned)time(NULL) ^ (unsigned)getpid());
	printf("Synchronous:\n");
	synchronous();
	printf("Asynchronous:\n");
	return asynchronous();
}
