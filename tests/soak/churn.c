/*
 * churn SECONDS PAUSE_MS (60 0): threads, connections, pipes, timers, streams, look-ups and children come and go; whoever loses
 * sixteen bytes a time has lost megabytes after an hour. What the process holds after a tenth of the time it must hold at the end.
 */
#include "../regress/must.h"

#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>

#define CROWD 40

struct held {
	long rss_kb, maps, fds;
};

static struct sockaddr_in address = { .sin_family = AF_INET };
static pthread_key_t key;
static __thread char *of_thread;
static atomic_long threads, connections;

static void freed(void *p)
{
	free(p);
}

static long lines_of(const char *path, const char *first)
{
	FILE *f = fopen(path, "r");
	char line[4096];
	long n = 0;

	MUST(f);
	while (fgets(line, sizeof(line), f))
		n += first ? (!strncmp(line, first, strlen(first)) ? atol(line + strlen(first)) : 0) : 1;
	fclose(f);
	return n;
}

static struct held look(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct held h = { .rss_kb = lines_of("/proc/self/status", "VmRSS:"), .maps = lines_of("/proc/self/maps", NULL) };

	MUST(d);
	while (readdir(d))
		h.fds++;
	closedir(d);
	return h;
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		MUST(send(fd, buf, (size_t)n, 0) == n);
	MUST(!close(fd));
	return NULL;
}

static void *accepts(void *arg)
{
	int listener = (int)(intptr_t)arg, fd;
	pthread_attr_t detached;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		pthread_t t;

		MUST(!pthread_create(&t, &detached, serve, (void *)(intptr_t)fd));
		threads++;
	}
	return NULL;
}

static void talk(unsigned n)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct linger at_once = { 1, 0 };
	char out[512], in[512];

	MUST(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
	connections++;
	for (unsigned i = 0; i < n % 5; i++) {
		memset(out, (int)(n + i), sizeof(out));
		MUST(send(fd, out, sizeof(out), 0) == sizeof(out));
		MUST(recv(fd, in, sizeof(in), MSG_WAITALL) == sizeof(in));
		MUST(!memcmp(in, out, sizeof(in)));
	}
	if (n % 5) /* no reset: this number comes back before long */
		MUST(!shutdown(fd, SHUT_WR) && recv(fd, in, 1, 0) == 0);
	else
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	MUST(!close(fd));
}

static void wait_in_vain(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	struct timespec at;
	struct pollfd p;
	int ends[2];

	MUST(!pipe(ends));
	p = (struct pollfd){ ends[0], POLLIN, 0 };
	MUST(poll(&p, 1, 1) == 0);
	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_nsec += at.tv_nsec < 998000000 ? 1000000 : 0;
	pthread_mutex_lock(&lock);
	MUST(pthread_cond_timedwait(&never, &lock, &at) == ETIMEDOUT);
	pthread_mutex_unlock(&lock);
	close(ends[0]);
	close(ends[1]);
}

static void wait_in_a_set(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int set = epoll_create1(0), ends[2];

	MUST(set >= 0 && !socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	MUST(!epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &e));
	MUST(epoll_wait(set, &e, 1, 1) == 0 && write(ends[1], "x", 1) == 1 && epoll_wait(set, &e, 1, -1) == 1);
	close(ends[0]);
	close(set);
	close(ends[1]);
}

static void read_a_stream(void)
{
	int ends[2];
	char line[64];
	FILE *f;

	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	f = fdopen(ends[0], "r+");
	MUST(f && dprintf(ends[1], "line\nlast") > 0);
	close(ends[1]);
	MUST(fgets(line, sizeof(line), f) && !strcmp(line, "line\n") && fgets(line, sizeof(line), f) &&
		!fgets(line, sizeof(line), f));
	fclose(f);
}

static void ask_for_a_name(void)
{
	struct addrinfo *a, hints = { .ai_socktype = SOCK_STREAM };

	MUST(!getaddrinfo("localhost", "80", &hints, &a));
	freeaddrinfo(a);
}

static void have_a_child(void)
{
	char answer[8] = "";
	FILE *f = popen("echo a", "r");

	MUST(f && fgets(answer, sizeof(answer), f) && !strcmp(answer, "a\n") && !pclose(f));
}

static void *waits_to_be_cancelled(void *arg)
{
	(void)arg;
	pthread_setspecific(key, malloc(100));
	for (;;)
		pause();
	return NULL;
}

static void cancel_one(void)
{
	pthread_t t = start(waits_to_be_cancelled, NULL);
	void *value;

	threads++;
	MUST(!pthread_cancel(t) && !pthread_join(t, &value) && value == PTHREAD_CANCELED);
}

static void *one(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;

	pthread_setspecific(key, of_thread = malloc(n % 300));
	switch (n % 8) {
	case 0: wait_in_vain(); break;
	case 1: read_a_stream(); break;
	case 2: wait_in_a_set(); break;
	case 3: cancel_one(); break;
	case 4:
		if (n % 7 == 0)
			ask_for_a_name();
		break;
	case 5:
		if (n % 61 == 0)
			have_a_child();
		break;
	default: talk(n);
	}
	return NULL;
}

static void round_of(unsigned *n)
{
	static const size_t sizes[] = { 0, 64 << 10, 256 << 10, 0, 1 << 20 };
	pthread_t crowd[CROWD];

	for (int i = 0; i < CROWD; i++, ++*n) {
		pthread_attr_t attr;

		pthread_attr_init(&attr);
		if (sizes[*n % 5])
			pthread_attr_setstacksize(&attr, sizes[*n % 5]);
		MUST(!pthread_create(&crowd[i], &attr, one, (void *)(uintptr_t)*n));
		pthread_attr_destroy(&attr);
	}
	for (int i = 0; i < CROWD; i++)
		MUST(!pthread_join(crowd[i], NULL));
	threads += CROWD;
}

int main(int argc, char **argv)
{
	uint64_t seconds = argc > 1 ? (uint64_t)atol(argv[1]) : 60, begin = now_us(), until = begin + seconds * 1000000;
	long pause_ms = argc > 2 ? atol(argv[2]) : 0;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(address);
	struct held first = { 0 }, last;
	unsigned n = 0;

	MUST(!pthread_key_create(&key, freed));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MUST(!bind(listener, (struct sockaddr *)&address, len) && !listen(listener, 200));
	MUST(!getsockname(listener, (struct sockaddr *)&address, &len));
	start(accepts, (void *)(intptr_t)listener);
	while (now_us() < until) {
		round_of(&n);
		if (pause_ms)
			pause_us(pause_ms * 1000);
		if (!first.fds && now_us() > begin + seconds * 100000) {
			pause_us(500000);
			first = look();
		}
	}
	pause_us(500000);
	last = look();
	fprintf(stderr, "%ld threads, %ld connections: %ld -> %ld KB, %ld -> %ld maps, %ld -> %ld descriptors\n", (long)threads,
		(long)connections, first.rss_kb, last.rss_kb, first.maps, last.maps, first.fds, last.fds);
	MUST(threads > 1000 && connections > 200);
	MUST(last.fds == first.fds && last.maps <= first.maps + 2 && last.rss_kb <= first.rss_kb + 1024);
	return 0;
}
