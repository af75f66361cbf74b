/*
 * Two threads in recv on one socket. The one that was woken for what came has a handler that jumps away, or waits for the other: that one
 * was not woken, and waited for ever beside a socket with data.
 */
#include "must.h"

enum { ROUNDS = 500 };

static sigjmp_buf out;
static sem_t go, got;
static atomic_int ran, taken;
static int fds[2];

static void jumps(int sig)
{
	(void)sig;
	ran++;
	if (ran % 2)
		siglongjmp(out, 1);
	while (!taken)
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

static void *takes(void *arg)
{
	char c;

	while (recv(fds[0], &c, 1, 0) == 1) {
		taken = 1;
		sem_post(&got);
	}
	return arg;
}

static void *gives(void *arg)
{
	for (;;) {
		MUST(!sem_wait(&go));
		pause_us(200);
		MUST(send(fds[1], "x", 1, 0) == 1 && !kill(getpid(), SIGUSR1));
	}
	return arg;
}

int main(void)
{
	sigset_t set;
	char c;

	sem_init(&go, 0, 0);
	sem_init(&got, 0, 0);
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	on(SIGUSR1, jumps, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	MUST(!pthread_sigmask(SIG_BLOCK, &set, NULL));
	start(gives, NULL);
	for (volatile int i = 0; i < ROUNDS; i++) {
		taken = 0;
		sem_post(&go);
		if (!sigsetjmp(out, 0)) {
			MUST(!pthread_sigmask(SIG_UNBLOCK, &set, NULL));
			while (ran == i) {
				recv(fds[0], &c, 1, MSG_PEEK); /* takes nothing: all is the other's */
				if (!i && ran == i) /* main was first in line */
					break;
			}
		}
		MUST(!pthread_sigmask(SIG_BLOCK, &set, NULL));
		if (!i)
			start(takes, NULL);
		while (sem_wait(&got))
			MUST(errno == EINTR);
	}
	return 0;
}
