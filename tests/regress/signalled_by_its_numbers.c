/*
 * Another process sends signals to this one by kill, tgkill, tkill, rt_tgsigqueueinfo and a pidfd, to the process, to main's number and,
 * with the process beside it, to what gettid says in a thread: each comes once, those for main run in main, and a wait that they find ends
 * as it should.
 */
#include "must.h"
#include <sys/syscall.h>

static pthread_t main_thread;
static atomic_int hits, in_main, values;
static pid_t tids[2];
static int heard[2];

static void hit(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	hits++;
	in_main += pthread_equal(pthread_self(), main_thread);
	values += info->si_value.sival_int;
}

static void *waits(void *arg)
{
	char c;

	tids[1] = (pid_t)syscall(SYS_gettid);
	(void)!read(*(int *)arg, &c, 1);
	return NULL;
}

/* As another process. */
static void send_by(int how, pid_t pid, pid_t tid)
{
	siginfo_t info = { .si_code = SI_QUEUE };
	union sigval v = { .sival_int = 1 };
	int pidfd;

	info.si_pid = getpid();
	info.si_value = v;
	switch (how) {
	case 0: MUST(!kill(pid, SIGUSR1)); break;
	case 1: MUST(!syscall(SYS_tgkill, pid, tid, SIGUSR1)); break;
	case 2: MUST(!syscall(SYS_tkill, tid, SIGUSR1)); break;
	case 3: MUST(!syscall(SYS_rt_tgsigqueueinfo, pid, tid, SIGUSR1, &info)); break;
	case 4: MUST(!sigqueue(pid, SIGUSR1, v)); break;
	case 5: MUST(!kill(tid, SIGUSR1)); break; /* the process that has this thread */
	case 6:
		MUST((pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) >= 0);
		MUST(!syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
		close(pidfd);
	}
}

enum { WAYS = 7, TIMES = 5 };

static void from_outside(int how, pid_t tid)
{
	int then = hits, st;
	pid_t pid = getpid(), sender = fork();
	char c = 0;

	if (!sender) {
		for (int i = 0; i < TIMES; i++) {
			pause_us(2000);
			send_by(how, pid, tid);
			MUST(read(heard[0], &c, 1) == 1);
		}
		_exit(0);
	}
	for (int i = 0; i < TIMES; i++) {
		while (hits < then + i + 1)
			pause_us(500);
		MUST(write(heard[1], &c, 1) == 1);
	}
	MUST(waitpid(sender, &st, 0) == sender && !st && hits == then + TIMES);
}

/* Signals find main in its wait; natively all of these go to main where they are not for another thread. */
static void interrupts(int how)
{
	pid_t pid = getpid(), sender = fork();
	struct timespec long_time = { 20, 0 };
	int st;

	while (!sender && getppid() == pid) { /* the first may come too early */
		pause_us(20000);
		send_by(how, pid, tids[0]);
	}
	if (!sender)
		_exit(0);
	MUST(nanosleep(&long_time, NULL) == -1 && errno == EINTR);
	MUST(!kill(sender, SIGKILL));
	while (waitpid(sender, &st, 0) != sender)
		MUST(errno == EINTR);
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = hit, .sa_flags = SA_SIGINFO | SA_RESTART };
	int fds[2];
	pthread_t t;

	main_thread = pthread_self();
	tids[0] = (pid_t)syscall(SYS_gettid);
	MUST(tids[0] == getpid() && !pipe(fds) && !pipe(heard) && !sigaction(SIGUSR1, &act, NULL));
	t = start(waits, &fds[0]);
	while (!tids[1])
		pause_us(500);
	for (int how = 0; how < WAYS; how++) {
		int then = in_main;

		from_outside(how, tids[0]);
		MUST(in_main == then + TIMES);
		interrupts(how);
	}
	MUST(values >= 2 * (TIMES + 1)); /* rt_tgsigqueueinfo and sigqueue */
	for (int how = 1; how < 4; how += 2)
		from_outside(how, tids[1]);
	MUST(write(fds[1], "x", 1) == 1 && !pthread_join(t, NULL));
	return 0;
}
