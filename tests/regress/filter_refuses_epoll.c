/*
 * A program shuts itself into a filter of system calls when its threads wait already. Natively they need neither epoll nor timerfd; where
 * the filter refuses these, the greenlets go on waiting by other means, and nobody is lost.
 */
#include "must.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int ends[2], late[2];
static atomic_int done;

static void *reads(void *fd)
{
	char buf[8];

	MUST(recv((int)(intptr_t)fd, buf, sizeof(buf), 0) == sizeof(buf));
	done++;
	return fd;
}

static void *sleeps(void *arg)
{
	uint64_t t = now_us();

	for (int i = 0; i < 20; i++)
		pause_us(5000);
	MUST(now_us() - t >= 100000);
	done++;
	return arg;
}

#define REFUSE(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static void filter(bool waits_too)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_epoll_ctl),
		REFUSE(SYS_timerfd_settime),
		REFUSE(SYS_epoll_pwait),
#ifdef SYS_epoll_wait
		REFUSE(SYS_epoll_wait),
#endif
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	size_t n = sizeof(code) / sizeof(code[0]);

	if (!waits_too) {
		code[5] = code[n - 1];
		n = 6;
	}
	MUST(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	MUST(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){ (unsigned short)n, code }));
}

static void live(bool waits_too)
{
	pthread_t t[4];

	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends) && !socketpair(AF_UNIX, SOCK_STREAM, 0, late));
	t[0] = start(reads, (void *)(intptr_t)ends[0]);
	t[1] = start(sleeps, NULL);
	pause_us(20000);
	filter(waits_too);
	t[2] = start(reads, (void *)(intptr_t)late[0]);
	t[3] = start(sleeps, NULL);
	pause_us(20000);
	MUST(send(ends[1], "12345678", 8, 0) == 8 && send(late[1], "12345678", 8, 0) == 8);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	MUST(done == 4);
}

int main(void)
{
	for (int i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			live(i);
			_exit(0);
		}
		MUST(waitpid(pid, &status, 0) == pid && !status);
	}
	return 0;
}
