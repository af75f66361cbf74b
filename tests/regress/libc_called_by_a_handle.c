/*
 * Functions that were looked up in libc's own handle, as ctypes does it, and a library that binds to libc in front of us: what waits there may
 * delay the others where libc is not patched, but it ends, and nothing breaks.
 * libc: symbols
 */
#include "must.h"
#include "ticker.h"
#include <dlfcn.h>

static int (*by_handle_usleep)(useconds_t);
static ssize_t (*by_handle_read)(int, void *, size_t);
static ssize_t (*by_handle_write)(int, const void *, size_t);
static int (*by_handle_lock)(pthread_mutex_t *), (*by_handle_unlock)(pthread_mutex_t *);
static int (*by_handle_poll)(struct pollfd *, nfds_t, int);
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int fds[2], count;

static void *calls(void *arg)
{
	char c = 'x';

	for (int i = 0; i < 20; i++) {
		MUST(!by_handle_usleep(200));
		MUST(by_handle_write(fds[1], &c, 1) == 1 && by_handle_read(fds[0], &c, 1) == 1 && c == 'x');
		MUST(!by_handle_lock(&mutex));
		count++;
		MUST(!by_handle_unlock(&mutex));
		MUST(!by_handle_poll(NULL, 0, 1));
		pause_us(50);
	}
	return arg;
}

int main(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);
	char path[4096] = "";
	pthread_t t[4];
	int then;

	MUST(libc && !pipe(fds));
	by_handle_usleep = (int (*)(useconds_t))dlsym(libc, "usleep");
	by_handle_read = (ssize_t (*)(int, void *, size_t))dlsym(libc, "read");
	by_handle_write = (ssize_t (*)(int, const void *, size_t))dlsym(libc, "write");
	by_handle_lock = (int (*)(pthread_mutex_t *))dlsym(libc, "pthread_mutex_lock");
	by_handle_unlock = (int (*)(pthread_mutex_t *))dlsym(libc, "pthread_mutex_unlock");
	by_handle_poll = (int (*)(struct pollfd *, nfds_t, int))dlsym(libc, "poll");
	start(ticker, NULL);
	for (int i = 0; i < 4; i++)
		t[i] = start(calls, NULL);
	for (int i = 0; i < 4; i++)
		MUST(!pthread_join(t[i], NULL));
	MUST(count == 80);
	MUST(readlink("/proc/self/exe", path, sizeof(path) - 32) > 0);
	*strrchr(path, '/') = '\0';
	strcpy(strrchr(path, '/'), "/lib/slow_load.so");
	MUST(dlopen(path, RTLD_NOW | RTLD_DEEPBIND)); /* its constructor sleeps by libc's usleep */
	then = ticks;
	while (ticks < then + 5)
		pause_us(500);
	_exit(0);
}
