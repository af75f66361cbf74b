/* pthread_cond.c - condition variables: wake-ups, time-outs on both clocks, the mutex afterwards */
#include "case.h"

static pthread_mutex_t m;
static pthread_cond_t c;
static int waiting, woken, tickets;

static void fresh(int type, clockid_t clock)
{
	pthread_mutexattr_t ma;
	pthread_condattr_t ca;

	pthread_mutexattr_init(&ma);
	pthread_mutexattr_settype(&ma, type);
	pthread_mutex_init(&m, &ma);
	pthread_condattr_init(&ca);
	MUST(pthread_condattr_setclock(&ca, clock) == 0);
	pthread_cond_init(&c, &ca);
	waiting = woken = tickets = 0;
}

static void plain(void)
{
	fresh(PTHREAD_MUTEX_ERRORCHECK, CLOCK_REALTIME);
}

/* Waits for a ticket, so that a spurious wake-up shows nowhere. */
static void waiter(long arg)
{
	(void)arg;
	pthread_mutex_lock(&m);
	waiting++;
	while (!tickets)
		pthread_cond_wait(&c, &m);
	tickets--;
	woken++;
	pthread_mutex_unlock(&m);
}

static void start_waiters(int n)
{
	for (int i = 0; i < n; i++)
		later(0, waiter, 0);
	for (int now = 0; now < n;) {
		pause_ms(1);
		pthread_mutex_lock(&m);
		now = waiting;
		pthread_mutex_unlock(&m);
	}
}

static void hand_out(int n, int (*wake)(pthread_cond_t *))
{
	pthread_mutex_lock(&m);
	tickets += n;
	SHOW_RC(wake(&c));
	pthread_mutex_unlock(&m);
}

static int woken_after(int ms)
{
	int n;

	pause_ms(ms);
	pthread_mutex_lock(&m);
	n = woken;
	pthread_mutex_unlock(&m);
	return n;
}

CASE(nobody_waits)
{
	plain();
	SHOW_RC(pthread_cond_signal(&c));
	SHOW_RC(pthread_cond_broadcast(&c));
	SHOW_RC(pthread_cond_destroy(&c));
}

CASE(signal_wakes_one)
{
	plain();
	start_waiters(3);
	hand_out(1, pthread_cond_signal);
	say("woken=%d", woken_after(50));
	hand_out(1, pthread_cond_signal);
	say("woken=%d", woken_after(50));
	hand_out(1, pthread_cond_signal);
	finish();
	say("woken=%d", woken);
}

/* One signal, three tickets: two waiters must go on sleeping. */
CASE(signal_wakes_not_all)
{
	plain();
	start_waiters(3);
	hand_out(3, pthread_cond_signal);
	say("woken=%d", woken_after(50));
	hand_out(0, pthread_cond_broadcast);
	finish();
	say("woken=%d", woken);
}

CASE(broadcast_wakes_all)
{
	plain();
	start_waiters(10);
	hand_out(10, pthread_cond_broadcast);
	finish();
	say("woken=%d", woken);
}

CASE(signal_without_the_mutex)
{
	plain();
	start_waiters(1);
	pthread_mutex_lock(&m);
	tickets = 1;
	pthread_mutex_unlock(&m);
	SHOW_RC(pthread_cond_signal(&c));
	finish();
	say("woken=%d", woken);
}

static void signal_later(long arg)
{
	(void)arg;
	pthread_mutex_lock(&m);
	tickets++;
	pthread_cond_signal(&c);
	pthread_mutex_unlock(&m);
}

CASE(wait_takes_the_mutex_back)
{
	plain();
	later(30, signal_later, 0);
	SHOW_RC(pthread_mutex_lock(&m));
	TIMED(30, while (!tickets) SHOW_RC(pthread_cond_wait(&c, &m)));
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(wait_without_the_mutex)
{
	plain();
	SHOW_RC(pthread_cond_wait(&c, &m));
	SHOW_RC(pthread_cond_timedwait(&c, &m, MS(0)));
}

CASE(timedwait_times_out)
{
	plain();
	pthread_mutex_lock(&m);
	TIMED(30, SHOW_RC(pthread_cond_timedwait(&c, &m, AT(CLOCK_REALTIME, 30))));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(timedwait_expired)
{
	plain();
	pthread_mutex_lock(&m);
	SHOW_RC(pthread_cond_timedwait(&c, &m, MS(0)));
	SHOW_RC(pthread_cond_timedwait(&c, &m, &(struct timespec){ -1, 0 }));
	SHOW_RC(pthread_cond_timedwait(&c, &m, AT(CLOCK_REALTIME, -1000)));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(timedwait_invalid)
{
	plain();
	pthread_mutex_lock(&m);
	SHOW_RC(pthread_cond_timedwait(&c, &m, &(struct timespec){ 0, -1 }));
	SHOW_RC(pthread_cond_timedwait(&c, &m, &(struct timespec){ 0, 1000000000 }));
	SHOW_RC(pthread_cond_clockwait(&c, &m, CLOCK_PROCESS_CPUTIME_ID, MS(0)));
	SHOW_RC(pthread_cond_clockwait(&c, &m, 99, MS(0)));
	SHOW_RC(pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, &(struct timespec){ 0, 1000000000 }));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(timedwait_is_woken)
{
	plain();
	later(30, signal_later, 0);
	pthread_mutex_lock(&m);
	TIMED(30, while (!tickets) SHOW_RC(pthread_cond_timedwait(&c, &m, AT(CLOCK_REALTIME, 10000))));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(monotonic_condition)
{
	fresh(PTHREAD_MUTEX_NORMAL, CLOCK_MONOTONIC);
	pthread_mutex_lock(&m);
	TIMED(30, SHOW_RC(pthread_cond_timedwait(&c, &m, AT(CLOCK_MONOTONIC, 30))));
	later(30, signal_later, 0);
	TIMED(30, while (!tickets) SHOW_RC(pthread_cond_timedwait(&c, &m, AT(CLOCK_MONOTONIC, 10000))));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(clockwait)
{
	plain();
	pthread_mutex_lock(&m);
	TIMED(30, SHOW_RC(pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 30))));
	TIMED(30, SHOW_RC(pthread_cond_clockwait(&c, &m, CLOCK_REALTIME, AT(CLOCK_REALTIME, 30))));
	later(30, signal_later, 0);
	TIMED(30, while (!tickets) SHOW_RC(pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 10000))));
	SHOW_RC(pthread_mutex_unlock(&m));
}

static void hold_the_mutex(long ms)
{
	pthread_mutex_lock(&m);
	notes[9].done = true;
	pause_ms(ms);
	pthread_mutex_unlock(&m);
}

/* The time-out is over, but the mutex is not free yet: the return waits for it. */
CASE(timedwait_waits_for_the_mutex)
{
	plain();
	later(10, hold_the_mutex, 160);
	pthread_mutex_lock(&m);
	TIMED(160, SHOW_RC(pthread_cond_timedwait(&c, &m, AT(CLOCK_REALTIME, 110))));
	say("held meanwhile=%d", (int)notes[9].done);
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(attributes)
{
	pthread_condattr_t a;
	clockid_t clock = -1;

	SHOW_RC(pthread_condattr_init(&a));
	SHOW_RC(pthread_condattr_setclock(&a, 99));
	SHOW_RC(pthread_condattr_setclock(&a, CLOCK_PROCESS_CPUTIME_ID));
	SHOW_RC(pthread_condattr_setpshared(&a, 77));
	SHOW_RC(pthread_condattr_setclock(&a, CLOCK_MONOTONIC));
	SHOW_RC(pthread_condattr_getclock(&a, &clock));
	say("monotonic=%d", clock == CLOCK_MONOTONIC);
}

CASE(static_initialiser)
{
	static pthread_cond_t s = PTHREAD_COND_INITIALIZER, zero;

	plain();
	pthread_mutex_lock(&m);
	SHOW_RC(pthread_cond_timedwait(&s, &m, AT(CLOCK_REALTIME, 5)));
	SHOW_RC(pthread_cond_timedwait(&zero, &m, AT(CLOCK_REALTIME, 5)));
	pthread_mutex_unlock(&m);
}

CASE(recursive_mutex_once_locked)
{
	fresh(PTHREAD_MUTEX_RECURSIVE, CLOCK_REALTIME);
	later(30, signal_later, 0);
	pthread_mutex_lock(&m);
	while (!tickets)
		SHOW_RC(pthread_cond_wait(&c, &m));
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(shared_condition)
{
	pthread_condattr_t a;

	plain();
	pthread_condattr_init(&a);
	pthread_condattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&c, &a);
	start_waiters(3);
	hand_out(3, pthread_cond_broadcast);
	finish();
	say("woken=%d", woken);
	pthread_mutex_lock(&m);
	TIMED(20, SHOW_RC(pthread_cond_timedwait(&c, &m, AT(CLOCK_REALTIME, 20))));
	pthread_mutex_unlock(&m);
}

/* Destroy may come as soon as all are woken, before they have left. */
CASE(destroyed_behind_a_broadcast)
{
	for (int round = 0; round < 20; round++) {
		plain();
		start_waiters(3);
		pthread_mutex_lock(&m);
		tickets = 3;
		pthread_cond_broadcast(&c);
		pthread_mutex_unlock(&m);
		if (pthread_cond_destroy(&c))
			say("destroy failed");
		memset(&c, 0xff, sizeof(c));
		finish();
	}
	say("woken=%d", woken);
}

static char trail[100];

static void unlock_m(void *arg)
{
	(void)arg;
	strcat(trail, pthread_mutex_unlock(&m) ? "not-held" : "held");
}

static void *cancelled_waiter(void *arg)
{
	pthread_mutex_lock(&m);
	pthread_cleanup_push(unlock_m, NULL);
	waiting++;
	for (;;)
		pthread_cond_wait(&c, &m);
	pthread_cleanup_pop(0);
	return arg;
}

static void cancel_a_waiter(void)
{
	pthread_t t;
	void *v;

	trail[0] = 0;
	pthread_create(&t, NULL, cancelled_waiter, NULL);
	settle();
	SHOW_RC(pthread_cancel(t));
	SHOW_RC(pthread_join(t, &v));
	say("cancelled=%d mutex=%s", v == PTHREAD_CANCELED, trail);
}

CASE(cancelled_while_it_waits)
{
	plain();
	cancel_a_waiter();
	start_waiters(1);
	hand_out(1, pthread_cond_signal);
	finish();
	say("woken=%d", woken);
}

static int turn, rounds;

static void ping(long me)
{
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&m);
		while (turn != me)
			pthread_cond_wait(&c, &m);
		turn = (int)(me + 1) % 3;
		rounds++;
		pthread_cond_broadcast(&c);
		pthread_mutex_unlock(&m);
	}
}

CASE(three_take_turns)
{
	plain();
	turn = rounds = 0;
	for (int i = 0; i < 3; i++)
		later(0, ping, i);
	finish();
	say("rounds=%d", rounds);
}

static int items, consumed, producers;
static pthread_cond_t room = PTHREAD_COND_INITIALIZER;

static void produce(long n)
{
	for (long i = 0; i < n; i++) {
		pthread_mutex_lock(&m);
		while (items == 4)
			pthread_cond_wait(&room, &m);
		items++;
		pthread_cond_signal(&c);
		pthread_mutex_unlock(&m);
	}
	pthread_mutex_lock(&m);
	producers--;
	pthread_cond_broadcast(&c);
	pthread_mutex_unlock(&m);
}

static void consume(long timed)
{
	for (;;) {
		pthread_mutex_lock(&m);
		while (!items && producers)
			timed ? pthread_cond_timedwait(&c, &m, AT(CLOCK_REALTIME, 1)) : pthread_cond_wait(&c, &m);
		if (!items) {
			pthread_mutex_unlock(&m);
			return;
		}
		items--;
		consumed++;
		pthread_cond_signal(&room);
		pthread_mutex_unlock(&m);
	}
}

/* Time-outs race with signals: a wake-up that goes to one that leaves must not be lost. */
CASE(bounded_queue)
{
	plain();
	items = consumed = 0;
	producers = 3;
	for (int i = 0; i < 3; i++)
		later(0, produce, 400);
	for (int i = 0; i < 4; i++)
		later(0, consume, i % 2);
	finish();
	say("consumed=%d left=%d", consumed, items);
}
