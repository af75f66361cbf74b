/* pthread_cond_wait came back after each handler, which POSIX allows and glibc does not do: programs that count on it went on too early. */
#include "must.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, other = PTHREAD_COND_INITIALIZER;
static atomic_int waiting, returned, handled;

static void handle(int sig)
{
	handled++;
	if (sig == SIGUSR2)
		pthread_cond_signal(&cond);
}

static void *waits(void *timed)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += 100;
	MUST(!pthread_mutex_lock(&lock));
	waiting++;
	MUST(!(timed ? pthread_cond_timedwait(&cond, &lock, &at) : pthread_cond_wait(&cond, &lock)));
	returned++;
	MUST(!pthread_mutex_unlock(&lock));
	return NULL;
}

static void *waits_shortly(void *arg)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += 1;
	MUST(!pthread_mutex_lock(&lock));
	waiting++;
	MUST(pthread_cond_timedwait(&other, &lock, &at) == ETIMEDOUT);
	MUST(!pthread_mutex_unlock(&lock));
	return arg;
}

/* Until the handler has run in it. */
static void interrupt(pthread_t t, int sig)
{
	int then = handled;

	MUST(!pthread_kill(t, sig));
	while (handled == then)
		pause_us(1000);
}

static void await(pthread_t t)
{
	(void)t;
	while (!waiting)
		pause_us(1000);
	MUST(!pthread_mutex_lock(&lock) && !pthread_mutex_unlock(&lock));
}

int main(void)
{
	struct sigaction act = { .sa_handler = handle };
	pthread_t t;

	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR2, &act, NULL);
	for (int timed = 0; timed < 2; timed++) {
		waiting = returned = 0;
		t = start(waits, timed ? &lock : NULL);
		await(t);
		for (int i = 0; i < 20; i++)
			interrupt(t, SIGUSR1);
		pause_us(20000);
		MUST(!returned);
		if (timed)
			interrupt(t, SIGUSR2); /* signalled by the handler, where nobody stands in line */
		else
			MUST(!pthread_cond_signal(&cond));
		MUST(!pthread_join(t, NULL) && returned == 1);
	}
	waiting = 0;
	t = start(waits_shortly, NULL);
	await(t);
	interrupt(t, SIGUSR1);
	MUST(!pthread_join(t, NULL));
	return 0;
}
