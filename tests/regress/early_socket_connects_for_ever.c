/*
 * connect on a socket that was made before the first thread, shared with a child or not, to a server that does not answer: a handler ends it with EINTR, as the old
 * time-out idiom has it, a cancellation ends it, and SO_SNDTIMEO ends it after its time. It went on for as long as the kernel tries,
 * or for twice the time.
 */
#include "must.h"
#include <arpa/inet.h>
#include <netinet/in.h>

enum { TIMED_MS = 1000, FILL = 8 };

static struct sockaddr_in server;
static int early[8];

static void hit(int sig) { (void)sig; }

static void *connects(void *fd)
{
	int r = connect(*(int *)fd, (struct sockaddr *)&server, sizeof(server));

	MUST(r == -1 && errno == EINTR);
	return fd;
}

static void signal_it(pthread_t t)
{
	pause_us(50000); /* it waits by now; and if not, it waits soon */
	while (pthread_kill(t, SIGUSR1) == 0 && pthread_tryjoin_np(t, NULL) == EBUSY)
		pause_us(50000);
}

static void try_all(int *fds)
{
	struct timeval tv = { TIMED_MS / 1000, 0 };
	uint64_t then;
	pthread_t t;
	void *value;
	int took;

	signal_it(start(connects, &fds[0]));

	t = start(connects, &fds[1]);
	pause_us(50000);
	MUST(!pthread_cancel(t) && !pthread_join(t, &value) && value == PTHREAD_CANCELED);

	MUST(!setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 200000 }, { 0, 200000 } }, NULL));
	connects(&fds[2]);
	MUST(!setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL));

	MUST(!setsockopt(fds[3], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	then = now_us();
	MUST(connect(fds[3], (struct sockaddr *)&server, sizeof(server)) == -1 && errno == EINPROGRESS);
	took = (int)((now_us() - then) / 1000);
	MUST(took >= TIMED_MS - 20 && took < 2 * TIMED_MS - 20);
}

int main(void)
{
	socklen_t len = sizeof(server);
	int l = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid = 0;

	server.sin_family = AF_INET;
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MUST(!bind(l, (struct sockaddr *)&server, len) && !listen(l, 0) && !getsockname(l, (struct sockaddr *)&server, &len));
	for (int i = 0; i < FILL; i++) /* its backlog is full then, and it answers nobody */
		(void)!connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&server, sizeof(server));
	for (int i = 0; i < 8; i++) {
		MUST((early[i] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
		if (i == 3 && !(pid = fork())) /* the first four are its, too */
			for (;;)
				pause();
	}
	pause_us(10000);
	on(SIGUSR1, hit, 0);
	on(SIGALRM, hit, 0);
	try_all(early);
	try_all(early + 4);
	return kill(pid, SIGKILL);
}
