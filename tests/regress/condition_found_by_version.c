/*
 * libfaketime and the sanitizers ask dlvsym for the newer of glibc's two kinds of condition variables, and call what they get. Where that
 * went past us python3 hung under libfaketime: a wait stopped the thread that would have signalled.
 */
#include "must.h"
#include <dlfcn.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;
static int (*wait_for)(pthread_cond_t *, pthread_mutex_t *);
static int (*signal_it)(pthread_cond_t *);

static void *play(void *arg)
{
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 100; i++) {
		while (turn % 2 != (arg != NULL))
			MUST(!wait_for(&cond, &mutex));
		turn++;
		MUST(!signal_it(&cond));
	}
	pthread_mutex_unlock(&mutex);
	return arg;
}

int main(void)
{
	void *(*find)(void *, const char *, const char *) = dlvsym;
	pthread_t a, b;

	wait_for = (int (*)(pthread_cond_t *, pthread_mutex_t *))find(RTLD_DEFAULT, "pthread_cond_wait", "GLIBC_2.3.2");
	signal_it = (int (*)(pthread_cond_t *))find(RTLD_DEFAULT, "pthread_cond_signal", "GLIBC_2.3.2");
	if (!wait_for || !signal_it) { /* another architecture: there is one kind */
		wait_for = pthread_cond_wait;
		signal_it = pthread_cond_signal;
	}
	a = start(play, NULL);
	b = start(play, &b);
	MUST(!pthread_join(a, NULL) && !pthread_join(b, NULL) && turn == 200);
	return 0;
}
