/* must.h - for regress programs: what does not hold ends the program with a line and status 1. */
#ifndef MUST_H
#define MUST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUST(cond)                                                                                                             \
	do {                                                                                                                   \
		if (!(cond)) {                                                                                                 \
			dprintf(2, "%s:%d: %s does not hold (errno %d)\n", __FILE__, __LINE__, #cond, errno);                  \
			_exit(1);                                                                                              \
		}                                                                                                              \
	} while (0)

__attribute__((unused)) static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

__attribute__((unused)) static void pause_us(long us)
{
	struct timespec left = { us / 1000000, us % 1000000 * 1000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

__attribute__((unused)) static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	MUST(!pthread_create(&t, NULL, fn, arg));
	return t;
}

__attribute__((unused)) static void on(int sig, void (*handler)(int), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	MUST(!sigaction(sig, &act, NULL));
}

#endif
