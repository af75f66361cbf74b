/* modes: native async */
/*
 * echo_threads.c - proves accept, connect, send, recv and EOF between the two ends of a TCP connection in one process: a
 * server with a thread for each connection, and 32 clients that get back every byte they sent.
 */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { CLIENTS = 32, MESSAGES = 20, LARGEST = 16384 };

static struct sockaddr_in server_addr;

static void send_all(int fd, const char *data, size_t n)
{
	CHECK_EQ(send(fd, data, n, 0), n);
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[5000];
	ssize_t n;
	size_t total = 0;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		send_all(fd, buf, (size_t)n);
		total += (size_t)n;
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(close(fd), 0);
	return (void *)total;
}

static void *accept_all(void *arg)
{
	int listener = (int)(intptr_t)arg;
	pthread_t threads[CLIENTS];
	size_t total = 0;

	for (int i = 0; i < CLIENTS; i++) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		int fd = accept(listener, (struct sockaddr *)&peer, &len);

		CHECK(fd >= 0);
		CHECK_EQ(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
		threads[i] = spawn(serve, (void *)(intptr_t)fd);
	}
	for (int i = 0; i < CLIENTS; i++)
		total += (size_t)join(threads[i]);
	return (void *)total;
}

static void *client(void *arg)
{
	unsigned seed = (unsigned)(intptr_t)arg + 1;
	char out[LARGEST], in[LARGEST];
	size_t total = 0;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd >= 0);
	CHECK_EQ(connect(fd, (struct sockaddr *)&server_addr, sizeof(server_addr)), 0);
	for (int i = 0; i < MESSAGES; i++) {
		size_t size = (size_t)rand_r(&seed) % LARGEST + 1, got = 0;

		for (size_t j = 0; j < size; j++)
			out[j] = (char)rand_r(&seed);
		send_all(fd, out, size);
		while (got < size) {
			ssize_t n = recv(fd, in + got, size - got, 0);
			CHECK(n > 0);
			got += (size_t)n;
		}
		CHECK_EQ(memcmp(in, out, size), 0);
		total += size;
	}
	CHECK_EQ(shutdown(fd, SHUT_WR), 0);
	CHECK_EQ(recv(fd, in, sizeof(in), 0), 0);
	CHECK_EQ(close(fd), 0);
	return (void *)total;
}

int main(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	pthread_t acceptor, clients[CLIENTS];
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	size_t sent = 0;

	CHECK(listener >= 0);
	CHECK_EQ(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(listen(listener, CLIENTS), 0);
	CHECK_EQ(getsockname(listener, (struct sockaddr *)&server_addr, &len), 0);
	acceptor = spawn(accept_all, (void *)(intptr_t)listener);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = spawn(client, (void *)(intptr_t)i);
	for (int i = 0; i < CLIENTS; i++)
		sent += (size_t)join(clients[i]);
	CHECK_EQ((size_t)join(acceptor), sent);
	close(listener);
	printf("echo_threads: %d clients, %d messages, %zu bytes, all came back\n", CLIENTS, CLIENTS * MESSAGES, sent);
	return 0;
}
