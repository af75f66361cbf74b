/*
 * crowd.c - what it costs when very many wait for one thing, or very many things happen at once. A step that looks at all who
 * wait shows as a price for each that grows with their number.
 *
 *   crowd cond N   N threads wait for one condition variable, one broadcast
 *   crowd mutex N  N threads wait for one mutex, held until all are there
 *   crowd fds N    N threads read from a descriptor of their own each, and all of these become readable
 */
#include "bench.h"
#include <sys/eventfd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;
static bool gone;
static long arrived, *woken;
static int *fds;
static long long *at;

static void *wait_cond(void *arg)
{
	PTHREAD(pthread_mutex_lock(&lock));
	arrived++;
	while (!gone)
		PTHREAD(pthread_cond_wait(&go, &lock));
	at[(long)arg] = now_ns();
	woken[(long)arg]++;
	PTHREAD(pthread_mutex_unlock(&lock));
	return NULL;
}

static void *wait_mutex(void *arg)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELAXED);
	PTHREAD(pthread_mutex_lock(&lock));
	CHECK(gone);
	at[(long)arg] = now_ns();
	woken[(long)arg]++;
	PTHREAD(pthread_mutex_unlock(&lock));
	return NULL;
}

static void *wait_fd(void *arg)
{
	uint64_t value;

	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELAXED);
	CHECK(read(fds[(long)arg], &value, sizeof(value)) == sizeof(value));
	at[(long)arg] = now_ns();
	woken[(long)arg]++;
	CHECK(value == (uint64_t)(long)arg + 1);
	return NULL;
}

static void wait_for_all(long n)
{
	while (__atomic_load_n(&arrived, __ATOMIC_RELAXED) < n)
		usleep(1000);
	usleep(50000); /* from the last line before its wait into the wait */
}

static long long release(long n, const char *what)
{
	long long t = now_ns();

	if (!strcmp(what, "fds")) {
		for (long i = 0; i < n; i++)
			CHECK(write(fds[i], &(uint64_t){ (uint64_t)i + 1 }, 8) == 8);
		return t;
	}
	if (!strcmp(what, "cond")) {
		PTHREAD(pthread_mutex_lock(&lock));
		PTHREAD(pthread_cond_broadcast(&go));
	}
	gone = true;
	PTHREAD(pthread_mutex_unlock(&lock));
	return t;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? number(argv[2]) : 0;
	void *(*wait)(void *) = !strcmp(what, "cond") ? wait_cond : !strcmp(what, "mutex") ? wait_mutex : wait_fd;
	pthread_t *threads = allocate((size_t)n, sizeof(*threads));
	struct samples s = { 0 };
	long long t, last = 0;

	at = allocate((size_t)n, sizeof(*at));
	woken = allocate((size_t)n, sizeof(*woken));
	fds = allocate((size_t)n, sizeof(*fds));
	if (wait == wait_fd)
		need_files(n);
	for (long i = 0; wait == wait_fd && i < n; i++)
		fds[i] = MUST(eventfd(0, 0));
	if (wait == wait_mutex)
		PTHREAD(pthread_mutex_lock(&lock));
	for (long i = 0; i < n; i++)
		PTHREAD(pthread_create(&threads[i], NULL, wait, (void *)i));
	wait_for_all(n);
	t = release(n, what);
	for (long i = 0; i < n; i++) {
		PTHREAD(pthread_join(threads[i], NULL));
		CHECK(woken[i] == 1 && at[i] >= t);
		last = at[i] > last ? at[i] : last;
		sample(&s, at[i] - t);
	}
	report("each_ns", (double)(last - t) / (double)n);
	report("p99_us", percentile(&s, 0.99) / 1e3);
	return 0;
}
