/*
 * Processes made by clone with a stack of their own on shared memory, by clone3 and vfork through syscall(), and by raw fork: they run, see
 * what they should see, exec and end; the fifty connections, masks and handlers of the parent are as they were.
 */
#include "echoes.h"
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define STACK (256 << 10)

extern char **environ;
static volatile int told;
static atomic_int caught;
static int copies[2];

static void hit(int sig)
{
	(void)sig;
	caught++;
}

static void talk(void)
{
	char c = 'c', back[ECHOES];

	for (int i = 0; i < ECHOES; i++)
		MUST(write(fds[i][1], &c, 1) == 1);
	for (int i = 0; i < ECHOES; i++)
		MUST(read(fds[i][1], &back[i], 1) == 1 && back[i] == c);
}

static void as_it_was(void)
{
	int before = caught;
	sigset_t mask;

	talk();
	MUST(!pthread_sigmask(SIG_BLOCK, NULL, &mask) && sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGUSR1));
	MUST(!raise(SIGUSR1) && caught == before + 1);
}

/* What launchers do between clone and exec, on their parent's memory. */
static int child(void *arg)
{
	char *argv[] = { "sh", "-c", "exit 5", NULL };
	sigset_t none;

	told = 1 + !!arg;
	signal(SIGUSR1, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (write(copies[1], "w", 1) != 1 || dup2(2, 20) != 20)
		_exit(9);
	for (int fd = 3; fd < 30; fd++)
		if (fd != 20)
			close(fd);
	if (!arg)
		execve("/bin/sh", argv, environ);
	_exit(6);
}

static void took_place(pid_t pid, int status)
{
	char c;
	int st;

	if (pid < 0)
		perror("clone");
	MUST(pid > 0 && waitpid(pid, &st, 0) == pid);
	if (st != status << 8)
		printf("status %x\n", (unsigned)st);
	MUST(st == status << 8 && read(copies[0], &c, 1) == 1 && c == 'w');
	as_it_was();
}

static void on_shared_memory(void)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	for (int i = 0; i < 6; i++) {
		told = 0;
		took_place(clone(child, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, i % 2 ? copies : NULL), i % 2 ? 6 : 5);
		MUST(told == 1 + i % 2);
	}
	munmap(stack, STACK);
}

static void on_its_own(void)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	told = 0;
	took_place(clone(child, stack + STACK, SIGCHLD, NULL), 5);
	took_place(clone(child, stack + STACK, SIGCHLD, copies), 6);
	MUST(!told);
	munmap(stack, STACK);
}

static void *sleeper(void *arg)
{
	pause_us(2000);
	return arg;
}

/* A process like any other, though no handler of pthread_atfork has run. */
static void serves(void)
{
	MUST(!pthread_join(start(sleeper, NULL), NULL) && write(copies[1], "w", 1) == 1);
	_exit(7);
}

static void by_syscall(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid;

	told = 0;
	if (!(pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args))))
		child(NULL);
	took_place(pid, 5);
	if (!(pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args))))
		serves();
	took_place(pid, 7);
	if (!(pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)))
		serves();
	took_place(pid, 7);
	if (!(pid = (pid_t)syscall(SYS_fork)))
		serves();
	took_place(pid, 7);
	MUST(!told);
}

/* In another process: a pidfd tells of the end of this one. */
static void with_a_pidfd(void)
{
	int pidfd = -1;
	struct clone_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)&pidfd };
	struct pollfd p;
	pid_t pid;

	if (!(pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args))))
		serves();
	p = (struct pollfd){ pidfd, POLLIN, 0 };
	MUST(pid > 0 && poll(&p, 1, -1) == 1 && !close(pidfd));
	took_place(pid, 7);
}

static void *all(void *arg)
{
	on_shared_memory();
	on_its_own();
	by_syscall();
	with_a_pidfd();
	return arg;
}

int main(void)
{
	sigset_t mask;

	on(SIGUSR1, hit, SA_RESTART);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	MUST(!pthread_sigmask(SIG_BLOCK, &mask, NULL) && !pipe(copies));
	dup2(copies[1], 40);
	copies[1] = 40;
	start_echoes();
	all(NULL);
	MUST(!pthread_join(start(all, NULL), NULL));
	end_echoes();
	return 0;
}
