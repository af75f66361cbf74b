/* signal_raw.c - syscall(2) with numbers of signal calls, as runtimes make them that do without libc's */
#include "case.h"
#include <setjmp.h>
#include <sys/syscall.h>

struct kernel_action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

static _Thread_local volatile int handled; /* volatile: raise is said to call nothing here */
static uint64_t usr1 = 1ull << (SIGUSR1 - 1), usr2 = 1ull << (SIGUSR2 - 1), none;

static void handler(int sig)
{
	(void)sig;
	handled++;
}

static uint64_t mask_now(void)
{
	uint64_t m = 0;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &m, 8);
	return m & (usr1 | usr2);
}

static void its_mask(long slot)
{
	NOTE(slot, mask_now() == usr1);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &usr2, NULL, 8);
	pause_ms(5);
	NOTE(slot + 1, mask_now() == usr2);
}

CASE(masks)
{
	sigset_t s;

	SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8));
	later(0, its_mask, 0);
	finish();
	TELL(0);
	TELL(1);
	pthread_sigmask(SIG_BLOCK, NULL, &s);
	say("usr1=%d usr2=%d", sigismember(&s, SIGUSR1), sigismember(&s, SIGUSR2));
	SHOW(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &usr1, &none, 8));
	say("before=%d now=%d", none & usr1 ? 1 : 0, mask_now() ? 1 : 0);
	none = 0;
	SHOW(syscall(SYS_rt_sigprocmask, 77, &usr1, NULL, 8));
	SHOW(syscall(SYS_rt_sigprocmask, 77, NULL, NULL, 8));
	SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 4));
	SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad, NULL, 8));
	SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, bad, 8));
}

CASE(dispositions)
{
	struct kernel_action act = { handler, SA_RESTART, NULL, usr2 }, old;
	struct sigaction sa;

	signal(SIGUSR1, SIG_IGN);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler, .sa_flags = SA_NODEFER }, NULL); /* libc's has a restorer */
	SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8));
	say("handler=%d flags=%#lx", old.handler == handler, old.flags & ~0x04000000ul);
	act.flags |= old.flags & 0x04000000;
	act.restorer = old.restorer;
	SHOW(syscall(SYS_rt_sigaction, SIGUSR1, &act, &old, 8));
	say("handler=%d flags=%#lx", old.handler == handler, old.flags & ~0x04000000ul);
	sigaction(SIGUSR1, NULL, &sa);
	say("handler=%d flags=%#x mask=%d", sa.sa_handler == handler, (unsigned)sa.sa_flags & ~0x04000000u, sigismember(&sa.sa_mask, SIGUSR2));
	handled = 0;
	raise(SIGUSR1);
	say("handled=%d", handled);
	SHOW(syscall(SYS_rt_sigaction, SIGKILL, &act, NULL, 8));
	SHOW(syscall(SYS_rt_sigaction, 0, NULL, &old, 8));
	SHOW(syscall(SYS_rt_sigaction, 65, NULL, &old, 8));
	SHOW(syscall(SYS_rt_sigaction, SIGUSR1, bad, NULL, 8));
	SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 8));
	SHOW(syscall(SYS_rt_sigaction, SIGUSR1, &act, NULL, 9));
}

static void unblocked(long ms)
{
	handled = 0;
	pause_ms(ms);
	NOTE(0, handled);
}

/* To oneself by number: nobody else hears of it, and it waits as long as it is blocked. */
CASE(to_oneself)
{
	siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
	uint64_t pending = 0;

	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler, .sa_flags = SA_RESTART }, NULL);
	handled = 0;
	SHOW(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1));
	SHOW(syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1));
	SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGUSR1, &info));
	say("handled=%d", handled);
	later(0, unblocked, 40);
	settle();
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8);
	SHOW(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1));
	pause_ms(10);
	SHOW(syscall(SYS_rt_sigpending, &pending, 8));
	say("handled=%d pending=%d", handled, pending & usr1 ? 1 : 0);
	finish();
	TELL(0);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &usr1, NULL, 8);
	say("handled=%d", handled);
	SHOW(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 65));
	SHOW(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0));
	SHOW(syscall(SYS_tgkill, getpid(), -5, SIGUSR1));
}

static void send_by_tid(long arg)
{
	siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
	pid_t tid = (pid_t)syscall(SYS_gettid);

	(void)arg;
	NOTE(0, syscall(SYS_kill, tid, SIGUSR1));
	pause_ms(10);
	NOTE(1, syscall(SYS_rt_sigqueueinfo, tid, SIGUSR1, &info));
	NOTE(2, syscall(SYS_kill, tid, 65));
}

CASE(process_by_the_id_of_a_thread)
{
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler, .sa_flags = SA_RESTART }, NULL);
	handled = 0;
	later(0, send_by_tid, 0);
	finish();
	TELL(0);
	TELL(1);
	TELL(2);
	say("handled=%d", handled);
}

static void send_usr1(long arg)
{
	(void)arg;
	pthread_kill(case_thread, SIGUSR1);
}

CASE(waiting)
{
	struct timespec soon = { 0, 20000000 };
	siginfo_t info;
	uint64_t zero = 0;

	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler }, NULL);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8);
	TIMED(20, SHOW(syscall(SYS_rt_sigtimedwait, &usr1, NULL, &soon, 8)));
	later(20, send_usr1, 0);
	TIMED(20, SHOW(syscall(SYS_rt_sigtimedwait, &usr1, &info, NULL, 8)));
	say("sig=%d mine=%d", info.si_signo, info.si_pid == getpid());
	SHOW(syscall(SYS_rt_sigtimedwait, &usr1, NULL, &soon, 7));
	SHOW(syscall(SYS_rt_sigtimedwait, bad, NULL, &soon, 8));
	SHOW(syscall(SYS_rt_sigtimedwait, &usr1, NULL, bad, 8));
	handled = 0;
	later(20, send_usr1, 0);
	TIMED(20, SHOW(syscall(SYS_rt_sigsuspend, &zero, 8)));
	say("handled=%d blocked=%d", handled, mask_now() == usr1);
	SHOW(syscall(SYS_rt_sigsuspend, &zero, 4));
	SHOW(syscall(SYS_rt_sigsuspend, bad, 8));
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &usr1, NULL, 8);
}

static char stack[65536];
static volatile bool on_it;

static void where(int sig)
{
	char here;

	(void)sig;
	on_it = &here >= stack && &here < stack + sizeof(stack);
}

static void other_stack(long slot)
{
	stack_t now;

	NOTE(slot, syscall(SYS_sigaltstack, NULL, &now) ? -1 : now.ss_flags == SS_DISABLE);
}

CASE(alternate_stack)
{
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) }, off = { .ss_flags = SS_DISABLE };

	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = where, .sa_flags = SA_ONSTACK }, NULL);
	SHOW(syscall(SYS_sigaltstack, &ss, NULL));
	raise(SIGUSR1);
	say("on it=%d", on_it);
	later(0, other_stack, 0);
	finish();
	TELL(0);
	SHOW(syscall(SYS_sigaltstack, bad, NULL));
	SHOW(syscall(SYS_sigaltstack, &off, NULL));
	raise(SIGUSR1);
	say("on it=%d", on_it);
}

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

static stack_t in_handler;
static bool nested;

static void disarmed(int sig)
{
	sigaltstack(NULL, &in_handler);
	where(sig);
	nested = on_it;
	if (sig == SIGUSR1)
		raise(SIGUSR2); /* on the same stack, further down */
}

static sigjmp_buf away;

static void jumps_away(int sig)
{
	(void)sig;
	siglongjmp(away, 1);
}

CASE(alternate_stack_disarms)
{
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack), .ss_flags = (int)SS_AUTODISARM }, now;

	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = disarmed, .sa_flags = SA_ONSTACK }, NULL);
	sigaction(SIGUSR2, &(struct sigaction){ .sa_handler = disarmed, .sa_flags = SA_ONSTACK }, NULL);
	SHOW(sigaltstack(&ss, NULL));
	for (int i = 0; i < 2; i++) {
		i ? pthread_kill(pthread_self(), SIGUSR1) : raise(SIGUSR1);
		say("on it=%d, nested=%d, there flags=%#x size=%zu", on_it, nested, (unsigned)in_handler.ss_flags, in_handler.ss_size);
		sigaltstack(NULL, &now);
		say("after it flags=%#x size=%zu", (unsigned)now.ss_flags, now.ss_size);
	}
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = jumps_away, .sa_flags = SA_ONSTACK }, NULL);
	if (!sigsetjmp(away, 1))
		raise(SIGUSR1);
	sigaltstack(NULL, &now);
	say("after a jump flags=%#x size=%zu", (unsigned)now.ss_flags, now.ss_size);
}
