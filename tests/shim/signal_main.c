/* link: -lrt */
/*
 * The same table for signals of the process: an alarm for the main thread, which waits, while other threads run and wait. And what
 * kill from a worker does to it.
 */
#define main main_of_cases
#include "signal_calls.h"
#include <setjmp.h>
#undef main

#define SIGNAL_AT  40
#define RELEASE_AT 120 /* and not before the handler has run */
#define PROCESSES  8

static sigjmp_buf away;
static atomic_int ran, elsewhere;
static atomic_bool released;
static bool jumps;
static struct env env;

static void handle(int sig)
{
	(void)sig;
	ran++;
	if (!pthread_equal(pthread_self(), main_thread))
		elsewhere++;
	if (jumps)
		siglongjmp(away, 1);
}

static void *release_later(void *arg)
{
	const struct call *c = arg;

	pause_ms(SIGNAL_AT);
	for (int k = 0; k < 5000 && !ran; k++)
		pause_ms(1);
	pause_ms(RELEASE_AT - SIGNAL_AT);
	released = true;
	c->release(&env);
	return NULL;
}

static void signal_soon(bool by_kill)
{
	struct itimerval it = { .it_value.tv_usec = SIGNAL_AT * 1000 };

	if (!by_kill)
		setitimer(ITIMER_REAL, &it, NULL);
}

static void *kill_later(void *arg)
{
	pause_ms(SIGNAL_AT);
	kill(getpid(), SIGALRM);
	return arg;
}

static void one(const struct call *c, int flags, bool by_kill)
{
	struct sigaction act = { .sa_handler = handle, .sa_flags = flags };
	pthread_t releaser, killer;
	volatile bool jumped = false;
	volatile long ret = 0;
	volatile int error = 0;
	bool late;

	memset(&env, 0, sizeof(env));
	ran = elsewhere = 0;
	released = false;
	sigaction(SIGALRM, &act, NULL);
	c->begin(&env);
	pthread_create(&releaser, NULL, release_later, (void *)c);
	if (by_kill)
		pthread_create(&killer, NULL, kill_later, NULL);
	signal_soon(by_kill);
	if (sigsetjmp(away, 1)) {
		jumped = true;
	} else {
		errno = 0;
		ret = c->wait(&env);
		error = errno;
	}
	late = released;
	say("%s flags=%s%s: ret=%ld errno=%s ran=%d elsewhere=%d jumped=%d end=%s", c->name, flags ? "restart" : "plain", jumps ? " jump" : "",
	    (long)ret, errname(error), (int)ran, (int)elsewhere, jumped, late ? "late" : "signal");
	pthread_join(releaser, NULL);
	if (by_kill)
		pthread_join(killer, NULL);
	c->end(&env);
	close_range(3, ~0u, 0);
}

/* Runs now and then, and is not to be disturbed. */
static void *run(void *arg)
{
	while (!all_done) {
		for (volatile int i = 0; i < 20000; i++)
			;
		pause_ms(1);
		ticks++;
	}
	return arg;
}

static void *block(void *arg)
{
	sem_t *s = arg;

	while (sem_wait(s))
		say("the wrong thread was interrupted");
	return NULL;
}

/* case.h wants one. */
CASE(none) {}

/* Every PROCESSES-th call, from `first` on. */
static void some(int first)
{
	pthread_t runners[3], blocker;
	sem_t s;

	main_thread = pthread_self();
	blocked_ms = 1000;
	sem_init(&s, 0, 0);
	for (int i = 0; i < 3; i++)
		pthread_create(&runners[i], NULL, run, NULL);
	pthread_create(&blocker, NULL, block, &s);
	for (int i = first; i < LENGTH(calls); i += PROCESSES) {
		jumps = false;
		one(&calls[i], 0, false);
		one(&calls[i], SA_RESTART, true);
		jumps = !no_jump(&calls[i]);
		one(&calls[i], 0, true);
	}
	all_done = true;
	sem_post(&s);
	for (int i = 0; i < 3; i++)
		pthread_join(runners[i], NULL);
	pthread_join(blocker, NULL);
}

/* A process has one main thread, so it is several that wait side by side. What they say is printed one after the other. */
int main(void)
{
	int out[PROCESSES][2], st;
	pid_t pid[PROCESSES];
	ssize_t n;

	(void)main_of_cases;
	setvbuf(stdout, NULL, _IOLBF, 0);
	case_name = "main";
	for (int i = 0; i < PROCESSES; i++) {
		MUST(pipe(out[i]) == 0 && (pid[i] = fork()) >= 0);
		if (!pid[i]) {
			dup2(out[i][1], 1);
			close_range(3, ~0u, 0);
			some(i);
			exit(0);
		}
		close(out[i][1]);
	}
	for (int i = 0; i < PROCESSES; i++) {
		while ((n = read(out[i][0], buf, sizeof(buf))) > 0)
			MUST(write(1, buf, (size_t)n) == n);
		MUST(waitpid(pid[i], &st, 0) == pid[i]);
		say("status=%d", st);
	}
	return 0;
}
