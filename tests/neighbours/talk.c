/* Threads that allocate, wait for each other, for a pipe, for a clock: what neighbours could disturb. Prints one line. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 10, ROUNDS = 50 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int done, echoed, fds[2];

static void *work(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		char *block = malloc(100 + (size_t)i);
		struct timespec pause = { 0, 100000 };

		memset(block, i, 100);
		nanosleep(&pause, NULL);
		if (write(fds[1], block, 1) != 1)
			abort();
		pthread_mutex_lock(&mutex);
		done++;
		pthread_cond_signal(&cond);
		pthread_mutex_unlock(&mutex);
		free(block);
	}
	return arg;
}

static void *echo(void *arg)
{
	char c;

	while (read(fds[0], &c, 1) == 1)
		echoed++;
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t[THREADS], e;

	for (int times = argc > 1 ? atoi(argv[1]) : 1; times; times--) {
		done = echoed = 0;
		if (pipe(fds) || pthread_create(&e, NULL, echo, NULL))
			return 1;
		for (int i = 0; i < THREADS; i++)
			if (pthread_create(&t[i], NULL, work, NULL))
				return 1;
		pthread_mutex_lock(&mutex);
		while (done < THREADS * ROUNDS)
			pthread_cond_wait(&cond, &mutex);
		pthread_mutex_unlock(&mutex);
		for (int i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		close(fds[1]);
		pthread_join(e, NULL);
		close(fds[0]);
	}
	printf("%d done, %d echoed\n", done, echoed);
	return 0;
}
