/*
 * A call with a mask of its own lets in one signal of a kind: the handler returns to the mask from before. The others stay pending for
 * the next calls. What is sent to one thread is that thread's alone, blocked or not; what is sent to the process is anybody's.
 */
#include "must.h"
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <ucontext.h>

static __thread volatile int ran, last, other;
static volatile bool blocked_outside;
static atomic_int heard, waiting;
static atomic_bool over;
static sigset_t rt, none;

static void handle(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	blocked_outside = sigismember(&uc->uc_sigmask, sig);
	last = info->si_value.sival_int;
	ran++;
}

static void count(int sig)
{
	(void)sig;
	other++;
	heard++;
}

static int wait_for_one(int how)
{
	struct timespec ten = { 10, 0 };
	struct epoll_event ev;
	static int ep = -1;

	if (ep < 0)
		ep = epoll_create1(0);
	switch (how) {
	case 0: return sigsuspend(&none);
	case 1: return ppoll(NULL, 0, &ten, &none);
	case 2: return pselect(0, NULL, NULL, NULL, &ten, &none);
	default: return epoll_pwait(ep, &ev, 1, 10000, &none);
	}
}

/* Three of one kind, sent to the process or to the thread. */
static void one_by_one(int how, bool to_thread)
{
	sigset_t set, pending;

	ran = 0;
	for (int i = 0; i < 3; i++)
		MUST(!(to_thread ? pthread_sigqueue(pthread_self(), SIGRTMIN + 1, (union sigval){ .sival_int = i }) :
				   sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = i })));
	for (int i = 0; i < 3; i++) {
		MUST(!sigpending(&pending) && sigismember(&pending, SIGRTMIN + 1));
		MUST(wait_for_one(how) == -1 && errno == EINTR);
		MUST(ran == i + 1 && last == i && blocked_outside);
		pthread_sigmask(SIG_BLOCK, NULL, &set);
		MUST(sigismember(&set, SIGRTMIN + 1));
	}
	MUST(!sigpending(&pending) && !sigismember(&pending, SIGRTMIN + 1));
	MUST(!(to_thread ? pthread_kill(pthread_self(), SIGRTMIN + 1) : kill(getpid(), SIGRTMIN + 1)));
	other = 0;
	MUST(!raise(SIGUSR1)); /* of two kinds each may come in */
	MUST(wait_for_one(how) == -1 && errno == EINTR && ran == 4 && other == 1);
}

static void *masks(void *arg)
{
	for (int how = 0; how < 4; how++)
		for (int to_thread = 0; to_thread < 2; to_thread++)
			one_by_one(how, to_thread);
	return arg;
}

static void *ready_for_it(void *arg)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	waiting++;
	while (!over)
		pause_us(300);
	return arg;
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigset_t usr2, pending;
	siginfo_t info;
	pthread_t t;
	int fd;

	sigemptyset(&none);
	sigemptyset(&rt);
	sigaddset(&rt, SIGRTMIN + 1);
	sigaddset(&rt, SIGUSR1);
	sigaddset(&rt, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &rt, NULL);
	sigaction(SIGRTMIN + 1, &act, NULL);
	on(SIGUSR1, count, 0);
	on(SIGUSR2, count, 0);
	pthread_join(start(masks, NULL), NULL);
	masks(NULL);

	t = start(ready_for_it, NULL);
	while (!waiting)
		pause_us(300);
	heard = other = 0;
	for (int i = 0; i < 3; i++) { /* mine, and I have it blocked */
		MUST(!(i ? pthread_kill(pthread_self(), SIGUSR2) : raise(SIGUSR2)));
		pause_us(3000);
		MUST(!heard && !sigpending(&pending) && sigismember(&pending, SIGUSR2));
	}
	kill(getpid(), SIGUSR2); /* the process's: the other one has it unblocked */
	for (int i = 0; i < 5000 && !heard; i++)
		pause_us(1000);
	MUST(heard == 1 && !other && !sigpending(&pending) && sigismember(&pending, SIGUSR2));
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	MUST(sigwaitinfo(&usr2, &info) == SIGUSR2 && info.si_pid == getpid());
	MUST(!sigpending(&pending) && !sigismember(&pending, SIGUSR2));
	MUST(!raise(SIGUSR2));
	pthread_sigmask(SIG_UNBLOCK, &usr2, NULL);
	MUST(heard == 2 && other == 1);
	pthread_sigmask(SIG_BLOCK, &usr2, NULL);
	over = true;
	pthread_join(t, NULL);

	/* Nobody has it unblocked: it waits where a signalfd and a program that is started look. */
	sigaddset(&none, SIGUSR2);
	start(masks, NULL);
	MUST((fd = signalfd(-1, &usr2, SFD_NONBLOCK)) >= 0);
	for (int i = 0; i < 200; i++) {
		struct signalfd_siginfo s;

		pthread_sigmask(SIG_UNBLOCK, &usr2, NULL);
		pthread_sigmask(SIG_BLOCK, &usr2, NULL);
		kill(getpid(), SIGUSR2);
		MUST(read(fd, &s, sizeof(s)) == sizeof(s) && s.ssi_signo == SIGUSR2);
		if (i % 50 == 0)
			pause_us(100);
	}
	return 0;
}
