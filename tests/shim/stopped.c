/* link: -lrt */
/*
 * A process is stopped and goes on while its threads wait in every call that there is. signal(7): most of them go on waiting; those that
 * are never restarted (epoll_wait, semop, sigtimedwait, a socket with a time-out...) fail with EINTR, though no handler has run.
 */
#define main main_of_cases
#include "signal_calls.h"
#undef main

#define RELEASE_AT 100 /* ms after the last stop */
#define STOPS      6

static struct waiter {
	const struct call *call;
	struct env env;
	pthread_t thread;
	long ret;
	int error;
	bool by_release;
} waiters[LENGTH(calls)];

static atomic_bool released;

static void *wait_in(void *arg)
{
	struct waiter *w = arg;

	errno = 0;
	w->ret = w->call->wait(&w->env);
	w->error = errno;
	w->by_release = released;
	return NULL;
}

/* Of our first thread. */
static char state_of(pid_t pid)
{
	char path[32], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!(f = fopen(path, "r")) || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		_exit(2);
	fclose(f);
	return state;
}

static void wait_for_state(pid_t pid, char state)
{
	for (int same = 0, i = 0; same < 3; same = state_of(pid) == state ? same + 1 : 0) {
		if (i++ > 5000)
			_exit(1);
		usleep(2000);
	}
}

/*
 * A child stops us when all wait, and lets us go on. Again and again: a stop that finds a greenlet running, be it on the way to its
 * next wait, ends no other's.
 */
static void stop_and_go_on(void)
{
	pid_t us = getpid(), pid = fork();
	int st;

	if (!pid) {
		for (int i = 0; i < STOPS; i++) {
			wait_for_state(us, 'S');
			kill(us, SIGSTOP);
			wait_for_state(us, 'T');
			kill(us, SIGCONT);
		}
		_exit(0);
	}
	MUST(waitpid(pid, &st, 0) == pid && st == 0);
}

static void stop_in_all(void)
{
	blocked_ms = 1600;
	released = false;
	memset(waiters, 0, sizeof(waiters));
	for (int i = 0; i < LENGTH(calls); i++) {
		waiters[i].call = &calls[i];
		calls[i].begin(&waiters[i].env);
	}
	for (int i = 0; i < LENGTH(calls); i++)
		MUST(pthread_create(&waiters[i].thread, NULL, wait_in, &waiters[i]) == 0);
	pause_ms(150);
	stop_and_go_on();
	pause_ms(RELEASE_AT);
	released = true;
	for (int i = 0; i < LENGTH(calls); i++)
		calls[i].release(&waiters[i].env);
	for (int i = 0; i < LENGTH(calls); i++) {
		struct waiter *w = &waiters[i];

		pthread_join(w->thread, NULL);
		calls[i].end(&w->env);
		say("%s: ret=%ld errno=%s end=%s", calls[i].name, w->ret, errname(w->error), w->by_release ? "late" : "stop");
	}
}


static char big[1 << 22];

static void sends_all(long fd) { NOTE(0, send((int)fd, big, sizeof(big), 0) < (ssize_t)sizeof(big)); }
static void writes_all(long fd) { NOTE(1, write((int)fd, big, sizeof(big)) < (ssize_t)sizeof(big)); }
static void receives_all(long fd) { NOTE(2, recv((int)fd, big, 100, MSG_WAITALL)); }

/* What has moved a part of its bytes tells how many. */
static void stop_half_way(void)
{
	int a[2], b[2], c[2];

	pair(a, SOCK_STREAM);
	pipes(b);
	pair(c, SOCK_STREAM);
	later(0, sends_all, a[0]);
	later(0, writes_all, b[1]);
	later(0, receives_all, c[0]);
	put(c[1]);
	pause_ms(100);
	stop_and_go_on();
	pause_ms(100);
	say("ended by the stop: %d %d %d", notes[0].done, notes[1].done, notes[2].done);
	close(a[1]);
	close(b[0]);
	close(c[1]);
	finish();
	for (int i = 0; i < 3; i++)
		TELL(i);
}

CASE(none) {}

/* No ticker here: a stop must find all of them waiting. */
int main(void)
{
	(void)main_of_cases;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	case_name = "stopped";
	stop_in_all();
	stop_half_way();
	return 0;
}
