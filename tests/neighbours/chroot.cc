// In an empty directory nothing can be opened any more: 1,000 threads are made, cancelled, and throw.
#include <pthread.h>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

static int thrown, cancelled;

static void *one(void *arg)
{
	if (arg) {
		for (;;)
			pause();
	}
	try {
		usleep(10);
		throw 1;
	} catch (int n) {
		thrown += n;
	}
	return nullptr;
}

int main()
{
	char dir[] = "/tmp/empty-XXXXXX";

	if (!mkdtemp(dir) || chroot(dir) || chdir("/"))
		return 77;
	for (long i = 0; i < 1000; i++) {
		pthread_t t;
		void *r;

		if (pthread_create(&t, nullptr, one, (void *)(i % 2)))
			return 1;
		if (i % 2)
			pthread_cancel(t);
		pthread_join(t, &r);
		cancelled += r == PTHREAD_CANCELED;
	}
	printf("%d thrown, %d cancelled\n", thrown, cancelled);
	return 0;
}
