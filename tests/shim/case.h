/*
 * case.h - the frame of a table of small cases whose answers are printed, so that a native and a preloaded run can be compared.
 *
 *	CASE(recv_bad_fd)
 *	{
 *		SHOW(recv(-1, buf, 1, 0));
 *	}
 *
 * prints "recv_bad_fd.1: ret=-1 errno=EBADF". Nothing that differs between two native runs may be printed: no times, addresses,
 * pids. Times are printed as verdicts (TIMED), and where order matters the order.
 *
 * Cases run in file order in a second thread, beside a third that sleeps a millisecond at a time: a process without threads is
 * none of the shim's business. After a case its threads are joined and every descriptor from 3 up is closed.
 * "program NAME..." runs only the cases whose names begin with one of the words.
 */
#ifndef CASE_H
#define CASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAYBE __attribute__((unused)) static
#define LENGTH(a) ((int)(sizeof(a) / sizeof((a)[0])))

struct test_case {
	const char *name;
	void (*run)(void);
	int line;
};

#define CASE(n)                                                                                                                \
	static void case_##n(void);                                                                                            \
	static struct test_case info_##n = { #n, case_##n, __LINE__ };                                                         \
	static struct test_case *entry_##n __attribute__((section("cases"), used)) = &info_##n;                                \
	static void case_##n(void)
extern struct test_case *__start_cases[], *__stop_cases[];

static const char *case_name;
static int case_step;
static pthread_t main_thread, case_thread;
static atomic_ulong ticks;
static atomic_bool main_waits, all_done;

MAYBE char buf[65536];           /* scratch for small reads and writes; a case finds "0123456789abcdef..." at its start */
MAYBE void *volatile nil;        /* NULL, where a compiler would object */
MAYBE char *volatile bad;        /* an address that faults */
/* A value that a compiler would object to, or reckon with. */
#define HIDDEN(value)                                                                                                          \
	({                                                                                                                     \
		volatile __typeof__(value) hidden_ = (value);                                                                  \
		hidden_;                                                                                                       \
	})

/* ---- what a case prints */

MAYBE const char *errname(int e)
{
	static _Thread_local char number[16];
	const char *name = strerrorname_np(e);

	snprintf(number, sizeof(number), "%d", e);
	return name ? name : number;
}

__attribute__((format(printf, 1, 2))) MAYBE void say(const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	printf("%s.%d: %s\n", case_name, ++case_step, text);
}

MAYBE void show(long long ret, int error, const char *bytes)
{
	char text[256];
	int n = 0;

	if (bytes && ret > 0) {
		n += snprintf(text, sizeof(text), " bytes=");
		for (long long i = 0; i < ret && i < 40; i++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, bytes[i] > ' ' && bytes[i] < 127 ? "%c" : "\\%02x",
				      (unsigned char)bytes[i]);
	}
	say("ret=%lld errno=%s%.*s", ret, errname(error), n, text);
}

/* A call that sets errno. A success must leave errno alone, so it is printed in any case. */
#define SHOW_BYTES(where, call)                                                                                                \
	do {                                                                                                                   \
		errno = 0;                                                                                                     \
		long long ret_ = (long long)(call);                                                                            \
		show(ret_, errno, where);                                                                                      \
	} while (0)
#define SHOW(call) SHOW_BYTES(NULL, call)
/* The same for a call whose success is an arbitrary number. */
#define SHOW_OK(call) SHOW((call) < 0 ? -1 : 0)
/* A call that returns an error number and leaves errno alone. */
#define SHOW_RC(call)                                                                                                          \
	do {                                                                                                                   \
		errno = 0;                                                                                                     \
		int rc_ = (call);                                                                                              \
		say("%s rc=%s%s", #call, errname(rc_), errno ? " and errno is changed" : "");                                  \
	} while (0)

/* The same where errno is not worth a word: natively a failure may leave something there. */
#define SHOW_CODE(call) say("%s rc=%s", #call, errname(call))

/* What a helper thread's call returned: kept by NOTE in the helper, printed by TELL after the join. */
struct note {
	long long ret;
	int error;
	char bytes[64];
	atomic_bool done;
};
MAYBE struct note notes[16];
#define NOTE(slot, call)                                                                                                       \
	do {                                                                                                                   \
		errno = 0;                                                                                                     \
		notes[slot].ret = (long long)(call);                                                                           \
		notes[slot].error = errno;                                                                                     \
		notes[slot].done = true;                                                                                       \
	} while (0)
#define TELL(slot) show(notes[slot].ret, notes[slot].error, notes[slot].bytes[0] ? notes[slot].bytes : NULL)

/* ---- time */

MAYBE uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* From here until the case ends. */
#define MS(ms) (&(struct timespec){ (ms) / 1000, (ms) % 1000 * 1000000L })
#define TV(ms) (&(struct timeval){ (ms) / 1000, (ms) % 1000 * 1000L })

MAYBE struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}
#define AT(clock, ms) (&(struct timespec[1]){ in_ms(clock, ms) }[0])

MAYBE void pause_ms(long ms)
{
	struct timespec left = *MS(ms);

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/*
 * Late is what nobody would call a delay of scheduling. Without the preload no call stops other threads: where the ticker did not
 * come to run then, the machine had no time for it.
 */
MAYBE void verdict(long ms, uint64_t begin, unsigned long ticks_then)
{
	uint64_t took = now_ns() - begin, asked = (uint64_t)ms * 1000000;
	bool stopped = ms >= 20 && ticks == ticks_then && getenv("LD_PRELOAD");

	say("early=%s late=%s others=%s", took < asked ? "yes" : "no", took > asked + 1500000000 ? "yes" : "no",
	    stopped ? "stopped" : "ran");
}

static uint64_t helper_began; /* when the first helper since the last TIMED was made */

/*
 * The statement must take ms milliseconds, never less, and the other threads must go on meanwhile. Where helpers were made just
 * before, the time counts from the first of them: their own delays do.
 */
#define TIMED(ms, ...)                                                                                                         \
	do {                                                                                                                   \
		unsigned long ticks_ = ticks;                                                                                  \
		uint64_t begin_ = helper_began ? helper_began : now_ns();                                                      \
		helper_began = 0;                                                                                              \
		__VA_ARGS__;                                                                                                   \
		verdict(ms, begin_, ticks_);                                                                                   \
	} while (0)

/* ---- helper threads of a case */

struct helper {
	pthread_t thread;
	void (*fn)(long);
	long arg, delay;
	int begun;
};
static struct helper helpers[256];
static int nhelpers;

MAYBE void *help(void *arg)
{
	struct helper *h = arg;

	if (h->delay)
		pause_ms(h->delay);
	__atomic_store_n(&h->begun, 1, __ATOMIC_SEQ_CST);
	h->fn(h->arg);
	return NULL;
}

/* Runs fn(arg) in a thread of its own after ms; joined at the end of the case, or by finish(). */
MAYBE pthread_t later(long ms, void (*fn)(long), long arg)
{
	struct helper *h = &helpers[nhelpers];
	int rc;

	if (!helper_began)
		helper_began = now_ns();
	*h = (struct helper){ .fn = fn, .arg = arg, .delay = ms };
	rc = pthread_create(&h->thread, NULL, help, h);
	if (rc) {
		say("no helper: %s", errname(rc));
		exit(1);
	}
	nhelpers++;
	return h->thread;
}

MAYBE void finish(void)
{
	for (int i = 0; i < nhelpers; i++)
		pthread_join(helpers[i].thread, NULL);
	nhelpers = 0;
}

/* Long enough for a helper just started to be inside the call that it waits in. */
MAYBE void settle(void)
{
	for (int i = 0; i < nhelpers; i++) /* on a busy machine the rest may not be long enough for that */
		while (!helpers[i].delay && !__atomic_load_n(&helpers[i].begun, __ATOMIC_SEQ_CST))
			pause_ms(1);
	pause_ms(40);
}

MAYBE void put(long fd)
{
	(void)!write((int)fd, "x", 1);
}

MAYBE void shut(long fd)
{
	close((int)fd);
}

MAYBE void end_writing(long fd)
{
	shutdown((int)fd, SHUT_WR);
}

MAYBE void end_both(long fd)
{
	shutdown((int)fd, SHUT_RDWR);
}

MAYBE void note_read(long fd)
{
	NOTE(0, read((int)fd, notes[0].bytes, sizeof(notes[0].bytes)));
}

/* ---- descriptors */

MAYBE void must(bool ok, const char *what)
{
	if (ok)
		return;
	say("%s: %s", what, errname(errno));
	exit(1);
}
#define MUST(cond) must(cond, #cond)

MAYBE void pipes(int fds[2])
{
	MUST(pipe(fds) == 0);
}

MAYBE void pair(int fds[2], int type)
{
	MUST(socketpair(AF_UNIX, type, 0, fds) == 0);
}

MAYBE struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

MAYBE struct sockaddr_in name_of(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof(a);

	getsockname(fd, (struct sockaddr *)&a, &len);
	return a;
}

MAYBE int bound(int type)
{
	struct sockaddr_in a = loopback(0);
	int fd = socket(AF_INET, type, 0);

	MUST(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

MAYBE int listener(int backlog)
{
	int fd = bound(SOCK_STREAM);

	MUST(listen(fd, backlog) == 0);
	return fd;
}

MAYBE int connect_to(int fd, int server)
{
	struct sockaddr_in a = name_of(server);

	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

/* fds[0] the client's end, fds[1] the server's */
MAYBE void tcp(int fds[2])
{
	int l = listener(1), on = 1;

	MUST((fds[0] = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && connect_to(fds[0], l) == 0);
	MUST((fds[1] = accept(l, NULL, NULL)) >= 0);
	setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	close(l);
}

MAYBE void udp(int fds[2])
{
	fds[0] = bound(SOCK_DGRAM);
	fds[1] = bound(SOCK_DGRAM);
	MUST(connect_to(fds[0], fds[1]) == 0 && connect_to(fds[1], fds[0]) == 0);
}

MAYBE void set_int(int fd, int option, int value)
{
	MUST(setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) == 0);
}

MAYBE void set_nonblock(int fd)
{
	MUST(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

/* Writes until no more goes in, without waiting. */
MAYBE void stuff(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	static char zeros[4096];

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, zeros, sizeof(zeros)) > 0 || write(fd, zeros, 1) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

/* ---- bulk data: a pattern that notices lost, doubled and swapped bytes */

MAYBE char *pattern(size_t n)
{
	char *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7 + i / 251 + i / 65536);
	return p;
}

static struct {
	size_t total, wrong;
} drained;

/* A slow reader: until EOF, with pauses. */
MAYBE void drain(long fd)
{
	char piece[10000];
	ssize_t n;

	memset(&drained, 0, sizeof(drained));
	for (int i = 0; (n = read((int)fd, piece, sizeof(piece))) > 0; i++) {
		for (ssize_t j = 0; j < n; j++, drained.total++)
			if (piece[j] != (char)(drained.total * 7 + drained.total / 251 + drained.total / 65536))
				drained.wrong++;
		if (i % 32 == 0)
			pause_ms(1);
	}
}

MAYBE void tell_drained(void)
{
	say("arrived=%zu wrong=%zu", drained.total, drained.wrong);
}

/* ---- running */

static int by_line(const void *a, const void *b)
{
	const struct test_case *x = *(struct test_case *const *)a, *y = *(struct test_case *const *)b;

	return x->line != y->line ? x->line - y->line : strcmp(x->name, y->name); /* several of one macro */
}

static void *tick(void *arg)
{
	while (!all_done) {
		pause_ms(1);
		ticks++;
	}
	return arg;
}

static bool wanted(const char *name, char **words)
{
	if (!*words)
		return true;
	for (; *words; words++)
		if (!strncmp(name, *words, strlen(*words)))
			return true;
	return false;
}

static void *run_cases(void *words)
{
	int count = (int)(__stop_cases - __start_cases), ran = 0;

	while (!main_waits) /* pthread_create blocks all signals in main until it returns */
		pause_ms(1);
	case_thread = pthread_self();
	qsort(__start_cases, (size_t)count, sizeof(*__start_cases), by_line);
	for (int i = 0; i < count; i++) {
		if (!wanted(__start_cases[i]->name, words))
			continue;
		case_name = __start_cases[i]->name;
		case_step = 0;
		helper_began = 0;
		memset(notes, 0, sizeof(notes));
		snprintf(buf, sizeof(buf), "0123456789abcdefghijklmnopqrstuvwxyz");
		__start_cases[i]->run();
		finish();
		close_range(3, ~0u, 0);
		ran++;
	}
	printf("%d cases\n", ran);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ticker, cases;

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0); /* a case that crashes or hangs leaves the lines before it */
	signal(SIGPIPE, SIG_IGN);
	close_range(3, ~0u, 0); /* what the parent left open */
	bad = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	main_thread = pthread_self();
	if (bad == MAP_FAILED || pthread_create(&ticker, NULL, tick, NULL) || pthread_create(&cases, NULL, run_cases, argv + 1))
		return 2;
	main_waits = true;
	pthread_join(cases, NULL);
	all_done = true;
	pthread_join(ticker, NULL);
	return 0;
}

#endif
