/*
 * producer_consumer.c - proves that no wake-up of a condition variable is lost or doubled: a bounded queue under one mutex and two
 * conditions; nothing is lost, nothing comes twice, and each consumer sees the items of one producer in order.
 */
#include "check.h"
#include <sched.h>

enum { PRODUCERS = 4, CONSUMERS = 4, ITEMS = 4000, ROOM = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static int queue[ROOM], head, used;
static unsigned char seen[PRODUCERS * ITEMS];

static void put(int item)
{
	CHECK_EQ(pthread_mutex_lock(&lock), 0);
	while (used == ROOM)
		CHECK_EQ(pthread_cond_wait(&not_full, &lock), 0);
	queue[(head + used++) % ROOM] = item;
	CHECK(used <= ROOM);
	CHECK_EQ(pthread_cond_signal(&not_empty), 0);
	CHECK_EQ(pthread_mutex_unlock(&lock), 0);
}

static int take(void)
{
	int item;

	CHECK_EQ(pthread_mutex_lock(&lock), 0);
	while (used == 0)
		CHECK_EQ(pthread_cond_wait(&not_empty, &lock), 0);
	item = queue[head];
	head = (head + 1) % ROOM;
	used--;
	if (item >= 0)
		CHECK_EQ(seen[item]++, 0);
	CHECK_EQ(pthread_cond_signal(&not_full), 0);
	CHECK_EQ(pthread_mutex_unlock(&lock), 0);
	return item;
}

static void *producer(void *arg)
{
	int first = (int)(intptr_t)arg * ITEMS;

	for (int i = 0; i < ITEMS; i++) {
		put(first + i);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static void *consumer(void *arg)
{
	int last[PRODUCERS] = { -1, -1, -1, -1 }, item;
	intptr_t n = 0;

	(void)arg;
	while ((item = take()) >= 0) {
		CHECK(item > last[item / ITEMS]);
		last[item / ITEMS] = item;
		n++;
	}
	return (void *)n;
}

int main(void)
{
	pthread_t producers[PRODUCERS], consumers[CONSUMERS];
	intptr_t total = 0;

	for (intptr_t i = 0; i < CONSUMERS; i++)
		consumers[i] = spawn(consumer, NULL);
	for (intptr_t i = 0; i < PRODUCERS; i++)
		producers[i] = spawn(producer, (void *)i);
	for (int i = 0; i < PRODUCERS; i++)
		join(producers[i]);
	for (int i = 0; i < CONSUMERS; i++)
		put(-1);
	for (int i = 0; i < CONSUMERS; i++)
		total += (intptr_t)join(consumers[i]);
	CHECK_EQ(total, PRODUCERS * ITEMS);
	CHECK_EQ(used, 0);
	CHECK_EQ(memchr(seen, 0, sizeof(seen)) != NULL, 0);
	printf("producer_consumer: %d items, each once and in order\n", PRODUCERS * ITEMS);
	return 0;
}
