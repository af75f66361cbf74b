/* modes: none */
/*
 * time_server.c - tells the time over HTTP as {"datetime": ...} after a random delay; blocking calls, a thread for each connection.
 * SIGTERM and SIGINT end it with status 0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static unsigned delay_min = 50, delay_max = 150;

static void stop(int sig)
{
	(void)sig;
	_exit(0);
}

static void sleep_ms(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static int send_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return -1;
		data += sent;
		n -= (size_t)sent;
	}
	return 0;
}

/* Reads up to the empty line that ends a request's head. 0, or -1 where the client left or says too much. */
static int read_head(int fd, char *head, size_t size)
{
	size_t n = 0;

	while (n < size - 1) {
		ssize_t got = recv(fd, head + n, size - 1 - n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		n += (size_t)got;
		head[n] = '\0';
		if (strstr(head, "\r\n\r\n"))
			return 0;
	}
	return -1;
}

static void answer(int fd, const char *status, const char *body)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
			 strlen(body), body);

	send_all(fd, text, (size_t)n);
}

static void tell_time(int fd)
{
	char body[128], date[32];
	struct timespec now;
	struct tm tm;

	sleep_ms(delay_min + random() % (delay_max - delay_min + 1));
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
	snprintf(body, sizeof(body), "{\"datetime\": \"%s.%06ldZ\"}\n", date, now.tv_nsec / 1000);
	answer(fd, "200 OK", body);
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char head[4096];

	if (read_head(fd, head, sizeof(head)) == 0) {
		if (strncmp(head, "GET ", 4))
			answer(fd, "405 Method Not Allowed", "{\"error\": \"only GET\"}\n");
		else if (strncmp(head + 4, "/time.json ", 11) && strncmp(head + 4, "/time.json?", 11))
			answer(fd, "404 Not Found", "{\"error\": \"only /time.json\"}\n");
		else
			tell_time(fd);
	}
	close(fd);
	return NULL;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, (struct sockaddr *)&addr, len) ||
	    listen(fd, SOMAXCONN) || getsockname(fd, (struct sockaddr *)&addr, &len)) {
		fprintf(stderr, "time_server: 127.0.0.1:%u: %s\n", port, strerror(errno));
		exit(1);
	}
	printf("listening on 127.0.0.1:%u\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

static void accept_for_ever(int listener)
{
	pthread_attr_t detached;
	pthread_t thread;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	for (;;) {
		int fd = accept(listener, NULL, NULL), on_error;

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
				sleep_ms(10);
			else if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK)
				exit(1);
			continue;
		}
		on_error = pthread_create(&thread, &detached, serve, (void *)(intptr_t)fd);
		if (on_error) {
			fprintf(stderr, "time_server: no thread for a connection: %s\n", strerror(on_error));
			close(fd);
		}
	}
}

static int parse(int argc, char **argv, unsigned long *port)
{
	char *end;
	int c, used;

	opterr = 0;
	while ((c = getopt(argc, argv, "p:d:")) != -1) {
		used = 0;
		if (c == 'p') {
			*port = strtoul(optarg, &end, 10);
			if (end == optarg || *end || *optarg == '-' || *port > 65535)
				return -1;
		} else if (c != 'd' || sscanf(optarg, "%5u-%5u%n", &delay_min, &delay_max, &used) != 2 || optarg[used] ||
			   delay_min > delay_max || delay_max > 60000) {
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	unsigned long port = 8000;

	if (parse(argc, argv, &port)) {
		fprintf(stderr, "usage: time_server [-p PORT] [-d MIN-MAX]   (delay in milliseconds, 50-150 by default; port 0: any)\n");
		return 2;
	}
	srandom((unsigned)time(NULL) ^ (unsigned)getpid());
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	accept_for_ever(listen_on((uint16_t)port));
}
