#include "stats.h"
#include "config.h"
#include "offload.h"
#include "real.h"
#include "sched.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static unsigned threads;

void gp_stats_thread(void)
{
	__atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
}

void gp_stats_report(void)
{
	char buf[512];
	int n, fd = STDERR_FILENO;

	if (!gp_config.stats)
		return;
	n = snprintf(buf, sizeof(buf), "threads %u\ngreenlets %llu\nlive_max %u\nswitches %llu\noffload_threads_max %u\n", threads,
		     (unsigned long long)gp_sched.made, gp_sched.live_max, (unsigned long long)gp_sched.switches, gp_offload_threads_max);
	if (strcmp(gp_config.stats, "1"))
		fd = real_syscall(2 /* open */, gp_config.stats, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		gp_say("GPATCH_STATS=%s: %s", gp_config.stats, strerror(errno));
		return;
	}
	if (real_write(fd, buf, (size_t)n) < 0) {
		/* nobody left to tell */
	}
	if (fd != STDERR_FILENO)
		real_close(fd);
}

static const char *state(const struct greenlet *g)
{
	static const char *const names[] = { "ready", "running", "parked", "dead" };

	return names[g->state & 3];
}

__attribute__((used, visibility("default"))) void gp_dump(void)
{
	uint64_t now = gp_now();

	gp_say("%u greenlets live, %u ready, current %s", gp_sched.live, gp_sched.nready,
	       gp_sched.current ? gp_sched.current->name : "hub");
	gp_list_for(n, &gp_sched.all) {
		struct greenlet *g = gp_container(n, struct greenlet, all);
		char age[32] = "";

		if (g->why && g->since)
			snprintf(age, sizeof(age), " for %llu ms", (unsigned long long)((now - g->since) / 1000000));
		gp_say("#%u %s tid=%u entry=%p %s%s%s on=%p%s%s", g->id, g->name, g->tid, (void *)g->start, state(g), g->why ? " in " : "",
		       g->why ? g->why : "", g->on, age, g->timer.slot ? " (deadline)" : "");
	}
}
