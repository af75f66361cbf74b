/*
 * client.c - starts a server and loads it: the client of W1, W2 and W8.
 *
 *   client [options] server args...     the server prints "port P", serves the connections, prints "bytes B" and ends with 0
 *   -p            the server runs on the first CPU only, the client on the last
 *   -n N          connections (1)
 *   -a N          so many of them go on after a first message on each (all)
 *   -t SECONDS    how long to measure (0.5), after a warm-up of a quarter of that
 *   -r REQUESTS   ends after so many instead: for counting what the server does, not how fast
 *   -m            memory of the server for each connection
 *   -o | -i BYTES one stream out to the server or in from it instead of messages
 *
 * A connection has one message of 64 bytes under way; each byte of each answer is compared with what was sent on this connection
 * with this number, and at the end every connection must give EOF and not a byte more.
 */
#include "bench.h"
#include "stream.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct conn {
	int fd;
	uint32_t seq;
	size_t have;
	long long sent_at;
	char in[MESSAGE];
};

static long connections = 1, active, requests, out_bytes, in_bytes;
static double seconds = 0.5;
static bool pinned, memory;

static pid_t server;
static FILE *server_out;
static clockid_t server_cpu;
static struct conn *conns;
static int ep;
static long sent, answered;
static bool stopping, measuring;
static struct samples latency;

static void write_message(char *m, uint32_t conn, uint32_t seq)
{
	uint64_t x = (uint64_t)conn << 32 | seq;

	for (int i = 0; i < MESSAGE; i += 8) {
		x = (x ^ x >> 31) * 0x9e3779b97f4a7c15ull + 1;
		memcpy(m + i, &x, 8);
	}
}

static void say(struct conn *c, long long now)
{
	char m[MESSAGE];

	write_message(m, (uint32_t)(c - conns), ++c->seq);
	c->have = 0;
	c->sent_at = now;
	CHECK(send(c->fd, m, MESSAGE, MSG_NOSIGNAL) == MESSAGE);
	sent++;
}

static void hear(struct conn *c)
{
	ssize_t n = MUST(recv(c->fd, c->in + c->have, MESSAGE - c->have, 0));
	char m[MESSAGE];
	long long now;

	CHECK(n > 0);
	c->have += (size_t)n;
	if (c->have < MESSAGE)
		return;
	write_message(m, (uint32_t)(c - conns), c->seq);
	CHECK(!memcmp(m, c->in, MESSAGE));
	answered++;
	now = now_ns();
	if (measuring)
		sample(&latency, now - c->sent_at);
	if (!stopping && (!requests || sent < requests))
		say(c, now);
}

static void hear_some(void)
{
	struct epoll_event events[256];
	int n = MUST(epoll_wait(ep, events, 256, 30000));

	if (!n)
		die("no answer for 30 s; %ld of %ld messages came back", answered, sent);
	for (int i = 0; i < n; i++)
		hear(events[i].data.ptr);
}

static void pin(bool first, const cpu_set_t *allowed)
{
	cpu_set_t one;
	int cpu = -1;

	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, allowed) && (cpu < 0 || !first))
			cpu = i;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	MUST(sched_setaffinity(0, sizeof(one), &one));
}

static int start_server(char **argv)
{
	int out[2], port;
	cpu_set_t allowed;

	MUST(sched_getaffinity(0, sizeof(allowed), &allowed));
	MUST(pipe(out));
	server = MUST(fork());
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pinned)
			pin(true, &allowed);
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execvp(argv[0], argv);
		die("%s: %s", argv[0], strerror(errno));
	}
	close(out[1]);
	if (pinned)
		pin(false, &allowed);
	PTHREAD(clock_getcpuclockid(server, &server_cpu));
	server_out = fdopen(out[0], "r");
	if (!server_out || fscanf(server_out, "port %d", &port) != 1)
		die("%s did not start", argv[0]);
	return port;
}

static void end_server(long bytes)
{
	long served = -1;
	int status;

	if (fscanf(server_out, " bytes %ld", &served) != 1 || served != bytes)
		die("the server says %ld bytes, not %ld", served, bytes);
	MUST(waitpid(server, &status, 0));
	if (status)
		die("the server ended with wait status %#x", status);
}

static int connected(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));

	MUST(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)));
	return fd;
}

/* Bytes; the exact count of pages, not the kernel's rounded one. */
static long server_memory(const char *file, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)server, file);
	return proc_value(path, name) * 1024;
}

struct memory {
	long rss, page_tables, kernel_stack, slab;
};

static struct memory memory_now(void)
{
	return (struct memory){ .rss = server_memory("smaps_rollup", "Rss:"), .page_tables = server_memory("status", "VmPTE:"),
		.kernel_stack = proc_value("/proc/meminfo", "KernelStack:") * 1024, .slab = proc_value("/proc/meminfo", "Slab:") * 1024 };
}

/* Kernel stacks and slab are the whole machine's; the slab holds both ends of each connection. Compare them with epoll's. */
static void report_memory(const struct memory *before)
{
	struct memory m = memory_now();
	double n = (double)connections;

	report("rss_B", (double)(m.rss - before->rss) / n);
	report("page_tables_B", (double)(m.page_tables - before->page_tables) / n);
	report("kernel_stack_B", (double)(m.kernel_stack - before->kernel_stack) / n);
	report("slab_B", (double)(m.slab - before->slab) / n);
	report("threads", (double)server_memory("status", "Threads:") / 1024);
}

static void wait_for_answers(void)
{
	while (answered < sent)
		hear_some();
}

static void connect_all(int port)
{
	ep = MUST(epoll_create1(0));
	for (long i = 0; i < connections; i++) {
		struct conn *c = &conns[i];

		c->fd = connected(port);
		MUST(epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = c }));
	}
}

static void disconnect_all(void)
{
	for (long i = 0; i < connections; i++)
		MUST(shutdown(conns[i].fd, SHUT_WR));
	for (long i = 0; i < connections; i++) {
		CHECK(recv(conns[i].fd, conns[i].in, 1, 0) == 0);
		MUST(close(conns[i].fd));
	}
}

/* One message on each connection, so that every thread has run, and its stack has been touched. */
static void first_round(void)
{
	stopping = true;
	for (long i = 0; i < connections; i++)
		say(&conns[i], now_ns());
	wait_for_answers();
	stopping = false;
}

static void load(void)
{
	long long from = now_ns() + (long long)(seconds * 0.25e9), to = 0, cpu = 0, t;
	long count = 0;

	for (long i = 0; i < active; i++)
		say(&conns[i], now_ns());
	while (requests ? answered < requests : !stopping) {
		hear_some();
		t = now_ns();
		if (requests || (!measuring && t < from))
			continue;
		if (!measuring) {
			measuring = true;
			from = t;
			to = t + (long long)(seconds * 1e9);
			cpu = clock_ns(server_cpu);
			count = answered;
		} else if (t >= to) {
			cpu = clock_ns(server_cpu) - cpu;
			count = answered - count;
			measuring = false;
			stopping = true;
			report("cpu_us", (double)cpu / 1e3 / (double)count);
			report("requests_s", (double)count * 1e9 / (double)(t - from));
		}
	}
	wait_for_answers();
}

static void messages(int port)
{
	struct memory before = { 0 };

	conns = allocate((size_t)connections, sizeof(*conns));
	if (memory)
		before = memory_now();
	connect_all(port);
	first_round();
	load();
	if (memory)
		report_memory(&before);
	if (latency.n) {
		report("p50_us", percentile(&latency, 0.5) / 1e3);
		report("p99_us", percentile(&latency, 0.99) / 1e3);
		report("p999_us", percentile(&latency, 0.999) / 1e3);
	}
	disconnect_all();
	end_server(answered * MESSAGE);
}

static void stream_out(int fd)
{
	for (long at = 0; at < out_bytes; at += STREAM_PIECE)
		CHECK(send(fd, stream_at(at), STREAM_PIECE, MSG_NOSIGNAL) == STREAM_PIECE);
	MUST(shutdown(fd, SHUT_WR));
	CHECK(recv(fd, &(char){ 0 }, 1, 0) == 1);
}

static void stream_in(int fd)
{
	static char buf[STREAM_PIECE];
	long at = 0;
	ssize_t n;

	while ((n = MUST(recv(fd, buf, sizeof(buf), 0))) > 0) {
		CHECK(stream_is(at, buf, (size_t)n));
		at += n;
	}
	CHECK(at == in_bytes);
}

static void stream(int port)
{
	long bytes = out_bytes + in_bytes;
	long long t = now_ns(), cpu = clock_ns(server_cpu);
	int fd = connected(port);

	stream_init();
	if (out_bytes)
		stream_out(fd);
	else
		stream_in(fd);
	report("MB_s", (double)bytes * 1e3 / (double)(now_ns() - t));
	report("cpu_us_MB", (double)(clock_ns(server_cpu) - cpu) * 1e3 / (double)bytes);
	MUST(close(fd));
	end_server(bytes);
}

int main(int argc, char **argv)
{
	int opt, port;

	while ((opt = getopt(argc, argv, "+pmn:a:t:r:o:i:")) != -1)
		switch (opt) {
		case 'p': pinned = true; break;
		case 'm': memory = true; break;
		case 'n': connections = number(optarg); break;
		case 'a': active = number(optarg); break;
		case 't': seconds = atof(optarg); break;
		case 'r': requests = number(optarg); break;
		case 'o': out_bytes = number(optarg) / STREAM_PIECE * STREAM_PIECE; break;
		case 'i': in_bytes = number(optarg) / STREAM_PIECE * STREAM_PIECE; break;
		default: return 2;
		}
	if (optind == argc)
		die("no server");
	if (!active || active > connections)
		active = connections;
	need_files(connections);
	port = start_server(argv + optind);
	if (out_bytes || in_bytes)
		stream(port);
	else
		messages(port);
	return 0;
}
