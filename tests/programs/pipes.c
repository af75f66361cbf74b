/* modes: native async */
/*
 * pipes.c - proves blocking read and write on pipes: 8 MiB through a chain of threads whose chunks are smaller and larger than a
 * pipe holds; a write returns when all is written, the last close is EOF, and a pipe without readers gives EPIPE.
 */
#include "check.h"
#include <signal.h>

enum { STAGES = 5, TOTAL = 8 << 20, LARGEST = 200000 };

struct stage {
	int in, out;
	size_t chunk;
	unsigned char add;
};

static unsigned char pattern(size_t i)
{
	return (unsigned char)((uint32_t)i * 2654435761u >> 24);
}

static void *source(void *arg)
{
	struct stage *s = arg;
	unsigned char *buf = malloc(s->chunk);

	for (size_t at = 0, n; at < TOTAL; at += n) {
		n = TOTAL - at < s->chunk ? TOTAL - at : s->chunk;
		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(at + i);
		CHECK_EQ(write(s->out, buf, n), n);
	}
	CHECK_EQ(close(s->out), 0);
	free(buf);
	return NULL;
}

static void *filter(void *arg)
{
	struct stage *s = arg;
	unsigned char *buf = malloc(s->chunk);
	ssize_t n;

	while ((n = read(s->in, buf, s->chunk)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			buf[i] = (unsigned char)(buf[i] + s->add);
		CHECK_EQ(write(s->out, buf, (size_t)n), n);
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(close(s->in), 0);
	CHECK_EQ(close(s->out), 0);
	free(buf);
	return NULL;
}

static size_t drain(int fd, unsigned char added)
{
	static unsigned char buf[LARGEST];
	size_t at = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			CHECK_EQ(buf[i], (unsigned char)(pattern(at + (size_t)i) + added));
		at += (size_t)n;
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(close(fd), 0);
	return at;
}

static void *write_until_epipe(void *arg)
{
	static char buf[LARGEST];
	int fd = (int)(intptr_t)arg;
	ssize_t n = write(fd, buf, sizeof(buf));

	/* It blocks in the middle; when the reader goes, what was written counts, and the next write tells. */
	CHECK(n > 0 && n < LARGEST);
	CHECK_ERR(write(fd, buf, 1), EPIPE);
	CHECK_EQ(close(fd), 0);
	return NULL;
}

int main(void)
{
	struct stage stages[STAGES] = { { .chunk = 131072 },
					{ .chunk = 1000, .add = 3 },
					{ .chunk = 65536, .add = 5 },
					{ .chunk = 4097, .add = 7 },
					{ .chunk = LARGEST, .add = 11 } };
	pthread_t threads[STAGES], writer;
	int fds[2], in = -1;
	char c;

	for (int i = 0; i < STAGES; i++) {
		CHECK_EQ(pipe(fds), 0);
		stages[i].in = in;
		stages[i].out = fds[1];
		in = fds[0];
		threads[i] = spawn(i == 0 ? source : filter, &stages[i]);
	}
	CHECK_EQ(drain(in, 3 + 5 + 7 + 11), TOTAL);
	for (int i = 0; i < STAGES; i++)
		join(threads[i]);

	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(pipe(fds), 0);
	writer = spawn(write_until_epipe, (void *)(intptr_t)fds[1]);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	usleep(10000);
	CHECK_EQ(close(fds[0]), 0);
	join(writer);
	printf("pipes: %d bytes through %d threads, all equal\n", TOTAL, STAGES);
	return 0;
}
