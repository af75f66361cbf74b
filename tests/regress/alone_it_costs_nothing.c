/*
 * A program without threads makes the same system calls as without us, one by one: no loop, no descriptor, no look at anything. Counted
 * by a tracer between two marks.
 */
#include "must.h"
#include <netdb.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

static int handled;

static void handle(int sig)
{
	handled += sig == SIGUSR1;
}

static int alone(void)
{
	struct itimerval soon = { .it_value.tv_usec = 1000 };
	struct pollfd p = { 0, POLLIN, 0 };
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	int fds[2], st;
	sigset_t set;
	pid_t pid;
	sem_t sem;
	FILE *f;
	char c;

	syscall(SYS_getppid);
	MUST(!pipe(fds) && write(fds[1], "x", 1) == 1 && read(fds[0], &c, 1) == 1);
	p.fd = fds[0];
	MUST(!poll(&p, 1, 1) && !usleep(10) && !pthread_mutex_lock(&m) && !pthread_mutex_unlock(&m));
	MUST(!sem_init(&sem, 0, 1) && !sem_wait(&sem));
	on(SIGUSR1, handle, SA_RESTART);
	raise(SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	MUST(handled && !sigprocmask(SIG_BLOCK, &set, NULL) && !setitimer(ITIMER_REAL, &soon, NULL) && !sigwait(&set, &st));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && send(fds[0], "y", 1, 0) == 1 && recv(fds[1], &c, 1, 0) == 1);
	MUST((f = fdopen(fds[0], "r+")) && fprintf(f, "line\n") == 5 && !fflush(f) && !fclose(f) && !close(fds[1]));
	if (!(pid = vfork()))
		_exit(3);
	MUST(waitpid(pid, &st, 0) == pid && st == 3 << 8);
	MUST(WEXITSTATUS(system("exit 4")) == 4);
	syscall(SYS_getppid);
	return 0;
}

/* Numbers of the calls between the marks. */
static int trace(int *calls, int room)
{
	struct __ptrace_syscall_info info;
	int n = 0, marks = 0, st, sig = 0;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execl("/proc/self/exe", "alone", "alone", (char *)NULL);
		_exit(99);
	}
	MUST(waitpid(pid, &st, 0) == pid);
	if (!WIFSTOPPED(st) || ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL))
		return -1;
	while (!ptrace(PTRACE_SYSCALL, pid, NULL, sig)) {
		MUST(waitpid(pid, &st, 0) == pid);
		if (!WIFSTOPPED(st))
			break;
		sig = WSTOPSIG(st) == (SIGTRAP | 0x80) || WSTOPSIG(st) == SIGTRAP ? 0 : WSTOPSIG(st);
		if (WSTOPSIG(st) != (SIGTRAP | 0x80) || ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
		    info.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		if (info.entry.nr == SYS_getppid)
			marks++;
		else if (marks == 1 && n < room)
			calls[n++] = (int)info.entry.nr;
	}
	MUST(WIFEXITED(st) && !WEXITSTATUS(st) && marks == 2);
	return n;
}

int main(int argc, char **argv)
{
	static int ours[1000], theirs[1000];
	int n, m;

	if (argc > 1)
		return alone();
	(void)argv;
	if ((n = trace(ours, 1000)) < 0) {
		puts("nobody may trace here");
		return 0;
	}
	unsetenv("LD_PRELOAD");
	m = trace(theirs, 1000);
	MUST(n > 20);
	for (int i = 0; i < n || i < m; i++)
		if (ours[i] != theirs[i]) {
			printf("call %d of %d: %d, and %d of %d without us\n", i, n, ours[i], theirs[i], m);
			return 1;
		}
	return 0;
}
