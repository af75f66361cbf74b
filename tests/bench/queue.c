/*
 * queue.c - W7: a bounded queue of 64 places, one mutex and two condition variables, half of the threads produce, half consume.
 * Of each producer the items must come out in order, each once.
 *
 *   queue THREADS SECONDS
 */
#include "bench.h"

enum { PLACES = 64, PRODUCERS = 32 };

static struct item {
	int producer;
	long number;
} places[PLACES];
static unsigned head, tail;
static long taken, last[PRODUCERS]; /* all of these under the lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static long pairs, items_each;

static void *produce(void *arg)
{
	for (long i = 1; i <= items_each; i++) {
		PTHREAD(pthread_mutex_lock(&lock));
		while (tail - head == PLACES)
			PTHREAD(pthread_cond_wait(&not_full, &lock));
		places[tail++ % PLACES] = (struct item){ (int)(intptr_t)arg, i };
		PTHREAD(pthread_cond_signal(&not_empty));
		PTHREAD(pthread_mutex_unlock(&lock));
	}
	return NULL;
}

static void *consume(void *arg)
{
	for (long i = 0; i < items_each; i++) {
		struct item *it;

		PTHREAD(pthread_mutex_lock(&lock));
		while (tail == head)
			PTHREAD(pthread_cond_wait(&not_empty, &lock));
		it = &places[head++ % PLACES];
		CHECK(tail - head < PLACES);
		CHECK(it->number == ++last[it->producer]);
		taken++;
		PTHREAD(pthread_cond_signal(&not_full));
		PTHREAD(pthread_mutex_unlock(&lock));
	}
	return arg;
}

static void run(long items)
{
	pthread_t threads[2 * PRODUCERS];

	items_each = (items + pairs - 1) / pairs;
	taken = 0;
	memset(last, 0, sizeof(last));
	for (long i = 0; i < pairs; i++) {
		PTHREAD(pthread_create(&threads[2 * i], NULL, produce, (void *)i));
		PTHREAD(pthread_create(&threads[2 * i + 1], NULL, consume, NULL));
	}
	for (long i = 0; i < 2 * pairs; i++)
		PTHREAD(pthread_join(threads[i], NULL));
	CHECK(taken == pairs * items_each && head == tail);
	for (long i = 0; i < pairs; i++)
		CHECK(last[i] == items_each);
}

int main(int argc, char **argv)
{
	pairs = argc > 2 ? number(argv[1]) / 2 : 0;
	if (pairs < 1 || pairs > PRODUCERS)
		die("2 to %d threads, and the seconds", 2 * PRODUCERS);
	cost_of_unit(run, 6400, atof(argv[2]));
	return 0;
}
