/* The first deadlines of a process come when it may have no more memory: a sleep returned ENOMEM at once, and what loops around it span. */
#include "must.h"
#include <sys/resource.h>

static void *sleeps(void *arg)
{
	struct rlimit none = { 1, 1 };
	uint64_t before = now_us();
	sem_t sem;

	MUST(!setrlimit(RLIMIT_AS, &none));
	MUST(!sem_init(&sem, 0, 0));
	MUST(!usleep(20000));
	MUST(now_us() - before >= 20000);
	MUST(sem_timedwait(&sem, &(struct timespec){ time(NULL) - 1, 0 }) && errno == ETIMEDOUT);
	MUST(!poll(NULL, 0, 20));
	MUST(now_us() - before >= 40000);
	return arg;
}

int main(void)
{
	MUST(!pthread_join(start(sleeps, NULL), NULL));
	return 0;
}
