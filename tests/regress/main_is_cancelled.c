/*
 * main is cancelled, wherever it is: the others go on, a join of it gives PTHREAD_CANCELED, and the process ends with the last thread.
 * Where main met the request inside libc's own code, it ended the process; a join gave NULL; a thread that computes, cancelled
 * asynchronously, went on for ever.
 */
#include "must.h"

#include <sys/wait.h>

static pthread_t main_thread;
static bool cleaned;

static void *cancel_main(void *arg)
{
	void *value = NULL;

	pause_us(20000);
	MUST(!pthread_cancel(main_thread));
	MUST(!pthread_join(main_thread, &value));
	MUST(value == PTHREAD_CANCELED);
	MUST(cleaned);
	pause_us(20000); /* after main */
	_exit(7);
	return arg;
}

static void clean(void *arg)
{
	(void)arg;
	cleaned = true;
}

/* Waits until it is cancelled, with the request to be met by the next call. */
static void ignore_it(void)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pause_us(60000);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
}

static void in_testcancel(void)
{
	ignore_it();
	pthread_testcancel();
}

static void in_fsync(void)
{
	ignore_it();
	fsync(STDERR_FILENO);
}

static void in_read(void)
{
	int p[2];
	char c;

	MUST(!pipe(p));
	read(p[0], &c, 1);
}

static void in_fgets(void)
{
	int p[2];
	char line[8];
	FILE *f;

	MUST(!pipe(p) && (f = fdopen(p[0], "r")));
	fgets(line, sizeof(line), f);
}

static void computing(void)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (volatile unsigned i = 0;; i++)
		;
}

static void yielding(void)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;)
		sched_yield();
}

static void *compute(void *arg)
{
	computing();
	return arg;
}

static void a_thread_that_computes(void)
{
	pthread_t t;
	void *value;

	MUST(!pthread_create(&t, NULL, compute, NULL));
	pause_us(20000);
	MUST(!pthread_cancel(t) && !pthread_join(t, &value) && value == PTHREAD_CANCELED);
}

int main(void)
{
	static void (*const where[])(void) = { in_testcancel, in_fsync, in_read, in_fgets, computing, yielding };

	a_thread_that_computes();
	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		int status;
		pid_t pid = fork();
		pthread_t t;

		if (!pid) {
			alarm(10);
			main_thread = pthread_self();
			MUST(!pthread_create(&t, NULL, cancel_main, NULL));
			pthread_cleanup_push(clean, NULL);
			where[i]();
			pthread_cleanup_pop(0);
			_exit(1);
		}
		MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
		MUST(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	}
	puts("ok");
	return 0;
}
