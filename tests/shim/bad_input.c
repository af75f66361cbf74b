/*
 * Every call with every bad argument of a list, each in descriptors of its own and in a process that may die of it: the answer, errno
 * or signal must be the kernel's. Nothing here waits: all descriptors are non-blocking, all time-outs zero, past or no time-outs at all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define PAGE     4096ul

enum { FIRST = 50, FILE_, DIRECTORY, PATH, PIPE_R, PIPE_W, PAIR, PAIR2, GONE, DATAGRAM, UNCONNECTED, LISTENER, EPOLL, EVENT, LAST };
static const char *const fd_names[] = { "null", "file", "dir", "path", "pipe-r", "pipe-w", "pair", "pair2", "no-peer", "dgram", "tcp", "listen", "epoll", "event" };

static int fds[LAST - FIRST + 3];
static char *ok;      /* two good pages with a bad one behind them */
static char *brink;   /* the last four bytes before it */
static char *ro;      /* may only be read */
static const char *ptr_names[] = { "NULL", "ok", "brink", "bad", "ro", "one", "kernel", "odd" };
static char *ptrs[8];
static const size_t lens[] = { 0, 1, 4, 4096, 3 * PAGE, 1ul << 31, SSIZE_MAX, SIZE_MAX };
static const long numbers[] = { 0, 1, 2, -1, 1024, 1025, INT_MAX, INT_MIN };

/* Nonsense and limits; what would wait is not in it. */
static const struct timespec times[] = { { 0, 0 }, { -1, 0 }, { 0, -1 }, { 0, 1000000000 }, { LONG_MIN, 0 }, { 0, LONG_MAX }, { -1, 999999999 } };

static void put(int from, int at)
{
	dup3(from, at, O_CLOEXEC);
	close(from);
}

static void open_all(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int p[2];

	put(open("/dev/null", O_RDWR), FIRST);
	put(memfd_create("file", 0), FILE_);
	(void)!pwrite(FILE_, "0123456789", 10, 0);
	put(open("/", O_RDONLY | O_DIRECTORY), DIRECTORY);
	put(open("/", O_PATH), PATH);
	(void)!pipe2(p, O_NONBLOCK);
	put(p[0], PIPE_R), put(p[1], PIPE_W);
	(void)!write(PIPE_W, "hello", 5);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p);
	put(p[0], PAIR), put(p[1], PAIR2);
	(void)!send(PAIR2, "hello", 5, 0);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p);
	close(p[1]);
	put(p[0], GONE);
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p);
	(void)!send(p[1], "hello", 5, 0);
	close(p[1]);
	put(p[0], DATAGRAM);
	put(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), UNCONNECTED);
	put(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), LISTENER);
	bind(LISTENER, (struct sockaddr *)&any, sizeof(any));
	listen(LISTENER, 1);
	put(epoll_create1(0), EPOLL);
	put(eventfd(1, EFD_NONBLOCK), EVENT);
	memset(ok, 0, 2 * PAGE);
}

static void map(void)
{
	ok = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ro = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(ok + 2 * PAGE, PAGE, PROT_NONE);
	brink = ok + 2 * PAGE - 4;
	memcpy(ptrs, (char *[]){ NULL, ok, brink, ok + 2 * PAGE, ro, (char *)1, (char *)0xffff800000000000, (char *)0x8000000000000000 }, sizeof(ptrs));
	for (int i = FIRST; i < LAST; i++)
		fds[i - FIRST] = i;
	fds[LAST - FIRST] = -1;
	fds[LAST - FIRST + 1] = 1 << 20;
	fds[LAST - FIRST + 2] = INT_MIN;
}

/* ---- what is called: a function of up to three indices into the lists above; it says which through `as` */

static char *as; /* shared with the first process */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(as, 200, format, ap);
	va_end(ap);
}

static const char *fd_name(int i)
{
	static char other[16];

	if (i < COUNT(fd_names))
		return fd_names[i];
	snprintf(other, sizeof(other), "%d", fds[i]);
	return other;
}

#define FD  fds[a]
#define PTR ((void *)ptrs[b])
#define LEN lens[c]
#define NUM numbers[c]

/* fd, buffer, length */
#define BUFFER(name, call)                                                                                                     \
	static long name##_(int a, int b, int c)                                                                               \
	{                                                                                                                      \
		say(#name "(%s, %s, %#zx)", fd_name(a), ptr_names[b], LEN);                                                    \
		return call;                                                                                                   \
	}
/* fd, pointer, number */
#define NUMBER(name, call)                                                                                                     \
	static long name##_(int a, int b, int c)                                                                               \
	{                                                                                                                      \
		say(#name "(%s, %s, %ld)", fd_name(a), ptr_names[b], NUM);                                                     \
		return call;                                                                                                   \
	}

BUFFER(read, read(FD, PTR, LEN))
BUFFER(write, write(FD, PTR, LEN))
BUFFER(pread, pread(FD, PTR, LEN, 1))
BUFFER(pwrite, pwrite(FD, PTR, LEN, 1))
BUFFER(recv, recv(FD, PTR, LEN, 0))
BUFFER(recv_peek, recv(FD, PTR, LEN, MSG_PEEK | MSG_TRUNC))
BUFFER(recv_all, recv(FD, PTR, LEN, MSG_WAITALL))
BUFFER(recv_oob, recv(FD, PTR, LEN, MSG_OOB))
BUFFER(send, send(FD, PTR, LEN, MSG_NOSIGNAL))
BUFFER(send_oob, send(FD, PTR, LEN, MSG_NOSIGNAL | MSG_OOB))
BUFFER(recvfrom, recvfrom(FD, PTR, LEN, 0, (void *)(ok + 100), (void *)(ok + 90)))
BUFFER(sendto, sendto(FD, PTR, LEN, MSG_NOSIGNAL, (void *)(ok + 100), 16))
BUFFER(readv_of, readv(FD, (struct iovec[]){ { PTR, LEN }, { ok, 4 } }, 2))
BUFFER(writev_of, writev(FD, (struct iovec[]){ { ok, 4 }, { PTR, LEN } }, 2))
BUFFER(sendmsg_of, sendmsg(FD, &(struct msghdr){ .msg_iov = &(struct iovec){ PTR, LEN }, .msg_iovlen = 1 }, MSG_NOSIGNAL))
BUFFER(recvmsg_of, recvmsg(FD, &(struct msghdr){ .msg_iov = &(struct iovec){ PTR, LEN }, .msg_iovlen = 1 }, 0))
BUFFER(recvmsg_name, recvmsg(FD, &(struct msghdr){ .msg_iov = &(struct iovec){ ok, 4 }, .msg_iovlen = 1, .msg_name = PTR, .msg_namelen = (socklen_t)LEN }, 0))
BUFFER(sendmsg_control, sendmsg(FD, &(struct msghdr){ .msg_iov = &(struct iovec){ ok, 4 }, .msg_iovlen = 1, .msg_control = PTR, .msg_controllen = LEN }, MSG_NOSIGNAL))
BUFFER(recvmsg_control, recvmsg(FD, &(struct msghdr){ .msg_iov = &(struct iovec){ ok, 4 }, .msg_iovlen = 1, .msg_control = PTR, .msg_controllen = LEN }, 0))
BUFFER(connect, connect(FD, PTR, (socklen_t)LEN))
BUFFER(mq_send, mq_send(FD, PTR, LEN, 0))
BUFFER(mq_receive, mq_receive(FD, PTR, LEN, NULL))

NUMBER(readv, readv(FD, PTR, (int)NUM))
NUMBER(writev, writev(FD, PTR, (int)NUM))
NUMBER(preadv2, preadv2(FD, PTR, (int)NUM, -1, 0))
NUMBER(pwritev2, pwritev2(FD, PTR, (int)NUM, 0, 0))
NUMBER(preadv2_flags, preadv2(FD, &(struct iovec){ PTR, 4 }, 1, -1, (int)NUM))
NUMBER(recv_flags, recv(FD, PTR, 4, (int)NUM & ~MSG_OOB))
NUMBER(send_flags, send(FD, PTR, 4, ((int)NUM & ~MSG_OOB) | MSG_NOSIGNAL))
NUMBER(recvmsg, recvmsg(FD, PTR, (int)NUM & ~MSG_OOB))
NUMBER(sendmsg, sendmsg(FD, PTR, ((int)NUM & ~MSG_OOB) | MSG_NOSIGNAL))
NUMBER(recvmmsg, recvmmsg(FD, PTR, (unsigned)NUM, 0, NULL))
NUMBER(recvmmsg_time, recvmmsg(FD, (void *)ok, 1, 0, NUM < 2 ? PTR : NULL))
NUMBER(sendmmsg, sendmmsg(FD, PTR, (unsigned)NUM, MSG_NOSIGNAL))
NUMBER(accept, NUM & 1 ? accept(FD, PTR, (void *)ok) : accept(FD, (void *)ok, PTR))
NUMBER(accept4, accept4(FD, NULL, NULL, (int)NUM))
NUMBER(epoll_wait, epoll_wait(FD, PTR, (int)NUM, 0))
NUMBER(epoll_pwait, epoll_pwait(FD, (void *)ok, 1, 0, NUM ? PTR : NULL))
NUMBER(epoll_pwait2, epoll_pwait2(FD, (void *)ok, (int)NUM, &(struct timespec){ 0, 0 }, NULL))
NUMBER(epoll_ctl, epoll_ctl(FD, (int)NUM, PIPE_R, PTR))
NUMBER(fcntl, fcntl(FD, NUM == 0 ? F_SETLK : NUM == 1 ? F_GETLK : NUM == 2 ? F_OFD_SETLK : (int)NUM, PTR))
NUMBER(flock, flock(FD, (int)NUM | LOCK_NB))
NUMBER(shutdown, shutdown(FD, (int)NUM))
NUMBER(setsockopt, setsockopt(FD, SOL_SOCKET, NUM & 1 ? SO_RCVTIMEO : SO_SNDTIMEO, PTR, (socklen_t)NUM))
NUMBER(sendfile, sendfile(FD, FILE_, PTR, NUM < 0 ? SIZE_MAX : (size_t)NUM))
NUMBER(splice_in, splice(PIPE_R, NULL, FD, PTR, 4, (unsigned)NUM))
NUMBER(splice_out, splice(FD, PTR, PIPE_W, NULL, 4, (unsigned)NUM | SPLICE_F_NONBLOCK))
NUMBER(tee, tee(FD, PIPE_W, NUM < 0 ? SIZE_MAX : (size_t)NUM, SPLICE_F_NONBLOCK))
NUMBER(vmsplice, vmsplice(FD, PTR, (size_t)NUM, SPLICE_F_NONBLOCK))
NUMBER(eventfd_read, eventfd_read(FD, PTR))
NUMBER(lockf, lockf(FD, NUM == F_LOCK ? F_TLOCK : (int)NUM, 4))

/* a: which time; b: pointer; c: number */
static long poll_(int a, int b, int c)
{
	(void)a;
	say("poll(%s, %ld)", ptr_names[b], NUM);
	return poll(PTR, (nfds_t)NUM, 0);
}

static long ppoll_(int a, int b, int c)
{
	struct timespec t = times[a % COUNT(times)];

	say("ppoll(%d, %s, %ld)", a % COUNT(times), ptr_names[b], NUM);
	return ppoll(NUM & 1 ? (void *)ok : NULL, NUM & 1, a < COUNT(times) || !PTR ? &t : PTR, NUM < 0 ? PTR : NULL);
}

static long select_(int a, int b, int c)
{
	struct timeval tv = { 0, 0 };

	if (a & 1)
		tv = (struct timeval){ -1, 0 };
	say("select(%d, %s, %ld)", a, ptr_names[b], NUM);
	return select((int)NUM, a % 5 == 0 ? PTR : NULL, a % 5 == 1 ? PTR : NULL, a % 5 == 2 ? PTR : NULL, a % 5 == 3 && PTR ? PTR : &tv);
}

static long pselect_(int a, int b, int c)
{
	struct timespec t = times[a % COUNT(times)];

	say("pselect(%d, %s, %ld)", a, ptr_names[b], NUM);
	return pselect((int)NUM, a & 1 ? PTR : NULL, NULL, a & 2 ? PTR : NULL, &t, a & 4 ? PTR : NULL);
}

static long nanosleep_(int a, int b, int c)
{
	struct timespec t = times[a % COUNT(times)];

	(void)c;
	say("nanosleep(%d, %s)", a % COUNT(times), ptr_names[b]);
	return a < COUNT(times) ? nanosleep(&t, PTR) : nanosleep(PTR, NULL);
}

static long clock_nanosleep_(int a, int b, int c)
{
	struct timespec t = times[a % COUNT(times)];

	say("clock_nanosleep(%ld, %d, %s)", NUM, a, ptr_names[b]);
	return clock_nanosleep((clockid_t)NUM, a & 1 ? TIMER_ABSTIME : 0, a < COUNT(times) ? &t : PTR, PTR);
}

static long futex_(int a, int b, int c)
{
	struct timespec t = times[a % COUNT(times)];

	say("futex(%s, %ld, %d)", ptr_names[b], NUM, a % COUNT(times));
	if (!NUM && b == 4)
		b = 1; /* a shared futex in memory that is private and may only be read: EFAULT natively, which nobody waits for */
	return syscall(SYS_futex, PTR, (int)NUM & ~8 /* no PI */, 0, &t, b & 1 ? (void *)ok : PTR, 0);
}

static long sigtimedwait_(int a, int b, int c)
{
	struct timespec t = times[a % COUNT(times)];
	sigset_t none;

	sigemptyset(&none);
	say("sigtimedwait(%d, %s, %ld)", a, ptr_names[b], NUM);
	return sigtimedwait(NUM & 1 ? PTR : &none, NUM == 2 ? PTR : NULL, NUM == 0 && b > 1 ? PTR : &t);
}

static long wait4_(int a, int b, int c)
{
	say("wait4(%d, %s, %ld)", a, ptr_names[b], NUM);
	return a & 1 ? wait4(-1, PTR, (int)NUM, NULL) : a & 2 ? wait4((pid_t)NUM, NULL, 0, PTR) : waitid((idtype_t)NUM, 1, PTR, WEXITED);
}

static long sysv_(int a, int b, int c)
{
	say("sysv(%d, %s, %ld)", a, ptr_names[b], NUM);
	switch (a % 4) {
	case 0: return msgrcv((int)NUM - 2, PTR, 4, 0, IPC_NOWAIT);
	case 1: return msgsnd((int)NUM - 2, PTR, 4, IPC_NOWAIT);
	case 2: return semop((int)NUM - 2, PTR, 1);
	default: return semtimedop((int)NUM - 2, PTR, (size_t)NUM, PTR);
	}
}

static long open_(int a, int b, int c)
{
	long r;

	say("open(%s, %s, %ld)", fd_name(a), ptr_names[b], NUM);
	r = openat(FD, PTR, (int)NUM & ~(O_CREAT | O_NONBLOCK), 0600);
	return r >= 0 ? 0 : r;
}

static long mask_(int a, int b, int c)
{
	say("mask(%d, %s, %ld)", a, ptr_names[b], NUM);
	switch (a % 3) {
	case 0: return sigsuspend(b && b != 1 && b != 4 ? PTR : ok + 2 * PAGE); /* a good one would wait */
	case 1: return pthread_sigmask((int)NUM, (void *)ok, NULL);
	default: return sigpending(PTR);
	}
}

struct call { long (*run)(int, int, int); int na, nb, nc; };
#define B(name) { name##_, COUNT(fds), COUNT(ptrs), COUNT(lens) }
#define N(name) { name##_, COUNT(fds), COUNT(ptrs), COUNT(numbers) }
#define T(name) { name##_, 2 * COUNT(times), COUNT(ptrs), COUNT(numbers) }
#define F(name) { name##_, COUNT(fds), 1, COUNT(numbers) } /* no pointer */

static const struct call calls[] = {
	B(read), B(write), B(pread), B(pwrite), B(recv), B(recv_peek), B(recv_all), B(recv_oob), B(send), B(send_oob), B(recvfrom), B(sendto),
	B(readv_of), B(writev_of), B(sendmsg_of), B(recvmsg_of), B(recvmsg_name), B(sendmsg_control), B(recvmsg_control), B(connect),
	B(mq_send), B(mq_receive), N(readv), N(writev), N(preadv2), N(pwritev2), N(preadv2_flags), N(recv_flags), N(send_flags), N(recvmsg),
	N(sendmsg), N(recvmmsg), N(recvmmsg_time), N(sendmmsg), N(accept), F(accept4), N(epoll_wait), N(epoll_pwait), F(epoll_pwait2),
	N(epoll_ctl), N(fcntl), F(flock), F(shutdown), N(setsockopt), N(sendfile), N(splice_in), N(splice_out), F(tee), N(vmsplice),
	N(eventfd_read), F(lockf), T(poll), T(ppoll), T(select), T(pselect), T(nanosleep), T(clock_nanosleep), T(futex), T(sigtimedwait),
	T(wait4), T(sysv), N(open), T(mask),
};

static long *reached; /* shared, too */
static long step = 3; /* every third: all pairs of arguments, if not all triples; "bad_input 1" has those */

/* Runs on from `at`; returns at the end, or dies of a call. */
static void run(const struct call *call, long at)
{
	long n = (long)call->na * call->nb * call->nc;

	for (; at < n; at += step) {
		int a = (int)(at / call->nc / call->nb), b = (int)(at / call->nc % call->nb), c = (int)(at % call->nc);
		long r;

		*reached = at;
		open_all();
		errno = 0;
		r = call->run(a, b, c);
		printf("%s: %ld %s\n", as, r, strerrorname_np(errno));
	}
}

static void *ticker(void *unused)
{
	for (;;)
		usleep(1000);
	return unused;
}

static void *all(void *unused)
{
	for (int i = 0; i < COUNT(calls); i++) {
		long n = (long)calls[i].na * calls[i].nb * calls[i].nc, at = 0;

		while (at < n) {
			int status;
			pid_t pid;

			*reached = -1;
			fflush(stdout);
			if (!(pid = fork())) {
				pthread_t t;

				pthread_create(&t, NULL, ticker, NULL);
				run(&calls[i], at);
				fflush(stdout);
				_exit(0);
			}
			waitpid(pid, &status, 0);
			if (WIFEXITED(status))
				break;
			printf("%s: signal %d\n", as, WTERMSIG(status));
			at = *reached + step;
		}
	}
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc > 1)
		step = atol(argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 1 << 16);
	signal(SIGPIPE, SIG_IGN);
	map();
	as = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	reached = (long *)(void *)(as + 256);
	pthread_create(&t, NULL, all, NULL);
	pthread_join(t, NULL);
	return 0;
}
