/* link: -lrt */
/*
 * A handler forks in the middle of each call that waits. The parent's call goes on or ends as ever; the child, which has this thread
 * alone, returns from the handler into the same call.
 */
#include "signal_calls.h"

static struct waiter {
	const struct call *call;
	struct env env;
	pthread_t thread;
	long ret;
	int error;
	atomic_int ran, begun;
	pid_t child;
} waiters[LENGTH(calls)];

static _Thread_local struct waiter *self;
static _Thread_local bool in_child;

static void handle(int sig)
{
	int saved = errno;
	pid_t pid = fork();

	(void)sig;
	in_child = !pid;
	if (pid)
		self->child = pid;
	else
		alarm(8); /* what nobody ends there */
	self->ran++;
	errno = saved;
}

static void *wait_in(void *arg)
{
	struct waiter *w = self = arg;

	w->begun = 1;
	errno = 0;
	w->ret = w->call->wait(&w->env);
	w->error = errno;
	if (in_child)
		_exit(w->ret < 0 ? 100 + w->error : (int)w->ret);
	return NULL;
}

/* One more for the child: whichever of the two is first, both have theirs. */
static bool for_both(const struct call *c)
{
	return c->release == put_byte || c->release == come_in || c->release == set_event || c->release == msg || c->release == sem_up ||
	       c->release == mq || c->release == open_other;
}

/* Who of the two has what a timer or a lock gives once is a matter of luck. */
static bool by_luck(const struct call *c)
{
	return c->release == set_timer || c->begin == a_child || c->begin == a_locked_file;
}

static void round_of(int flags)
{
	int st;

	blocked_ms = 60000; /* a signal ends all these */
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handle, .sa_flags = flags }, NULL);
	signal(SIGALRM, SIG_DFL);
	memset(waiters, 0, sizeof(waiters));
	for (int i = 0; i < LENGTH(calls); i++) {
		waiters[i].call = &calls[i];
		if (!flags || !by_luck(&calls[i])) {
			calls[i].begin(&waiters[i].env);
			MUST(pthread_create(&waiters[i].thread, NULL, wait_in, &waiters[i]) == 0);
		}
	}
	for (int i = 0; i < LENGTH(calls); i++)
		while (waiters[i].thread && !waiters[i].begun)
			pause_ms(1);
	pause_ms(150);
	for (int i = 0; i < LENGTH(calls); i++)
		if (waiters[i].thread)
			pthread_kill(waiters[i].thread, SIGUSR1);
	for (int i = 0; i < LENGTH(calls); i++)
		for (int k = 0; k < 5000 && waiters[i].thread && !waiters[i].ran; k++)
			pause_ms(1);
	pause_ms(200);
	for (int k = 0; k < 2; k++, pause_ms(100))
		for (int i = 0; i < LENGTH(calls); i++)
			if (waiters[i].thread && (!k || for_both(&calls[i])))
				calls[i].release(&waiters[i].env);
	for (int i = 0; i < LENGTH(calls); i++) {
		struct waiter *w = &waiters[i];

		if (!w->thread)
			continue;
		pthread_join(w->thread, NULL);
		MUST(waitpid(w->child, &st, 0) == w->child);
		calls[i].end(&w->env);
		say("%s %s: ret=%ld errno=%s child: %s %d", calls[i].name, flags ? "restart" : "plain", w->ret, errname(w->error),
		    WIFSIGNALED(st) ? "signal" : "status", WIFSIGNALED(st) ? WTERMSIG(st) : WEXITSTATUS(st));
	}
}

CASE(plain) { round_of(0); }
CASE(restart) { round_of(SA_RESTART); }
