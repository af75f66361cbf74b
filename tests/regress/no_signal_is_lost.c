/*
 * Queued signals from outside, to threads and between them, while all threads block and unblock them, wait for them in every way and
 * jump out of handlers: each is had exactly once, those for a thread by that thread, each thread's in the order of their sending.
 */
#include "must.h"
#include <sys/select.h>

#define THREADS 8
#ifndef EACH
#define EACH 1500 /* to each thread; and to the process from outside */
#endif

enum { TO_PROCESS = 1, TO_THREAD = 2 }; /* over SIGRTMIN */

static atomic_int of_process, of_threads, ready, strays;
static __thread volatile int mine, me, wrong_order;
static __thread sigjmp_buf away;
static __thread volatile bool jumps;
static pthread_t threads[THREADS];
static atomic_bool over;

static void had(const siginfo_t *info)
{
	int n = info->si_value.sival_int;

	if (info->si_signo == SIGRTMIN + TO_PROCESS) {
		of_process++;
		return;
	}
	of_threads++;
	if (n / EACH != me)
		strays++;
	if (n % EACH != mine++)
		wrong_order++;
}

static void handle(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	had(info);
	if (jumps)
		siglongjmp(away, 1);
}

static void receive(int how)
{
	struct timespec soon = { 0, 200000 }, left = soon;
	sigset_t both, none;
	siginfo_t info;

	sigemptyset(&none);
	sigemptyset(&both);
	sigaddset(&both, SIGRTMIN + TO_PROCESS);
	sigaddset(&both, SIGRTMIN + TO_THREAD);
	switch (how) {
	case 0:
		if (sigtimedwait(&both, &info, &soon) > 0)
			had(&info);
		break;
	case 1:
		ppoll(NULL, 0, &soon, &none);
		break;
	case 2:
		pselect(0, NULL, NULL, NULL, &soon, &none);
		break;
	case 3:
		if (!sigsetjmp(away, 1)) {
			jumps = true;
			pthread_sigmask(SIG_UNBLOCK, &both, NULL);
			nanosleep(&soon, &left);
		}
		jumps = false;
		break;
	case 4:
		pthread_sigmask(SIG_UNBLOCK, &both, NULL);
		for (volatile int i = 0; i < 20000; i++)
			;
		break;
	case 5:
		pthread_sigmask(SIG_UNBLOCK, &both, NULL);
		sched_yield();
		break;
	}
	pthread_sigmask(SIG_BLOCK, &both, NULL);
}

static void *thread(void *arg)
{
	unsigned x = (unsigned)(uintptr_t)arg + 1;

	me = (int)(intptr_t)arg;
	ready++;
	while (!over) {
		x = x * 1664525 + 1013904223;
		receive((int)((x >> 16) % 6));
	}
	MUST(!wrong_order);
	return NULL;
}

static void *shoot(void *arg)
{
	for (int i = 0; i < EACH; i++)
		for (int t = 0; t < THREADS; t++) {
			while (pthread_sigqueue(threads[t], SIGRTMIN + TO_THREAD, (union sigval){ .sival_int = t * EACH + i }) == EAGAIN)
				pause_us(1000);
			if (i % 16 == t)
				pause_us(100);
		}
	return arg;
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigset_t set, pending;
	pthread_t shooter;
	pid_t child;
	int st;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + TO_PROCESS);
	sigaddset(&set, SIGRTMIN + TO_THREAD);
	act.sa_mask = set; /* else a jump would leave a handler behind that has not begun */
	sigaction(SIGRTMIN + TO_PROCESS, &act, NULL);
	sigaction(SIGRTMIN + TO_THREAD, &act, NULL);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = start(thread, (void *)i);
	while (ready < THREADS)
		pause_us(1000);
	if (!(child = fork())) {
		for (int i = 0; i < EACH; i++) {
			while (sigqueue(getppid(), SIGRTMIN + TO_PROCESS, (union sigval){ .sival_int = i }) && errno == EAGAIN)
				pause_us(1000);
			if (i % 16 == 0)
				pause_us(100);
		}
		_exit(0);
	}
	shooter = start(shoot, NULL);
	pthread_join(shooter, NULL);
	MUST(waitpid(child, &st, 0) == child && !st);
	for (int i = 0; i < 5000 && (of_process < EACH || of_threads < EACH * THREADS); i++)
		pause_us(1000);
	over = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	if (of_process != EACH || of_threads != EACH * THREADS || strays)
		dprintf(2, "%d of %d to the process, %d of %d to threads, %d by the wrong one\n", of_process, EACH, of_threads,
			EACH * THREADS, strays);
	MUST(of_process == EACH && of_threads == EACH * THREADS && !strays);
	MUST(!sigpending(&pending) && !sigismember(&pending, SIGRTMIN + TO_PROCESS));
	return 0;
}
