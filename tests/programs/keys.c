/*
 * keys.c - proves that a thread's own data is its own: pthread keys and the order of their destructors, __thread variables with
 * every kind of initial value, errno; all of it while the threads take turns.
 */
#include "check.h"
#include <limits.h>
#include <sched.h>
#include <threads.h>

enum { THREADS = 20, KEYS = 40, ROUNDS = 10 };

static int shared;
static __thread int number = 42;
static __thread int zero;
static __thread char text[] = "initial";
static __thread int *pointer = &shared;
static __thread long table[4] = { 1, 2, 3, 4 };
static __thread struct { long a, b; } __attribute__((aligned(64))) aligned = { 5, 6 };

static pthread_key_t keys[KEYS], stubborn, removed;
static tss_t c11_key;
static __thread int order[KEYS + 1], orders;
static int ordered_threads, stubborn_calls, c11_calls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void count(int *what)
{
	pthread_mutex_lock(&lock);
	++*what;
	pthread_mutex_unlock(&lock);
}

/* Destructors run in the order in which the keys were made; the key's own value is already NULL. */
static void destroy(void *value)
{
	int i = (int)(intptr_t)value % 1000;

	CHECK(pthread_getspecific(keys[i]) == NULL);
	order[orders++] = i;
	sched_yield();
	if (i == KEYS - 1) {
		for (int k = 0; k < KEYS; k++)
			CHECK_EQ(order[k], k);
		CHECK_EQ(orders, KEYS);
		CHECK_EQ(number, 42000);
		count(&ordered_threads);
	}
}

/* Sets itself again each time: POSIX lets this go on for PTHREAD_DESTRUCTOR_ITERATIONS rounds. */
static void destroy_stubborn(void *value)
{
	count(&stubborn_calls);
	CHECK_EQ(pthread_setspecific(stubborn, value), 0);
}

static void destroy_never(void *value)
{
	check_failed(__FILE__, __LINE__, "the destructor of a deleted key ran", (intptr_t)value, 0);
}

static void destroy_c11(void *value)
{
	CHECK_EQ((intptr_t)value, 11);
	count(&c11_calls);
}

static void check_initial_values(void)
{
	CHECK_EQ(number, 42);
	CHECK_EQ(zero, 0);
	CHECK_EQ(strcmp(text, "initial"), 0);
	CHECK(pointer == &shared);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(table[i], i + 1);
	CHECK_EQ((uintptr_t)&aligned % 64, 0);
	CHECK_EQ(aligned.a * 10 + aligned.b, 56);
	for (int i = 0; i < KEYS; i++)
		CHECK(pthread_getspecific(keys[i]) == NULL);
}

static void take_turns(int id)
{
	for (int r = 0; r < ROUNDS; r++) {
		number = id;
		zero = -id;
		pointer = &zero;
		text[0] = (char)('A' + id);
		table[r % 4] = id * r;
		errno = id;
		if (r % 2)
			sched_yield();
		else
			usleep(100);
		CHECK_EQ(errno, id);
		CHECK_EQ(number, id);
		CHECK_EQ(zero, -id);
		CHECK(pointer == &zero);
		CHECK_EQ(text[0], 'A' + id);
		CHECK_EQ(table[r % 4], id * r);
		errno = 0;
		CHECK_EQ(close(-1 - id), -1);
		sched_yield();
		CHECK_EQ(errno, EBADF);
	}
}

static void *thread(void *arg)
{
	int id = (int)(intptr_t)arg;

	check_initial_values();
	for (int i = 0; i < KEYS; i++)
		CHECK_EQ(pthread_setspecific(keys[i], (void *)(intptr_t)(1000 * id + i)), 0);
	take_turns(id);
	for (int i = 0; i < KEYS; i++)
		CHECK_EQ((intptr_t)pthread_getspecific(keys[i]), 1000 * id + i);
	CHECK_EQ(pthread_setspecific(stubborn, arg), 0);
	CHECK_EQ(tss_set(c11_key, (void *)11), thrd_success);
	number = 42000;
	return arg;
}

static void run_threads(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = spawn(thread, (void *)(intptr_t)(i + 1));
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(join(threads[i]), i + 1);
}

static void *uses_deleted_key(void *arg)
{
	CHECK_EQ(pthread_setspecific(removed, arg), 0);
	CHECK_EQ(pthread_key_delete(removed), 0);
	CHECK_EQ(pthread_setspecific(removed, arg), EINVAL);
	CHECK_EQ(pthread_key_delete(removed), EINVAL);
	return NULL;
}

int main(void)
{
	for (int i = 0; i < KEYS; i++)
		CHECK_EQ(pthread_key_create(&keys[i], destroy), 0);
	CHECK_EQ(pthread_key_create(&stubborn, destroy_stubborn), 0);
	CHECK_EQ(pthread_key_create(&removed, destroy_never), 0);
	CHECK_EQ(tss_create(&c11_key, destroy_c11), thrd_success);
	number = 7;
	errno = ENOENT;
	/* Twice: the second set of threads may get recycled stacks, whose thread-local data must be as new. */
	run_threads();
	run_threads();
	CHECK_EQ(errno, ENOENT);
	CHECK_EQ(number, 7);
	join(spawn(uses_deleted_key, "value"));
	CHECK_EQ(ordered_threads, 2 * THREADS);
	CHECK_EQ(stubborn_calls, 2 * THREADS * PTHREAD_DESTRUCTOR_ITERATIONS);
	CHECK_EQ(c11_calls, 2 * THREADS);
	printf("keys: %d threads, %d keys each, destructors in order\n", 2 * THREADS, KEYS);
	return 0;
}
