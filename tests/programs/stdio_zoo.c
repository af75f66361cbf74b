/*
 * stdio_zoo - waiting inside libc's stdio: fgets on sockets, many readers of one FILE, a pipe that only this process empties,
 * fflush(NULL) and exit while somebody reads, flockfile held across a sleep, cancellation inside fgets.
 * modes: native async
 * libc: symbols
 */
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

static volatile int stop;
static uint64_t largest_gap;

/* Whoever stops the others shows here. */
static void *ticker(void *arg)
{
	uint64_t last = now_ns();

	while (!stop) {
		usleep(1000);
		if (now_ns() - last > largest_gap)
			largest_gap = now_ns() - last;
		last = now_ns();
	}
	return arg;
}

static void *read_line(void *arg)
{
	char line[64];

	CHECK(fgets(line, sizeof(line), arg) != NULL);
	return (void *)(intptr_t)atoi(line);
}

static void two_sockets(void)
{
	int a[2], b[2];
	pthread_t ta, tb;
	FILE *fa, *fb;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	CHECK((fa = fdopen(a[0], "r+")) && (fb = fdopen(b[0], "r+")));
	ta = spawn(read_line, fa);
	tb = spawn(read_line, fb);
	usleep(50000);
	dprintf(b[1], "22\n");
	CHECK_EQ((intptr_t)join(tb), 22);
	dprintf(a[1], "1");
	usleep(20000);
	dprintf(a[1], "1\n");
	CHECK_EQ((intptr_t)join(ta), 11);
	fclose(fa);
	fclose(fb);
	close(a[1]);
	close(b[1]);
}

enum { LINES = 400, READERS = 4 };
static int seen[LINES];

static void *read_many(void *arg)
{
	char line[64];

	while (fgets(line, sizeof(line), arg)) {
		CHECK_EQ(strlen(line), 11); /* whole */
		__atomic_add_fetch(&seen[atoi(line)], 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void one_file(void)
{
	pthread_t t[READERS];
	int p[2];
	FILE *f;

	CHECK_EQ(pipe(p), 0);
	CHECK((f = fdopen(p[0], "r")) != NULL);
	for (int i = 0; i < READERS; i++)
		t[i] = spawn(read_many, f);
	for (int i = 0; i < LINES; i++) {
		char line[16];
		int n = snprintf(line, sizeof(line), "%010d\n", i);

		for (int k = 0; k < n; k++)
			CHECK_EQ(write(p[1], line + k, 1), 1);
	}
	close(p[1]);
	for (int i = 0; i < READERS; i++)
		join(t[i]);
	for (int i = 0; i < LINES; i++)
		CHECK_EQ(seen[i], 1);
	fclose(f);
}

enum { BULK = 2000000 };

static void *count(void *arg)
{
	static char buf[30000];
	long total = 0;
	ssize_t n;

	while ((n = read((int)(intptr_t)arg, buf, sizeof(buf))) > 0)
		total += n;
	return (void *)total;
}

static void own_pipe(void)
{
	pthread_t t;
	int p[2];
	FILE *f;

	CHECK_EQ(pipe(p), 0);
	t = spawn(count, (void *)(intptr_t)p[0]);
	CHECK((f = fdopen(p[1], "w")) != NULL);
	for (int i = 0; i < BULK / 20; i++)
		CHECK_EQ(fprintf(f, "%019d\n", i), 20);
	fclose(f);
	CHECK_EQ((intptr_t)join(t), BULK);
	close(p[0]);
}

static void *hold(void *arg)
{
	flockfile(arg);
	usleep(30000);
	fputs("held\n", arg);
	funlockfile(arg);
	return NULL;
}

static void held_lock(void)
{
	char text[64] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");
	pthread_t t;

	CHECK(f != NULL);
	t = spawn(hold, f);
	usleep(5000);
	fputs("after\n", f); /* waits for the lock */
	join(t);
	fclose(f);
	CHECK_EQ(strcmp(text, "held\nafter\n"), 0);
}

static void cancelled(void)
{
	char line[64];
	pthread_t t;
	int p[2];
	FILE *f;

	CHECK_EQ(pipe(p), 0);
	CHECK((f = fdopen(p[0], "r")) != NULL);
	t = spawn(read_line, f);
	usleep(10000);
	CHECK_EQ(pthread_cancel(t), 0);
	CHECK(join(t) == PTHREAD_CANCELED);
	dprintf(p[1], "again\n");
	CHECK(fgets(line, sizeof(line), f) && !strcmp(line, "again\n")); /* its lock is free */
	fclose(f);
	close(p[1]);
}

int main(void)
{
	pthread_t t = spawn(ticker, NULL);
	int p[2];
	FILE *f;

	two_sockets();
	one_file();
	own_pipe();
	held_lock();
	cancelled();
	stop = 1;
	join(t);
	CHECK(largest_gap < 200000000);
	puts("stdio_zoo: sockets, one FILE, own pipe, held lock, cancellation");
	/* Somebody sits in fgets while the process exits. */
	CHECK_EQ(pipe(p), 0);
	CHECK((f = fdopen(p[0], "r")) != NULL);
	spawn(read_line, f);
	usleep(10000);
	return 0;
}
