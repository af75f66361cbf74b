/*
 * Cancellation of a thread that waits on a process-shared condition came half a second late, when the worker that waits in its place
 * looked up by itself; of an asynchronous one at once, while that worker still wrote to the stack that was gone.
 */
#include "must.h"

enum { ROUNDS = 12 };

static pthread_mutex_t mutex;
static pthread_cond_t cond;
static sem_t sem;
static atomic_int waiting, ticks, unlocked;
static atomic_bool over;

static void *ticker(void *arg)
{
	while (!over) {
		pause_us(2000);
		ticks++;
	}
	return arg;
}

static void unlock(void *arg)
{
	MUST(!pthread_mutex_unlock(arg)); /* it checks the owner */
	unlocked++;
}

static void *waits(void *arg)
{
	long how = (long)arg;

	if (how % 3 == 0) {
		waiting++;
		for (;;)
			sem_wait(&sem);
	}
	if (how % 3 == 1)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	MUST(!pthread_mutex_lock(&mutex));
	pthread_cleanup_push(unlock, &mutex);
	waiting++;
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(1);
	return NULL;
}

int main(void)
{
	pthread_mutexattr_t ma;
	pthread_condattr_t ca;
	pthread_t t, other;
	void *value;

	pthread_mutexattr_init(&ma);
	pthread_mutexattr_settype(&ma, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
	MUST(!pthread_mutex_init(&mutex, &ma));
	pthread_condattr_init(&ca);
	pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
	MUST(!pthread_cond_init(&cond, &ca) && !sem_init(&sem, 1, 0));
	other = start(ticker, NULL);
	for (long i = 0; i < ROUNDS; i++) {
		int before = ticks;

		waiting = 0;
		t = start(waits, (void *)i);
		while (!waiting)
			pause_us(100);
		if (i % 2) /* else before it sleeps */
			pause_us(3000);
		MUST(!pthread_cancel(t));
		MUST(!pthread_join(t, &value) && value == PTHREAD_CANCELED);
		MUST(ticks < before + 100);
	}
	MUST(unlocked == ROUNDS * 2 / 3);
	over = true;
	MUST(!pthread_join(other, NULL));
	MUST(!pthread_mutex_lock(&mutex) && !pthread_mutex_unlock(&mutex));
	return 0;
}
