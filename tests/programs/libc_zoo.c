/*
 * libc_zoo - libc waits by itself: system, popen and pclose, a constructor that sleeps in dlopen, a lock of libc that a
 * native kernel thread holds.
 * modes: native async
 */
#include "check.h"
#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>

static volatile int stop;
static uint64_t largest_gap;

static void *ticker(void *arg)
{
	uint64_t last = now_ns();

	while (!stop) {
		usleep(1000);
		if (now_ns() - last > largest_gap)
			largest_gap = now_ns() - last;
		last = now_ns();
	}
	return arg;
}

static void *in_system(void *arg)
{
	return (void *)(intptr_t)system(arg);
}

static void *in_popen(void *arg)
{
	char line[32] = "";
	FILE *f = popen(arg, "r");

	CHECK(f != NULL);
	CHECK(fgets(line, sizeof(line), f) != NULL);
	CHECK_EQ(strcmp(line, "hello\n"), 0);
	return (void *)(intptr_t)pclose(f);
}

static void children(void)
{
	uint64_t start = now_ns();
	pthread_t t[6];

	for (int i = 0; i < 3; i++) {
		t[i] = spawn(in_system, "sleep 0.3; exit 3");
		t[3 + i] = spawn(in_popen, "sleep 0.3; echo hello; exit 4");
	}
	for (int i = 0; i < 6; i++) {
		int status = (int)(intptr_t)join(t[i]);

		CHECK(WIFEXITED(status));
		CHECK_EQ(WEXITSTATUS(status), i < 3 ? 3 : 4);
	}
	CHECK(now_ns() - start < 1500000000); /* 1.8 s one after the other */
}

/* timer_create(SIGEV_THREAD) runs this in a thread that libc makes. */
static volatile int held;

static void hold_stdout(union sigval v)
{
	(void)v;
	flockfile(stderr);
	held = 1;
	for (uint64_t end = now_ns() + 50000000; now_ns() < end;)
		sched_yield();
	funlockfile(stderr);
}

static void *wants(void *arg)
{
	flockfile(stderr);
	funlockfile(stderr);
	return arg;
}

static void foreign_lock(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = hold_stdout };
	struct itimerspec soon = { .it_value = { 0, 1000000 } };
	pthread_t t[2];
	timer_t id;

	CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &id), 0);
	CHECK_EQ(timer_settime(id, 0, &soon, NULL), 0);
	while (!held)
		usleep(1000);
	t[0] = spawn(wants, NULL);
	t[1] = spawn(wants, NULL);
	join(t[0]);
	join(t[1]);
	timer_delete(id);
}

int main(void)
{
	pthread_t t = spawn(ticker, NULL);

	children();
	foreign_lock();
	stop = 1;
	join(t);
	CHECK(largest_gap < 200000000);
	puts("libc_zoo: children, a native thread's lock");
	return 0;
}
