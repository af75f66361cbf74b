/*
 * Two threads that join each other were told of a deadlock, EDEADLK, though one was cancelled. And a join that need not wait was a
 * cancellation point.
 */
#include "must.h"

static pthread_t main_thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int joins, joined;

static void *joins_main(void *arg)
{
	joins++;
	pthread_join(main_thread, NULL);
	return arg;
}

static void *nothing(void *arg)
{
	return arg;
}

static void *joins_the_ended(void *other)
{
	pthread_t t = *(pthread_t *)other;

	pthread_mutex_lock(&lock); /* until it has ended */
	pthread_mutex_unlock(&lock);
	pthread_cancel(pthread_self());
	MUST(!pthread_join(t, NULL));
	joined++;
	pthread_testcancel();
	return NULL;
}

int main(void)
{
	pthread_t t, ended;
	void *value;

	main_thread = pthread_self();
	t = start(joins_main, NULL);
	while (!joins)
		pause_us(1000);
	pause_us(20000);
	MUST(!pthread_cancel(t) && !pthread_join(t, &value) && value == PTHREAD_CANCELED);

	pthread_mutex_lock(&lock);
	ended = start(nothing, NULL);
	t = start(joins_the_ended, &ended);
	pause_us(50000);
	pthread_mutex_unlock(&lock);
	MUST(!pthread_join(t, &value) && value == PTHREAD_CANCELED && joined == 1);
	return 0;
}
