/*
 * libc's own pthread_once and reader-writer locks (getaddrinfo reads gai.conf in a once routine, locale code reads files under a
 * lock): its holder may be switched away from, and whoever wanted the lock then waited in the kernel and stopped everybody for good.
 * libc's entries are called here as libc does it, past our symbols.
 */
#include "must.h"

#include <dlfcn.h>

static int (*once)(pthread_once_t *, void (*)(void));
static int (*rdlock)(pthread_rwlock_t *), (*wrlock)(pthread_rwlock_t *), (*unlock)(pthread_rwlock_t *);
static pthread_once_t control = PTHREAD_ONCE_INIT;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static int runs, inside;

static void routine(void)
{
	usleep(20000);
	runs++;
}

static void *use(void *arg)
{
	MUST(once(&control, routine) == 0 && runs == 1);
	MUST(wrlock(&lock) == 0 && !inside++);
	MUST(wrlock(&lock) == EDEADLK && rdlock(&lock) == EDEADLK);
	usleep(5000);
	MUST(!--inside && unlock(&lock) == 0);
	MUST(rdlock(&lock) == 0 && !inside);
	usleep(5000);
	MUST(unlock(&lock) == 0);
	return arg;
}

int main(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);
	pthread_t t[4];

	MUST(libc && (*(void **)&once = dlsym(libc, "pthread_once")) && (*(void **)&unlock = dlsym(libc, "pthread_rwlock_unlock")));
	MUST((*(void **)&rdlock = dlsym(libc, "pthread_rwlock_rdlock")) && (*(void **)&wrlock = dlsym(libc, "pthread_rwlock_wrlock")));
	for (int i = 0; i < 4; i++)
		MUST(pthread_create(&t[i], NULL, use, NULL) == 0);
	for (int i = 0; i < 4; i++)
		MUST(pthread_join(t[i], NULL) == 0);
	puts("ok");
	return 0;
}
