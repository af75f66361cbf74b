/* pthread_key.c - thread-specific data and its destructors */
#include "case.h"

static pthread_key_t k[4];
static char trail[400];
static int budget;

static void *in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;
	void *v;

	trail[0] = 0;
	MUST(pthread_create(&t, NULL, fn, arg) == 0);
	pthread_join(t, &v);
	return v;
}

static void mark(void *value)
{
	strcat(trail, value);
}

static void again(void *value)
{
	strcat(trail, value);
	if (budget-- > 0)
		pthread_setspecific(k[1], value);
}

static void sets_another(void *value)
{
	strcat(trail, value);
	pthread_setspecific(k[0], "late ");
}

static void look(void *value)
{
	say("own value is %s", pthread_getspecific(k[2]) ? "still set" : "NULL");
	strcat(trail, value);
}

static void *set_two(void *arg)
{
	pthread_setspecific(k[0], "first ");
	pthread_setspecific(k[1], "second ");
	return arg;
}

static void *set_one(void *i)
{
	pthread_setspecific(k[(long)i], "value ");
	return NULL;
}

static void make(int i, void (*destroy)(void *))
{
	MUST(pthread_key_create(&k[i], destroy) == 0);
}

static void drop(int n)
{
	for (int i = 0; i < n; i++)
		pthread_key_delete(k[i]);
}

CASE(values_are_own)
{
	make(0, NULL);
	say("%d", pthread_getspecific(k[0]) == NULL);
	SHOW_RC(pthread_setspecific(k[0], "mine"));
	k[1] = k[0];
	in_thread(set_two, NULL);
	say("%s", (char *)pthread_getspecific(k[0]));
	SHOW_RC(pthread_setspecific(k[0], NULL));
	say("%d", pthread_getspecific(k[0]) == NULL);
	drop(1);
}

CASE(destructors_run)
{
	make(0, mark);
	make(1, mark);
	in_thread(set_two, NULL);
	say("%s", trail);
	drop(2);
}

CASE(null_has_no_destructor)
{
	make(0, mark);
	make(1, NULL);
	in_thread(set_one, (void *)1);
	say("[%s]", trail);
	drop(2);
}

CASE(at_most_four_rounds)
{
	make(0, NULL);
	make(1, again);
	budget = 1000;
	in_thread(set_one, (void *)1);
	say("%s", trail);
	drop(2);
}

CASE(two_rounds)
{
	make(0, NULL);
	make(1, again);
	budget = 1;
	in_thread(set_one, (void *)1);
	say("%s", trail);
	drop(2);
}

CASE(destructor_sets_an_earlier_key)
{
	make(0, mark);
	make(1, sets_another);
	in_thread(set_one, (void *)1);
	say("%s", trail);
	drop(2);
}

CASE(value_is_null_in_the_destructor)
{
	make(0, NULL);
	make(1, NULL);
	make(2, look);
	in_thread(set_one, (void *)2);
	say("%s", trail);
	drop(3);
}

static void *leave(void *arg)
{
	pthread_setspecific(k[0], "exit ");
	pthread_exit(arg);
}

static void *sleep_for_ever(void *arg)
{
	pthread_setspecific(k[0], "cancel ");
	sleep(1000);
	return arg;
}

CASE(exit_and_cancel)
{
	pthread_t t;

	make(0, mark);
	in_thread(leave, NULL);
	say("%s", trail);
	trail[0] = 0;
	pthread_create(&t, NULL, sleep_for_ever, NULL);
	settle();
	pthread_cancel(t);
	pthread_join(t, NULL);
	say("%s", trail);
	drop(1);
}

static void cleanup(void *what)
{
	strcat(trail, what);
}

static void *leave_with_cleanup(void *arg)
{
	pthread_setspecific(k[0], "key ");
	pthread_cleanup_push(cleanup, "cleanup ");
	pthread_exit(arg);
	pthread_cleanup_pop(0);
	return NULL;
}

CASE(cleanup_comes_before_keys)
{
	make(0, mark);
	in_thread(leave_with_cleanup, NULL);
	say("%s", trail);
	drop(1);
}

static void sleepy(void *value)
{
	pause_ms(30);
	strcat(trail, value);
}

CASE(destructor_may_wait)
{
	make(0, sleepy);
	TIMED(30, in_thread(set_one, (void *)0));
	say("%s", trail);
	drop(1);
}

CASE(deleted_key)
{
	make(0, mark);
	SHOW_RC(pthread_setspecific(k[0], "x"));
	SHOW_RC(pthread_key_delete(k[0]));
	SHOW_RC(pthread_key_delete(k[0]));
	SHOW_RC(pthread_setspecific(k[0], "x"));
	say("%d", pthread_getspecific(k[0]) == NULL);
	make(0, NULL);
	say("%d", pthread_getspecific(k[0]) == NULL);
	drop(1);
}

CASE(bad_keys)
{
	SHOW_RC(pthread_setspecific(100000, trail));
	SHOW_RC(pthread_key_delete(100000));
	say("%d", pthread_getspecific(100000) == NULL);
}

CASE(all_keys)
{
	static pthread_key_t all[PTHREAD_KEYS_MAX + 1];
	int n = 0, rc;

	while (n <= PTHREAD_KEYS_MAX && !(rc = pthread_key_create(&all[n], NULL)))
		n++;
	say("rc=%s many=%d", errname(rc), n > 900);
	SHOW_RC(pthread_setspecific(all[n - 1], "high"));
	say("%s", (char *)pthread_getspecific(all[n - 1]));
	while (n)
		pthread_key_delete(all[--n]);
}

static void *many_values(void *arg)
{
	static _Thread_local char text[8];
	int ok = 1;

	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "%ld.%d", (long)arg, i);
		pthread_setspecific(k[0], text);
		i % 8 ? sched_yield() : usleep(1000);
		ok &= pthread_getspecific(k[0]) == text && atol(text) == (long)arg;
	}
	return (void *)(long)ok;
}

CASE(kept_over_switches)
{
	pthread_t t[6];
	void *v;
	int ok = 0;

	make(0, NULL);
	for (long i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, many_values, (void *)(i + 1));
	for (int i = 0; i < 6; i++) {
		pthread_join(t[i], &v);
		ok += (int)(long)v;
	}
	say("ok=%d", ok);
	drop(1);
}
