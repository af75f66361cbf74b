/*
 * A signal with SA_RESTART in the middle of a read or write: what came while its handler ran, or together with it, was forgotten, and
 * the call waited for ever. asyncio's subprocesses did this: the end of the pipe and SIGCHLD come at once.
 */
#include "must.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

static int fds[2];
static volatile int ready, handled;

static void slow(int sig)
{
	(void)sig;
	handled = 1;
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	handled = 2;
}

static void *reader(void *arg)
{
	char c = 0;

	ready = 1;
	MUST(read(fds[0], &c, 1) == 1 && c == 'x' && handled == 2);
	return arg;
}

static void *receiver(void *arg)
{
	char c[2];

	ready = 1;
	MUST(recv(fds[0], c, 2, MSG_WAITALL) == 2 && handled == 2);
	return arg;
}

static void *writer(void *arg)
{
	ready = 1;
	MUST(write(fds[1], "x", 1) == 1 && handled == 2);
	return arg;
}

static void let(int *from)
{
	char c[65536];

	MUST(from == &fds[0] ? read(*from, c, sizeof(c)) > 0 : write(*from, "xy", 2) == 2);
}

static void in_a_handler(void *(*body)(void *), int *other)
{
	pthread_t t;

	ready = handled = 0;
	MUST(pthread_create(&t, NULL, body, NULL) == 0);
	while (!ready)
		usleep(1000);
	usleep(20000); /* it waits */
	MUST(pthread_kill(t, SIGUSR1) == 0);
	while (!handled)
		usleep(1000);
	let(other);
	MUST(pthread_join(t, NULL) == 0);
	MUST(close(fds[0]) == 0 && close(fds[1]) == 0);
}

int main(void)
{
	struct sigaction act = { .sa_handler = slow, .sa_flags = SA_RESTART };
	char fill[4096] = { 0 };

	alarm(20);
	MUST(sigaction(SIGUSR1, &act, NULL) == 0);
	MUST(pipe(fds) == 0);
	in_a_handler(reader, &fds[1]);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	in_a_handler(receiver, &fds[1]);
	MUST(pipe(fds) == 0 && fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
	while (write(fds[1], fill, sizeof(fill)) > 0)
		;
	MUST(fcntl(fds[1], F_SETFL, 0) == 0);
	in_a_handler(writer, &fds[0]);
	puts("ok");
	return 0;
}
