/* What a handler may do and what it sees: masks, nesting, SA_NODEFER, SA_RESETHAND, sleeping, jumping, alternate stacks, children. */
#include "must.h"
#include <sys/mman.h>
#include <ucontext.h>

static volatile int depth, deepest, ran, order[8], norder;
static sigjmp_buf away;
static atomic_ulong ticks;
static atomic_bool over;

static bool blocked(int sig)
{
	sigset_t mask;

	MUST(!pthread_sigmask(SIG_BLOCK, NULL, &mask));
	return sigismember(&mask, sig);
}

static void *ticker(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL); /* main is to have them all */
	while (!over) {
		pause_us(500);
		ticks++;
	}
	return arg;
}

static void nest(int sig)
{
	depth++;
	deepest = depth > deepest ? depth : deepest;
	if (++ran < 3)
		raise(sig);
	depth--;
}

static void resethand(int sig)
{
	struct sigaction now;

	ran++;
	sigaction(sig, NULL, &now);
	MUST(now.sa_handler == SIG_DFL);
}

static void ordered(int sig)
{
	order[norder++] = sig;
}

static void sleeps(int sig)
{
	unsigned long then = ticks;

	(void)sig;
	MUST(blocked(SIGUSR1) && blocked(SIGUSR2) && !blocked(SIGTERM));
	for (int i = 0; i < 100 && ticks == then; i++) /* a busy machine may leave the other thread aside for a while */
		pause_us(30000);
	MUST(ticks > then);
	MUST(blocked(SIGUSR1) && blocked(SIGUSR2) && !blocked(SIGTERM));
	ran++;
}

static void changes_mask(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	sigset_t set;

	(void)info;
	MUST(!sigismember(&uc->uc_sigmask, sig));
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* undone by the return */
	sigaddset(&uc->uc_sigmask, SIGHUP);     /* kept */
}

static void jumps(int sig)
{
	MUST(blocked(sig));
	siglongjmp(away, sig);
}

static volatile uintptr_t on_stack, alt_low;

static void where(int sig)
{
	char here;

	(void)sig;
	on_stack = (uintptr_t)&here;
	pause_us(2000);
	ran++;
}

static void *own_stack(void *arg)
{
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 }, old, small = { .ss_sp = arg, .ss_size = 100 };

	MUST(!sigaltstack(NULL, &old) && old.ss_flags == SS_DISABLE); /* none is inherited */
	MUST(!sigaltstack(&ss, NULL));
	MUST(sigaltstack(&small, NULL) == -1 && errno == ENOMEM);
	for (int i = 0; i < 20; i++) {
		raise(SIGUSR1);
		pause_us(300);
		MUST(!sigaltstack(NULL, &old) && old.ss_sp == ss.ss_sp && old.ss_size == 65536 && !old.ss_flags);
	}
	MUST(!sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL));
	free(ss.ss_sp);
	return NULL;
}

static __thread char *mine, *mine_end;

static void in_mine(int sig)
{
	stack_t now;
	char here;

	(void)sig;
	MUST(&here >= mine && &here < mine_end);
	MUST(!sigaltstack(NULL, &now) && now.ss_flags == SS_ONSTACK);
	MUST(sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL) == -1 && errno == EPERM);
	pause_us(500);
	ran++;
}

static void *many_stacks(void *arg)
{
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };

	mine = ss.ss_sp;
	mine_end = mine + 65536;
	MUST(!sigaltstack(&ss, NULL));
	for (int i = 0; i < 50; i++)
		raise(SIGUSR1);
	MUST(!sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL));
	return arg;
}

static volatile int reaped;

static void children(int sig)
{
	int saved = errno, st;

	(void)sig;
	while (waitpid(-1, &st, WNOHANG) > 0)
		reaped++;
	errno = saved;
}

static void fault(int sig)
{
	siglongjmp(away, sig);
}

static void *faults(void *arg)
{
	volatile int n = 0;

	for (n = 0; n < 100; n++)
		if (!sigsetjmp(away, 1)) {
			*(volatile char *)arg = 1;
			MUST(!"written");
		} else {
			MUST(!blocked(SIGSEGV));
		}
	return NULL;
}

static void repair(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	MUST(!mprotect((void *)((uintptr_t)info->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE));
	ran++;
}

static void *writes(void *arg)
{
	for (int i = 0; i < 50; i++) {
		((volatile char *)arg)[4096 * i] = 1;
		if (i % 5 == 0)
			pause_us(100);
	}
	return NULL;
}

int main(void)
{
	struct sigaction act = { .sa_handler = nest }, old;
	pthread_t t = start(ticker, NULL), many[4];
	unsigned long then = ticks;
	stack_t ss = { .ss_size = 65536 };
	sigset_t set, none;
	char *bad;

	while (ticks < then + 2)
		pause_us(1000);
	sigemptyset(&none);
	on(SIGUSR1, nest, 0);
	raise(SIGUSR1);
	MUST(ran == 3 && deepest == 1);
	ran = 0;
	on(SIGUSR1, nest, SA_NODEFER);
	raise(SIGUSR1);
	MUST(ran == 3 && deepest == 3);

	ran = 0;
	on(SIGUSR1, resethand, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &old);
	MUST(ran == 1 && old.sa_handler == SIG_DFL);
	on(SIGUSR1, resethand, SA_RESETHAND); /* pending when it is unblocked */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	MUST(ran == 1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	MUST(ran == 2);

	on(SIGUSR1, ordered, 0);
	on(SIGUSR2, ordered, 0);
	on(SIGRTMIN + 3, ordered, 0);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 3);
	for (int by_kill = 0; by_kill < 2; by_kill++) {
		norder = 0;
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		for (int i = 0; i < 2; i++) {
			by_kill ? kill(getpid(), SIGRTMIN + 3) : raise(SIGRTMIN + 3);
			by_kill ? kill(getpid(), SIGUSR2) : raise(SIGUSR2);
			by_kill ? kill(getpid(), SIGUSR1) : raise(SIGUSR1);
		}
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		MUST(norder == 4); /* standard signals are pending once; frames are made in order and run from the last */
		MUST(order[0] == SIGRTMIN + 3 && order[1] == SIGUSR2 && order[2] == SIGUSR1 && order[3] == SIGRTMIN + 3 ? 1 :
		     order[0] == SIGRTMIN + 3 && order[1] == SIGRTMIN + 3 && order[2] == SIGUSR2 && order[3] == SIGUSR1);
	}

	ran = 0;
	act = (struct sigaction){ .sa_handler = sleeps };
	sigaddset(&act.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	kill(getpid(), SIGUSR1);
	while (ran < 2)
		pause_us(1000);
	MUST(!blocked(SIGUSR1) && !blocked(SIGUSR2));

	act = (struct sigaction){ .sa_sigaction = changes_mask, .sa_flags = SA_SIGINFO };
	sigaction(SIGUSR1, &act, NULL);
	for (int i = 0; i < 2; i++) {
		pthread_sigmask(SIG_SETMASK, &none, NULL);
		i ? raise(SIGUSR1) : kill(getpid(), SIGUSR1);
		MUST(blocked(SIGHUP) && !blocked(SIGTERM) && !blocked(SIGUSR1));
	}
	pthread_sigmask(SIG_SETMASK, &none, NULL);

	on(SIGUSR1, jumps, 0);
	for (int i = 0; i < 100; i++) {
		if (!sigsetjmp(away, 1)) {
			i & 1 ? raise(SIGUSR1) : kill(getpid(), SIGUSR1);
			pause_us(1000);
			MUST(!"jumped");
		}
		MUST(!blocked(SIGUSR1));
	}
	if (!sigsetjmp(away, 0)) /* without the mask it stays */
		raise(SIGUSR1);
	MUST(blocked(SIGUSR1));
	pthread_sigmask(SIG_SETMASK, &none, NULL);

	ran = 0;
	alt_low = (uintptr_t)(ss.ss_sp = malloc(65536));
	MUST(!sigaltstack(&ss, NULL));
	on(SIGUSR1, where, SA_ONSTACK);
	raise(SIGUSR1);
	MUST(ran == 1 && on_stack - alt_low < 65536);
	on(SIGUSR1, where, 0);
	raise(SIGUSR1);
	MUST(ran == 2 && !(on_stack - alt_low < 65536));
	on(SIGUSR1, where, SA_ONSTACK);
	pthread_join(start(own_stack, NULL), NULL);
	on(SIGUSR1, in_mine, SA_ONSTACK);
	ran = 0;
	for (int i = 0; i < 4; i++)
		many[i] = start(many_stacks, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(many[i], NULL);
	MUST(ran == 200);

	on(SIGCHLD, children, SA_RESTART | SA_NOCLDSTOP);
	for (int i = 0; i < 20; i++)
		if (!fork())
			_exit(0);
	for (int i = 0; i < 1000 && reaped < 20; i++)
		pause_us(1000);
	MUST(reaped == 20);
	on(SIGCHLD, SIG_DFL, 0);

	bad = mmap(NULL, 64 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	on(SIGSEGV, fault, 0);
	pthread_join(start(faults, bad), NULL);
	on(SIGSEGV, fault, SA_ONSTACK);
	faults(bad);
	ran = 0;
	act = (struct sigaction){ .sa_sigaction = repair, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	sigaction(SIGSEGV, &act, NULL);
	pthread_join(start(writes, bad), NULL);
	MUST(ran == 50);
	over = true;
	pthread_join(t, NULL);
	return 0;
}
