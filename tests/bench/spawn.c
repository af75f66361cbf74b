/*
 * spawn.c - W3: what a thread costs, created and joined in batches of 1000. Each thread must find its own thread-local variable
 * fresh, and each join must give the value of its thread.
 *
 *   spawn SECONDS          CPU and wall time of a thread
 *   spawn SECONDS churn N  creates and joins N in a row first: memory, mappings and files must end where they began
 */
#include "bench.h"
#include <dirent.h>

enum { BATCH = 1000 };

static __thread long own;

static void *thread(void *arg)
{
	CHECK(own == 0);
	own = (long)arg;
	return (void *)(own ^ 0x5555);
}

static void create_and_join(long n)
{
	static pthread_t threads[BATCH];

	for (long i = 0; i < n; i++)
		PTHREAD(pthread_create(&threads[i], NULL, thread, (void *)(i + 1)));
	for (long i = 0; i < n; i++) {
		void *result;

		PTHREAD(pthread_join(threads[i], &result));
		CHECK((long)result == ((i + 1) ^ 0x5555));
	}
}

static void batches(long n)
{
	for (long i = 0; i < n; i += BATCH)
		create_and_join(BATCH);
}

static long count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	long n = 0;

	CHECK(f != NULL);
	for (int c; (c = getc(f)) != EOF;)
		n += c == '\n';
	fclose(f);
	return n;
}

static long count_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	long n = 0;

	CHECK(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void churn(long n)
{
	long maps, files, rss;

	batches(2 * BATCH); /* what is kept for the next threads is there now */
	maps = count_maps();
	files = count_files();
	rss = proc_value("/proc/self/smaps_rollup", "Rss:");
	for (long i = 0; i < n; i++)
		create_and_join(1);
	rss = proc_value("/proc/self/smaps_rollup", "Rss:") - rss;
	maps = count_maps() - maps;
	files = count_files() - files;
	report("churn_rss_KB", (double)rss);
	report("churn_maps", (double)maps);
	report("churn_files", (double)files);
	CHECK(files == 0);
	CHECK(maps < 16 && rss < 1024); /* a thread that leaks a page or a mapping leaks n of them */
}

int main(int argc, char **argv)
{
	if (argc == 4)
		churn(number(argv[3]));
	cost_of_unit(batches, BATCH, argc > 1 ? atof(argv[1]) : 0.25);
	return 0;
}
