/*
 * join_zoo.c - proves the life of threads: join and its timed variants, detach, attributes and what pthread_getattr_np says of
 * them, a stack of the program's own, and a main thread that leaves with pthread_exit while the process lives on.
 */
#include "check.h"
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>

enum { STACK = 256 << 10 };

static sem_t gate, told;
static pthread_t main_thread;
static pthread_key_t main_key;

static void *waits_at_gate(void *arg)
{
	CHECK_EQ(sem_wait(&gate), 0);
	return arg;
}

static void *tells(void *arg)
{
	CHECK_EQ(sem_post(&told), 0);
	return arg;
}

static void *exits(void *arg)
{
	pthread_exit((char *)arg + 1);
}

static void *joins_itself(void *arg)
{
	CHECK_EQ(pthread_join(pthread_self(), NULL), EDEADLK);
	return arg;
}

static void joins(void)
{
	pthread_t t = spawn(waits_at_gate, "value");
	struct timespec until = in_ms(CLOCK_REALTIME, 15), past = { 0 };
	void *value = NULL;

	CHECK(!pthread_equal(t, pthread_self()));
	CHECK_EQ(pthread_tryjoin_np(t, &value), EBUSY);
	CHECK_EQ(pthread_timedjoin_np(t, &value, &until), ETIMEDOUT);
	CHECK(clock_ns(CLOCK_REALTIME) >= ts_ns(until));
	until = in_ms(CLOCK_MONOTONIC, 15);
	CHECK_EQ(pthread_clockjoin_np(t, &value, CLOCK_MONOTONIC, &until), ETIMEDOUT);
	CHECK(clock_ns(CLOCK_MONOTONIC) >= ts_ns(until));
	CHECK_EQ(pthread_timedjoin_np(t, &value, &past), ETIMEDOUT);
	CHECK(value == NULL);
	CHECK_EQ(sem_post(&gate), 0);
	until = in_ms(CLOCK_MONOTONIC, 5000);
	CHECK_EQ(pthread_clockjoin_np(t, &value, CLOCK_MONOTONIC, &until), 0);
	CHECK_EQ(strcmp(value, "value"), 0);

	t = spawn(tells, "done");
	CHECK_EQ(sem_wait(&told), 0);
	while (pthread_tryjoin_np(t, &value) == EBUSY)
		sched_yield();
	CHECK_EQ(strcmp(value, "done"), 0);
	CHECK(join(spawn(exits, NULL)) == (void *)1);
	join(spawn(joins_itself, NULL));
	for (intptr_t i = 0; i < 1000; i++)
		CHECK_EQ((intptr_t)join(spawn(exits, (void *)i)), i + 1);
}

static void detached(void)
{
	pthread_attr_t attr;
	pthread_t t;
	int state;

	t = spawn(waits_at_gate, NULL);
	CHECK_EQ(pthread_detach(t), 0);
	CHECK_EQ(pthread_detach(t), EINVAL);
	CHECK_EQ(pthread_join(t, NULL), EINVAL);
	CHECK_EQ(pthread_getattr_np(t, &attr), 0);
	CHECK_EQ(pthread_attr_getdetachstate(&attr, &state), 0);
	CHECK_EQ(state, PTHREAD_CREATE_DETACHED);
	CHECK_EQ(pthread_attr_destroy(&attr), 0);
	CHECK_EQ(sem_post(&gate), 0);

	CHECK_EQ(pthread_attr_init(&attr), 0);
	CHECK_EQ(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(pthread_create(&t, &attr, tells, NULL), 0);
		CHECK_EQ(sem_wait(&told), 0);
	}
	CHECK_EQ(pthread_attr_destroy(&attr), 0);
}

struct stack {
	char *low;
	size_t size, guard;
};

/* Where the running thread's stack lies, as pthread_getattr_np tells; the frames must lie in it. */
static struct stack my_stack(void)
{
	pthread_attr_t attr;
	struct stack s;
	void *low;
	int state;

	CHECK_EQ(pthread_getattr_np(pthread_self(), &attr), 0);
	CHECK_EQ(pthread_attr_getstack(&attr, &low, &s.size), 0);
	CHECK_EQ(pthread_attr_getguardsize(&attr, &s.guard), 0);
	CHECK_EQ(pthread_attr_getdetachstate(&attr, &state), 0);
	CHECK_EQ(state, PTHREAD_CREATE_JOINABLE);
	CHECK_EQ(pthread_attr_destroy(&attr), 0);
	s.low = low;
	CHECK((char *)&s > s.low && (char *)&s < s.low + s.size);
	return s;
}

static void *looks_at_stack(void *arg)
{
	*(struct stack *)arg = my_stack();
	return arg;
}

/* Uses most of a stack of STACK bytes. */
static void *fills_stack(void *arg)
{
	volatile char room[STACK - (STACK >> 2)];

	for (size_t i = 0; i < sizeof(room); i += 512)
		room[i] = (char)i;
	for (size_t i = 0; i < sizeof(room); i += 512)
		CHECK_EQ(room[i], (char)i);
	looks_at_stack(arg);
	sched_yield();
	return arg;
}

static void with_attr(pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, attr, fn, arg), 0);
	CHECK(join(t) == arg);
}

static void stacks(void)
{
	char *mine = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	struct stack s;
	size_t by_default;

	my_stack(); /* main's own */
	CHECK_EQ(pthread_attr_init(&attr), 0);
	CHECK_EQ(pthread_attr_getstacksize(&attr, &by_default), 0);
	with_attr(&attr, looks_at_stack, &s);
	CHECK_EQ(s.size, by_default);
	CHECK_EQ(s.guard, sysconf(_SC_PAGESIZE));
	CHECK_EQ(pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN - 1), EINVAL);
	CHECK_EQ(pthread_attr_setstacksize(&attr, STACK), 0);
	with_attr(&attr, fills_stack, &s);
	CHECK_EQ(s.size, STACK);
	CHECK_EQ(pthread_attr_setguardsize(&attr, 20000), 0);
	with_attr(&attr, looks_at_stack, &s);
	CHECK_EQ(s.guard, 20480);
	CHECK(mine != MAP_FAILED);
	CHECK_EQ(pthread_attr_setstack(&attr, mine, STACK), 0);
	/* Twice: after the join the memory is the program's again. */
	for (int i = 0; i < 2; i++) {
		with_attr(&attr, fills_stack, &s);
		CHECK(s.low == mine);
		CHECK_EQ(s.size, STACK);
		memset(mine, i + 1, STACK);
	}
	CHECK_EQ(munmap(mine, STACK), 0);
	CHECK_EQ(pthread_attr_destroy(&attr), 0);
	join(spawn(tells, NULL));
	CHECK_EQ(sem_wait(&told), 0);
}

static int main_destroyed;

static void destroy(void *value)
{
	CHECK_EQ(strcmp(value, "of main"), 0);
	main_destroyed = 1;
}

static void *outlives_main(void *arg)
{
	void *value;

	CHECK_EQ(sem_wait(&gate), 0);
	CHECK_EQ(pthread_join(main_thread, &value), 0);
	CHECK_EQ(strcmp(value, "main's value"), 0);
	CHECK_EQ(main_destroyed, 1);
	printf("join_zoo: join, detach, stacks, main left first\n");
	return arg;
}

int main(void)
{
	CHECK_EQ(sem_init(&gate, 0, 0), 0);
	CHECK_EQ(sem_init(&told, 0, 0), 0);
	joins();
	detached();
	stacks();
	main_thread = pthread_self();
	CHECK_EQ(pthread_key_create(&main_key, destroy), 0);
	CHECK_EQ(pthread_setspecific(main_key, "of main"), 0);
	spawn(outlives_main, NULL);
	CHECK_EQ(sem_post(&gate), 0);
	pthread_exit("main's value");
}
