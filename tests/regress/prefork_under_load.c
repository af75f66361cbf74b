/*
 * A pre-fork server under load: four children, each with threads, accept on one socket, one of them a native process; two hundred clients
 * come again and again. Each request is answered, each child takes its share, and all end when they are told to.
 */
#include "must.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define CHILDREN  4
#define ACCEPTERS 3
#define CLIENTS   200
#define VISITS    10 /* at least */
#define REQUESTS  4

struct shared {
	struct sockaddr_in address;
	int listener;
	atomic_ulong visits[CHILDREN], answers[CHILDREN];
};

static struct shared *shared;
static int me;
static sem_t over;

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char text[32];
	ssize_t n;

	while ((n = recv(fd, text, sizeof(text), 0)) > 0) {
		shared->answers[me]++;
		MUST(send(fd, text, (size_t)n, MSG_NOSIGNAL) == n);
	}
	MUST(!n && !close(fd));
	return NULL;
}

static void *accepter(void *arg)
{
	pthread_attr_t detached;
	pthread_t t;
	int fd;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	while ((fd = accept(shared->listener, NULL, NULL)) >= 0) {
		shared->visits[me]++;
		MUST(!pthread_create(&t, &detached, serve, (void *)(intptr_t)fd));
	}
	return arg;
}

static void told(int sig)
{
	(void)sig;
	sem_post(&over);
}

static void child(int i)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	me = i;
	sem_init(&over, 0, 0);
	on(SIGTERM, told, SA_RESTART);
	for (int k = 0; k < ACCEPTERS; k++)
		start(accepter, NULL);
	while (sem_wait(&over))
		MUST(errno == EINTR);
	exit(40 + i);
}

static void visit(int number)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), back[2];

	MUST(fd >= 0 && !connect(fd, (struct sockaddr *)&shared->address, sizeof(shared->address)));
	for (int i = 0; i < REQUESTS; i++) {
		int text[2] = { number, i };

		MUST(send(fd, text, sizeof(text), 0) == sizeof(text));
		MUST(recv(fd, back, sizeof(back), MSG_WAITALL) == sizeof(back) && !memcmp(back, text, sizeof(text)));
	}
	close(fd);
}

/* Beyond their visits until each child has had one: who takes a connection is the kernel's choice. */
static bool all_seen(void)
{
	for (int i = 0; i < CHILDREN; i++)
		if (!shared->visits[i])
			return false;
	return true;
}

static atomic_ulong visits;

static void *client(void *arg)
{
	for (int i = 0; i < VISITS || (!all_seen() && i < 100 * VISITS); i++) {
		visit((int)(intptr_t)arg * 1000 + i);
		visits++;
	}
	return NULL;
}

/* One of the four has no shim, whatever the others have. */
static void native_child(char *self, int memory)
{
	char number[16];

	unsetenv("LD_PRELOAD");
	snprintf(number, sizeof(number), "%d", memory);
	execl("/proc/self/exe", self, number, (char *)NULL);
	_exit(99);
}

int main(int argc, char **argv)
{
	int memory = argc > 1 ? atoi(argv[1]) : memfd_create("shared", 0), st;
	pthread_t clients[CLIENTS];
	unsigned long sum[2] = { 0 };
	socklen_t len = sizeof(shared->address);
	pid_t pids[CHILDREN];

	MUST(argc > 1 || !ftruncate(memory, 4096));
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	MUST(shared != MAP_FAILED);
	if (argc > 1)
		child(CHILDREN - 1);
	shared->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	MUST((shared->listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	MUST(!bind(shared->listener, (struct sockaddr *)&shared->address, len) && !listen(shared->listener, CLIENTS));
	MUST(!getsockname(shared->listener, (struct sockaddr *)&shared->address, &len));
	for (int i = 0; i < CHILDREN; i++)
		if (!(pids[i] = fork())) {
			if (i == CHILDREN - 1)
				native_child(argv[0], memory);
			child(i);
		}
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = start(client, (void *)(intptr_t)i);
	for (int i = 0; i < CLIENTS; i++)
		MUST(!pthread_join(clients[i], NULL));
	for (int i = 0; i < CHILDREN; i++) {
		MUST(!kill(pids[i], SIGTERM) && waitpid(pids[i], &st, 0) == pids[i]);
		if (st != (40 + i) << 8)
			fprintf(stderr, "child %d: %x\n", i, (unsigned)st);
		MUST(st == (40 + i) << 8);
		sum[0] += shared->visits[i];
		sum[1] += shared->answers[i];
	}
	if (getenv("TELL"))
		for (int i = 0; i < CHILDREN; i++)
			printf("%d: %lu visits\n", i, (unsigned long)shared->visits[i]);
	MUST(all_seen() && sum[0] == visits && sum[1] == REQUESTS * visits);
	return 0;
}
