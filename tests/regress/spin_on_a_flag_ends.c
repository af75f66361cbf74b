/*
 * `while (!flag);` without a call into libc: the thread that would set the flag must get its turn (redis-server with io-threads
 * hung for good).
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static volatile int flag;

static void *set(void *arg)
{
	usleep(1000);
	flag = 1;
	return arg;
}

int main(void)
{
	for (int i = 0; i < 50; i++) {
		pthread_t t;

		flag = 0;
		if (pthread_create(&t, NULL, set, NULL))
			return 1;
		while (!flag)
			;
		pthread_join(t, NULL);
	}
	puts("ok");
	return 0;
}
