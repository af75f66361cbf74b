/* by_number.c - calls that wait, made through syscall(2): the others go on as beside the same calls by name */
#include "gap.h"

#include <linux/ioprio.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

static char path[64];

static void make_path(const char *what)
{
	snprintf(path, sizeof(path), "/tmp/gpatch-%s-%d", what, (int)getpid());
	unlink(path);
}

static void open_other(long flags)
{
	close(open(path, (int)flags));
}

CASE(fifo)
{
	int fd;

	make_path("fifo");
	MUST(!mkfifo(path, 0600));
	later(30, open_other, O_WRONLY);
	TIMED(25, SHOW_OK(fd = (int)syscall(SYS_open, path, O_RDONLY)));
	close(fd);
	later(30, open_other, O_RDONLY);
	TIMED(25, SHOW_OK(fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY, 0)));
	close(fd);
	finish();
	unlink(path);
	SHOW(syscall(SYS_open, bad, O_RDONLY));
}

CASE(file_lock)
{
	int a, b;

	make_path("lock");
	MUST((a = open(path, O_RDWR | O_CREAT, 0600)) >= 0 && (b = open(path, O_RDWR)) >= 0);
	SHOW(syscall(SYS_flock, a, LOCK_EX));
	SHOW(syscall(SYS_flock, b, LOCK_EX | LOCK_NB));
	later(30, shut, a);
	TIMED(25, SHOW(syscall(SYS_flock, b, LOCK_EX)));
	finish();
	close(b);
	unlink(path);
	SHOW(syscall(SYS_flock, 999, LOCK_EX));
}

static int queue;

static void message(long type)
{
	struct { long type; char text[4]; } m = { type, "abc" };

	MUST(!msgsnd(queue, &m, 4, 0));
}

CASE(messages)
{
	struct { long type; char text[4]; } m = { 0 };

	MUST((queue = msgget(IPC_PRIVATE, 0600)) >= 0);
	later(30, message, 7);
	TIMED(25, SHOW(syscall(SYS_msgrcv, queue, &m, 4, 7, 0)));
	say("%ld %s", m.type, m.text);
	SHOW(syscall(SYS_msgrcv, queue, &m, 4, 0, IPC_NOWAIT));
	SHOW(syscall(SYS_msgsnd, queue, &m, 4, 0));
	finish();
	msgctl(queue, IPC_RMID, NULL);
}

static void up(long set)
{
	MUST(!semop((int)set, &(struct sembuf){ 0, 1, 0 }, 1));
}

CASE(semaphores)
{
	int set;

	MUST((set = semget(IPC_PRIVATE, 1, 0600)) >= 0);
	later(30, up, set);
	TIMED(25, SHOW(syscall(SYS_semop, set, &(struct sembuf){ 0, -1, 0 }, 1)));
	TIMED(20, SHOW(syscall(SYS_semtimedop, set, &(struct sembuf){ 0, -1, 0 }, 1, MS(20))));
	finish();
	semctl(set, 0, IPC_RMID);
	SHOW(syscall(SYS_semop, set, &(struct sembuf){ 0, -1, 0 }, 1));
}

static void mail(long queue)
{
	MUST(!mq_send((mqd_t)queue, "abc", 3, 5));
}

CASE(mail_queues)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	char name[32];
	unsigned priority = 0;
	mqd_t q;

	snprintf(name, sizeof(name), "/gpatch-number-%d", (int)getpid());
	MUST((q = mq_open(name, O_RDWR | O_CREAT, 0600, &attr)) >= 0);
	mq_unlink(name);
	later(30, mail, q);
	TIMED(25, SHOW_BYTES(buf, syscall(SYS_mq_timedreceive, q, buf, 8, &priority, NULL)));
	say("%u", priority);
	finish();
	mail(q);
	TIMED(20, SHOW(syscall(SYS_mq_timedsend, q, "x", 1, 0, AT(CLOCK_REALTIME, 20))));
	mq_close(q);
}

CASE(pipes_)
{
	struct iovec one = { buf, 9 };
	struct epoll_event ev = { .events = EPOLLIN };
	int p[2], e;

	MUST(!syscall(SYS_pipe2, p, O_CLOEXEC));
	later(30, put, p[1]);
	TIMED(25, SHOW_BYTES(buf, syscall(SYS_preadv2, p[0], &one, 1, -1L, -1L, 0)));
	finish();
	SHOW(syscall(SYS_preadv2, p[0], &one, 1, -1L, -1L, RWF_NOWAIT));
	one.iov_len = 3;
	SHOW(syscall(SYS_pwritev2, p[1], &one, 1, -1L, -1L, 0));
	SHOW(syscall(SYS_vmsplice, p[1], &one, 1, 0));
	SHOW(read(p[0], buf, 9));
	MUST((e = epoll_create1(0)) >= 0 && !epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev));
	TIMED(20, SHOW(syscall(SYS_epoll_pwait2, e, &ev, 1, MS(20), NULL, 8)));
	later(30, put, p[1]);
	TIMED(25, SHOW(syscall(SYS_epoll_pwait2, e, &ev, 1, NULL, NULL, 8)));
	finish();
	SHOW(syscall(SYS_epoll_pwait2, e, &ev, 1, NULL, buf, 7));
	close(e);
	close(p[0]);
	close(p[1]);
}

/* What is about a thread, in the thread that runs these cases. */
CASE(by_tid)
{
	struct sched_param param = { 0 };
	pid_t tid = (pid_t)syscall(SYS_gettid);
	unsigned long cpus = 0;
	char name[16] = "";

	say("own=%d main=%d", tid == gettid(), tid == getpid());
	SHOW(syscall(SYS_prctl, PR_SET_NAME, "by number", 0, 0, 0));
	SHOW(syscall(SYS_prctl, PR_GET_NAME, name, 0, 0, 0));
	say("%s", name);
	SHOW(syscall(SYS_prctl, PR_SET_NAME, bad, 0, 0, 0));
	SHOW(syscall(SYS_prctl, PR_GET_NAME, bad, 0, 0, 0));
	SHOW(syscall(SYS_sched_getscheduler, tid));
	SHOW(syscall(SYS_sched_setscheduler, tid, SCHED_BATCH, &param));
	SHOW(syscall(SYS_sched_getscheduler, 0));
	SHOW(syscall(SYS_sched_setscheduler, tid, SCHED_FIFO, &param));
	SHOW(syscall(SYS_sched_setscheduler, tid, 77, &param));
	SHOW(syscall(SYS_sched_setscheduler, tid, SCHED_BATCH, bad));
	SHOW(syscall(SYS_sched_setparam, tid, &param));
	SHOW(syscall(SYS_sched_setparam, tid, nil));
	SHOW(syscall(SYS_sched_getparam, tid, &param));
	SHOW(syscall(SYS_sched_getparam, tid, nil));
	SHOW(syscall(SYS_sched_getparam, tid, bad));
	SHOW(syscall(SYS_sched_getaffinity, tid, sizeof(cpus), &cpus));
	SHOW(syscall(SYS_sched_getaffinity, tid, 1, &cpus));
	SHOW(syscall(SYS_sched_getaffinity, tid, sizeof(cpus), bad));
	SHOW(syscall(SYS_sched_setaffinity, tid, sizeof(cpus), &cpus));
	SHOW(syscall(SYS_sched_setaffinity, tid, sizeof(cpus), bad));
	SHOW(syscall(SYS_setpriority, PRIO_PROCESS, tid, 3));
	SHOW(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	SHOW(syscall(SYS_setpriority, PRIO_PROCESS, 0, 99));
	SHOW(syscall(SYS_getpriority, PRIO_PROCESS, tid));
	SHOW(getpriority(PRIO_PROCESS, 0));
	SHOW(nice(-1));
	SHOW(nice(0));
	SHOW(syscall(SYS_getpriority, 7, 0));
	SHOW(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 5)));
	SHOW(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, tid));
	SHOW(syscall(SYS_sched_getscheduler, 0x3ffffffe));
	SHOW(syscall(SYS_tkill, 0x3ffffffe, 0));
	SHOW(tgkill(getpid(), tid, 0));
	SHOW(tgkill(getpid(), tid, 99));
	SHOW(tgkill(getpid(), -1, 0));
	SHOW(tgkill(-1, tid, 0));
}

LAST_CASE
