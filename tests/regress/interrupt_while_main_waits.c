/* ^C: the handler runs in main, which joins or sleeps; sleep then returns early, join goes on; workers hear of it through the flag. */
#include "must.h"

static volatile sig_atomic_t stop;
static pthread_t main_thread;
static bool in_main;

static void interrupted(int sig)
{
	(void)sig;
	stop = 1;
	in_main = pthread_equal(pthread_self(), main_thread);
}

static void *work(void *arg)
{
	while (!stop)
		pause_us(1000);
	return arg;
}

/* Computes, and never calls libc: natively another CPU runs the handler. */
static void *compute(void *arg)
{
	volatile unsigned long n = 0;

	while (!stop)
		n++;
	return arg;
}

static void *press(void *arg)
{
	pause_us(50000);
	kill(getpid(), SIGINT);
	return arg;
}

static void from_outside(void)
{
	pid_t me = getpid();

	if (!fork()) {
		usleep(50000);
		kill(me, SIGINT);
		_exit(0);
	}
}

int main(void)
{
	pthread_t a, b;
	unsigned left;

	main_thread = pthread_self();
	on(SIGINT, interrupted, 0);

	a = start(work, NULL);
	b = start(press, NULL);
	MUST(!pthread_join(a, NULL) && stop && in_main);
	pthread_join(b, NULL);

	stop = 0;
	a = start(compute, NULL);
	from_outside();
	MUST(!pthread_join(a, NULL) && stop && in_main);

	stop = 0;
	a = start(work, NULL);
	b = start(press, NULL);
	left = sleep(20);
	MUST(left >= 19 && stop && in_main);
	pthread_join(a, NULL);
	pthread_join(b, NULL);

	stop = 0;
	a = start(work, NULL);
	from_outside();
	MUST(pause() == -1 && errno == EINTR && stop && in_main);
	pthread_join(a, NULL);
	while (wait(NULL) > 0)
		;
	return 0;
}
