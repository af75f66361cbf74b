/*
 * Two threads wait for a mutex that is released inside waits on a process-shared condition. The first one took it and released it the
 * same way; nobody told the second, who waited for ever.
 */
#include "must.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c;
static bool flag;
static int waiting;

static void *first(void *arg)
{
	pthread_mutex_lock(&m);
	waiting++;
	while (!flag)
		pthread_cond_wait(&c, &m);
	pthread_mutex_unlock(&m);
	return arg;
}

static void *second(void *arg)
{
	for (int n = 0; n < 8;) {
		pthread_mutex_lock(&m);
		n = waiting;
		pthread_mutex_unlock(&m);
	}
	pthread_mutex_lock(&m);
	flag = true;
	pthread_cond_broadcast(&c);
	pthread_mutex_unlock(&m);
	return arg;
}

int main(void)
{
	pthread_condattr_t shared;
	pthread_t t[9];

	pthread_condattr_init(&shared);
	pthread_condattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&c, &shared);
	for (int round = 0; round < 5; round++) {
		flag = false;
		waiting = 0;
		for (int i = 0; i < 8; i++)
			pthread_create(&t[i], NULL, first, NULL);
		pthread_create(&t[8], NULL, second, NULL);
		for (int i = 0; i < 9; i++)
			pthread_join(t[i], NULL);
	}
	return 0;
}
