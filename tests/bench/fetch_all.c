/*
 * fetch_all.c - W6: one thread for each of N HTTP fetches, all at once, from a server that takes 50 ms.
 *
 *   fetch_all PORT N
 */
#include "bench.h"
#include "http.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct sockaddr_in server = { .sin_family = AF_INET };

static void *fetch(void *arg)
{
	char text[HTTP_TEXT], expected[HTTP_TEXT], request[64];
	size_t have = 0, len = http_answer(expected, (long)arg);
	int fd = MUST(socket(AF_INET, SOCK_STREAM, 0)), sent = sprintf(request, "GET /%ld HTTP/1.0\r\n\r\n", (long)arg);
	long long t = now_ns();
	ssize_t n;

	MUST(connect(fd, (struct sockaddr *)&server, sizeof(server)));
	CHECK(send(fd, request, (size_t)sent, 0) == sent);
	while ((n = MUST(recv(fd, text + have, sizeof(text) - have, 0))) > 0)
		have += (size_t)n;
	CHECK(have == len && !memcmp(text, expected, len));
	CHECK(now_ns() - t >= HTTP_DELAY_MS * 1000000ll);
	MUST(close(fd));
	return arg;
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? number(argv[2]) : 0;
	pthread_t *threads = allocate((size_t)n, sizeof(*threads));
	long long t = now_ns(), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	need_files(n);
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.sin_port = htons((uint16_t)number(argv[1]));
	for (long i = 0; i < n; i++)
		PTHREAD(pthread_create(&threads[i], NULL, fetch, (void *)i));
	for (long i = 0; i < n; i++) {
		void *result;

		PTHREAD(pthread_join(threads[i], &result));
		CHECK((long)result == i);
	}
	report("wall_ms", (double)(now_ns() - t) / 1e6);
	report("cpu_ms", (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e6);
	return 0;
}
