/*
 * What SIGEV_THREAD calls ran in a kernel thread of libc's, at the same time as a greenlet: here both add to a plain counter. And a program
 * whose main has ended lives on for its timer.
 * libc: symbols
 */
#include "must.h"
#include <aio.h>
#include <mqueue.h>
#include <netdb.h>
#include <sys/syscall.h>

static long own_tid;
static bool shared; /* one kernel thread for all, as under the shim */
static volatile int count;
static atomic_int calls;

static void add_many(void)
{
	for (int i = 0; i < 2000000; i++)
		count++;
}

/* What runs greenlets, where gettid tells them apart. */
static pid_t kernel_thread(void)
{
	char path[64] = "";

	MUST(readlink("/proc/thread-self", path, sizeof(path) - 1) > 0);
	return (pid_t)atoi(strrchr(path, '/') + 1);
}

static void called(union sigval v)
{
	(void)v;
	MUST((kernel_thread() == own_tid) == shared);
	add_many();
	calls++;
}

static void end(union sigval v)
{
	(void)v;
	exit(0);
}

static void await(int n)
{
	for (int i = 0; calls < n && i < 10000; i++)
		pause_us(1000);
	MUST(calls == n);
}

static void once(struct sigevent *e, int nth)
{
	struct itimerspec soon = { .it_value = { 0, 1 } };
	struct gaicb name = { .ar_name = "127.0.0.1" }, *names[] = { &name };
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 8 };
	struct aiocb cb = { .aio_sigevent = *e, .aio_buf = &attr, .aio_nbytes = 1 };
	char text[32];
	timer_t timer;
	mqd_t queue;

	switch (nth) {
	case 0:
		MUST(!timer_create(CLOCK_MONOTONIC, e, &timer) && !timer_settime(timer, 0, &soon, NULL));
		add_many();
		await(1);
		MUST(!timer_delete(timer));
		break;
	case 1:
		MUST(!getaddrinfo_a(GAI_NOWAIT, names, 1, e));
		add_many();
		await(2);
		freeaddrinfo(name.ar_result);
		break;
	case 2:
		MUST((cb.aio_fildes = open("/proc/self/stat", O_RDONLY)) >= 0 && !aio_read(&cb));
		add_many();
		await(3);
		MUST(!aio_error(&cb) && aio_return(&cb) == 1);
		close(cb.aio_fildes);
		break;
	case 3:
		snprintf(text, sizeof(text), "/notify-%d", (int)getpid());
		queue = mq_open(text, O_CREAT | O_RDWR, 0600, &attr);
		MUST(queue >= 0 && !mq_unlink(text) && !mq_notify(queue, e) && !mq_send(queue, "m", 1, 0));
		add_many();
		await(4);
		mq_close(queue);
		break;
	}
}

static void *nothing(void *arg)
{
	return arg;
}

int main(void)
{
	struct sigevent e = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = called };
	struct itimerspec soon = { .it_value = { 0, 50000000 } };
	const char *preload = getenv("LD_PRELOAD");
	timer_t timer;

	shared = preload && strstr(preload, "libgpatch");
	own_tid = kernel_thread();
	for (int i = 0; i < 4; i++)
		once(&e, i);
	MUST(!shared || count == 8 * 2000000);
	MUST(!pthread_join(start(nothing, NULL), NULL));
	e.sigev_notify_function = end;
	MUST(!timer_create(CLOCK_MONOTONIC, &e, &timer) && !timer_settime(timer, 0, &soon, NULL));
	alarm(10);
	pthread_exit(NULL);
}
