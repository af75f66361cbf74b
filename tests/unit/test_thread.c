#include "unit.h"

#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

TestSuite(thread, .timeout = 20);

static __thread int initialised = 42, zero;
static __thread char aligned[3] __attribute__((aligned(64))) = "ok";

/* What it finds: a bit for each thing that is not fresh. */
static void *fresh(void *unused)
{
	long stale = (initialised != 42) | (zero != 0) << 1 | (errno != 0) << 2 | (h_errno != 0) << 3 | (strcmp(aligned, "ok") != 0) << 4 |
		     (((uintptr_t)aligned & 63) != 0) << 5;

	(void)unused;
	initialised = zero = 7;
	errno = h_errno = 8;
	aligned[0] = 'X';
	return (void *)stale;
}

Both(thread, tls_is_fresh_after_recycling)
{
	void *map = NULL;
	unsigned again = 0;

	initialised = 1;
	for (int i = 0; i < 20; i++) {
		struct greenlet *g = spawn(fresh, NULL);

		again += g->stack_map == map;
		map = g->stack_map;
		cr_assert_eq(join(g), NULL, "round %d: %#lx", i, (long)g->result);
	}
	cr_assert_eq(again, 19u, "stacks are not recycled");
	cr_assert_eq(initialised, 1);
}

static void *all_at_once(void *unused)
{
	long stale = (long)fresh(unused);

	gp_yield();
	return (void *)(stale + (initialised != 7) + (errno != 8));
}

Both(thread, each_has_its_own_tls)
{
	struct greenlet *g[50];

	for (int i = 0; i < 50; i++)
		g[i] = spawn(all_at_once, NULL);
	for (int i = 0; i < 50; i++)
		cr_assert_eq(join(g[i]), NULL);
}

static pthread_key_t key[40], late;
static unsigned destroyed, rounds, late_value;

static void destroy(void *value)
{
	unsigned i = (unsigned)(uintptr_t)value - 1;

	destroyed++;
	if (pthread_getspecific(key[i]))
		destroyed += 1000; /* POSIX: it is NULL by now */
}

static void destroy_again(void *value)
{
	rounds++;
	pthread_setspecific(late, value);
}

static void *use_keys(void *unused)
{
	long stale = 0;

	(void)unused;
	for (uintptr_t i = 0; i < 40; i++) {
		stale += pthread_getspecific(key[i]) != NULL;
		pthread_setspecific(key[i], (void *)(i + 1));
	}
	stale += pthread_getspecific(late) != NULL;
	pthread_setspecific(late, &late_value);
	gp_yield();
	for (uintptr_t i = 0; i < 40; i++)
		stale += pthread_getspecific(key[i]) != (void *)(i + 1);
	return (void *)stale;
}

Both(thread, key_destructors)
{
	struct greenlet *g[3];

	for (int i = 0; i < 40; i++) /* glibc has 32 in the TCB and the others elsewhere */
		pthread_key_create(&key[i], destroy);
	pthread_key_create(&late, destroy_again);
	for (int round = 1; round < 4; round++) {
		for (int i = 0; i < 3; i++)
			g[i] = spawn(use_keys, NULL);
		for (int i = 0; i < 3; i++)
			cr_assert_eq(join(g[i]), NULL);
		cr_assert_eq(destroyed, 120u * (unsigned)round);
		cr_assert_eq(rounds, 3u * PTHREAD_DESTRUCTOR_ITERATIONS * (unsigned)round);
	}
	pthread_key_delete(key[0]); /* no destructor any more */
	g[0] = spawn(use_keys, NULL);
	join(g[0]);
	cr_assert_eq(destroyed, 360u + 39u);
}

int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern char __dso_handle;
static char log_[64];

static void note(void *name)
{
	strcat(log_, name);
}

static void *with_dtors(void *unused)
{
	(void)unused;
	pthread_key_create(&late, note);
	pthread_setspecific(late, "key");
	__cxa_thread_atexit_impl(note, "1", &__dso_handle);
	__cxa_thread_atexit_impl(note, "2", &__dso_handle);
	return NULL;
}

Both(thread, destructors_of_thread_local_objects_run_before_those_of_keys)
{
	join(spawn(with_dtors, NULL));
	cr_assert_str_eq(log_, "21key");
}

static void *give(void *value)
{
	return value;
}

static void *leave(void *value)
{
	pthread_cleanup_push(note, "c1");
	pthread_cleanup_push(note, "c2");
	gp_self->result = value; /* the shim's part of pthread_exit */
	pthread_exit(value);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *wait_for_cancel(void *unused)
{
	(void)unused;
	pthread_cleanup_push(note, "c3");
	gp_park(GP_PARK_CANCEL, "cancel", NULL, GP_FOREVER);
	gp_cancel_now();
	pthread_cleanup_pop(0);
	return NULL;
}

Both(thread, values)
{
	struct greenlet *g;

	cr_assert_eq(join(spawn(give, "x")), "x");
	cr_assert_eq(join(spawn(leave, "y")), "y");
	cr_assert_str_eq(log_, "c2c1");
	g = spawn(wait_for_cancel, NULL);
	gp_yield();
	gp_cancel(g);
	cr_assert_eq(join(g), PTHREAD_CANCELED);
	cr_assert_str_eq(log_, "c2c1c3");
	g = spawn(give, "dead already");
	gp_yield();
	cr_assert_eq(g->state, GP_DEAD);
	cr_assert_eq(gp_join(g, NULL, 0), 0);
}

static void *sleep_ms(void *ms)
{
	rest((uintptr_t)ms * MS);
	return ms;
}

static int joined;

static void *join_it(void *g)
{
	joined = gp_join(g, NULL, GP_FOREVER);
	return NULL;
}

Both(thread, join_codes)
{
	struct greenlet *g, *other;
	void *value = NULL;
	uint64_t deadline;

	g = spawn(sleep_ms, (void *)30);
	cr_assert_eq(gp_join(gp_self, NULL, GP_FOREVER), -EDEADLK);
	cr_assert_eq(gp_join(g, &value, 0), -EBUSY);
	cr_assert_eq(gp_join(g, &value, 1), -ETIMEDOUT);
	deadline = gp_now() + 3 * MS;
	cr_assert_eq(gp_join(g, &value, deadline), -ETIMEDOUT);
	cr_assert_geq(gp_now(), deadline);
	other = spawn(join_it, g);
	gp_yield();
	cr_assert_eq(gp_join(g, &value, GP_FOREVER), -EINVAL, "somebody joins already");
	join(other);
	cr_assert_eq(joined, 0);
	cr_assert_null(value);

	g = spawn(join_it, gp_self); /* each the other */
	gp_yield();
	cr_assert_eq(gp_join(g, NULL, GP_FOREVER), -EDEADLK);
	gp_cancel(g);
	cr_assert_eq(gp_self->joiner, g);
	gp_yield();
	cr_assert_null(gp_self->joiner);
	cr_assert_eq(join(g), PTHREAD_CANCELED);
}

Both(thread, a_cancelled_joiner_leaves_it_joinable)
{
	struct greenlet *g = spawn(sleep_ms, (void *)20), *j = spawn(join_it, g);

	gp_yield();
	gp_cancel(j);
	cr_assert_eq(join(j), PTHREAD_CANCELED);
	cr_assert_eq(join(g), (void *)20);
}

Both(thread, detach)
{
	struct greenlet *g = spawn(sleep_ms, (void *)1), *again;
	struct gp_spawn how = unit_how;

	cr_assert_eq(gp_detach(g), 0);
	cr_assert_eq(gp_detach(g), -EINVAL);
	cr_assert_eq(gp_join(g, NULL, GP_FOREVER), -EINVAL);
	while (gp_sched.live > 1)
		rest(MS);
	again = spawn(give, NULL);
	cr_assert_eq(again, g, "the stack of a detached one comes back");
	gp_yield();
	cr_assert_eq(again->state, GP_DEAD);
	cr_assert_eq(gp_detach(again), 0);
	how.detached = true;
	cr_assert_eq(gp_spawn(&g, &how, give, NULL), 0);
	cr_assert_eq(g, again);
	gp_yield();
	settle();
	cr_assert_eq(spawn(give, NULL), g);
}

Both(thread, too_small_a_stack)
{
	struct gp_spawn how = { .guard_size = 4096 };
	struct greenlet *g;

	cr_assert_eq(gp_greenlets_start(), 0);
	how.stack_size = gp_stack_min() - 1;
	cr_assert_eq(gp_spawn(&g, &how, give, NULL), -EINVAL);
	how.stack_size = (gp_stack_min() + 8191) & ~4095ul;
	cr_assert_eq(gp_spawn(&g, &how, give, "small"), 0);
	cr_assert_str_eq(join(g), "small");
}

Test(thread, no_address_space)
{
	struct gp_spawn how = { .stack_size = 8 << 20, .guard_size = 4096 };
	struct rlimit old, tight;
	struct greenlet *g;
	int r = 0, n = 0;

	cr_assert_eq(gp_greenlets_start(), 0);
	getrlimit(RLIMIT_AS, &old);
	tight = old;
	tight.rlim_cur = 1ul << 30;
	setrlimit(RLIMIT_AS, &tight);
	while (n < 1000 && !(r = gp_spawn(&g, &how, give, NULL)))
		n++;
	setrlimit(RLIMIT_AS, &old);
	cr_assert_eq(r, -EAGAIN);
	cr_assert_eq(gp_sched.live, (unsigned)n + 1);
	cr_assert_eq(gp_spawn(&g, &how, give, "again"), 0);
	cr_assert_str_eq(join(g), "again");
}

/* The hub needs a few descriptors, which the soft limit does not keep from it. */
Test(thread, no_descriptors)
{
	struct rlimit old, tight;

	getrlimit(RLIMIT_NOFILE, &old);
	if (old.rlim_max < 1100)
		cr_skip("the limit of descriptors is too low");
	tight = old;
	tight.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &tight);
	cr_assert_str_eq(join(spawn(give, "now")), "now");
	getrlimit(RLIMIT_NOFILE, &tight);
	cr_assert(tight.rlim_cur == 3 && tight.rlim_max == old.rlim_max);
}

Test(thread, no_descriptors_at_all)
{
	struct rlimit tight = { 7, 7 };
	struct greenlet *g;

	setrlimit(RLIMIT_NOFILE, &tight);
	cr_assert_eq(gp_spawn(&g, &unit_how, give, NULL), -ENOTSUP);
	cr_assert(!gp_self && !gp_sched.live);
	cr_assert_eq(gp_spawn(&g, &unit_how, give, NULL), -ENOTSUP, "what began native stays so");
}

static struct greenlet *one;

static void *foreign(void *native)
{
	struct greenlet *g;

	*(pthread_t *)native = pthread_self();
	return (void *)(intptr_t)gp_spawn(&g, &unit_how, give, NULL);
}

Test(thread, a_foreign_thread_makes_native_threads)
{
	pthread_t t, native = 0;
	void *value;

	pthread_create(&t, NULL, foreign, &native);
	pthread_join(t, &value);
	cr_assert_eq((intptr_t)value, -ENOTSUP);
	cr_assert_eq(gp_greenlets_start(), 0);
	pthread_create(&t, NULL, foreign, &native);
	while (!__atomic_load_n(&native, __ATOMIC_SEQ_CST))
		sched_yield();
	cr_assert_null(gp_greenlet_of(t));
	pthread_join(t, &value);
	cr_assert_eq((intptr_t)value, -ENOTSUP);
}

static void *who(void *unused)
{
	(void)unused;
	return pthread_self() == (pthread_t)gp_self->pd && gp_greenlet_of(pthread_self()) == gp_self && gp_self == one &&
			       gp_self->tid > 1 << 22 ?
		       "me" :
		       NULL;
}

Both(thread, identity)
{
	uint32_t id;

	cr_assert_null(gp_greenlet_of(pthread_self()), "before the first greenlet there is none");
	one = spawn(who, NULL);
	id = one->id;
	cr_assert_eq(gp_greenlet_of(pthread_self()), &gp_main);
	cr_assert_eq(gp_main.id, 0u);
	cr_assert_str_eq(one->name, gp_main.name, "inherited, as a thread's is");
	cr_assert_not_null(join(one));
	one = spawn(who, NULL);
	cr_assert_eq(one->id, id + 1);
	strcpy(gp_self->name, "other");
	cr_assert_not_null(join(one));
	one = spawn(who, NULL);
	cr_assert_str_eq(one->name, "other");
	join(one);
}

static void *mask(void *unused)
{
	(void)unused;
	return (void *)gp_self->sigmask;
}

Both(thread, the_mask_is_inherited)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	cr_assert((uint64_t)join(spawn(mask, NULL)) & gp_sigbit(SIGUSR1));
}

static void *use_stack(void *bytes)
{
	size_t n = (size_t)bytes;
	volatile char *p = __builtin_alloca(n);

	for (size_t i = 0; i < n; i += 512)
		p[n - 1 - i] = 1;
	return "fits";
}

Both(thread, the_whole_stack_can_be_used)
{
	cr_assert_eq(gp_greenlets_start(), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_str_eq(join(spawn(use_stack, (void *)((128 << 10) - gp_stack_min() - 1024))), "fits");
}

Test(thread, an_overflow_faults, .signal = SIGSEGV)
{
	join(spawn(use_stack, (void *)(130 << 10)));
}

static char *mine;

static void *on_mine(void *unused)
{
	char here;

	return &here >= mine && &here < mine + (64 << 10) ? fresh(unused) : "elsewhere";
}

Both(thread, a_stack_of_the_programs_own)
{
	struct gp_spawn how = { .stack_size = 64 << 10 };
	struct greenlet *g;

	how.stack = mine = malloc(64 << 10);
	for (int i = 0; i < 5; i++) {
		memset(mine, 0xaa, 64 << 10);
		cr_assert_eq(gp_spawn(&g, &how, on_mine, NULL), 0);
		cr_assert_null(join(g));
		memset(mine, 0xbb, 64 << 10); /* after the join it is the program's again */
		settle();
	}
	free(mine);
}

static void *jump(void *unused)
{
	sigjmp_buf env;
	volatile int times = 0;

	(void)unused;
	if (sigsetjmp(env, 0) < 5) {
		gp_yield();
		siglongjmp(env, ++times);
	}
	return times == 5 ? "landed" : NULL;
}

Both(thread, longjmp_works_inside)
{
	struct greenlet *a = spawn(jump, NULL), *b = spawn(jump, NULL);

	cr_assert_not_null(join(a));
	cr_assert_not_null(join(b));
}

Both(thread, waiting_for_all_others)
{
	struct gp_spawn how = unit_how;
	struct greenlet *g;
	uint64_t begin = gp_now();

	how.detached = true;
	for (uintptr_t ms = 1; ms < 20; ms += 3)
		cr_assert_eq(gp_spawn(&g, &how, sleep_ms, (void *)ms), 0);
	gp_wait_for_others();
	cr_assert_eq(gp_sched.live, 1u);
	cr_assert_geq(gp_now() - begin, 19 * MS);
}

static void *wait_then_note(void *main_)
{
	joined = gp_join(main_, NULL, GP_FOREVER);
	return NULL;
}

Both(thread, main_can_be_joined)
{
	struct gp_spawn how = unit_how;
	struct greenlet *g;

	how.detached = true;
	joined = 99;
	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(gp_spawn(&g, &how, wait_then_note, &gp_main), 0);
	gp_yield();
	cr_assert_eq(joined, 99);
	gp_wait_for_others(); /* what pthread_exit does in main */
	cr_assert_eq(joined, 0);
}

/* Spawn and join for ever: no memory, no time to speak of. */
Both(thread, recycling_costs_nothing)
{
	struct rusage before, after;
	uint64_t begin;

	NOT_UNDER_ASAN();
	for (int i = 0; i < 1000; i++)
		join(spawn(give, NULL));
	getrusage(RUSAGE_SELF, &before);
	begin = gp_now();
	for (int i = 0; i < 50000; i++)
		join(spawn(give, NULL));
	getrusage(RUSAGE_SELF, &after);
	cr_assert_lt(after.ru_maxrss - before.ru_maxrss, 1024, "KiB");
	cr_assert_lt(gp_now() - begin, 5 * GP_NSEC);
}
