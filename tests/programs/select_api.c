/* link: -lgpatch */
/* modes: async */
/*
 * select_api.c - the twin of select.c on the greenlet API: select() itself stays what it was.
 */
#include "greenlet.h"
#include <stdio.h>
#include <sys/select.h>
#include <time.h>

static struct timespec start;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
}

static void *poller(void *arg)
{
	struct timeval two = { 2, 0 };

	printf("Started Polling: at %.1f seconds\n", seconds());
	select(0, NULL, NULL, NULL, &two);
	printf("Ended Polling: at %.1f seconds\n", seconds());
	return arg;
}

static void *worker(void *arg)
{
	printf("Hey lets do some stuff while the greenlets poll, at %.1f seconds\n", seconds());
	greenlet_sleep(1000000000);
	return arg;
}

int main(void)
{
	greenlet_t *greenlets[3];

	clock_gettime(CLOCK_MONOTONIC, &start);
	greenlets[0] = greenlet_spawn(poller, NULL);
	greenlets[1] = greenlet_spawn(poller, NULL);
	greenlets[2] = greenlet_spawn(worker, NULL);
	for (int i = 0; i < 3; i++) {
		if (!greenlets[i]) {
			fprintf(stderr, "select_api: cannot spawn a greenlet\n");
			return 1;
		}
	}
	if (greenlet_joinall(greenlets, 3, GREENLET_FOREVER) != 3)
		return 1;
	for (int i = 0; i < 3; i++)
		greenlet_release(greenlets[i]);
	return 0;
}
