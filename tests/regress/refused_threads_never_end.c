/* No memory for another stack: who tries again until others have ended tried for ever, as they could not run meanwhile. */
#include "must.h"

#include <sys/resource.h>

enum { MANY = 3000 };

static atomic_int ran;

static void *runs(void *arg)
{
	ran++;
	return arg;
}

static void *creates(void *arg)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 16 << 20);
	for (int made = 0; made < MANY;)
		made += !pthread_create(&t, &attr, runs, NULL);
	pthread_attr_destroy(&attr);
	return arg;
}

int main(int argc, char **argv)
{
	struct rlimit few = { 400 << 20, 400 << 20 };

	(void)argc;
	if (!getenv("GPATCH_PREEMPT")) /* it would help, every 10 ms */
		MUST(!setenv("GPATCH_PREEMPT", "0", 1) && execv("/proc/self/exe", argv) >= 0);
	MUST(!setrlimit(RLIMIT_AS, &few));
	MUST(!pthread_join(start(creates, NULL), NULL));
	for (int i = 0; i < 10000 && ran < MANY; i++)
		pause_us(1000);
	MUST(ran == MANY);
	return 0;
}
