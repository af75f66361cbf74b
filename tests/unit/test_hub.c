#include "unit.h"
#include "../../runtime/fdwait.h"
#include "../../runtime/hub.h"

#include <sys/wait.h>

TestSuite(hub, .timeout = 10);

enum { POSTS = 20000 };
static struct numbered { struct gp_hub_call call; unsigned n; } calls[POSTS];
static unsigned next, misplaced;

static void run(struct gp_hub_call *c)
{
	misplaced += gp_container(c, struct numbered, call)->n != next++ || gp_self != NULL || !gp_on_greenlet_thread();
	if (next == POSTS)
		gp_ready(&gp_main, 7);
}

static void *post_all(void *pause)
{
	for (unsigned i = 0; i < POSTS; i++) {
		calls[i].call.fn = run;
		calls[i].n = i;
		gp_hub_post(&calls[i].call);
		if (pause && i % 1000 == 0)
			usleep(100);
	}
	return NULL;
}

static void posted_from_a_thread(void *pause)
{
	pthread_t t;

	cr_assert_eq(gp_greenlets_start(), 0);
	pthread_create(&t, NULL, post_all, pause);
	cr_assert_eq(gp_park(0, "posts", NULL, GP_FOREVER), 7);
	pthread_join(t, NULL);
	cr_assert_eq(next, (unsigned)POSTS);
	cr_assert_eq(misplaced, 0u);
}

Both(hub, posts_from_another_thread_run_in_order)
{
	posted_from_a_thread(NULL);
}

Both(hub, posts_while_the_hub_sleeps)
{
	posted_from_a_thread("pause");
}

static bool stop;

static void *spin(void *unused)
{
	(void)unused;
	while (!stop)
		gp_yield();
	return NULL;
}

Both(hub, posts_come_while_greenlets_yield)
{
	struct greenlet *g = spawn(spin, NULL);

	posted_from_a_thread(NULL);
	stop = true;
	join(g);
}

static void again(struct gp_hub_call *c)
{
	if (++next < 10)
		gp_hub_post(c);
	else
		gp_ready(&gp_main, 8);
}

Both(hub, a_call_may_post_itself)
{
	struct gp_hub_call c = { .fn = again };

	cr_assert_eq(gp_greenlets_start(), 0);
	gp_hub_post(&c);
	cr_assert_eq(next, 0u, "soon, not at once");
	cr_assert_eq(gp_park(0, "posts", NULL, GP_FOREVER), 8);
	cr_assert_eq(next, 10u);
}

static void *wake_much(void *unused)
{
	for (int i = 0; i < 1000; i++)
		gp_hub_wake();
	return unused;
}

Both(hub, a_wake_wakes_nobody_else)
{
	uint64_t deadline;
	pthread_t t;

	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(gp_hub_start(), 0, "there is one already");
	deadline = gp_now() + 20 * MS;
	pthread_create(&t, NULL, wake_much, NULL);
	cr_assert_eq(gp_park(0, "woken", NULL, deadline), -ETIMEDOUT);
	cr_assert_geq(gp_now(), deadline);
	pthread_join(t, NULL);
}

static unsigned order[8], n_order;

static void *sleep_ms(void *ms)
{
	rest((uintptr_t)ms * MS);
	order[n_order++] = (unsigned)(uintptr_t)ms;
	return NULL;
}

/* A later deadline must not hide an earlier one that comes after it, nor the reverse. */
Both(hub, deadlines_in_any_order)
{
	static const uintptr_t ms[] = { 40, 10, 30, 5, 50, 20 };
	struct greenlet *g[6];

	for (int i = 0; i < 6; i++) {
		g[i] = spawn(sleep_ms, (void *)ms[i]);
		rest(MS / 2);
	}
	for (int i = 0; i < 6; i++)
		join(g[i]);
	for (int i = 1; i < 6; i++)
		cr_assert_lt(order[i - 1], order[i]);
}

static void *wait_for_pipe(void *fd)
{
	int f = (int)(intptr_t)fd;

	cr_expect_eq(gp_fdwait(&f, POLLIN, gp_handlers_ran, 0, "pipe", gp_now() + 5 * GP_NSEC), 0);
	gp_fd_done(f, POLLIN);
	return "data";
}

/* The child has the caller only, and a loop of its own; the parent's waits go on, on a set that nobody edited. */
Both(hub, a_fork_in_the_middle)
{
	int p[2], status;
	struct greenlet *g;
	pid_t pid;

	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(pipe(p), 0);
	g = spawn(wait_for_pipe, (void *)(intptr_t)p[0]);
	rest(2 * MS);
	if (!(pid = fork())) {
		uint64_t deadline = gp_now() + 5 * MS;
		int q[2], r;

		r = gp_park(0, "child", NULL, deadline) == -ETIMEDOUT && gp_now() >= deadline ? 0 : 1;
		r |= gp_sched.live != 1 ? 2 : 0;
		if (pipe(q) || write(q[1], "x", 1) != 1 || gp_fdwait(&q[0], POLLIN, gp_handlers_ran, 0, "child", gp_now() + GP_NSEC))
			r |= 4;
		gp_fd_closing(p[0]);
		close(p[0]);
		_exit(r);
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0, "%#x", status);
	cr_assert_eq(g->state, GP_PARKED);
	cr_assert_eq(write(p[1], "x", 1), 1);
	cr_assert_str_eq(join(g), "data");
	rest(2 * MS);
}
