/*
 * echo_threads.c - the server under test of W1 and W2: blocking calls, one thread for each connection.
 *
 *   echo_threads CONNECTIONS            prints "port P", echoes on so many connections until EOF, prints "bytes B"
 *   echo_threads CONNECTIONS hogs       beside a thread whose input never ends, and one that computes 5 ms on each piece of input
 *   echo_threads 1 sink|source BYTES    receives and verifies, or sends, one stream in pieces of 64 KiB
 */
#include "bench.h"
#include "listen.h"
#include "stream.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static long stream_bytes;
static long long hog_pieces; /* touched by its own thread only */

static void *echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[1024];
	long total = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		CHECK(send(fd, buf, (size_t)n, 0) == n);
		total += n;
	}
	MUST(n);
	MUST(close(fd));
	return (void *)total;
}

static void *sink(void *arg)
{
	int fd = (int)(intptr_t)arg;
	static char buf[STREAM_PIECE];
	long total = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		CHECK(stream_is(total, buf, (size_t)n));
		total += n;
	}
	MUST(n);
	CHECK(total == stream_bytes);
	CHECK(send(fd, "", 1, 0) == 1); /* all of it is here: ends the client's time */
	MUST(close(fd));
	return (void *)total;
}

static void *source(void *arg)
{
	int fd = (int)(intptr_t)arg;
	long total = 0;

	for (; total < stream_bytes; total += STREAM_PIECE)
		CHECK(send(fd, stream_at(total), STREAM_PIECE, 0) == STREAM_PIECE);
	MUST(close(fd));
	return (void *)total;
}

static void *read_always(void *arg)
{
	char buf[256];

	while (read((int)(intptr_t)arg, buf, sizeof(buf)) > 0)
		;
	return NULL;
}

static void *compute(void *arg)
{
	char buf[256];

	while (read((int)(intptr_t)arg, buf, sizeof(buf)) > 0) {
		long long until = now_ns() + 5000000;

		while (now_ns() < until)
			;
		hog_pieces++;
	}
	return NULL;
}

/* A process of its own keeps the input coming; it dies with us. */
static int endless_input(void)
{
	static char zeros[1 << 16];
	int pair[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	if (MUST(fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		while (send(pair[1], zeros, sizeof(zeros), MSG_NOSIGNAL) > 0)
			;
		_exit(0);
	}
	MUST(close(pair[1]));
	return pair[0];
}

static void start_hogs(void)
{
	int a = endless_input(), b = endless_input();
	pthread_t t;

	PTHREAD(pthread_create(&t, NULL, read_always, (void *)(intptr_t)a));
	PTHREAD(pthread_create(&t, NULL, compute, (void *)(intptr_t)b));
}

int main(int argc, char **argv)
{
	long connections = argc > 1 ? number(argv[1]) : 0, total = 0;
	const char *mode = argc > 2 ? argv[2] : "echo";
	void *(*serve)(void *) = !strcmp(mode, "sink") ? sink : !strcmp(mode, "source") ? source : echo;
	pthread_t *threads = allocate((size_t)connections, sizeof(*threads));
	int listener;

	need_files(connections);
	stream_bytes = argc > 3 ? number(argv[3]) : 0;
	stream_init();
	if (!strcmp(mode, "hogs"))
		start_hogs();
	listener = start_listening(0);
	for (long i = 0; i < connections; i++) {
		int fd = MUST(accept(listener, NULL, NULL));

		PTHREAD(pthread_create(&threads[i], NULL, serve, (void *)(intptr_t)fd));
	}
	for (long i = 0; i < connections; i++) {
		void *bytes;

		PTHREAD(pthread_join(threads[i], &bytes));
		total += (long)bytes;
	}
	printf("bytes %ld\n", total);
	if (!strcmp(mode, "hogs"))
		CHECK(hog_pieces > 0); /* nor does the crowd starve the hog */
	fflush(stdout);
	_exit(0); /* the hogs never end */
}
