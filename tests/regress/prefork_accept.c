/*
 * Four children accept on one listening socket, each with several threads. A connection that another child takes in the moment
 * between must not stop a child: its other threads go on.
 */
#include "must.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define CHILDREN 4
#define ACCEPTERS 4
#define CONNECTIONS 3000

static int listener;
static struct shared {
	atomic_ulong served[CHILDREN], ticks[CHILDREN];
} *shared;
static int me;

static void *accepter(void *arg)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char c;

		MUST(fd >= 0);
		if (read(fd, &c, 1) == 1)
			(void)!write(fd, &c, 1);
		close(fd);
		shared->served[me]++;
	}
	return arg;
}

static void *ticker(void *arg)
{
	for (;;) {
		pause_us(2000);
		shared->ticks[me]++;
	}
	return arg;
}

static void child(int i)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	me = i;
	start(ticker, NULL);
	for (int k = 1; k < ACCEPTERS; k++)
		start(accepter, NULL);
	accepter(NULL);
}

/* With no connection coming nobody may be stuck. */
static void all_must_run(void)
{
	unsigned long then[CHILDREN];

	for (int i = 0; i < CHILDREN; i++)
		then[i] = shared->ticks[i];
	for (int i = 0; i < CHILDREN; i++)
		for (int k = 0; shared->ticks[i] < then[i] + 2; k++) {
			MUST(k < 200);
			pause_us(1000);
		}
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int n = argc > 1 ? atoi(argv[1]) : CONNECTIONS;
	socklen_t len = sizeof(a);
	pid_t pids[CHILDREN];
	unsigned long sum = 0;
	uint64_t begin;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST((listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && !bind(listener, (struct sockaddr *)&a, sizeof(a)));
	MUST(!listen(listener, 128) && !getsockname(listener, (struct sockaddr *)&a, &len));
	for (int i = 0; i < CHILDREN; i++)
		if (!(pids[i] = fork()))
			child(i);
	pause_us(100000);
	begin = now_us();
	for (int i = 0; i < n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char c = (char)i, back = 0;

		MUST(fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)));
		MUST(write(fd, &c, 1) == 1 && read(fd, &back, 1) == 1 && back == c);
		close(fd);
		if (argc == 1 && i % 4 == 3)
			pause_us(300); /* all are waiting again */
		if (argc == 1 && i % 50 == 49)
			all_must_run();
	}
	if (argc > 1)
		printf("%.1f us a connection\n", (double)(now_us() - begin) / n);
	all_must_run();
	for (int i = 0; i < CHILDREN; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
		sum += shared->served[i];
		if (argc > 1)
			printf("child %d: %lu served\n", i, shared->served[i]);
	}
	MUST(sum == (unsigned long)n);
	return 0;
}
