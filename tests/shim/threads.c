/* threads.c - <threads.h> of C11 */
#include "case.h"
#include <threads.h>

static const char *code(int rc)
{
	return rc == thrd_success ? "success" :
	       rc == thrd_busy	  ? "busy" :
	       rc == thrd_error	  ? "error" :
	       rc == thrd_nomem	  ? "nomem" :
	       rc == thrd_timedout ? "timedout" :
				     "?";
}

#define SHOW_C11(call)                                                                                                         \
	do {                                                                                                                   \
		const char *code_ = code(call);                                                                                \
		say("%s %s", #call, code_);                                                                                    \
	} while (0)

static mtx_t m;
static cnd_t c;
static atomic_int ran, tickets;

static int give(void *arg)
{
	return (int)(long)arg;
}

static int leave(void *arg)
{
	thrd_exit((int)(long)arg);
}

static int nap(void *ms)
{
	return thrd_sleep(MS((long)ms), NULL);
}

CASE(create_and_join)
{
	thrd_t t;
	int v = 0;

	SHOW_C11(thrd_create(&t, give, (void *)42));
	SHOW_C11(thrd_join(t, &v));
	say("value=%d", v);
	SHOW_C11(thrd_create(&t, leave, (void *)-5));
	SHOW_C11(thrd_join(t, &v));
	say("value=%d", v);
	TIMED(30, SHOW_C11(thrd_create(&t, nap, (void *)30)); SHOW_C11(thrd_join(t, NULL)));
}

CASE(detach)
{
	thrd_t t;

	SHOW_C11(thrd_create(&t, nap, (void *)200));
	SHOW_C11(thrd_detach(t));
	SHOW_C11(thrd_detach(t));
	SHOW_C11(thrd_join(t, NULL));
	pause_ms(230);
}

CASE(current)
{
	thrd_t t;

	thrd_create(&t, nap, (void *)10);
	say("%d %d", thrd_equal(thrd_current(), thrd_current()) != 0, thrd_equal(t, thrd_current()) != 0);
	say("%d", pthread_equal(thrd_current(), pthread_self()) != 0);
	SHOW_C11(thrd_join(t, NULL));
	SHOW_C11(thrd_join(thrd_current(), NULL));
}

CASE(sleep)
{
	struct timespec rem = { 3, 4 };

	TIMED(30, SHOW(thrd_sleep(MS(30), NULL)));
	SHOW(thrd_sleep(MS(5), &rem));
	say("rem=%ld.%09ld", (long)rem.tv_sec, rem.tv_nsec);
	say("ret=%d", thrd_sleep(&(struct timespec){ 0, 1000000000 }, NULL));
	say("ret=%d", thrd_sleep(&(struct timespec){ -1, 0 }, NULL));
}

static int count(void *arg)
{
	ran++;
	return (int)(long)arg;
}

CASE(yield)
{
	thrd_t t;

	ran = 0;
	thrd_create(&t, count, NULL);
	while (!ran)
		thrd_yield();
	SHOW_C11(thrd_join(t, NULL));
}

static int hold(void *ms)
{
	mtx_lock(&m);
	ran = 1;
	thrd_sleep(MS((long)ms), NULL);
	mtx_unlock(&m);
	return 0;
}

static thrd_t held_for(long ms)
{
	thrd_t t;

	ran = 0;
	thrd_create(&t, hold, (void *)ms);
	while (!ran)
		thrd_yield();
	return t;
}

CASE(plain_mutex)
{
	thrd_t t;

	SHOW_C11(mtx_init(&m, mtx_plain));
	SHOW_C11(mtx_lock(&m));
	SHOW_C11(mtx_trylock(&m));
	SHOW_C11(mtx_unlock(&m));
	t = held_for(80);
	SHOW_C11(mtx_trylock(&m));
	TIMED(20, SHOW_C11(mtx_lock(&m)));
	SHOW_C11(mtx_unlock(&m));
	SHOW_C11(thrd_join(t, NULL));
	mtx_destroy(&m);
}

CASE(recursive_mutex)
{
	SHOW_C11(mtx_init(&m, mtx_plain | mtx_recursive));
	SHOW_C11(mtx_lock(&m));
	SHOW_C11(mtx_lock(&m));
	SHOW_C11(mtx_trylock(&m));
	SHOW_C11(mtx_unlock(&m));
	SHOW_C11(mtx_unlock(&m));
	SHOW_C11(mtx_unlock(&m));
}

CASE(timed_mutex)
{
	thrd_t t;

	SHOW_C11(mtx_init(&m, mtx_timed));
	t = held_for(150);
	TIMED(30, SHOW_C11(mtx_timedlock(&m, AT(CLOCK_REALTIME, 30))));
	SHOW_C11(mtx_timedlock(&m, MS(0)));
	SHOW_C11(mtx_timedlock(&m, &(struct timespec){ 0, -1 }));
	SHOW_C11(mtx_timedlock(&m, AT(CLOCK_REALTIME, 10000)));
	SHOW_C11(mtx_unlock(&m));
	SHOW_C11(thrd_join(t, NULL));
	SHOW_C11(mtx_init(&m, 77));
}

static int wait_for_ticket(void *arg)
{
	mtx_lock(&m);
	while (!tickets)
		cnd_wait(&c, &m);
	tickets--;
	ran++;
	mtx_unlock(&m);
	return (int)(long)arg;
}

CASE(conditions)
{
	thrd_t t[3];

	mtx_init(&m, mtx_plain);
	SHOW_C11(cnd_init(&c));
	ran = tickets = 0;
	for (int i = 0; i < 3; i++)
		thrd_create(&t[i], wait_for_ticket, NULL);
	settle();
	mtx_lock(&m);
	tickets = 1;
	SHOW_C11(cnd_signal(&c));
	mtx_unlock(&m);
	settle();
	say("ran=%d", (int)ran);
	mtx_lock(&m);
	tickets = 2;
	SHOW_C11(cnd_broadcast(&c));
	mtx_unlock(&m);
	for (int i = 0; i < 3; i++)
		thrd_join(t[i], NULL);
	say("ran=%d", (int)ran);
	cnd_destroy(&c);
}

CASE(timed_condition)
{
	mtx_init(&m, mtx_plain);
	cnd_init(&c);
	mtx_lock(&m);
	TIMED(30, SHOW_C11(cnd_timedwait(&c, &m, AT(CLOCK_REALTIME, 30))));
	SHOW_C11(cnd_timedwait(&c, &m, MS(0)));
	SHOW_C11(cnd_timedwait(&c, &m, &(struct timespec){ 0, -1 }));
	SHOW_C11(mtx_unlock(&m));
}

static once_flag flag = ONCE_FLAG_INIT;

static void slowly(void)
{
	thrd_sleep(MS(30), NULL);
	ran++;
}

static int call(void *arg)
{
	(void)arg;
	call_once(&flag, slowly);
	return ran;
}

CASE(once)
{
	thrd_t t[5];
	int v, sum = 0;

	ran = 0;
	for (int i = 0; i < 5; i++)
		thrd_create(&t[i], call, NULL);
	for (int i = 0; i < 5; i++) {
		thrd_join(t[i], &v);
		sum += v;
	}
	say("ran=%d sum=%d", (int)ran, sum);
}

static tss_t key;
static char trail[100];

static void mark(void *value)
{
	strcat(trail, value);
}

static int set(void *value)
{
	tss_set(key, value);
	thrd_yield();
	return tss_get(key) == value;
}

CASE(thread_storage)
{
	thrd_t t;
	int v;

	SHOW_C11(tss_create(&key, mark));
	SHOW_C11(tss_set(key, "case "));
	thrd_create(&t, set, "helper ");
	thrd_join(t, &v);
	say("%d %s%s", v, trail, (char *)tss_get(key));
	tss_set(key, NULL);
	tss_delete(key);
	SHOW_C11(tss_set(key, "x"));
}
