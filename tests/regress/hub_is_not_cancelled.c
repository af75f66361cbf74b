/*
 * A thread that is to be cancelled waits where it cannot be, for a lock, and nobody else is ready. The hub may run on its TCB then, as it
 * does where loading another is a system call; a cancellation point in there would have taken the hub for it.
 */
#include "must.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int got_it, cleaned;

static void clean(void *arg)
{
	(void)arg;
	cleaned++;
	pthread_mutex_unlock(&lock);
}

static void *cancels_itself(void *arg)
{
	MUST(!pthread_cancel(pthread_self()));
	errno = 77;
	MUST(!pthread_mutex_lock(&lock) && errno == 77);
	pthread_cleanup_push(clean, NULL);
	got_it++;
	pthread_testcancel();
	pthread_cleanup_pop(0);
	return arg;
}

int main(void)
{
	void *value;

	for (int i = 1; i <= 20; i++) {
		pthread_t t;

		pthread_mutex_lock(&lock);
		t = start(cancels_itself, NULL);
		pause_us(i % 2 ? 500 : 5000); /* the hub waits in its own set, or in libuv */
		MUST(got_it == i - 1);
		pthread_mutex_unlock(&lock);
		MUST(!pthread_join(t, &value) && value == PTHREAD_CANCELED && got_it == i && cleaned == i);
	}
	return 0;
}
