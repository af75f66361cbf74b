/*
 * A handler that waits itself, in the moment between a recv, poll, select, accept or read that found nothing and its wait: data that come
 * meanwhile were told to nobody, and the call waited for ever. A timer hits four threads in such calls all the time.
 */
#include "must.h"
#include <sys/prctl.h>
#include <sys/select.h>

enum { ROUNDS = 10000, STORM_US = 150 };

static atomic_int caught;
static int fds[4][2];

static void waits(int sig)
{
	int saved = errno;

	(void)sig;
	caught++;
	nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
	errno = saved;
}

/* Natively, too, poll and select end with a handler. */
static void wait_for(int fd, int how)
{
	fd_set set;

	switch (how) {
	case 1:
		while (poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, -1) != 1)
			MUST(errno == EINTR);
		return;
	case 2:
		do {
			FD_ZERO(&set);
			FD_SET(fd, &set);
		} while (select(fd + 1, &set, NULL, NULL, NULL) != 1 && errno == EINTR);
	}
}

static void *plays(void *arg)
{
	int how = (int)(intptr_t)arg, fd = fds[how][0];
	char c;

	for (int i = 0; i < ROUNDS; i++) {
		MUST(write(fd, "x", 1) == 1);
		wait_for(fd, how);
		MUST((how == 3 ? read(fd, &c, 1) : recv(fd, &c, 1, 0)) == 1);
	}
	return NULL;
}

static void *answers(void *arg)
{
	int fd = fds[(intptr_t)arg][1];
	sigset_t all;
	char c;

	sigfillset(&all);
	MUST(!pthread_sigmask(SIG_BLOCK, &all, NULL));
	while (read(fd, &c, 1) == 1)
		MUST(write(fd, &c, 1) == 1);
	return NULL;
}

int main(void)
{
	sigset_t all;
	pthread_t t[4];

	sigfillset(&all);
	MUST(!prctl(PR_SET_TIMERSLACK, 1)); /* else the handler is nearly always at it */
	on(SIGALRM, waits, SA_RESTART);
	for (intptr_t i = 0; i < 4; i++) {
		MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]));
		start(answers, (void *)i);
		t[i] = start(plays, (void *)i);
	}
	MUST(!pthread_sigmask(SIG_BLOCK, &all, NULL));
	MUST(!setitimer(ITIMER_REAL, &(struct itimerval){ { 0, STORM_US }, { 0, STORM_US } }, NULL));
	for (int i = 0; i < 4; i++)
		MUST(!pthread_join(t[i], NULL));
	MUST(caught > 10);
	return 0;
}
