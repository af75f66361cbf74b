#include "unit.h"
#include "../../runtime/sigmask.h"
#include "../../runtime/sigqueue.h"
#include "../../runtime/thread.h"

TestSuite(sigqueue, .timeout = 10);

static siginfo_t numbered(int n)
{
	siginfo_t info = { 0 };

	info.si_value.sival_int = n;
	return info;
}

static void add(struct greenlet *g, int sig, int n)
{
	siginfo_t info = numbered(n);

	cr_assert(gp_sigqueue_add(g, sig, &info));
}

static void expect(uint64_t set, bool any, int sig, int n)
{
	struct gp_noted got;

	cr_assert(gp_sigqueue_take(gp_self, set, any, &got));
	cr_assert_eq(got.sig, sig);
	cr_assert_eq(got.info.si_value.sival_int, n);
}

/* Nothing that the kernel has comes in between. */
static void begin(void)
{
	cr_assert_eq(gp_greenlets_start(), 0);
	gp_enter();
	gp_sigmask_block();
}

static void end(void)
{
	struct gp_noted got;

	cr_assert(!gp_sigqueue_take(gp_self, ~0ull, true, &got));
	cr_assert(!gp_sigqueue_any(gp_self));
	gp_signal_noted = false;
	gp_signal_sync();
	gp_leave();
}

Both(sigqueue, number_comes_before_age)
{
	begin();
	add(gp_self, SIGRTMIN + 2, 1);
	add(gp_self, SIGRTMIN + 1, 2);
	add(gp_self, SIGRTMIN + 2, 3);
	add(gp_self, SIGUSR1, 4);
	add(gp_self, SIGRTMIN + 1, 5);
	expect(~0ull, false, SIGUSR1, 4);
	expect(~gp_sigbit(SIGRTMIN + 1), false, SIGRTMIN + 2, 1);
	expect(~0ull, false, SIGRTMIN + 1, 2);
	expect(~0ull, false, SIGRTMIN + 1, 5);
	expect(~0ull, false, SIGRTMIN + 2, 3);
	end();
}

Both(sigqueue, standard_signals_are_pending_once_here_and_once_there)
{
	begin();
	for (int i = 0; i < 3; i++) {
		add(gp_self, SIGUSR1, i);
		add(NULL, SIGUSR1, 10 + i);
	}
	cr_assert_eq(gp_sigqueue_set(gp_self), gp_sigbit(SIGUSR1));
	expect(~0ull, true, SIGUSR1, 0); /* the thread's own first */
	expect(~0ull, true, SIGUSR1, 10);
	end();
}

Both(sigqueue, as_many_as_there_are)
{
	begin();
	for (int i = 0; i < 5000; i++)
		add(gp_self, SIGRTMIN + i % 3, i);
	for (int sig = 0; sig < 3; sig++)
		for (int i = sig; i < 5000; i += 3)
			expect(~0ull, false, SIGRTMIN + sig, i);
	end();
}

Both(sigqueue, of_the_process_it_has_to_be_given)
{
	struct gp_noted got;

	begin();
	add(NULL, SIGUSR2, 1);
	cr_assert(!gp_sigqueue_take(gp_self, ~0ull, false, &got));
	gp_signal_dispatch();
	cr_assert(gp_self->signal_pending);
	gp_sigqueue_leave(gp_self);
	cr_assert(!gp_sigqueue_take(gp_self, ~0ull, false, &got));
	expect(~0ull, true, SIGUSR2, 1);
	gp_self->signal_pending = 0;
	end();
}

/* Blocked by everybody: the kernel has it again, and hands it over when it is unblocked. */
static volatile int value;

static void keep_value(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	value = info->si_value.sival_int;
}

Both(sigqueue, what_nobody_accepts_goes_back)
{
	struct sigaction act = { .sa_sigaction = keep_value, .sa_flags = SA_SIGINFO };
	siginfo_t info = numbered(7);
	sigset_t pending;

	info.si_code = SI_QUEUE;
	begin();
	cr_assert_eq(gp_signal_action(SIGRTMIN + 1, &act, NULL), 0);
	gp_sigmask_block();
	gp_sigmask_change(gp_self, gp_sigbit(SIGRTMIN + 1));
	cr_assert(gp_sigqueue_add(NULL, SIGRTMIN + 1, &info));
	gp_signal_dispatch();
	end();
	cr_assert_eq(sigpending(&pending), 0);
	cr_assert(sigismember(&pending, SIGRTMIN + 1));
	cr_assert_eq(value, 0);
	gp_signal_mask(gp_self, 0);
	cr_assert_eq(value, 7);
}
