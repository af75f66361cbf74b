/* signal.c - who runs a handler, masks of threads, dispositions */
#include "case.h"
#include <sys/resource.h>

static atomic_int handled;
static pthread_t handled_in;
static int ends[2];

static void handler(int sig)
{
	(void)sig;
	handled_in = pthread_self();
	handled++;
}

static void install(int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigemptyset(&sa.sa_mask);
	MUST(sigaction(SIGUSR1, &sa, NULL) == 0);
	handled = 0;
}

static void send_signal(long arg)
{
	(void)arg;
	pthread_kill(case_thread, SIGUSR1);
}

/* ---- who runs the handler */

static void sleeper(long slot)
{
	NOTE(slot, nanosleep(MS(150), NULL));
}

CASE(pthread_kill_of_a_sleeping_thread)
{
	pthread_t t;

	install(0);
	t = later(0, sleeper, 0);
	settle();
	SHOW_RC(pthread_kill(t, SIGUSR1));
	finish();
	say("handled=%d in the thread=%d", (int)handled, pthread_equal(handled_in, t) != 0);
	TELL(0);
}

CASE(pthread_kill_of_oneself)
{
	install(0);
	SHOW_RC(pthread_kill(pthread_self(), SIGUSR1));
	say("handled=%d here=%d", (int)handled, pthread_equal(handled_in, case_thread) != 0);
	SHOW(raise(SIGUSR1));
	say("handled=%d here=%d", (int)handled, pthread_equal(handled_in, case_thread) != 0);
}

/* A signal for the process goes to main where main has it unblocked. */
CASE(kill_of_the_process)
{
	install(SA_RESTART);
	SHOW(kill(getpid(), SIGUSR1));
	for (int i = 0; i < 2000 && !handled; i++)
		pause_ms(1);
	say("handled=%d in main=%d", (int)handled, pthread_equal(handled_in, main_thread) != 0);
}

/* ---- masks */

static sigset_t usr1(void)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	return s;
}

static void has_blocked(long slot)
{
	sigset_t now;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	NOTE(slot, sigismember(&now, SIGUSR1));
}

CASE(mask_is_own_and_inherited)
{
	sigset_t s = usr1(), old;

	SHOW_RC(pthread_sigmask(SIG_BLOCK, &s, &old));
	say("before=%d", sigismember(&old, SIGUSR1));
	later(0, has_blocked, 0);
	finish();
	TELL(0);
	SHOW_RC(pthread_sigmask(SIG_UNBLOCK, &s, &old));
	say("before=%d", sigismember(&old, SIGUSR1));
	later(0, has_blocked, 1);
	finish();
	TELL(1);
	SHOW_RC(pthread_sigmask(77, &s, NULL));
}

CASE(blocked_until_unblocked)
{
	sigset_t s = usr1(), pending;

	install(0);
	pthread_sigmask(SIG_BLOCK, &s, NULL);
	SHOW_RC(pthread_kill(pthread_self(), SIGUSR1));
	pause_ms(5);
	sigpending(&pending);
	say("handled=%d pending=%d", (int)handled, sigismember(&pending, SIGUSR1));
	pthread_sigmask(SIG_UNBLOCK, &s, NULL);
	sigpending(&pending);
	say("handled=%d pending=%d", (int)handled, sigismember(&pending, SIGUSR1));
}

CASE(blocked_signal_ends_nothing)
{
	sigset_t s = usr1();
	int p[2];

	install(0);
	pipes(p);
	pthread_sigmask(SIG_BLOCK, &s, NULL);
	later(20, send_signal, 0);
	later(80, put, p[1]);
	TIMED(80, SHOW(read(p[0], buf, 9)));
	say("handled=%d", (int)handled);
	pthread_sigmask(SIG_UNBLOCK, &s, NULL);
	say("handled=%d", (int)handled);
}

CASE(masks_of_ppoll_and_pselect)
{
	sigset_t s = usr1(), none;

	sigemptyset(&none);
	install(0);
	pthread_sigmask(SIG_BLOCK, &s, NULL);
	later(30, send_signal, 0);
	TIMED(30, SHOW(ppoll(NULL, 0, MS(5000), &none)));
	say("handled=%d", (int)handled);
	later(30, send_signal, 0);
	TIMED(30, SHOW(pselect(0, NULL, NULL, NULL, MS(5000), &none)));
	say("handled=%d", (int)handled);
	send_signal(0); /* pending before the call */
	SHOW(ppoll(NULL, 0, MS(5000), &none));
	say("handled=%d", (int)handled);
	has_blocked(0);
	TELL(0);
	pthread_sigmask(SIG_UNBLOCK, &s, NULL);
	later(20, send_signal, 0);
	TIMED(60, SHOW(ppoll(NULL, 0, MS(60), &s)));
	say("handled=%d", (int)handled);
}

CASE(ignored_signal_ends_nothing)
{
	int p[2];

	signal(SIGUSR1, SIG_IGN);
	pipes(p);
	later(20, send_signal, 0);
	later(60, put, p[1]);
	TIMED(60, SHOW(read(p[0], buf, 9)));
}

/* ---- dispositions */

CASE(sigaction_tells_what_was_set)
{
	struct sigaction sa = { 0 };

	install(SA_RESTART | SA_NODEFER);
	SHOW(sigaction(SIGUSR1, NULL, &sa));
	say("handler=%d flags=%#x", sa.sa_handler == handler, (unsigned)sa.sa_flags & ~0x04000000u);
	SHOW(signal(SIGUSR1, SIG_DFL) == handler ? 0 : -1);
	SHOW(signal(SIGUSR1, SIG_IGN) == SIG_DFL ? 0 : -1);
	SHOW(sigaction(SIGKILL, &(struct sigaction){ .sa_handler = handler }, NULL));
	SHOW(sigaction(999, NULL, &sa));
}

static void partial(long ms)
{
	(void)!write(ends[1], "ab", 2);
	pause_ms(ms);
	pthread_kill(case_thread, SIGUSR1);
}

/* Data that has come is not lost to a signal. */
CASE(partial_count_wins)
{
	install(0);
	pair(ends, SOCK_STREAM);
	later(10, partial, 50);
	SHOW_BYTES(buf, recv(ends[0], buf, 9, MSG_WAITALL));
	say("handled=%d", (int)handled);
}

static void take_some(long ms)
{
	(void)!read(ends[0], buf + 8192, 8192);
	pause_ms(ms);
	pthread_kill(case_thread, SIGUSR1);
}

/* SA_RESTART is for calls that have done nothing yet. */
CASE(partial_count_is_not_restarted)
{
	static char much[256 << 10];

	install(SA_RESTART);
	pair(ends, SOCK_STREAM);
	later(10, partial, 50);
	SHOW_BYTES(buf, recv(ends[0], buf, 9, MSG_WAITALL));
	pipes(ends);
	later(10, take_some, 50);
	SHOW(write(ends[1], much, sizeof(much)));
	pipes(ends);
	later(10, take_some, 50);
	SHOW(writev(ends[1], (struct iovec[]){ { much, 100000 }, { much, 100000 } }, 2));
	say("handled=%d", (int)handled);
}

static void write_from_handler(int sig)
{
	int saved = errno;

	(void)sig;
	(void)!write(ends[1], "h", 1);
	errno = saved;
	handled++;
}

CASE(handler_makes_it_ready)
{
	struct sigaction sa = { .sa_handler = write_from_handler, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &sa, NULL);
	handled = 0;
	pipes(ends);
	later(40, send_signal, 0);
	TIMED(40, SHOW_BYTES(buf, read(ends[0], buf, 9)));
	say("handled=%d", (int)handled);
}

CASE(no_room_for_a_signal)
{
	struct rlimit was, none;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	MUST(!pthread_sigmask(SIG_BLOCK, &set, NULL) && !getrlimit(RLIMIT_SIGPENDING, &was));
	none = (struct rlimit){ 0, was.rlim_max };
	MUST(!setrlimit(RLIMIT_SIGPENDING, &none));
	SHOW_RC(pthread_kill(case_thread, SIGRTMIN));
	SHOW_RC(pthread_sigqueue(case_thread, SIGRTMIN, (union sigval){ 1 }));
	MUST(!setrlimit(RLIMIT_SIGPENDING, &was));
	SHOW_RC(pthread_kill(case_thread, SIGRTMIN));
	SHOW(sigtimedwait(&set, NULL, MS(0)) == SIGRTMIN);
	SHOW(sigtimedwait(&set, NULL, MS(0)));
}

CASE(many_signals)
{
	install(SA_RESTART);
	for (int i = 0; i < 50; i++) {
		int before = handled;

		pthread_kill(pthread_self(), SIGUSR1);
		if (handled != before + 1)
			say("lost %d", i);
	}
	say("handled=%d", (int)handled);
}
