/*
 * libc: symbols
 * sigsetjmp saves the mask of the thread that calls it, not what all threads have blocked together: else a jump
 * unblocks what only its thread has blocked, and blocks what happened to wait for a handler.
 */
#include "must.h"

extern int bsd_setjmp(sigjmp_buf env) __asm__("setjmp") __attribute__((returns_twice));

static sem_t over;

static void *beside(void *arg)
{
	MUST(!sem_wait(&over));
	return arg;
}

static uint64_t mask(int how, const sigset_t *set)
{
	sigset_t old;

	MUST(!pthread_sigmask(how, set, &old));
	return *(uint64_t *)&old;
}

static void there_and_back(bool bsd)
{
	sigset_t one, none;
	volatile int times = 0;
	uint64_t before;
	sigjmp_buf env;

	sigemptyset(&none);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR2);
	mask(SIG_SETMASK, &one);
	before = mask(SIG_BLOCK, NULL);
	if (!(bsd ? bsd_setjmp(env) : sigsetjmp(env, 1))) {
		mask(SIG_SETMASK, &none);
		times++;
		siglongjmp(env, 1);
	}
	MUST(times == 1 && mask(SIG_BLOCK, NULL) == before);
	if (!sigsetjmp(env, 0)) { /* saves none */
		mask(SIG_SETMASK, &none);
		siglongjmp(env, 1);
	}
	MUST(!mask(SIG_BLOCK, NULL));
}

static sigjmp_buf early;

int main(void)
{
	volatile bool back = false;
	sigset_t one;
	pthread_t t;

	sem_init(&over, 0, 0);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	mask(SIG_SETMASK, &one);
	if (!sigsetjmp(early, 1)) { /* where there was no thread yet */
		t = start(beside, NULL);
		sigemptyset(&one);
		mask(SIG_SETMASK, &one);
		there_and_back(false);
		there_and_back(true);
		sem_post(&over);
		pthread_join(t, NULL);
		back = true;
		siglongjmp(early, 1);
	}
	MUST(back && mask(SIG_BLOCK, NULL) == 1ull << (SIGUSR1 - 1));
	return 0;
}
