/* echoes.h - fifty live connections: on fds[i][0] a thread answers each byte that is written to fds[i][1]. */
#ifndef ECHOES_H
#define ECHOES_H

#include "must.h"

enum { ECHOES = 50 };

static int fds[ECHOES][2];
static pthread_t echoes[ECHOES];

static void *echo(void *arg)
{
	int *fd = arg;
	char c;

	while (read(fd[0], &c, 1) == 1)
		MUST(write(fd[0], &c, 1) == 1);
	return NULL;
}

static void start_echoes(void)
{
	for (int i = 0; i < ECHOES; i++) {
		MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]));
		echoes[i] = start(echo, fds[i]);
	}
}

static void end_echoes(void)
{
	for (int i = 0; i < ECHOES; i++) {
		close(fds[i][1]);
		MUST(!pthread_join(echoes[i], NULL));
	}
}

#endif
