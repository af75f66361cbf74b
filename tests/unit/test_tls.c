#include "unit.h"
#include "../../runtime/park.h"
#include "../../runtime/tls.h"

#include <ctype.h>
#include <dlfcn.h>
#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>

TestSuite(tls, .timeout = 20);

Test(tls, everything_is_found_here)
{
	const char *missing = "untouched";

	cr_assert_eq(gp_tls_init(&missing), 0, "%s", missing);
	cr_assert_str_eq(missing, "untouched");
}

Test(tls, the_tcb_lies_under_the_top)
{
	static char block[64 << 10];
	const char *missing;

	gp_tls_init(&missing);
	for (size_t odd = 0; odd < 200; odd += 13) {
		void *stack_top;
		char *top = block + sizeof(block) - odd, *pd = gp_tls_place(top, &stack_top);

		cr_assert_eq((uintptr_t)pd % 64, 0u);
		cr_assert_eq((uintptr_t)stack_top % 64, 0u);
		cr_assert((char *)stack_top < pd && pd < top);
		cr_assert_leq((size_t)(top - (char *)stack_top), gp_tls_size());
	}
}

static pthread_mutex_t robust[3], normal = PTHREAD_MUTEX_INITIALIZER;
static unsigned woken;

static void *die_with_locks(void *robust_only)
{
	for (int i = 0; i < 3; i++)
		cr_expect_eq(pthread_mutex_lock(&robust[i]), 0);
	cr_expect(robust_only || !pthread_mutex_lock(&normal));
	pthread_mutex_unlock(&robust[1]);
	gp_yield();
	return NULL;
}

static void *wait_for_lock(void *mutex)
{
	woken += gp_lot_wait(mutex, 0, "robust", gp_now() + 5 * GP_NSEC) == 0;
	return NULL;
}

Both(tls, robust_mutexes_of_the_dead)
{
	struct greenlet *g, *w;
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	for (int i = 0; i < 3; i++)
		pthread_mutex_init(&robust[i], &attr);
	g = spawn(die_with_locks, NULL);
	w = spawn(wait_for_lock, &robust[2]);
	gp_yield();
	cr_assert_eq(pthread_mutex_trylock(&robust[0]), EBUSY);
	cr_assert_eq(pthread_mutex_trylock(&robust[1]), 0);
	join(g);
	join(w);
	cr_assert_eq(woken, 1u, "a waiter must be told");
	for (int i = 0; i < 3; i += 2) {
		cr_assert_eq(pthread_mutex_trylock(&robust[i]), EOWNERDEAD);
		cr_assert_eq(pthread_mutex_consistent(&robust[i]), 0);
		cr_assert_eq(pthread_mutex_unlock(&robust[i]), 0);
		cr_assert_eq(pthread_mutex_trylock(&robust[i]), 0);
	}
	cr_assert_eq(pthread_mutex_trylock(&normal), EBUSY, "held for ever");
	pthread_mutex_unlock(&robust[0]);
	pthread_mutex_unlock(&robust[1]);
	pthread_mutex_unlock(&robust[2]);
	g = spawn(die_with_locks, "robust ones only"); /* recycled: its list is empty again */
	join(g);
	cr_assert_eq(pthread_mutex_trylock(&robust[0]), EOWNERDEAD);
}

static void *use_libc(void *unused)
{
	char buf[64], *end;

	(void)unused;
	cr_expect(isalpha('x') && !isalpha('1') && toupper('q') == 'Q');
	snprintf(buf, sizeof(buf), "%.3f %s", 2.5, strerror(EAGAIN));
	cr_expect_str_eq(buf, "2.500 Resource temporarily unavailable");
	cr_expect_float_eq(strtod("1.5e3", &end), 1500.0, 0.0);
	free(malloc(100000));
	uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
	return isdigit('5') ? "well" : NULL;
}

Both(tls, libc_works_inside)
{
	for (int i = 0; i < 3; i++)
		cr_assert_not_null(join(spawn(use_libc, NULL)));
}

static void *allocate(void *unused)
{
	void *p[50];

	for (size_t i = 0; i < 50; i++)
		p[i] = malloc(20 * i);
	for (size_t i = 0; i < 50; i++)
		free(p[i]);
	return unused;
}

/* libc's own memory of a thread: what its malloc cache holds and where its DTV lies. */
Both(tls, a_recycled_thread_leaks_nothing)
{
	size_t before;

	for (int i = 0; i < 100; i++)
		join(spawn(allocate, NULL));
	before = mallinfo2().uordblks;
	for (int i = 0; i < 3000; i++)
		join(spawn(allocate, NULL));
	cr_assert_lt(mallinfo2().uordblks, before + 20000);
}

static void *nothing(void *unused)
{
	return unused;
}

Both(tls, a_thread_on_the_programs_stack_leaks_nothing)
{
	struct gp_spawn how = { .stack_size = 64 << 10 };
	size_t before = 0;
	struct greenlet *g;

	NOT_UNDER_ASAN(); /* the last frames of a greenlet are never left */
	how.stack = malloc(64 << 10);
	for (int i = 0; i < 300; i++) {
		if (i == 50)
			before = mallinfo2().uordblks;
		memset(how.stack, 0, 64 << 10);
		cr_assert_eq(gp_spawn(&g, &how, nothing, NULL), 0);
		join(g);
	}
	cr_assert_lt(mallinfo2().uordblks, before + 250 * 100, "a DTV for each");
	free(how.stack);
}

static bool state_due[4];

static void *ask_due(void *stay_disabled)
{
	gp_yield();
	state_due[0] = gp_tls_cancel_due();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	state_due[1] = gp_tls_cancel_due();
	if (!stay_disabled)
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	return NULL;
}

Both(tls, cancellation_is_due_where_it_is_enabled)
{
	struct greenlet *g = spawn(ask_due, NULL);

	gp_yield();
	gp_tls_set_cancelled(g->pd);
	cr_assert(!gp_tls_cancel_due());
	join(g);
	cr_assert(state_due[0] && !state_due[1]);
	join(spawn(ask_due, "stay disabled"));
	cr_assert(!state_due[0], "the bit is left from an earlier life");
	g = spawn(ask_due, NULL);
	gp_yield();
	gp_tls_set_cancelled(g->pd);
	join(g);
	cr_assert(state_due[0], "the state is left from an earlier life");
}

static __thread int counter = 10;

static void *count(void *unused)
{
	(void)unused;
	for (int i = 0; i < 100; i++) {
		counter++;
		gp_yield();
	}
	return (void *)(intptr_t)counter;
}

Both(tls, without_wrfsbase)
{
	struct greenlet *g[3];

	cr_assert_eq(gp_greenlets_start(), 0);
	gp_tls_fsgsbase = false;
	for (int i = 0; i < 3; i++)
		g[i] = spawn(count, NULL);
	for (int i = 0; i < 3; i++)
		cr_assert_eq((intptr_t)join(g[i]), 110);
	cr_assert_eq(counter, 10);
}

static int (*value_of)(void);

static void *ask_value(void *unused)
{
	(void)unused;
	while (!value_of)
		gp_yield();
	return (void *)(intptr_t)value_of();
}

/* ld.so gives a library that comes later its static TLS in every thread of its list. */
Both(tls, a_library_that_is_loaded_later)
{
	char dir[] = "/tmp/gpatch-unit-XXXXXX", cmd[512], path[64];
	struct greenlet *old, *young;
	void *lib;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/lib.so", dir);
	snprintf(cmd, sizeof(cmd),
		 "echo 'static __thread int v __attribute__((tls_model(\"initial-exec\"))) = 77; int value(void) { return v++; }' |"
		 "cc -shared -fPIC -xc -o %s - 2>&1", path);
	if (system(cmd)) {
		rmdir(dir);
		cr_skip("no compiler");
	}
	old = spawn(ask_value, NULL);
	gp_yield();
	lib = dlopen(path, RTLD_NOW);
	unlink(path);
	rmdir(dir);
	cr_assert_not_null(lib, "%s", dlerror());
	value_of = (int (*)(void))dlsym(lib, "value");
	cr_assert_eq(value_of(), 77);
	young = spawn(ask_value, NULL);
	cr_assert_eq((intptr_t)join(old), 77);
	cr_assert_eq((intptr_t)join(young), 77);
	young = spawn(ask_value, NULL);
	cr_assert_eq((intptr_t)join(young), 77, "recycled");
}
