/*
 * select.c - two threads wait in select() for two seconds while a third goes on; two seconds in all.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static struct timespec start;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
}

static void poll_two_seconds(void)
{
	struct timeval two = { 2, 0 };

	printf("Started Polling: at %.1f seconds\n", seconds());
	select(0, NULL, NULL, NULL, &two);
	printf("Ended Polling: at %.1f seconds\n", seconds());
}

static void *gr1(void *arg)
{
	poll_two_seconds();
	return arg;
}

static void *gr2(void *arg)
{
	poll_two_seconds();
	return arg;
}

static void *gr3(void *arg)
{
	printf("Hey lets do some stuff while the greenlets poll, at %.1f seconds\n", seconds());
	sleep(1);
	return arg;
}

int main(void)
{
	void *(*const entries[])(void *) = { gr1, gr2, gr3 };
	pthread_t threads[3];

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < 3; i++) {
		if (pthread_create(&threads[i], NULL, entries[i], NULL)) {
			fprintf(stderr, "select: cannot create a thread\n");
			return 1;
		}
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
