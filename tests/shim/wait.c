/* wait.c - wait, wait3, wait4, waitpid, waitid: children that end, stop and go on; libc: symbols */
#include "gap.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int st;

static pid_t child(long ms, int code)
{
	pid_t pid;

	if (!helper_began) /* its delays count, too */
		helper_began = now_ns();
	pid = fork();
	if (!pid) {
		if (ms)
			usleep((useconds_t)ms * 1000);
		_exit(code);
	}
	MUST(pid > 0);
	return pid;
}

/* 1 where it is the child that was meant, so that no pid is printed. */
static void tell(pid_t got, pid_t want)
{
	say("right=%d exited=%d code=%d signaled=%d sig=%d stopped=%d stopsig=%d continued=%d", got == want, WIFEXITED(st),
	    WIFEXITED(st) ? WEXITSTATUS(st) : -1, WIFSIGNALED(st), WIFSIGNALED(st) ? WTERMSIG(st) : -1, WIFSTOPPED(st),
	    WIFSTOPPED(st) ? WSTOPSIG(st) : -1, WIFCONTINUED(st));
	st = 0;
}

CASE(one)
{
	pid_t p = child(30, 7);

	TIMED(25, tell(waitpid(p, &st, 0), p));
	SHOW(waitpid(p, &st, 0));
	p = child(0, 8);
	settle();
	tell(waitpid(p, &st, 0), p);
	p = child(30, 9);
	TIMED(25, tell(wait4(p, &st, 0, NULL), p));
	p = child(30, 9);
	TIMED(25, SHOW_OK(waitpid(p, NULL, 0)));
}

CASE(killed)
{
	pid_t p = child(5000, 0);

	kill(p, SIGKILL);
	tell(waitpid(p, &st, 0), p);
}

CASE(errors)
{
	pid_t p;

	SHOW(wait(&st));
	SHOW(waitpid(-1, &st, 0));
	SHOW(waitpid(0, &st, 0));
	SHOW(waitpid(1, &st, 0));
	SHOW(waitpid(HIDDEN(INT_MIN), &st, 0));
	SHOW(waitpid(-1, &st, 0x40));
	SHOW(waitid(P_ALL, 0, NULL, 0));
	SHOW(waitid(HIDDEN(77), 0, NULL, WEXITED));
	SHOW(waitid(P_PID, 0, NULL, WEXITED));
	SHOW(waitid(P_PIDFD, HIDDEN(-1), NULL, WEXITED));
	SHOW(waitid(P_PIDFD, 0, NULL, WEXITED));
	SHOW(waitid(P_ALL, 0, (void *)bad, WEXITED));
	p = child(20, 0);
	SHOW(waitpid(p, (void *)bad, 0));
	SHOW(waitpid(p, &st, 0));
	p = child(20, 0);
	SHOW(waitid(P_PID, (id_t)p, (void *)bad, WEXITED));
	SHOW(waitpid(p, &st, 0));
}

CASE(any)
{
	pid_t a = child(60, 1), b = child(30, 2), c = child(90, 3);

	TIMED(25, tell(wait(&st), b));
	tell(waitpid(-1, &st, 0), a);
	tell(wait3(&st, 0, NULL), c);
	SHOW(wait(&st));
}

CASE(nohang)
{
	pid_t p = child(40, 1);

	SHOW(waitpid(p, &st, WNOHANG));
	SHOW(waitpid(-1, &st, WNOHANG));
	while (!waitpid(p, &st, WNOHANG))
		;
	tell(p, p);
	SHOW(waitpid(p, &st, WNOHANG));
}

CASE(groups)
{
	pid_t a = child(30, 1), b = child(60, 2);

	setpgid(a, a);
	setpgid(b, b);
	TIMED(50, tell(waitpid(-b, &st, 0), b));
	SHOW(waitpid(0, &st, 0));
	SHOW(waitpid(-b, &st, 0));
	tell(waitpid(-a, &st, 0), a);
	a = child(30, 3);
	TIMED(25, tell(waitpid(0, &st, 0), a));
}

static void stop(long p)
{
	kill((pid_t)p, SIGSTOP);
}

static void go_on(long p)
{
	kill((pid_t)p, SIGCONT);
}

static void finish_off(long p)
{
	kill((pid_t)p, SIGKILL);
}

CASE(stops)
{
	pid_t p = child(5000, 0);

	later(30, stop, p);
	TIMED(25, tell(waitpid(p, &st, WUNTRACED), p));
	later(30, go_on, p);
	TIMED(25, tell(waitpid(p, &st, WCONTINUED), p));
	later(30, stop, p);
	later(60, finish_off, p);
	TIMED(55, tell(waitpid(p, &st, 0), p)); /* a stop is not asked for */
}

static void tell_info(int r, const siginfo_t *i, pid_t want)
{
	say("ret=%d errno=%s right=%d signo=%d code=%d status=%d", r, r ? errname(errno) : "0", i->si_pid == want, i->si_signo,
	    i->si_code, i->si_status);
}

CASE(by_id)
{
	siginfo_t i = { 0 };
	pid_t p = child(30, 5);

	TIMED(25, tell_info(waitid(P_PID, (id_t)p, &i, WEXITED | WNOWAIT), &i, p));
	tell_info(waitid(P_ALL, 0, &i, WEXITED | WNOWAIT), &i, p);
	tell_info(waitid(P_PID, (id_t)p, &i, WEXITED | WNOHANG), &i, p);
	tell_info(waitid(P_PID, (id_t)p, &i, WEXITED), &i, p);
	p = child(30, 6);
	TIMED(25, tell_info(waitid(P_ALL, 0, &i, WEXITED), &i, p));
	p = child(30, 6);
	TIMED(25, tell_info(waitid(P_PGID, (id_t)getpgrp(), &i, WEXITED), &i, p));
	p = child(30, 6);
	TIMED(25, SHOW(waitid(P_PID, (id_t)p, NULL, WEXITED)));
	p = child(5000, 0);
	later(30, stop, p);
	TIMED(25, tell_info(waitid(P_PID, (id_t)p, &i, WSTOPPED), &i, p));
	later(30, go_on, p);
	TIMED(25, tell_info(waitid(P_ALL, 0, &i, WCONTINUED | WEXITED), &i, p));
	later(30, finish_off, p);
	TIMED(25, tell_info(waitid(P_PID, (id_t)p, &i, WEXITED | WSTOPPED), &i, p));
}

CASE(by_pidfd)
{
	siginfo_t i = { 0 };
	pid_t p = child(30, 5);
	int fd = (int)syscall(SYS_pidfd_open, p, 0);

	TIMED(25, tell_info(waitid(P_PIDFD, (id_t)fd, &i, WEXITED | WNOWAIT), &i, p));
	tell_info(waitid(P_PIDFD, (id_t)fd, &i, WEXITED), &i, p);
	SHOW(waitid(P_PIDFD, (id_t)fd, &i, WEXITED));
	close(fd);
	p = child(60, 6);
	fd = (int)syscall(SYS_pidfd_open, p, O_NONBLOCK);
	SHOW(waitid(P_PIDFD, (id_t)fd, &i, WEXITED));
	waitpid(p, NULL, 0);
	close(fd);
	p = child(60, 7);
	fd = (int)syscall(SYS_pidfd_open, p, 0);
	later(20, shut, fd);
	TIMED(50, tell_info(waitid(P_PIDFD, (id_t)fd, &i, WEXITED), &i, p));
}

CASE(usage)
{
	struct rusage u = { .ru_maxrss = -1 };
	pid_t p = child(30, 5);

	tell(wait4(p, &st, 0, &u), p);
	say("filled=%d", u.ru_maxrss > 0);
	u.ru_maxrss = -1;
	p = child(0, 5);
	tell(wait3(&st, 0, &u), p);
	say("filled=%d", u.ru_maxrss > 0);
	p = child(20, 5);
	SHOW(wait4(p, &st, 0, (void *)bad));
}

CASE(ignored)
{
	pid_t p;

	signal(SIGCHLD, SIG_IGN);
	child(30, 1);
	p = child(60, 2);
	TIMED(50, SHOW(wait(&st)));
	SHOW(waitpid(p, &st, 0));
	p = child(40, 2);
	TIMED(30, SHOW(waitpid(p, &st, 0)));
	signal(SIGCHLD, SIG_DFL);
}

CASE(interrupted)
{
	siginfo_t i;
	pid_t p = child(150, 1);

	on_usr1(0);
	later(30, poke, 0);
	TIMED(25, SHOW(waitpid(p, &st, 0)));
	later(30, poke, 0);
	TIMED(25, SHOW(wait(&st)));
	later(30, poke, 0);
	TIMED(25, SHOW(waitid(P_ALL, 0, &i, WEXITED)));
	say("handled=%d", (int)handled);
	tell(wait(&st), p);
}

CASE(restarted)
{
	pid_t p = child(80, 1);

	on_usr1(SA_RESTART);
	later(20, poke, 0);
	later(40, poke, 0);
	TIMED(70, tell(waitpid(p, &st, 0), p));
	p = child(80, 2);
	later(20, poke, 0);
	later(40, poke, 0);
	TIMED(70, tell(waitpid(-1, &st, 0), p));
	say("handled=%d", (int)handled);
}

CASE(with_a_handler)
{
	struct sigaction act = { .sa_handler = count_signal };
	pid_t p;

	handled = 0;
	sigaction(SIGCHLD, &act, NULL);
	p = child(30, 4);
	tell(waitpid(p, &st, 0), p);
	p = child(30, 5);
	tell(wait(&st), p);
	settle();
	say("handled=%d", (int)handled);
	signal(SIGCHLD, SIG_DFL);
}

static void *wait_and_die(void *pid)
{
	wait4((pid_t)(intptr_t)pid, NULL, 0, NULL);
	return NULL;
}

CASE(cancelled)
{
	pid_t p = child(100, 3);
	pthread_t t;

	handled = 0;
	for (int i = 0; i < 2; i++) {
		MUST(pthread_create(&t, NULL, wait_and_die, (void *)(intptr_t)(i ? p : -1)) == 0);
		settle();
		pthread_cancel(t);
		say_end(t);
	}
	tell(waitpid(p, &st, 0), p);
}

static atomic_int right;

static void run_child(long code)
{
	int s = 0;
	pid_t p = child(30, (int)code);

	right += waitpid(p, &s, 0) == p && WEXITSTATUS(s) == code;
}

CASE(many)
{
	right = 0;
	for (int i = 0; i < 30; i++)
		later(0, run_child, i);
	finish();
	say("right=%d", (int)right);
}

static void reap_any(long unused)
{
	(void)unused;
	right += wait(NULL) > 0;
}

CASE(many_for_any)
{
	right = 0;
	for (int i = 0; i < 10; i++)
		child(40, i);
	for (int i = 0; i < 10; i++)
		later(0, reap_any, 0);
	finish();
	say("right=%d", (int)right);
	SHOW(wait(&st));
}

CASE(traced)
{
	pid_t p = fork();

	if (!p) {
		usleep(20000);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		raise(SIGUSR2);
		_exit(3);
	}
	tell(waitpid(p, &st, 0), p);
	ptrace(PTRACE_CONT, p, 0, 0);
	tell(waitpid(p, &st, 0), p);
	ptrace(PTRACE_CONT, p, 0, 0);
	tell(waitpid(p, &st, 0), p);
}

LAST_CASE
