#include "unit.h"
#include "../../runtime/greenlet.h"

#include <signal.h>
#include <sys/time.h>

TestSuite(greenlet, .timeout = 10);

static char log_[64];

static void *give(void *value)
{
	return value;
}

static void *note(void *name)
{
	strcat(log_, name);
	return name;
}

static void *sleep_ms(void *ms)
{
	greenlet_sleep((uintptr_t)ms * MS);
	strcat(log_, "s");
	return ms;
}

Both(greenlet, spawn_join_value_release)
{
	void *value = NULL;
	greenlet_t *g;

	cr_assert_null(greenlet_self(), "main is none before the first spawn");
	g = greenlet_spawn(note, "a");
	cr_assert_not_null(g);
	cr_assert_str_eq(log_, "", "it starts when the caller waits");
	cr_assert_not_null(greenlet_self());
	cr_assert_eq(greenlet_value(g, &value), EBUSY);
	cr_assert_null(value);
	cr_assert_eq(greenlet_join(g, &value, GREENLET_FOREVER), 0);
	cr_assert_str_eq(value, "a");
	value = NULL;
	cr_assert_eq(greenlet_join(g, &value, 0), 0, "the handle stays valid");
	cr_assert_str_eq(value, "a");
	value = NULL;
	cr_assert_eq(greenlet_value(g, &value), 0);
	cr_assert_str_eq(value, "a");
	cr_assert_eq(greenlet_join(g, NULL, 0), 0);
	greenlet_release(g);
	cr_assert_eq(greenlet_spawn(give, NULL), g, "what it held was not given back");
}

Both(greenlet, release_while_it_runs)
{
	greenlet_t *g = greenlet_spawn(sleep_ms, (void *)2);

	greenlet_release(g);
	while (gp_sched.live > 1)
		greenlet_sleep(MS);
	cr_assert_str_eq(log_, "s");
	cr_assert_eq(greenlet_spawn(give, NULL), g);
}

Both(greenlet, join_has_a_timeout)
{
	greenlet_t *g = greenlet_spawn(sleep_ms, (void *)30);
	uint64_t begin = gp_now();
	void *value = "none";

	errno = 3;
	cr_assert_eq(greenlet_join(g, &value, 0), ETIMEDOUT);
	cr_assert_eq(greenlet_join(g, &value, 5 * MS), ETIMEDOUT);
	cr_assert_geq(gp_now() - begin, 5 * MS);
	cr_assert_str_eq(value, "none");
	cr_assert_eq(greenlet_join(greenlet_self(), &value, GREENLET_FOREVER), EDEADLK);
	cr_assert_eq(greenlet_join(g, &value, GREENLET_FOREVER), 0);
	cr_assert_geq(gp_now() - begin, 30 * MS);
	cr_assert_eq(value, (void *)30);
	cr_assert_eq(errno, 3);
}

static greenlet_t *target;

static void *join_target(void *unused)
{
	void *value = NULL;

	(void)unused;
	cr_expect_eq(greenlet_join(target, &value, GREENLET_FOREVER), 0);
	return value;
}

Both(greenlet, any_number_may_join)
{
	greenlet_t *g[5];
	void *value;

	target = greenlet_spawn(sleep_ms, (void *)10);
	for (int i = 0; i < 5; i++)
		g[i] = greenlet_spawn(join_target, NULL);
	cr_assert_eq(greenlet_joinall(g, 5, GREENLET_FOREVER), 5u);
	for (int i = 0; i < 5; i++)
		cr_assert(!greenlet_value(g[i], &value) && value == (void *)10);
}

Both(greenlet, joinall)
{
	greenlet_t *g[3] = { greenlet_spawn(sleep_ms, (void *)300), greenlet_spawn(sleep_ms, (void *)2), greenlet_spawn(give, NULL) };
	uint64_t begin;

	cr_assert_eq(greenlet_joinall(g, 3, 0), 0u);
	greenlet_yield();
	cr_assert_eq(greenlet_joinall(g, 3, 0), 1u);
	begin = gp_now();
	cr_assert_eq(greenlet_joinall(g, 3, 20 * MS), 2u, "the first one takes the whole time; what has finished meanwhile counts");
	cr_assert_geq(gp_now() - begin, 20 * MS);
	cr_assert_eq(greenlet_joinall(g, 3, GREENLET_FOREVER), 3u);
	cr_assert_eq(greenlet_joinall(g, 0, GREENLET_FOREVER), 0u);
}

static uint64_t started;

static void *note_time(void *unused)
{
	started = gp_now();
	return unused;
}

Both(greenlet, spawn_later)
{
	uint64_t begin = gp_now();
	greenlet_t *g = greenlet_spawn_later(15 * MS, note_time, NULL), *never = greenlet_spawn_later(GREENLET_FOREVER, note, "n");
	void *value;

	cr_assert_eq(greenlet_join(g, NULL, GREENLET_FOREVER), 0);
	cr_assert_geq(started - begin, 15 * MS);
	cr_assert_eq(greenlet_kill(never), 0);
	cr_assert_eq(greenlet_join(never, &value, GREENLET_FOREVER), 0);
	cr_assert_eq(value, PTHREAD_CANCELED);
	cr_assert_str_eq(log_, "");
	greenlet_spawn_later(0, note, "z");
	greenlet_yield();
	cr_assert_str_eq(log_, "z");
}

static void cleanup(void *name)
{
	strcat(log_, name);
}

static void *killed(void *unused)
{
	pthread_cleanup_push(cleanup, "c");
	greenlet_sleep(GREENLET_FOREVER);
	pthread_cleanup_pop(0);
	return unused;
}

Both(greenlet, kill)
{
	greenlet_t *g = greenlet_spawn(killed, NULL);
	void *value = NULL;

	NOT_UNDER_ASAN(); /* it does not see a forced unwinding pass frames by */
	greenlet_yield();
	cr_assert_eq(greenlet_kill(g), 0);
	cr_assert_eq(greenlet_value(g, &value), EBUSY, "it asks only");
	cr_assert_eq(greenlet_join(g, &value, GREENLET_FOREVER), 0);
	cr_assert_eq(value, PTHREAD_CANCELED);
	cr_assert_str_eq(log_, "c");
	cr_assert_eq(greenlet_kill(g), 0, "dead already");
	g = greenlet_spawn(killed, NULL);
	greenlet_kill(g); /* before it has run */
	cr_assert_eq(greenlet_join(g, &value, GREENLET_FOREVER), 0);
	cr_assert_eq(value, PTHREAD_CANCELED);
}

static void *twice(void *name)
{
	strcat(log_, name);
	greenlet_yield();
	return note(name);
}

Both(greenlet, sleep_and_yield)
{
	uint64_t begin = gp_now();

	errno = 3;
	cr_assert_eq(greenlet_sleep(5 * MS), 0, "natively, before there is any");
	greenlet_yield();
	cr_assert_null(greenlet_self());
	cr_assert_geq(gp_now() - begin, 5 * MS);
	greenlet_spawn(twice, "foo ");
	greenlet_spawn(twice, "bar ");
	greenlet_yield();
	greenlet_sleep(0);
	cr_assert_str_eq(log_, "foo bar foo bar ");
	begin = gp_now();
	cr_assert_eq(greenlet_sleep(5 * MS), 0);
	cr_assert_geq(gp_now() - begin, 5 * MS);
	cr_assert_eq(errno, 3);
}

static void on_alarm(int sig)
{
	(void)sig;
}

Both(greenlet, a_handler_ends_a_sleep)
{
	struct itimerval soon = { .it_value = { 0, 5000 } };

	for (int flags = 0;; flags = SA_RESTART) {
		struct sigaction act = { .sa_handler = on_alarm, .sa_flags = flags };

		cr_assert_eq(gp_greenlets_start(), 0);
		gp_signal_action(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &soon, NULL);
		cr_assert_eq(greenlet_sleep(GREENLET_FOREVER), EINTR);
		if (flags)
			break;
	}
}

Both(greenlet, timeout)
{
	uint64_t begin;
	greenlet_t *g;

	cr_assert_eq(greenlet_timeout(MS), EPERM, "no greenlet yet");
	g = greenlet_spawn(sleep_ms, (void *)30);
	begin = gp_now();
	cr_assert_eq(greenlet_timeout(5 * MS), 0);
	cr_assert_eq(greenlet_sleep(GREENLET_FOREVER), ETIMEDOUT);
	cr_assert_geq(gp_now() - begin, 5 * MS);
	begin = gp_now();
	cr_assert_eq(greenlet_sleep(10 * MS), 0, "it strikes once");
	cr_assert_geq(gp_now() - begin, 10 * MS);
	greenlet_timeout(2 * MS);
	cr_assert_eq(greenlet_join(g, NULL, GREENLET_FOREVER), ETIMEDOUT);
	greenlet_timeout(2 * MS);
	greenlet_timeout(GREENLET_FOREVER);
	cr_assert_eq(greenlet_sleep(5 * MS), 0, "it was taken off");
	greenlet_timeout(0);
	cr_assert_eq(greenlet_sleep(GREENLET_FOREVER), ETIMEDOUT, "no time at all");
}

static void *check_self(void *unused)
{
	(void)unused;
	return greenlet_self() == greenlet_of(pthread_self()) && greenlet_pthread(greenlet_self()) == pthread_self() ? "same" : NULL;
}

Both(greenlet, a_greenlet_is_a_pthread)
{
	greenlet_t *g = greenlet_spawn(check_self, NULL);
	void *value;

	cr_assert(greenlet_self() == greenlet_of(pthread_self()));
	cr_assert_eq(greenlet_join(g, &value, GREENLET_FOREVER), 0);
	cr_assert_not_null(value);
}

Both(greenlet, names)
{
	greenlet_t *g = greenlet_spawn(give, NULL);

	cr_assert_eq(greenlet_set_name(g, "fifteen letters"), 0);
	cr_assert_str_eq(greenlet_name(g), "fifteen letters");
	cr_assert_eq(greenlet_set_name(g, "sixteen letters!"), ERANGE);
	cr_assert_str_eq(greenlet_name(g), "fifteen letters");
	cr_assert_eq(greenlet_set_name(greenlet_self(), ""), 0);
	cr_assert_str_eq(greenlet_name(greenlet_self()), "");
}

static void *from_foreign(void *unused)
{
	(void)unused;
	errno = 0;
	return greenlet_spawn(give, NULL) || errno != ENOTSUP || greenlet_self() ? "odd" : NULL;
}

Test(greenlet, native_threads_have_none)
{
	pthread_t t;
	void *value;

	pthread_create(&t, NULL, from_foreign, NULL);
	pthread_join(t, &value);
	cr_assert_null(value);
	cr_assert_not_null(greenlet_spawn(give, NULL));
	pthread_create(&t, NULL, from_foreign, NULL);
	pthread_join(t, &value);
	cr_assert_null(value);
}

static void *stack_size(void *unused)
{
	(void)unused;
	return (void *)(gp_self->stack_size - gp_self->guard_size);
}

Test(greenlet, stacks_are_the_default_or_what_is_set)
{
	pthread_attr_t def;
	size_t size;
	void *value;

	pthread_getattr_default_np(&def);
	pthread_attr_getstacksize(&def, &size);
	cr_assert_eq(greenlet_join(greenlet_spawn(stack_size, NULL), &value, GREENLET_FOREVER), 0);
	cr_assert_eq((size_t)value, size);
	gp_config.stack = 256 << 10;
	cr_assert_eq(greenlet_join(greenlet_spawn(stack_size, NULL), &value, GREENLET_FOREVER), 0);
	cr_assert_eq((size_t)value, 256u << 10);
}
