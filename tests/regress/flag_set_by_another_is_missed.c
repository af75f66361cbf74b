/*
 * A descriptor that this process made, before its first thread or later, and that then got out of its hands in each of the ways there
 * are: when whoever has it makes it non-blocking, the next recv here sees that. Remembered as ours alone, it waited for ever, once it
 * had left by sendmmsg.
 */
#include "must.h"
#include <linux/sched.h>
#include <pty.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/uio.h>

extern char **environ;

static int sv[2], copy, order[2], done[2], carrier[2];
static char self[] = "/proc/self/exe", arg[5][16], *helper_argv[] = { self, arg[0], arg[1], arg[2], arg[3], NULL };

/* The other side: sets the flag when told to. */
static void help(int fd, int orders, int answers)
{
	char c;

	MUST(read(orders, &c, 1) == 1 && !fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) && write(answers, "k", 1) == 1);
	(void)!read(orders, &c, 1); /* it ends with us */
	_exit(0);
}

static int child(void *unused)
{
	(void)unused;
	help(sv[0], order[0], done[1]);
	return 0;
}

static int runs_helper(void *unused)
{
	(void)unused;
	execve(self, helper_argv, environ);
	_exit(9);
}

static void forked(long pid)
{
	MUST(pid >= 0);
	if (!pid)
		child(NULL);
}

static const char *command(const char *end)
{
	static char line[200], path[100];
	ssize_t n = readlink(self, path, sizeof(path) - 1);

	MUST(n > 0);
	snprintf(line, sizeof(line), "exec %s help %s %s %s%s", path, arg[1], arg[2], arg[3], end);
	return line;
}

static void by_fork(void) { forked(fork()); }
static void by__Fork(void) { forked(_Fork()); }
static void by_fork_number(void) { forked(syscall(SYS_fork)); }
static void by_clone_number(void) { forked(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)); }

static void by_clone3(void)
{
	struct clone_args a = { .exit_signal = SIGCHLD };

	forked(syscall(SYS_clone3, &a, sizeof(a)));
}

static void by_clone(void)
{
	static char stack[64 << 10];

	MUST(clone(child, stack + sizeof(stack), SIGCHLD, NULL) > 0);
}

static void by_clone_vm(void)
{
	static char stack[64 << 10];

	MUST(clone(runs_helper, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL) > 0);
}

static void by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		runs_helper(NULL);
	MUST(pid > 0);
}

static void by_forkpty(void)
{
	int terminal;

	forked(forkpty(&terminal, NULL, NULL, NULL));
}

static void by_posix_spawn(void) { MUST(!posix_spawn(&(pid_t){ 0 }, self, NULL, NULL, helper_argv, environ)); }
static void by_posix_spawnp(void) { MUST(!posix_spawnp(&(pid_t){ 0 }, self, NULL, NULL, helper_argv, environ)); }
static void by_popen(void) { MUST(popen(command(""), "r")); }
static void by_system(void) { MUST(!system(command(" &"))); }

/* Who has it is in this process, under another number: main does what a helper does. */
static void by_dup(void) { MUST((copy = dup(sv[0])) >= 0); }
static void by_dup2(void) { MUST((copy = dup2(sv[0], 50)) == 50); }
static void by_dup3(void) { MUST((copy = dup3(sv[0], 50, 0)) == 50); }
static void by_dup_number(void) { MUST((copy = (int)syscall(SYS_dup, sv[0])) >= 0); }
static void by_F_DUPFD(void) { MUST((copy = fcntl(sv[0], F_DUPFD, 50)) >= 50); }

static struct msghdr *message(int *fd)
{
	static char byte = 'm', room[CMSG_SPACE(sizeof(int))];
	static struct iovec iov = { &byte, 1 };
	static struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (fd) {
		*c = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(c), fd, sizeof(int));
	}
	return &msg;
}

static int receive(void)
{
	struct msghdr *msg = message(NULL);

	MUST(recvmsg(carrier[0], msg, 0) == 1);
	return *(int *)CMSG_DATA(CMSG_FIRSTHDR(msg));
}

/* The one that gets it was born before it was made. */
static void midwife(void)
{
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, carrier));
	if (!fork())
		help(receive(), order[0], done[1]);
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
}

static void by_sendmsg(void)
{
	midwife();
	MUST(sendmsg(carrier[1], message(&sv[0]), 0) == 1);
}

static void by_sendmmsg(void)
{
	struct mmsghdr m;

	midwife();
	m.msg_hdr = *message(&sv[0]);
	MUST(sendmmsg(carrier[1], &m, 1, 0) == 1);
}

static void by_sendmsg_number(void)
{
	midwife();
	MUST(syscall(SYS_sendmsg, carrier[1], message(&sv[0]), 0) == 1);
}

/* It comes from another process, under a number that was ours alone before. `ends` closes that. */
static void comes(void (*ends)(int))
{
	int was;

	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, carrier));
	if (!fork()) {
		MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
		for (int i = 0; i < 2; i++)
			MUST(sendmsg(carrier[1], message(&sv[i]), 0) == 1);
		help(sv[0], order[0], done[1]);
	}
	MUST((was = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
	ends(was);
	MUST((sv[0] = receive()) == was && (sv[1] = receive()) > was);
}

static void closes(int fd) { MUST(!close(fd)); }
static void fcloses(int fd) { MUST(!fclose(fdopen(fd, "r"))); }
static void close_number(int fd) { MUST(!syscall(SYS_close, fd)); }
static void close_from(int fd) { closefrom(fd); }
static void close_range_from(int fd) { MUST(!close_range((unsigned)fd, ~0u, 0)); }
static void comes_after_close(void) { comes(closes); }
static void comes_after_fclose(void) { comes(fcloses); }
static void comes_after_close_number(void) { comes(close_number); }
static void comes_after_closefrom(void) { comes(close_from); }
static void comes_after_close_range(void) { comes(close_range_from); }

#define WAY(name) { #name, name }
static const struct {
	const char *name;
	void (*share)(void);
} ways[] = {
	WAY(by_fork), WAY(by__Fork), WAY(by_fork_number), WAY(by_clone_number), WAY(by_clone3), WAY(by_clone), WAY(by_clone_vm), WAY(by_vfork),
	WAY(by_forkpty), WAY(by_posix_spawn), WAY(by_posix_spawnp), WAY(by_popen), WAY(by_system), WAY(by_dup), WAY(by_dup2), WAY(by_dup3),
	WAY(by_dup_number), WAY(by_F_DUPFD), WAY(by_sendmsg), WAY(by_sendmmsg), WAY(by_sendmsg_number), WAY(comes_after_close),
	WAY(comes_after_fclose), WAY(comes_after_close_number), WAY(comes_after_closefrom), WAY(comes_after_close_range),
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void *reads(void *unused)
{
	char c;

	MUST(recv(sv[0], &c, 1, 0) == 1);
	if (copy)
		MUST(!fcntl(copy, F_SETFL, O_RDWR | O_NONBLOCK));
	else
		MUST(write(order[1], "g", 1) == 1 && read(done[0], &c, 1) == 1);
	MUST(recv(sv[0], &c, 1, 0) == -1 && errno == EAGAIN);
	return unused;
}

static void *nothing(void *arg) { return arg; }

static void lives(const char *way, bool late)
{
	pthread_t t;

	if (late)
		MUST(!pthread_join(start(nothing, NULL), NULL));
	MUST(!pipe(order) && !pipe(done) && !socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	strcpy(arg[0], "help");
	snprintf(arg[1], sizeof(arg[1]), "%d", sv[0]);
	snprintf(arg[2], sizeof(arg[2]), "%d", order[0]);
	snprintf(arg[3], sizeof(arg[3]), "%d", done[1]);
	for (int i = 0; i < WAYS; i++)
		if (!strcmp(ways[i].name, way))
			ways[i].share();
	alarm(10);
	t = start(reads, NULL);
	pause_us(10000); /* it waits by now, and has seen that it may */
	MUST(write(sv[1], "x", 1) == 1 && !pthread_join(t, NULL));
	_exit(0); /* with a popen still open */
}

int main(int argc, char **argv)
{
	int st;

	if (argc == 5)
		help(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	if (argc == 3)
		lives(argv[1], !strcmp(argv[2], "late"));
	for (int i = 0; i < 2 * WAYS; i++) {
		const char *way = ways[i / 2].name, *when = i % 2 ? "late" : "early";
		pid_t pid = fork();

		if (!pid) {
			execl(self, argv[0], way, when, (char *)NULL);
			_exit(9);
		}
		MUST(waitpid(pid, &st, 0) == pid);
		if (st)
			dprintf(2, "%s %s: status %x\n", when, way, st);
		MUST(!st);
	}
	return 0;
}
