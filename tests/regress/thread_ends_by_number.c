/* syscall(SYS_exit) ends a thread, natively; it ended the process. */
#include "must.h"

#include <sys/syscall.h>

static pthread_key_t key;
static atomic_int destroyed;

static void destroy(void *p)
{
	(void)p;
	destroyed++;
}

static void *ends(void *arg)
{
	pthread_setspecific(key, arg);
	syscall(SYS_exit, 5);
	return arg;
}

int main(void)
{
	MUST(!pthread_key_create(&key, destroy));
	for (int i = 0; i < 3; i++)
		MUST(!pthread_join(start(ends, &key), NULL) && !destroyed);
	return 0;
}
