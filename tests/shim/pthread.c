/* pthread.c - life of threads: create, join in its four forms, detach, exit, cancel, attributes, names */
#include "case.h"
#include <dlfcn.h>
#include <sched.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void *give(void *arg)
{
	return arg;
}

static void *nap(void *ms)
{
	pause_ms((long)ms);
	return ms;
}

static pthread_t make(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	MUST(pthread_create(&t, NULL, fn, arg) == 0);
	return t;
}

CASE(join_gives_the_value)
{
	void *v = NULL;

	SHOW_RC(pthread_join(make(give, (void *)42), &v));
	say("value=%ld", (long)v);
	SHOW_RC(pthread_join(make(give, NULL), NULL));
}

CASE(join_waits)
{
	pthread_t t;

	TIMED(40, t = make(nap, (void *)40); SHOW_RC(pthread_join(t, NULL)));
}

static void ask_about(pthread_t t)
{
	struct sched_param param = { 0 };
	char name[16];
	clockid_t clock;
	int policy;

	SHOW_CODE(pthread_kill(t, 0));
	SHOW_CODE(pthread_kill(t, SIGKILL));
	SHOW_CODE(pthread_sigqueue(t, SIGKILL, (union sigval){ 0 }));
	SHOW_CODE(pthread_getname_np(t, name, sizeof(name)));
	SHOW_CODE(pthread_setname_np(t, "late"));
	SHOW_CODE(pthread_getschedparam(t, &policy, &param));
	SHOW_CODE(pthread_setschedparam(t, SCHED_OTHER, &param));
	SHOW_CODE(pthread_getcpuclockid(t, &clock));
}

CASE(join_of_a_dead_thread)
{
	pthread_t t = make(give, (void *)7);
	void *v;

	settle();
	SHOW_RC(pthread_join(t, &v));
	say("value=%ld", (long)v);
}

CASE(ids_of_the_joined_and_the_detached)
{
	pthread_t t = make(give, (void *)7);
	void *v = (void *)5;

	pthread_join(t, NULL);
	SHOW_RC(pthread_join(t, &v));
	SHOW_RC(pthread_detach(t));
	SHOW_RC(pthread_tryjoin_np(t, &v));
	SHOW_RC(pthread_timedjoin_np(t, &v, MS(5)));
	SHOW_RC(pthread_cancel(t));
	ask_about(t);
	SHOW_CODE(pthread_getaffinity_np(t, sizeof(cpu_set_t), &(cpu_set_t){ 0 }));
	SHOW_CODE(pthread_getattr_np(t, &(pthread_attr_t){ 0 }));
	say("value=%ld", (long)v);
	t = make(give, (void *)7); /* in the memory of the first */
	SHOW_RC(pthread_join(t, &v));
	say("value=%ld", (long)v);
	t = make(nap, (void *)20);
	pthread_detach(t);
	settle();
	settle();
	SHOW_RC(pthread_detach(t));
	SHOW_RC(pthread_join(t, &v));
}

CASE(tryjoin)
{
	pthread_t t = make(nap, (void *)60);
	void *v = (void *)5;

	SHOW_RC(pthread_tryjoin_np(t, &v));
	say("value=%ld", (long)v);
	SHOW_RC(pthread_join(t, &v));
	t = make(give, (void *)9);
	settle();
	SHOW_RC(pthread_tryjoin_np(t, &v));
	say("value=%ld", (long)v);
}

CASE(timedjoin)
{
	pthread_t t = make(nap, (void *)300);
	void *v = NULL;

	TIMED(30, SHOW_RC(pthread_timedjoin_np(t, &v, AT(CLOCK_REALTIME, 30))));
	SHOW_RC(pthread_timedjoin_np(t, &v, MS(0)));
	SHOW_RC(pthread_timedjoin_np(t, &v, AT(CLOCK_REALTIME, 10000)));
	say("value=%ld", (long)v);
}

CASE(timedjoin_without_time)
{
	pthread_t t;

	TIMED(30, t = make(nap, (void *)30); SHOW_RC(pthread_timedjoin_np(t, NULL, NULL)));
}

CASE(clockjoin)
{
	pthread_t t = make(nap, (void *)300);

	TIMED(30, SHOW_RC(pthread_clockjoin_np(t, NULL, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 30))));
	SHOW_RC(pthread_clockjoin_np(t, NULL, CLOCK_PROCESS_CPUTIME_ID, MS(0)));
	SHOW_RC(pthread_clockjoin_np(t, NULL, CLOCK_REALTIME, &(struct timespec){ -1, 0 }));
	SHOW_RC(pthread_clockjoin_np(t, NULL, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 10000)));
}

CASE(timedjoin_of_a_dead_thread)
{
	pthread_t t = make(give, NULL);

	settle();
	SHOW_RC(pthread_timedjoin_np(t, NULL, MS(0)));
}

CASE(join_self)
{
	SHOW_RC(pthread_join(pthread_self(), NULL));
	SHOW_RC(pthread_timedjoin_np(pthread_self(), NULL, AT(CLOCK_REALTIME, 10)));
	SHOW_RC(pthread_tryjoin_np(pthread_self(), NULL));
}

CASE(detached)
{
	pthread_attr_t a;
	pthread_t t, d = make(nap, (void *)200);

	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	SHOW_CODE(pthread_create(&t, &a, nap, (void *)200));
	SHOW_RC(pthread_join(t, NULL));
	SHOW_RC(pthread_detach(t));
	SHOW_RC(pthread_tryjoin_np(t, NULL));
	SHOW_RC(pthread_timedjoin_np(t, NULL, MS(0)));
	SHOW_RC(pthread_detach(d));
	SHOW_RC(pthread_detach(d));
	SHOW_RC(pthread_join(d, NULL));
	pause_ms(230);
	pthread_attr_destroy(&a);
}

static atomic_int counter;

static void *count(void *arg)
{
	counter++;
	return arg;
}

CASE(detached_threads_run)
{
	counter = 0;
	for (int i = 0; i < 50; i++)
		pthread_detach(make(count, NULL));
	for (int i = 0; i < 2000 && counter < 50; i++)
		pause_ms(1);
	say("ran=%d", (int)counter);
}

static void *leave(void *arg)
{
	pthread_exit(arg);
}

static void deeper(int n)
{
	if (n > 0)
		deeper(n - 1);
	else if (n == 0)
		pthread_exit((void *)77);
	say("never");
}

static void *leave_deep(void *arg)
{
	deeper(HIDDEN(20));
	return arg;
}

static char trail[200];

static void mark(void *what)
{
	strcat(trail, what);
}

static void *leave_with_cleanup(void *arg)
{
	pthread_cleanup_push(mark, "a");
	pthread_cleanup_push(mark, "b");
	pthread_cleanup_push(mark, "c");
	pthread_cleanup_pop(0);
	pthread_exit(arg);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

CASE(exit_gives_the_value)
{
	void *v;

	trail[0] = 0;
	pthread_join(make(leave, (void *)3), &v);
	say("value=%ld", (long)v);
	pthread_join(make(leave_deep, NULL), &v);
	say("value=%ld", (long)v);
	pthread_join(make(leave_with_cleanup, (void *)4), &v);
	say("value=%ld trail=%s", (long)v, trail);
}

static void *forever(void *how)
{
	int fds[2];

	pthread_cleanup_push(mark, "x");
	pipes(fds);
	switch ((long)how) {
	case 0:
		sleep(1000);
		break;
	case 1:
		(void)!read(fds[0], buf, 1);
		break;
	case 2:
		poll(NULL, 0, -1);
		break;
	case 3:
		select(0, NULL, NULL, NULL, NULL);
		break;
	case 4:
		for (;;)
			pthread_testcancel();
		break;
	case 5:
		nanosleep(&(struct timespec){ INT64_MAX, 0 }, NULL);
		break;
	case 6:
		accept(listener(1), NULL, NULL);
		break;
	}
	pthread_cleanup_pop(0);
	return how;
}

CASE(cancel_what_waits)
{
	for (long how = 0; how < 7; how++) {
		pthread_t t = make(forever, (void *)how);
		void *v = NULL;

		trail[0] = 0;
		settle();
		SHOW_RC(pthread_cancel(t));
		SHOW_RC(pthread_join(t, &v));
		say("how=%ld cancelled=%d trail=%s", how, v == PTHREAD_CANCELED, trail);
	}
}

static atomic_bool go;

static void *disabled(void *arg)
{
	int old, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	go = true;
	pause_ms(50);
	pthread_testcancel();
	strcat(trail, "still-here ");
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	say("old=%d then=%d", old, state);
	pthread_testcancel();
	strcat(trail, "never");
	return arg;
}

CASE(cancel_disabled)
{
	pthread_t t;
	void *v;

	trail[0] = 0;
	go = false;
	t = make(disabled, NULL);
	while (!go)
		pause_ms(1);
	SHOW_RC(pthread_cancel(t));
	pthread_join(t, &v);
	say("cancelled=%d trail=%s", v == PTHREAD_CANCELED, trail);
}

CASE(cancel_state_errors)
{
	int old = -1;

	SHOW_RC(pthread_setcancelstate(77, &old));
	SHOW_RC(pthread_setcanceltype(77, &old));
	SHOW_RC(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &old));
	say("old=%d", old);
	SHOW_RC(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL));
}

static void *waits_uncancelled(void *arg)
{
	struct timespec ts = { 0, 120000000 };
	struct pollfd none = { -1, POLLIN, 0 };
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	switch ((long)arg) {
	case 0: TIMED(120, SHOW(poll(&none, 1, 120))); break;
	case 1: TIMED(120, SHOW(select(0, NULL, NULL, NULL, &(struct timeval){ 0, 120000 }))); break;
	case 2: TIMED(120, SHOW(nanosleep(&ts, NULL))); break;
	case 3: TIMED(120, SHOW(ppoll(NULL, 0, &ts, NULL))); break;
	}
	pthread_setcancelstate(old, NULL);
	say("not cancelled yet");
	pthread_testcancel();
	say("never reached");
	return NULL;
}

/* Points that have nothing to wait for, with the request there already. */
static void *meets_a_point(void *arg)
{
	struct iovec iov = { "x", 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };
	int old, sv[2], fd = open("/dev/null", O_RDWR);

	socketpair(AF_UNIX, SOCK_DGRAM, 0, sv);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	pthread_cancel(pthread_self());
	pthread_setcancelstate(old, NULL);
	switch ((long)arg) {
	case 0: close(fd); break;
	case 1: open("/dev/null", O_RDONLY); break;
	case 2: openat(AT_FDCWD, "/dev/null", O_RDONLY); break;
	case 3: sendmmsg(sv[0], &m, 1, 0); break;
	case 4: creat("/dev/null", 0600); break;
	}
	say("%ld passed", (long)arg);
	return NULL;
}

CASE(points_of_cancellation_without_a_wait)
{
	for (long i = 0; i < 5; i++) {
		pthread_t t = make(meets_a_point, (void *)i);
		void *v;

		pthread_join(t, &v);
		say("%ld cancelled=%d", i, v == PTHREAD_CANCELED);
	}
}

CASE(cancelled_while_disabled_waits_on)
{
	for (long i = 0; i < 4; i++) {
		pthread_t t = make(waits_uncancelled, (void *)i);
		void *v;

		settle();
		pthread_cancel(t);
		pthread_join(t, &v);
		say("cancelled=%d", v == PTHREAD_CANCELED);
	}
}

CASE(cancel_the_dead)
{
	pthread_t t = make(give, (void *)6);
	void *v;

	settle();
	SHOW_RC(pthread_cancel(t));
	pthread_join(t, &v);
	say("value=%ld", (long)v);
}

static void *waits_in_join(void *t)
{
	pthread_join(*(pthread_t *)t, NULL);
	return NULL;
}

CASE(cancelled_joiner_leaves_it_joinable)
{
	pthread_t t = make(nap, (void *)120), j = make(waits_in_join, &t);
	void *v;

	settle();
	pthread_cancel(j);
	pthread_join(j, &v);
	say("cancelled=%d", v == PTHREAD_CANCELED);
	SHOW_RC(pthread_join(t, &v));
	say("value=%ld", (long)v);
}

CASE(kill_with_nothing)
{
	pthread_t t = make(nap, (void *)60);

	SHOW_RC(pthread_kill(t, 0));
	SHOW_RC(pthread_kill(t, 999));
	SHOW_RC(pthread_kill(pthread_self(), 0));
	SHOW_RC(pthread_kill(main_thread, 0));
	pthread_join(t, NULL);
}

CASE(self)
{
	pthread_t t = make(nap, (void *)20);

	say("%d %d %d", pthread_equal(pthread_self(), case_thread) != 0, pthread_equal(t, case_thread) != 0,
	    pthread_equal(pthread_self(), main_thread) != 0);
	pthread_join(t, NULL);
}

/* ---- attributes */

static void attributes(pthread_t t)
{
	pthread_attr_t a;
	size_t stack = 0, guard = 0;
	int detach = -1, scope = -1, inherit = -1, policy = -1;
	struct sched_param p = { -1 };

	if (pthread_getattr_np(t, &a)) {
		say("none");
		return;
	}
	pthread_attr_getstacksize(&a, &stack);
	pthread_attr_getguardsize(&a, &guard);
	pthread_attr_getdetachstate(&a, &detach);
	pthread_attr_getscope(&a, &scope);
	pthread_attr_getinheritsched(&a, &inherit);
	pthread_attr_getschedpolicy(&a, &policy);
	pthread_attr_getschedparam(&a, &p);
	say("stack=%zu guard=%zu detach=%d scope=%d inherit=%d policy=%d priority=%d", stack, guard, detach, scope, inherit,
	    policy, p.sched_priority);
	pthread_attr_destroy(&a);
}

static void *own_attributes(void *arg)
{
	pthread_attr_t a;
	void *low;
	size_t size;
	char here;

	attributes(pthread_self());
	pthread_getattr_np(pthread_self(), &a);
	pthread_attr_getstack(&a, &low, &size);
	say("on its stack=%d", &here > (char *)low && &here < (char *)low + size);
	pthread_attr_destroy(&a);
	return arg;
}

CASE(default_attributes)
{
	pthread_join(make(own_attributes, NULL), NULL);
}

/* A size of its own: glibc would reuse the stack of another thread that is not too large. */
CASE(chosen_attributes)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	SHOW_RC(pthread_attr_setstacksize(&a, 1 << 20));
	SHOW_RC(pthread_attr_setguardsize(&a, 5000));
	MUST(pthread_create(&t, &a, own_attributes, NULL) == 0);
	pthread_join(t, NULL);
	pthread_attr_destroy(&a);
}

static void *where_it_runs(void *arg)
{
	(void)arg;
	return __builtin_frame_address(0);
}

CASE(own_stack)
{
	size_t size = 256 << 10;
	void *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *v = NULL;
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	SHOW_RC(pthread_attr_setstack(&a, stack, size));
	for (int i = 0; i < 3; i++) {
		MUST(pthread_create(&t, &a, own_attributes, (void *)8) == 0);
		pthread_join(t, &v);
		say("value=%ld", (long)v);
	}
	pthread_attr_destroy(&a);
	munmap(stack, size);
}

/* The old way to give a stack: its upper end, and no size. */
CASE(stack_without_a_size)
{
	size_t size = 256 << 10;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int (*set)(pthread_attr_t *, void *) = (int (*)(pthread_attr_t *, void *))dlsym(RTLD_DEFAULT, "pthread_attr_setstackaddr");
	pthread_attr_t a;
	pthread_t t;
	void *where;

	pthread_attr_init(&a);
	SHOW_RC(set(&a, stack + size));
	MUST(pthread_create(&t, &a, where_it_runs, NULL) == 0);
	pthread_join(t, &where);
	say("on it: %d", (char *)where > stack && (char *)where < stack + size);
	pthread_attr_destroy(&a);
	munmap(stack, size);
}

CASE(detached_attributes)
{
	pthread_t t = make(nap, (void *)60);

	attributes(t);
	pthread_detach(t);
	attributes(t);
	pause_ms(80);
}

CASE(attribute_errors)
{
	pthread_attr_t a;

	pthread_attr_init(&a);
	SHOW_RC(pthread_attr_setstacksize(&a, 100));
	SHOW_RC(pthread_attr_setdetachstate(&a, 77));
	SHOW_RC(pthread_attr_setscope(&a, PTHREAD_SCOPE_PROCESS));
	SHOW_RC(pthread_attr_setschedpolicy(&a, 77));
	SHOW_RC(pthread_attr_setinheritsched(&a, 77));
	pthread_attr_destroy(&a);
}

CASE(huge_stack)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	SHOW_RC(pthread_attr_setstacksize(&a, 1ul << 48));
	SHOW_CODE(pthread_create(&t, &a, give, NULL));
	pthread_attr_destroy(&a);
}

static void *use_stack(void *arg)
{
	volatile char big[700 << 10];

	for (size_t i = 0; i < sizeof(big); i += 4096)
		big[i] = (char)i;
	return arg;
}

CASE(smallest_and_used_stacks)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	SHOW_RC(pthread_attr_setstacksize(&a, PTHREAD_STACK_MIN));
	SHOW_CODE(pthread_create(&t, &a, give, NULL));
	SHOW_RC(pthread_join(t, NULL));
	SHOW_RC(pthread_attr_setstacksize(&a, 1 << 20));
	SHOW_CODE(pthread_create(&t, &a, use_stack, NULL));
	SHOW_RC(pthread_join(t, NULL));
	pthread_attr_destroy(&a);
}

/* ---- names, scheduling, clocks */

CASE(names)
{
	char name[16] = "?";
	pthread_t t = make(nap, (void *)60);

	SHOW_RC(pthread_setname_np(t, "fifteen-letters"));
	SHOW_RC(pthread_setname_np(t, "sixteen-letters!"));
	SHOW_RC(pthread_getname_np(t, name, sizeof(name)));
	say("%s", name);
	SHOW_RC(pthread_getname_np(t, name, 15));
	SHOW_RC(pthread_setname_np(pthread_self(), "me"));
	SHOW_RC(pthread_getname_np(pthread_self(), name, sizeof(name)));
	say("%s", name);
	SHOW_RC(pthread_getname_np(t, name, sizeof(name)));
	say("%s", name);
	pthread_join(t, NULL);
}

static void *tell_name(void *arg)
{
	char name[16] = "?";

	pthread_getname_np(pthread_self(), name, sizeof(name));
	say("%s", name);
	return arg;
}

CASE(name_is_inherited)
{
	pthread_setname_np(pthread_self(), "parent");
	pthread_join(make(tell_name, NULL), NULL);
}

CASE(scheduling)
{
	struct sched_param p = { -1 };
	int policy = -1;
	pthread_t t = make(nap, (void *)60);

	SHOW_RC(pthread_getschedparam(t, &policy, &p));
	say("policy=%d priority=%d", policy, p.sched_priority);
	SHOW_CODE(pthread_setschedparam(t, SCHED_OTHER, &(struct sched_param){ 0 }));
	SHOW_CODE(pthread_setschedparam(t, SCHED_OTHER, &(struct sched_param){ 5 }));
	SHOW_CODE(pthread_setschedparam(t, 77, &(struct sched_param){ 0 }));
	SHOW_CODE(pthread_setschedprio(t, 0));
	SHOW_CODE(pthread_setschedprio(t, 50));
	SHOW_CODE(pthread_setschedparam(t, SCHED_BATCH, &(struct sched_param){ 0 }));
	SHOW_RC(pthread_getschedparam(t, &policy, &p));
	say("policy=%d priority=%d", policy, p.sched_priority);
	SHOW_RC(pthread_getschedparam(pthread_self(), &policy, &p));
	say("policy=%d priority=%d", policy, p.sched_priority);
	pthread_join(t, NULL);
}

static void *tell_scheduling(void *arg)
{
	struct sched_param p = { -1 };
	int policy = -1;

	SHOW_RC(pthread_getschedparam(pthread_self(), &policy, &p));
	say("policy=%d priority=%d", policy, p.sched_priority);
	return arg;
}

static void *batch_parent(void *arg)
{
	SHOW_CODE(pthread_setschedparam(pthread_self(), SCHED_BATCH, &(struct sched_param){ 0 }));
	pthread_join(make(tell_scheduling, NULL), NULL);
	return arg;
}

static bool may_be_real_time(void)
{
	int status = 1;

	if (!fork())
		_exit(!!sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 }));
	return wait(&status) > 0 && !status;
}

CASE(scheduling_from_birth)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_join(make(batch_parent, NULL), NULL);
	if (!may_be_real_time())
		return;
	pthread_attr_init(&a);
	for (int inherit = PTHREAD_INHERIT_SCHED; inherit <= PTHREAD_EXPLICIT_SCHED; inherit++) {
		pthread_attr_setinheritsched(&a, inherit);
		pthread_attr_setschedpolicy(&a, SCHED_FIFO);
		SHOW_RC(pthread_attr_setschedparam(&a, &(struct sched_param){ 3 }));
		if (!pthread_create(&t, &a, tell_scheduling, NULL))
			pthread_join(t, NULL);
	}
	pthread_attr_setschedpolicy(&a, SCHED_OTHER);
	SHOW_CODE(pthread_create(&t, &a, tell_scheduling, NULL));
}

CASE(affinity)
{
	cpu_set_t mine, its, none;
	pthread_t t = make(nap, (void *)60);

	CPU_ZERO(&none);
	sched_getaffinity(0, sizeof(mine), &mine);
	SHOW_RC(pthread_getaffinity_np(t, sizeof(its), &its));
	say("equal=%d", CPU_EQUAL(&mine, &its));
	SHOW_RC(pthread_setaffinity_np(t, sizeof(its), &its));
	SHOW_RC(pthread_setaffinity_np(t, sizeof(none), &none));
	SHOW_RC(pthread_getaffinity_np(t, 1, &its));
	pthread_join(t, NULL);
}

CASE(cpu_clock)
{
	clockid_t c;
	struct timespec ts = { -1, -1 };
	pthread_t t = make(nap, (void *)60);

	SHOW_RC(pthread_getcpuclockid(t, &c));
	SHOW(clock_gettime(c, &ts));
	say("not negative=%d", ts.tv_sec >= 0);
	pthread_join(t, NULL);
}

static void *identify(void *arg)
{
	*(int *)arg = (int)gettid();
	pause_ms(20);
	return NULL;
}

CASE(thread_ids)
{
	int id[3];
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		t[i] = make(identify, &id[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	say("positive=%d own is stable=%d", id[0] > 0 && id[1] > 0 && id[2] > 0, gettid() == syscall(SYS_gettid));
}

/* ---- many */

CASE(four_hundred)
{
	static pthread_t t[400];
	long sum = 0;
	void *v;

	for (long i = 0; i < 400; i++)
		t[i] = make(nap, (void *)(10 + i % 7));
	for (int i = 0; i < 400; i++) {
		pthread_join(t[i], &v);
		sum += (long)v;
	}
	say("sum=%ld", sum);
}

static void *tree(void *depth)
{
	long d = (long)depth, sum = 1;
	pthread_t a, b;
	void *v;

	if (!d)
		return (void *)1;
	a = make(tree, (void *)(d - 1));
	b = make(tree, (void *)(d - 1));
	pthread_join(a, &v);
	sum += (long)v;
	pthread_join(b, &v);
	return (void *)(sum + (long)v);
}

CASE(threads_make_threads)
{
	void *v;

	pthread_join(make(tree, (void *)5), &v);
	say("nodes=%ld", (long)v);
}

CASE(a_thousand_one_after_the_other)
{
	counter = 0;
	for (int i = 0; i < 1000; i++)
		pthread_join(make(count, NULL), NULL);
	say("ran=%d", (int)counter);
}

static __thread int own = 17;
static __thread char zero[100];

static void *check_own(void *arg)
{
	bool ok = own == 17 && zero[50] == 0;

	own = (int)(long)arg;
	zero[50] = (char)(long)arg;
	errno = (int)(long)arg;
	pause_ms(5);
	ok = ok && own == (int)(long)arg && zero[50] == (char)(long)arg && errno == (int)(long)arg;
	return (void *)(long)ok;
}

CASE(thread_variables)
{
	pthread_t t[20];
	int ok = 0;
	void *v;

	for (int round = 0; round < 3; round++) {
		for (long i = 0; i < 20; i++)
			t[i] = make(check_own, (void *)(i + 100));
		for (int i = 0; i < 20; i++) {
			pthread_join(t[i], &v);
			ok += (int)(long)v;
		}
	}
	say("ok=%d", ok);
}

static void *keep_errno(void *arg)
{
	int ok = 1;

	for (int i = 0; i < 50; i++) {
		errno = (int)(long)arg;
		sched_yield();
		ok &= errno == (int)(long)arg;
		pause_ms(1);
	}
	return (void *)(long)ok;
}

CASE(errno_is_own)
{
	pthread_t t[5];
	int ok = 0;
	void *v;

	for (long i = 0; i < 5; i++)
		t[i] = make(keep_errno, (void *)(i + 1000));
	for (int i = 0; i < 5; i++) {
		pthread_join(t[i], &v);
		ok += (int)(long)v;
	}
	say("ok=%d", ok);
}
