/*
 * A storm of signals that main handles, and that all other threads have blocked: poll, ppoll, select, pselect, recv, read from a terminal,
 * accept and mq_receive in these never say EINTR, miss nothing that came, and stop nobody else. The look that does not wait was ended by them: the program got
 * EINTR, or the call was taken for one that would not wait.
 */
#define TICK_US 1000
#include "must.h"
#include "ticker.h"
#include <mqueue.h>
#include <netinet/in.h>
#include <pty.h>
#include <sys/select.h>

enum { ROUNDS = 1500 };

static atomic_int caught;
static struct sockaddr_in addr = { .sin_family = AF_INET };
static int terminal[2];

static void hit(int sig)
{
	(void)sig;
	caught++;
}

static bool by_poll(int fd)
{
	return poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, -1) == 1;
}

static bool by_ppoll(int fd)
{
	return ppoll(&(struct pollfd){ fd, POLLIN, 0 }, 1, NULL, NULL) == 1;
}

static bool by_select(int fd)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, NULL) == 1;
}

static bool by_pselect(int fd)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return pselect(fd + 1, &set, NULL, NULL, NULL, NULL) == 1;
}

static bool by_recv(int fd)
{
	(void)fd;
	return true;
}

static bool (*const waits[])(int) = { by_poll, by_ppoll, by_select, by_pselect, by_recv };
enum { WAITS = sizeof(waits) / sizeof(waits[0]) };

struct player {
	int fd, me;
	bool (*wait)(int);
};

static void *plays(void *arg)
{
	struct player *p = arg;
	int fd = p->fd, me = p->me;
	char c;

	for (int i = 0; i < ROUNDS; i++) {
		MUST(!me || send(fd, "x", 1, 0) == 1);
		MUST(p->wait(fd) && recv(fd, &c, 1, 0) == 1);
		MUST(me || send(fd, "x", 1, 0) == 1);
	}
	return NULL;
}

static void *accepts(void *arg)
{
	int l = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(addr);

	MUST(!listen(l, 100) && !getsockname(l, (struct sockaddr *)&addr, &len));
	sem_post(arg);
	for (int i = 0; i < ROUNDS / 10; i++) {
		int fd = accept(l, NULL, NULL);

		MUST(fd >= 0 && !close(fd));
	}
	return NULL;
}

static void *connects(void *arg)
{
	for (int i = 0; i < ROUNDS / 10; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		MUST(!connect(fd, (struct sockaddr *)&addr, sizeof(addr)) && !close(fd));
		pause_us(200);
	}
	return arg;
}

static void *reads_terminal(void *arg)
{
	char c;

	for (int i = 0; i < ROUNDS / 10; i++)
		MUST(read(terminal[1], &c, 1) == 1);
	return arg;
}

static void *types(void *arg)
{
	for (int i = 0; i < ROUNDS / 10; i++) {
		MUST(write(terminal[0], "\n", 1) == 1);
		pause_us(200);
	}
	return arg;
}

static void *receives(void *queue)
{
	char c;

	for (int i = 0; i < ROUNDS; i++)
		MUST(mq_receive(*(mqd_t *)queue, &c, 1, NULL) == 1);
	return queue;
}

static void *sends(void *queue)
{
	for (int i = 0; i < ROUNDS; i++)
		MUST(!mq_send(*(mqd_t *)queue, "x", 1, 0));
	return queue;
}

static pid_t storm(void)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		while (!kill(parent, SIGUSR1))
			pause_us(20);
		_exit(0);
	}
	return pid;
}

int main(void)
{
	struct player player[2 * WAITS];
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 1 };
	pthread_t t[2 * WAITS + 6];
	char name[40];
	mqd_t queue;
	sigset_t set;
	pid_t pid;
	sem_t listening;
	int n = 0, st, fds[2];

	MUST(!openpty(&terminal[0], &terminal[1], NULL, NULL, NULL));
	sem_init(&listening, 0, 0);
	snprintf(name, sizeof(name), "/gpatch-%d", getpid());
	MUST((queue = mq_open(name, O_CREAT | O_RDWR, 0600, &attr)) >= 0 && !mq_unlink(name));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	MUST(!pthread_sigmask(SIG_BLOCK, &set, NULL));
	on(SIGUSR1, hit, SA_RESTART);
	pid = storm();
	start(ticker, NULL);
	while (n < 2 * WAITS) {
		MUST(n % 2 || !socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
		player[n] = (struct player){ fds[n % 2], n % 2, waits[n / 2] };
		t[n] = start(plays, &player[n]);
		n++;
	}
	t[n++] = start(accepts, &listening);
	MUST(!sem_wait(&listening));
	t[n++] = start(connects, NULL);
	t[n++] = start(reads_terminal, NULL);
	t[n++] = start(types, NULL);
	t[n++] = start(receives, &queue);
	t[n++] = start(sends, &queue);
	MUST(!pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	alarm(50);
	while (n--)
		MUST(!pthread_join(t[n], NULL));
	MUST(caught > 100 && ticks > 10);
	MUST(!kill(pid, SIGKILL) && waitpid(pid, &st, 0) == pid);
	return 0;
}
