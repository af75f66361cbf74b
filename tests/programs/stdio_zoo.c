/*
 * stdio_zoo - waiting inside libc's stdio: fgets on sockets, many readers of one FILE, a pipe that only this process empties,
 * fflush(NULL) and exit while somebody reads, flockfile held across a sleep, cancellation inside fgets and fwrite.
 * modes: native async
 * libc: symbols
 */
#include "ticker.h"
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <wchar.h>

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

static volatile int held;

static void *hold(void *arg)
{
	flockfile(arg);
	held = 1;
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
	held = 0;
	t = spawn(hold, f);
	while (!held)
		usleep(1000);
	fputs("after\n", f); /* waits for the lock */
	join(t);
	fclose(f);
	CHECK_EQ(strcmp(text, "held\nafter\n"), 0);
}

static volatile int flushed;

static void *flush_all(void *arg)
{
	CHECK_EQ(fflush(NULL), 0);
	flushed = 1;
	return arg;
}

/* fflush(NULL) looks into each FILE under its lock: it waits for who reads, and no longer. */
static void flush_while_one_reads(void)
{
	pthread_t reader, flusher;
	int in[2], out[2];
	char byte;
	FILE *f, *g;

	CHECK_EQ(pipe(in), 0);
	CHECK_EQ(pipe(out), 0);
	CHECK((g = fdopen(out[1], "w")) && (f = fdopen(in[0], "r"))); /* the newest is looked at first */
	fputs("x", g);
	reader = spawn(read_line, f);
	usleep(10000);
	flusher = spawn(flush_all, NULL);
	usleep(30000);
	CHECK_EQ(flushed, 0);
	CHECK_EQ(write(in[1], "7\n", 2), 2); /* no dprintf: libc has its list of FILEs locked until fflush is through */
	CHECK_EQ((intptr_t)join(reader), 7);
	join(flusher);
	CHECK_EQ(read(out[0], &byte, 1), 1);
	CHECK_EQ(byte, 'x');
	fclose(f);
	fclose(g);
	close(in[1]);
	close(out[0]);
}

static void *formatted(void *arg)
{
	int a = 0, b = 0;
	char *line = NULL;
	size_t n = 0;

	CHECK_EQ(fscanf(arg, "%d %d\n", &a, &b), 2);
	CHECK_EQ(a * 1000 + b, 12034);
	CHECK_EQ(getline(&line, &n, arg), 6);
	CHECK_EQ(strcmp(line, "lines\n"), 0);
	free(line);
	CHECK_EQ(getc(arg), 'c');
	return NULL;
}

static void *wide(void *arg)
{
	wchar_t line[16];

	CHECK(fgetws(line, 16, arg) != NULL);
	CHECK_EQ(wcscmp(line, L"wide\n"), 0);
	CHECK(fputws(L"answer\n", arg) >= 0);
	CHECK_EQ(fflush(arg), 0);
	return NULL;
}

/* Other ways into a refill, fed in pieces. */
static void all_kinds(void)
{
	void *(*const kinds[])(void *) = { formatted, wide };
	static const char *const feed[] = { "12 34\nlines\nc", "wide\n" };

	for (int i = 0; i < 2; i++) {
		int s[2];
		pthread_t t;
		char back[16];
		FILE *f;

		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
		CHECK((f = fdopen(s[0], "r+")) != NULL);
		t = spawn(kinds[i], f);
		for (const char *c = feed[i]; *c; c++) {
			usleep(1000);
			CHECK_EQ(write(s[1], c, 1), 1);
		}
		if (i == 1)
			CHECK_EQ(read(s[1], back, sizeof(back)), 7);
		join(t);
		fclose(f);
		close(s[1]);
	}
}

static void *hold_stdout(void *arg)
{
	flockfile(stdout);
	usleep(30000);
	funlockfile(stdout);
	return arg;
}

static void *read_byte(void *arg)
{
	return (void *)(intptr_t)fgetc(arg);
}

/* Whoever reads without a buffer flushes stdout first, if that is buffered by lines: it waits for stdout's lock, inside the refill. */
static void unbuffered(void)
{
	pthread_t holder, reader;
	int p[2];
	FILE *f;

	CHECK_EQ(pipe(p), 0);
	CHECK((f = fdopen(p[0], "r")) != NULL);
	setvbuf(f, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	holder = spawn(hold_stdout, NULL);
	reader = spawn(read_byte, f);
	usleep(5000);
	CHECK_EQ(write(p[1], "u", 1), 1);
	CHECK_EQ((intptr_t)join(reader), 'u');
	join(holder);
	fclose(f);
	close(p[1]);
}

static void *count_slowly(void *arg)
{
	usleep(20000);
	return count(arg);
}

/* fclose waits for room, and the number that it frees is as new for the next. */
static void close_waits(void)
{
	static char bulk[200000];
	pthread_t t;
	int p[2], q[2];
	FILE *f;

	CHECK_EQ(pipe(p), 0);
	t = spawn(count_slowly, (void *)(intptr_t)p[0]);
	CHECK((f = fdopen(p[1], "w")) != NULL);
	setvbuf(f, NULL, _IOFBF, sizeof(bulk) + 1);
	CHECK_EQ(fwrite(bulk, 1, sizeof(bulk), f), sizeof(bulk));
	CHECK_EQ(fclose(f), 0);
	CHECK_EQ((intptr_t)join(t), sizeof(bulk));
	close(p[0]);
	CHECK_EQ(pipe(q), 0);
	CHECK_EQ(q[1], p[1]);
	t = spawn(count_slowly, (void *)(intptr_t)q[0]);
	CHECK_EQ(write(q[1], bulk, sizeof(bulk)), sizeof(bulk)); /* waits on that number again */
	close(q[1]);
	CHECK_EQ((intptr_t)join(t), sizeof(bulk));
	close(q[0]);
}

static void *write_much(void *arg)
{
	static char bulk[200000];

	fwrite(bulk, 1, sizeof(bulk), arg);
	return NULL;
}

/* Another one wants the FILE meanwhile, and gets it from the one that is cancelled. */
static void cancelled_writer(void)
{
	pthread_t writer, other;
	int p[2];
	FILE *f;

	CHECK_EQ(pipe(p), 0);
	CHECK((f = fdopen(p[1], "w")) != NULL);
	writer = spawn(write_much, f);
	usleep(10000);
	other = spawn(hold, f);
	usleep(10000);
	CHECK_EQ(pthread_cancel(writer), 0);
	CHECK(join(writer) == PTHREAD_CANCELED);
	join(other);
	close(p[0]);
	fclose(f);
}

/* A child has no readers: every FILE is free there. */
static void forked(void)
{
	pthread_t t;
	pid_t pid;
	int p[2], status;
	FILE *f;

	CHECK_EQ(pipe(p), 0);
	CHECK((f = fdopen(p[0], "r")) != NULL);
	t = spawn(read_line, f);
	usleep(10000);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(10);
		CHECK_EQ(fclose(f), 0);
		CHECK_EQ(fflush(NULL), 0);
		exit(3);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WEXITSTATUS(status), 3);
	CHECK_EQ(write(p[1], "5\n", 2), 2);
	CHECK_EQ((intptr_t)join(t), 5);
	fclose(f);
	close(p[1]);
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
	flush_while_one_reads();
	all_kinds();
	unbuffered();
	close_waits();
	forked();
	cancelled();
	signal(SIGPIPE, SIG_IGN);
	cancelled_writer();
	stop = 1;
	join(t);
	CHECK(largest_gap < 200000000);
	puts("stdio_zoo: sockets, one FILE, own pipe, held lock, flush, kinds, unbuffered, close, fork, cancellation");
	/* Somebody sits in fgets while the process exits. Later versions of libc wait for him, for ever. */
	CHECK_EQ(pipe(p), 0);
	CHECK((f = fdopen(p[0], "r")) != NULL);
	t = spawn(read_line, f);
	usleep(10000);
	if (strverscmp(gnu_get_libc_version(), "2.37") >= 0) {
		CHECK_EQ(write(p[1], "1\n", 2), 2);
		join(t);
	}
	return 0;
}
