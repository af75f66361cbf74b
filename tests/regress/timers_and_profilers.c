/*
 * Every kind of timer beside threads: signals with a value, to a thread by its number, a function in a thread of its own; and a
 * profiler, whose handler walks the stack of whatever it has interrupted while threads switch, allocate and compute.
 */
#include "must.h"
#include <execinfo.h>
#include <sys/syscall.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static atomic_int fired, wrong, in_function, samples, deep;
static atomic_bool over;
static sem_t posted;

static void on_timer(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	if (info->si_code != SI_TIMER || info->si_value.sival_int != 42)
		wrong++;
	fired++;
}

static void function(union sigval value)
{
	wrong += value.sival_int != 43;
	in_function++;
	sem_post(&posted);
}

static timer_t timer(struct sigevent *ev, long ns)
{
	struct itimerspec every = { { 0, ns }, { 0, ns } };
	timer_t t;

	MUST(!timer_create(CLOCK_MONOTONIC, ev, &t) && !timer_settime(t, 0, &every, NULL));
	return t;
}

static void *waits(void *arg)
{
	while (!over)
		pause_us(500);
	return arg;
}

static void wait_until(atomic_int *n, int enough)
{
	for (int i = 0; i < 10000 && *n < enough; i++)
		pause_us(1000);
	MUST(*n >= enough && !wrong);
}

static void timers(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1, .sigev_value.sival_int = 42 };
	struct sigaction act = { .sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART };
	timer_t t;

	sigaction(SIGRTMIN + 1, &act, NULL);
	t = timer(&ev, 1000000);
	wait_until(&fired, 20);
	MUST(!timer_delete(t));
	ev.sigev_notify = SIGEV_THREAD_ID;
	ev.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	fired = 0;
	t = timer(&ev, 1000000);
	wait_until(&fired, 20);
	MUST(!timer_delete(t));
	ev = (struct sigevent){ .sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 43, .sigev_notify_function = function };
	t = timer(&ev, 2000000);
	for (int i = 0; i < 20; i++)
		MUST(!sem_wait(&posted));
	MUST(!timer_delete(t));
	MUST(in_function >= 20 && !wrong);
}

static void sample(int sig)
{
	void *frames[32];
	int saved = errno;

	(void)sig;
	if (backtrace(frames, 32) >= 3)
		deep++;
	samples++;
	errno = saved;
}

static __attribute__((noinline)) unsigned work(unsigned depth, unsigned x)
{
	char *p = malloc(x % 500 + 1);

	memset(p, (int)x, x % 500 + 1);
	for (volatile int i = 0; i < 300; i++)
		;
	x = depth ? work(depth - 1, x * 1103515245 + 12345) : x;
	free(p);
	return x;
}

static int ring[4][2];

static void *pass_on(void *arg)
{
	long i = (long)arg;
	unsigned x = (unsigned)i;
	char c;

	while (!over) {
		MUST(read(ring[i][0], &c, 1) == 1);
		x = work(x % 8, x + 1);
		errno = ENOTTY;
		MUST(write(ring[(i + 1) % 4][1], &c, 1) == 1 && errno == ENOTTY);
		sched_yield();
	}
	(void)!write(ring[(i + 1) % 4][1], "x", 1);
	return NULL;
}

static void profile(int which, int sig)
{
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, off = { 0 };
	pthread_t t[4];

	over = false;
	samples = deep = 0;
	on(sig, sample, SA_RESTART);
	for (long i = 0; i < 4; i++) {
		MUST(!pipe(ring[i]));
		t[i] = start(pass_on, (void *)i);
	}
	MUST(!setitimer(which, &every, NULL));
	MUST(write(ring[0][1], "a", 1) == 1 && write(ring[2][1], "b", 1) == 1);
	wait_until(&samples, 40);
	MUST(!setitimer(which, &off, NULL));
	over = true;
	for (int i = 0; i < 4; i++)
		(void)!write(ring[i][1], "x", 1);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	MUST(deep == samples);
}

int main(void)
{
	void *frames[2];
	pthread_t t;

	backtrace(frames, 2); /* it loads what it needs at the first call */
	sem_init(&posted, 0, 0);
	t = start(waits, NULL);
	timers();
	over = true;
	pthread_join(t, NULL);
	profile(ITIMER_PROF, SIGPROF);
	profile(ITIMER_VIRTUAL, SIGVTALRM);
	return 0;
}
