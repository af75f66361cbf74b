/*
 * names - many getaddrinfo at once against a slow server of our own, first by UDP, then by TCP: the answers come together, and the
 * others run meanwhile. A thread's _res says whom it asks.
 * modes: native async
 * libc: symbols
 */
#include "ticker.h"
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <sys/resource.h>
#include <sys/socket.h>

#ifndef NAMES
#define NAMES 50
#endif
#define DELAY_MS 300

static struct sockaddr_in server = { .sin_family = AF_INET };
static int by_tcp;

/* The question with an address behind it: 10.0 and the number in hostN. The length of it all. */
static int answer(unsigned char *m, int len)
{
	static const unsigned char record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0 };
	int n = atoi((char *)m + 12 + 1 + 4);
	unsigned char *end = m + 12;

	while (*end)
		end += *end + 1;
	end += 5;
	CHECK(end - m <= len);
	m[2] = 0x84;
	m[3] = 0x80;
	memset(m + 6, 0, 6);
	m[7] = 1;
	memcpy(end, record, sizeof(record));
	end[sizeof(record)] = (unsigned char)(n >> 8);
	end[sizeof(record) + 1] = (unsigned char)n;
	return (int)(end - m) + (int)sizeof(record) + 2;
}

struct query {
	uint64_t due;
	struct sockaddr_in from;
	int len;
	unsigned char text[512];
};
static struct query queries[2 * NAMES];
static volatile int came;

/* Each answer is due DELAY_MS after its question. */
static void *send_answers(void *arg)
{
	for (int i = 0; !stop; i++) {
		while (i == came && !stop)
			usleep(1000);
		if (stop)
			break;
		while (now_ns() < queries[i].due)
			usleep(1000);
		queries[i].len = answer(queries[i].text, queries[i].len);
		sendto((int)(intptr_t)arg, queries[i].text, (size_t)queries[i].len, 0, (struct sockaddr *)&queries[i].from, sizeof(server));
	}
	return NULL;
}

static void *udp_server(void *arg)
{
	pthread_t t = spawn(send_answers, arg);

	while (came < NAMES) {
		struct query *q = &queries[came];
		socklen_t size = sizeof(q->from);

		q->len = (int)recvfrom((int)(intptr_t)arg, q->text, 300, 0, (struct sockaddr *)&q->from, &size);
		CHECK(q->len > 12);
		q->due = now_ns() + DELAY_MS * 1000000;
		came++;
	}
	join(t);
	return NULL;
}

static void *serve(void *arg)
{
	unsigned char m[600];
	int fd = (int)(intptr_t)arg;

	CHECK_EQ(recv(fd, m, 2, MSG_WAITALL), 2);
	CHECK_EQ(recv(fd, m + 2, (size_t)(m[0] << 8 | m[1]), MSG_WAITALL), m[0] << 8 | m[1]);
	usleep(DELAY_MS * 1000);
	int n = answer(m + 2, m[0] << 8 | m[1]);
	m[0] = (unsigned char)(n >> 8);
	m[1] = (unsigned char)n;
	CHECK_EQ(send(fd, m, (size_t)n + 2, 0), n + 2);
	close(fd);
	return NULL;
}

static void *tcp_server(void *arg)
{
	pthread_t t[NAMES];

	for (int i = 0; i < NAMES; i++) {
		int fd = accept((int)(intptr_t)arg, NULL, NULL);

		CHECK(fd >= 0);
		t[i] = spawn(serve, (void *)(intptr_t)fd);
	}
	for (int i = 0; i < NAMES; i++)
		join(t[i]);
	return NULL;
}

static void *look_up(void *arg)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list = NULL;
	int n = (int)(intptr_t)arg;
	char name[40];

	CHECK_EQ(res_init(), 0);
	_res.nscount = 1;
	_res.nsaddr_list[0] = server;
	_res.retrans = 20; /* a loaded machine is no reason to ask twice */
	if (by_tcp)
		_res.options |= RES_USEVC;
	snprintf(name, sizeof(name), "host%d.names.test.", n);
	CHECK_EQ(getaddrinfo(name, "80", &hints, &list), 0);
	CHECK_EQ(ntohl(((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr.s_addr), 10u << 24 | (unsigned)n);
	freeaddrinfo(list);
	return NULL;
}

static void all_at_once(void)
{
	pthread_t t[NAMES], srv;
	socklen_t size = sizeof(server);
	uint64_t start;
	int fd = socket(AF_INET, by_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);

	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.sin_port = 0;
	CHECK_EQ(bind(fd, (struct sockaddr *)&server, sizeof(server)), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&server, &size), 0);
	if (by_tcp)
		CHECK_EQ(listen(fd, NAMES), 0);
	srv = spawn(by_tcp ? tcp_server : udp_server, (void *)(intptr_t)fd);
	start = now_ns();
	for (int i = 0; i < NAMES; i++)
		t[i] = spawn(look_up, (void *)(intptr_t)(i + 1));
	for (int i = 0; i < NAMES; i++)
		join(t[i]);
	CHECK(now_ns() - start >= DELAY_MS * 1000000ull);
	CHECK(now_ns() - start < NAMES * (DELAY_MS * 1000000ull) / 4); /* not one after the other */
	stop = !by_tcp;
	join(srv);
	stop = 0;
	close(fd);
}

int main(void)
{
	struct rlimit files;
	pthread_t t;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < 16384 ? files.rlim_max : 16384;
	setrlimit(RLIMIT_NOFILE, &files);
	all_at_once();
	t = spawn(ticker, NULL);
	by_tcp = 1;
	all_at_once();
	came = by_tcp = 0;
	all_at_once();
	stop = 1;
	join(t);
	CHECK(largest_gap < 200000000);
	printf("names: %d by UDP and by TCP\n", NAMES);
	return 0;
}
