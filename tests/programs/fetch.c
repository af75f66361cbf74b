/* link: -lcurl -ljansson */
/* modes: none */
/*
 * fetch.c - fetches a JSON document over HTTP with libcurl's blocking calls, first one after the other, then in threads.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
	int pid;
	const char *url;
	char error[CURL_ERROR_SIZE + JSON_ERROR_TEXT_LENGTH];
};

struct body {
	char *data;
	size_t size;
};

static size_t collect(char *data, size_t size, size_t n, void *arg)
{
	struct body *body = arg;
	char *grown = realloc(body->data, body->size + size * n + 1);

	if (!grown)
		return 0;
	memcpy(grown + body->size, data, size * n);
	body->data = grown;
	body->size += size * n;
	return size * n;
}

static int download(struct job *job, struct body *body)
{
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_FAILED_INIT;

	if (curl) {
		curl_easy_setopt(curl, CURLOPT_URL, job->url);
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, job->error);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
		code = curl_easy_perform(curl);
		curl_easy_cleanup(curl);
	}
	if (code != CURLE_OK && !job->error[0])
		snprintf(job->error, sizeof(job->error), "%s", curl_easy_strerror(code));
	return code == CURLE_OK ? 0 : -1;
}

static void *fetch(void *arg)
{
	struct job *job = arg;
	struct body body = { 0 };
	json_error_t why = { .text = "" };
	json_t *root = NULL;
	const char *datetime;

	if (download(job, &body) == 0) {
		root = json_loadb(body.data ? body.data : "", body.size, 0, &why);
		datetime = json_string_value(json_object_get(root, "datetime"));
		if (datetime)
			printf("Process %d: %s\n", job->pid, datetime);
		else
			snprintf(job->error, sizeof(job->error), "%s", root ? "no datetime in the answer" : why.text);
	}
	json_decref(root);
	free(body.data);
	return NULL;
}

static void synchronous(struct job *jobs, int n)
{
	printf("Synchronous:\n");
	for (int i = 0; i < n && (i == 0 || !jobs[i - 1].error[0]); i++)
		fetch(&jobs[i]);
}

static void asynchronous(struct job *jobs, int n)
{
	pthread_t *threads = calloc((size_t)n, sizeof(*threads));
	int started = 0;

	printf("Asynchronous:\n");
	while (threads && started < n && pthread_create(&threads[started], NULL, fetch, &jobs[started]) == 0)
		started++;
	if (started < n)
		snprintf(jobs[started].error, sizeof(jobs[started].error), "cannot create a thread");
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static int run(void (*how)(struct job *, int), int n, const char *url)
{
	struct job *jobs = calloc((size_t)n, sizeof(*jobs));
	int status = 0;

	if (!jobs) {
		fprintf(stderr, "fetch: out of memory\n");
		return 1;
	}
	for (int i = 0; i < n; i++)
		jobs[i] = (struct job){ .pid = i + 1, .url = url };
	how(jobs, n);
	for (int i = 0; i < n && status == 0; i++) {
		if (jobs[i].error[0]) {
			fflush(stdout);
			fprintf(stderr, "fetch: %s: %s\n", url, jobs[i].error);
			status = 1;
		}
	}
	free(jobs);
	return status;
}

static int usage(void)
{
	fprintf(stderr, "usage: fetch [--sync|--async] [-n COUNT] URL   (COUNT 1 to 100000)\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "sync", 0, NULL, 's' }, { "async", 0, NULL, 'a' }, { 0 } };
	int c, only = 0, status = 0;
	long n = 10;
	char *end;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "n:", options, NULL)) != -1) {
		if (c == 'n') {
			n = strtol(optarg, &end, 10);
			if (end == optarg || *end || n < 1 || n > 100000)
				return usage();
		} else if (c == '?' || (only && only != c)) {
			return usage();
		} else {
			only = c;
		}
	}
	if (optind != argc - 1)
		return usage();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (only != 'a')
		status = run(synchronous, (int)n, argv[optind]);
	if (only != 's' && status == 0)
		status = run(asynchronous, (int)n, argv[optind]);
	curl_global_cleanup();
	return status;
}
