/*
 * Two threads in recv on one socket. The one that was woken for what came has a handler that jumps away, or waits for the other: that one
 * was not woken, and waited for ever beside a socket with data.
 */
#include "must.h"

enum { ROUNDS = 20 };

static sigjmp_buf out;
static sem_t go, got;
static atomic_int ran, taken;
static int fds[2], jump;

static void jumps(int sig)
{
	(void)sig;
	ran++;
	if (jump)
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
	MUST(!sem_wait(&go));
	pause_us(2000); /* both are in recv, main first */
	MUST(send(fds[1], "x", 1, 0) == 1 && !kill(getpid(), SIGUSR1));
	return arg;
}

static void play(void)
{
	struct timespec limit;
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
	start(takes, NULL);
	sem_post(&go);
	if (!sigsetjmp(out, 0)) {
		MUST(!pthread_sigmask(SIG_UNBLOCK, &set, NULL));
		while (!ran)
			recv(fds[0], &c, 1, MSG_PEEK); /* takes nothing: all is the other's */
	}
	MUST(!pthread_sigmask(SIG_BLOCK, &set, NULL));
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 5;
	MUST(!sem_timedwait(&got, &limit));
}

int main(void)
{
	int st;

	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid;

		jump = i % 2;
		if (!(pid = fork())) {
			alarm(10);
			play();
			_exit(0);
		}
		MUST(waitpid(pid, &st, 0) == pid && !st);
	}
	return 0;
}
