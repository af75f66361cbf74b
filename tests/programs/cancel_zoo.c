/* modes: native async */
/*
 * cancel_zoo.c - proves pthread_cancel: it ends each blocking call that is a cancellation point, runs the cleanup handlers
 * last first, is held back where it is disabled, does nothing in a mutex, and a joiner reads PTHREAD_CANCELED.
 */
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int pair[2], full[2]; /* sockets: nothing to read in pair[0], no room to write in full[0] */
static int empty_pipe[2], full_pipe[2];
static int listener;
static sem_t never, ready;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_t sleeper;
static int order, cleaned;

static void second(void *arg)
{
	CHECK_EQ(order++, 1);
	CHECK(arg == &order);
}

static void first(void *arg)
{
	CHECK_EQ(order++, 0);
	CHECK(arg == &cleaned);
	usleep(100); /* a cleanup handler may wait */
}

static const struct timespec long_time = { 100, 0 };

static void in_sleep(void) { sleep(100); }
static void in_usleep(void) { usleep(100000000); }
static void in_nanosleep(void) { nanosleep(&long_time, NULL); }
static void in_clock_nanosleep(void) { clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, NULL); }
static void in_poll(void) { poll(&(struct pollfd){ pair[0], POLLIN, 0 }, 1, -1); }
static void in_ppoll(void) { ppoll(NULL, 0, &long_time, NULL); }
static void in_recv(void) { recv(pair[0], &(char){ 0 }, 1, 0); }
static void in_recvfrom(void) { recvfrom(pair[0], &(char){ 0 }, 1, 0, NULL, NULL); }
static void in_send(void) { send(full[0], "x", 1, 0); }
static void in_accept(void) { accept(listener, NULL, NULL); }
static void in_sem_wait(void) { sem_wait(&never); }
static void in_join(void) { pthread_join(sleeper, NULL); }
static void in_testcancel(void) { for (;;) { pthread_testcancel(); sched_yield(); } }

static void in_recvmsg(void)
{
	struct iovec iov = { &(char){ 0 }, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	recvmsg(pair[0], &msg, 0);
}

static void in_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pair[0], &set);
	select(pair[0] + 1, &set, NULL, NULL, NULL);
}

static void in_read(void)
{
	CHECK_EQ(read(empty_pipe[0], &(char){ 0 }, 1), 1);
}

static void in_readv(void)
{
	CHECK_EQ(readv(empty_pipe[0], &(struct iovec){ &(char){ 0 }, 1 }, 1), 1);
}

static void in_write(void)
{
	CHECK_EQ(write(full_pipe[1], "x", 1), 1);
}

static void in_sem_clockwait(void)
{
	struct timespec until = in_ms(CLOCK_MONOTONIC, 100000);

	sem_clockwait(&never, CLOCK_MONOTONIC, &until);
}

/* Asynchronous cancelability ends a blocking call as well. */
static void in_async_pause(void)
{
	CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), 0);
	sleep(100);
}

/* Cancellation of a wait for a condition takes the mutex back before the handlers run. */
static void unlocks(void *arg)
{
	CHECK_EQ(pthread_mutex_trylock(arg), EBUSY);
	CHECK_EQ(pthread_mutex_unlock(arg), 0);
}

static void in_cond_wait(void)
{
	CHECK_EQ(pthread_mutex_lock(&lock), 0);
	pthread_cleanup_push(unlocks, &lock);
	for (;;)
		pthread_cond_wait(&cond, &lock);
	pthread_cleanup_pop(0);
}

static void in_cond_timedwait(void)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 100000);

	CHECK_EQ(pthread_mutex_lock(&lock), 0);
	pthread_cleanup_push(unlocks, &lock);
	for (;;)
		pthread_cond_timedwait(&cond, &lock, &until);
	pthread_cleanup_pop(0);
}

#define CASE(name) { #name, name }
static const struct test {
	const char *name;
	void (*blocks)(void);
} cases[] = {
	CASE(in_sleep), CASE(in_usleep), CASE(in_nanosleep), CASE(in_clock_nanosleep), CASE(in_select), CASE(in_poll), CASE(in_ppoll),
	CASE(in_read), CASE(in_readv), CASE(in_write), CASE(in_recv), CASE(in_recvfrom), CASE(in_recvmsg), CASE(in_send),
	CASE(in_accept), CASE(in_sem_wait), CASE(in_sem_clockwait), CASE(in_cond_wait), CASE(in_cond_timedwait), CASE(in_join),
	CASE(in_testcancel), CASE(in_async_pause),
};

static void *blocks(void *arg)
{
	const struct test *t = arg;

	pthread_cleanup_push(second, &order);
	pthread_cleanup_push(first, &cleaned);
	sem_post(&ready);
	t->blocks();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void run_case(const struct test *t)
{
	struct timespec until;
	void *value = NULL;
	pthread_t thread;

	order = 0;
	thread = spawn(blocks, (void *)t);
	CHECK_EQ(sem_wait(&ready), 0);
	usleep(5000); /* it blocks now, most probably; if not yet, it is cancelled on entry */
	CHECK_EQ(pthread_cancel(thread), 0);
	until = in_ms(CLOCK_MONOTONIC, 3000);
	if (pthread_clockjoin_np(thread, &value, CLOCK_MONOTONIC, &until))
		check_failed(__FILE__, __LINE__, t->name, ETIMEDOUT, 0);
	if (value != PTHREAD_CANCELED || order != 2)
		check_failed(__FILE__, __LINE__, t->name, order, 2);
}

/* Disabled: the call runs to its end; enabled again, the next cancellation point acts. */
static void *is_disabled(void *arg)
{
	int old;

	CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
	CHECK_EQ(old, PTHREAD_CANCEL_ENABLE);
	sem_post(&ready);
	CHECK_EQ(read(empty_pipe[0], &(char){ 0 }, 1), 1);
	pthread_testcancel();
	*(int *)arg = 1;
	CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL), 0);
	*(int *)arg = 2;
	pthread_testcancel();
	*(int *)arg = 3;
	return NULL;
}

/* pthread_mutex_lock is no cancellation point. */
static void *in_mutex(void *arg)
{
	sem_post(&ready);
	CHECK_EQ(pthread_mutex_lock(&lock), 0);
	*(int *)arg = 1;
	CHECK_EQ(pthread_mutex_unlock(&lock), 0);
	pthread_testcancel();
	*(int *)arg = 2;
	return NULL;
}

/* A pending cancellation acts on entry: what could be read at once is not consumed. */
static void *pending(void *arg)
{
	CHECK_EQ(pthread_cancel(pthread_self()), 0);
	*(int *)arg = 1;
	CHECK_EQ(read(empty_pipe[0], &(char){ 0 }, 1), 1);
	*(int *)arg = 2;
	return NULL;
}

static void *returns(void *arg)
{
	sem_post(&ready);
	return arg;
}

static void special(void)
{
	int reached = 0;
	pthread_t t = spawn(is_disabled, &reached);

	CHECK_EQ(sem_wait(&ready), 0);
	usleep(5000);
	CHECK_EQ(pthread_cancel(t), 0);
	usleep(5000);
	CHECK_EQ(write(empty_pipe[1], "x", 1), 1);
	CHECK(join(t) == PTHREAD_CANCELED);
	CHECK_EQ(reached, 2);

	reached = 0;
	CHECK_EQ(pthread_mutex_lock(&lock), 0);
	t = spawn(in_mutex, &reached);
	CHECK_EQ(sem_wait(&ready), 0);
	usleep(5000);
	CHECK_EQ(pthread_cancel(t), 0);
	usleep(5000);
	CHECK_EQ(reached, 0);
	CHECK_EQ(pthread_mutex_unlock(&lock), 0);
	CHECK(join(t) == PTHREAD_CANCELED);
	CHECK_EQ(reached, 1);

	reached = 0;
	CHECK_EQ(write(empty_pipe[1], "y", 1), 1);
	CHECK(join(spawn(pending, &reached)) == PTHREAD_CANCELED);
	CHECK_EQ(reached, 1);
	CHECK_EQ(poll(&(struct pollfd){ empty_pipe[0], POLLIN, 0 }, 1, 0), 1);

	t = spawn(returns, &reached);
	CHECK_EQ(sem_wait(&ready), 0);
	usleep(5000);
	CHECK_EQ(pthread_cancel(t), 0); /* it has ended: too late, and no error */
	CHECK(join(t) == &reached);
}

static void fill(int fd)
{
	static const char block[4096];

	while (write(fd, block, sizeof(block)) > 0)
		;
	while (write(fd, block, 1) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
}

static void *sleeps(void *arg)
{
	sleep(100);
	return arg;
}

int main(void)
{
	CHECK_EQ(sem_init(&never, 0, 0), 0);
	CHECK_EQ(sem_init(&ready, 0, 0), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, full), 0);
	CHECK_EQ(pipe(empty_pipe), 0);
	CHECK_EQ(pipe(full_pipe), 0);
	CHECK_EQ(fcntl(full_pipe[1], F_SETFL, O_NONBLOCK), 0);
	fill(full_pipe[1]);
	CHECK_EQ(fcntl(full_pipe[1], F_SETFL, 0), 0);
	CHECK_EQ(fcntl(full[0], F_SETFL, O_NONBLOCK), 0);
	fill(full[0]);
	CHECK_EQ(fcntl(full[0], F_SETFL, 0), 0);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(listen(listener, 1), 0);
	sleeper = spawn(sleeps, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(&cases[i]);
	special();
	CHECK_EQ(pthread_cancel(sleeper), 0);
	CHECK(join(sleeper) == PTHREAD_CANCELED);
	printf("cancel_zoo: %zu blocking calls cancelled\n", sizeof(cases) / sizeof(cases[0]));
	return 0;
}
