#include "unit.h"
#include "../../runtime/stats.h"

#include <stdio.h>

TestSuite(stats, .timeout = 10);

static char text[8192];

/* What fn writes to descriptor 2. */
static const char *stderr_of(void (*fn)(void))
{
	int p[2], saved = fcntl(2, F_DUPFD_CLOEXEC, 3);
	ssize_t n;

	cr_assert_eq(pipe2(p, O_NONBLOCK), 0);
	dup2(p[1], 2);
	close(p[1]);
	fn();
	dup2(saved, 2);
	close(saved);
	n = read(p[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	close(p[0]);
	return text;
}

static void *sleep_long(void *unused)
{
	gp_park(GP_PARK_CANCEL, "a long sleep", (void *)0x1234, gp_now() + 3600 * GP_NSEC);
	return unused;
}

static void *idle(void *unused)
{
	return unused;
}

Both(stats, the_dump_names_everybody)
{
	char entry[64];
	struct greenlet *g;

	cr_assert(strstr(stderr_of(gp_dump), "0 greenlets live"));
	g = spawn(sleep_long, NULL);
	strcpy(g->name, "sleeper");
	gp_yield();
	spawn(idle, NULL);
	stderr_of(gp_dump);
	snprintf(entry, sizeof(entry), "entry=%p", (void *)sleep_long);
	cr_assert(strstr(text, "3 greenlets live, 1 ready, current main"), "%s", text);
	cr_assert(strstr(text, "#1 sleeper"), "%s", text);
	cr_assert(strstr(text, entry), "%s", text);
	cr_assert(strstr(text, "parked in a long sleep on=0x1234"), "%s", text);
	cr_assert(strstr(text, "(deadline)"), "%s", text);
	cr_assert(strstr(text, "ready"), "%s", text);
	cr_assert(strstr(text, "#0 main"), "%s", text);
}

Test(stats, since_when)
{
	struct greenlet *g;
	unsigned ms = 0;

	gp_config.verbose = true;
	g = spawn(sleep_long, NULL);
	gp_yield();
	rest(20 * MS);
	stderr_of(gp_dump);
	cr_assert_eq(sscanf(strstr(text, "on=0x1234"), "on=0x1234 for %u ms", &ms), 1, "%s", text);
	cr_assert_geq(ms, 20u);
	cr_assert_eq(g->state, GP_PARKED);
}

static void check_report(const char *report)
{
	unsigned long long v[5];

	cr_assert_eq(sscanf(report, "threads %llu\ngreenlets %llu\nlive_max %llu\nswitches %llu\noffload_threads_max %llu\n", &v[0], &v[1],
			    &v[2], &v[3], &v[4]),
		5, "%s", report);
	cr_assert_eq(v[0], 2u);
	cr_assert_eq(v[1], 3u);
	cr_assert_eq(v[2], 4u);
	cr_assert_geq(v[3], 3u);
	cr_assert_eq(v[4], 0u);
}

static void make_some(void)
{
	gp_stats_thread();
	gp_stats_thread();
	for (int i = 0; i < 3; i++)
		spawn(idle, NULL);
	settle();
}

Test(stats, none_unless_asked_for)
{
	make_some();
	cr_assert_str_eq(stderr_of(gp_stats_report), "");
}

Test(stats, report_to_stderr)
{
	make_some();
	gp_config.stats = "1";
	check_report(stderr_of(gp_stats_report));
	gp_config.stats = NULL;
}

Test(stats, report_to_a_file)
{
	char path[] = "/tmp/gpatch-unit-XXXXXX";
	int fd = mkstemp(path);
	ssize_t n;

	cr_assert_eq(write(fd, text, sizeof(text)), (ssize_t)sizeof(text)); /* to be cut */
	make_some();
	gp_config.stats = path;
	cr_assert_str_eq(stderr_of(gp_stats_report), "");
	gp_config.stats = NULL;
	n = pread(fd, text, sizeof(text), 0);
	unlink(path);
	cr_assert(n > 0 && n < 500);
	text[n] = 0;
	check_report(text);
}

Test(stats, a_file_that_cannot_be_written)
{
	gp_config.stats = "/no/such/directory/stats";
	cr_assert_str_eq(stderr_of(gp_stats_report), "gpatch: GPATCH_STATS=/no/such/directory/stats: No such file or directory\n");
	gp_config.stats = NULL;
}
