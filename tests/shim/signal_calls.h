/*
 * Calls that wait, for the matrix of signals: begin() makes what the call needs, wait() is the call, release() lets it end. Those
 * that have nothing to be released by end by themselves after blocked_ms, the others not before PATIENCE.
 */
#ifndef SIGNAL_CALLS_H
#define SIGNAL_CALLS_H

#include "case.h"
#include <linux/futex.h>
#include <mqueue.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

static long blocked_ms; /* later than the release */
#define PATIENCE 8000   /* ms */

struct env {
	int fd[2], ep, id;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	pthread_rwlock_t rwlock;
	pthread_barrier_t barrier;
	sem_t sem;
	pthread_t thread;
	pid_t pid;
	int futex;
	char path[64];
	atomic_bool go;
	char piece[256];
};

static struct timespec span(long ms)
{
	return (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
}

/* ---- making */

static void no_need(struct env *e) { (void)e; }
static void a_pipe(struct env *e) { pipes(e->fd); }
static void a_pair(struct env *e) { pair(e->fd, SOCK_STREAM); }
static void a_dgram_pair(struct env *e) { pair(e->fd, SOCK_DGRAM); }
static void a_full_pipe(struct env *e) { pipes(e->fd); stuff(e->fd[1]); }
static void a_full_pair(struct env *e) { pair(e->fd, SOCK_STREAM); stuff(e->fd[1]); }
static void a_listener(struct env *e) { e->fd[0] = listener(4); e->fd[1] = -1; }

static void a_timed_pair(struct env *e)
{
	struct timeval tv = { PATIENCE / 1000, 0 };

	pair(e->fd, SOCK_STREAM);
	MUST(setsockopt(e->fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
}

static void an_epoll(struct env *e)
{
	struct epoll_event ev = { .events = EPOLLIN };

	pipes(e->fd);
	MUST((e->ep = epoll_create1(0)) >= 0 && epoll_ctl(e->ep, EPOLL_CTL_ADD, e->fd[0], &ev) == 0);
}

static void an_eventfd(struct env *e) { MUST((e->fd[0] = eventfd(0, 0)) >= 0); e->fd[1] = -1; }
static void a_timerfd(struct env *e) { MUST((e->fd[0] = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0); e->fd[1] = -1; }

static void a_semaphore(struct env *e) { sem_init(&e->sem, 0, 0); }

static void *hold(void *arg)
{
	struct env *e = arg;

	pthread_mutex_lock(&e->mutex);
	pthread_rwlock_wrlock(&e->rwlock);
	e->futex = 1;
	while (!e->go)
		pause_ms(2);
	pthread_rwlock_unlock(&e->rwlock);
	pthread_mutex_unlock(&e->mutex);
	return NULL;
}

/* A thread that holds the mutex and the rwlock until told. */
static void a_holder(struct env *e)
{
	pthread_mutex_init(&e->mutex, NULL);
	pthread_rwlock_init(&e->rwlock, NULL);
	MUST(pthread_create(&e->thread, NULL, hold, e) == 0);
	while (!*(volatile int *)&e->futex)
		pause_ms(1);
}

static void a_cond(struct env *e)
{
	pthread_mutex_init(&e->mutex, NULL);
	pthread_cond_init(&e->cond, NULL);
}

static void a_barrier(struct env *e) { pthread_barrier_init(&e->barrier, NULL, 2); }

static void a_child(struct env *e)
{
	pipes(e->fd);
	MUST((e->pid = fork()) >= 0);
	if (!e->pid) {
		struct pollfd p = { e->fd[0], POLLIN, 0 };

		signal(SIGALRM, SIG_IGN);
		close(e->fd[1]);
		poll(&p, 1, 5000);
		_exit(7);
	}
}

static void a_locked_file(struct env *e)
{
	struct flock l = { .l_type = F_WRLCK };

	strcpy(e->path, "/tmp/sigXXXXXX");
	MUST((e->fd[0] = mkstemp(e->path)) >= 0 && (e->fd[1] = open(e->path, O_RDWR)) >= 0);
	MUST(flock(e->fd[1], LOCK_EX) == 0);
	MUST((e->pid = fork()) >= 0);
	if (!e->pid) {
		signal(SIGALRM, SIG_IGN);
		close(e->fd[1]);
		fcntl(e->fd[0], F_SETLK, &l);
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	waitid(P_PID, (id_t)e->pid, &(siginfo_t){ 0 }, WSTOPPED);
}

static void a_fifo(struct env *e)
{
	static atomic_int n;

	snprintf(e->path, sizeof(e->path), "/tmp/sigfifo%d.%d", (int)getpid(), n++);
	MUST(mkfifo(e->path, 0600) == 0);
	e->fd[0] = e->fd[1] = -1;
}

static void a_queue(struct env *e) { MUST((e->id = msgget(IPC_PRIVATE, 0600)) >= 0); }
static void a_set(struct env *e) { MUST((e->id = semget(IPC_PRIVATE, 1, 0600)) >= 0); }

static void an_mqueue(struct env *e)
{
	struct mq_attr a = { .mq_maxmsg = 2, .mq_msgsize = 16 };
	static atomic_int n;

	snprintf(e->path, sizeof(e->path), "/sigmq%d.%d", (int)getpid(), n++);
	MUST((e->id = mq_open(e->path, O_RDWR | O_CREAT | O_EXCL, 0600, &a)) >= 0);
}

/* ---- waiting: what the call returned, with errno where it sets it */

static long do_read(struct env *e) { return read(e->fd[0], e->piece, 1); }
static long do_readv(struct env *e) { return readv(e->fd[0], &(struct iovec){ e->piece, 1 }, 1); }
static long do_recv(struct env *e) { return recv(e->fd[0], e->piece, 1, 0); }
static long do_recvfrom(struct env *e) { return recvfrom(e->fd[0], e->piece, 1, 0, NULL, NULL); }

static long do_recvmsg(struct env *e)
{
	struct iovec v = { e->piece, 1 };

	return recvmsg(e->fd[0], &(struct msghdr){ .msg_iov = &v, .msg_iovlen = 1 }, 0);
}

static long do_write(struct env *e) { return write(e->fd[1], e->piece, 1); }
static long do_send(struct env *e) { return send(e->fd[1], e->piece, 1, 0); }

static long do_sendmsg(struct env *e)
{
	struct iovec v = { e->piece, 1 };

	return sendmsg(e->fd[1], &(struct msghdr){ .msg_iov = &v, .msg_iovlen = 1 }, 0);
}

static long do_accept(struct env *e)
{
	int fd = accept(e->fd[0], NULL, NULL), saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return fd < 0 ? fd : 0;
}

static long do_poll(struct env *e) { return poll(&(struct pollfd){ e->fd[0], POLLIN, 0 }, 1, PATIENCE); }
static long do_poll_none(struct env *e) { (void)e; return poll(NULL, 0, (int)blocked_ms); }

static long do_ppoll(struct env *e)
{
	struct timespec ts = span(PATIENCE);
	sigset_t none;

	sigemptyset(&none);
	return ppoll(&(struct pollfd){ e->fd[0], POLLIN, 0 }, 1, &ts, &none);
}

static long do_select(struct env *e)
{
	struct timeval tv = { PATIENCE / 1000, 0 };
	fd_set r;

	FD_ZERO(&r);
	FD_SET(e->fd[0], &r);
	return select(e->fd[0] + 1, &r, NULL, NULL, &tv);
}

static long do_pselect(struct env *e)
{
	struct timespec ts = span(PATIENCE);
	sigset_t none;
	fd_set r;

	sigemptyset(&none);
	FD_ZERO(&r);
	FD_SET(e->fd[0], &r);
	return pselect(e->fd[0] + 1, &r, NULL, NULL, &ts, &none);
}

static long do_epoll_wait(struct env *e) { return epoll_wait(e->ep, &(struct epoll_event){ 0 }, 1, PATIENCE); }

static long do_epoll_pwait(struct env *e)
{
	sigset_t none;

	sigemptyset(&none);
	return epoll_pwait(e->ep, &(struct epoll_event){ 0 }, 1, PATIENCE, &none);
}

static long do_eventfd(struct env *e) { return read(e->fd[0], e->piece, 8); }
static long do_nanosleep(struct env *e) { struct timespec t = span(blocked_ms), left = { 9, 0 }; (void)e; return nanosleep(&t, &left) ? -1 - (left.tv_sec < 9) : 0; }
static long do_usleep(struct env *e) { (void)e; return usleep((useconds_t)blocked_ms * 1000); }
static long do_clock(struct env *e) { struct timespec t = span(blocked_ms); (void)e; return -(errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL)); }

static long do_clock_abs(struct env *e)
{
	struct timespec t = in_ms(CLOCK_REALTIME, blocked_ms);

	(void)e;
	return -(errno = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL));
}

static long do_sigtimedwait(struct env *e)
{
	struct timespec ts = span(blocked_ms);
	sigset_t other;

	(void)e;
	sigemptyset(&other);
	sigaddset(&other, SIGUSR2);
	return sigtimedwait(&other, NULL, &ts);
}

static long do_sem_wait(struct env *e) { return sem_wait(&e->sem); }
static long do_sem_timedwait(struct env *e) { return sem_timedwait(&e->sem, AT(CLOCK_REALTIME, PATIENCE)); }
static long do_mutex(struct env *e) { int r = pthread_mutex_lock(&e->mutex); if (!r) pthread_mutex_unlock(&e->mutex); return r; }
static long do_timed_mutex(struct env *e) { int r = pthread_mutex_timedlock(&e->mutex, AT(CLOCK_REALTIME, PATIENCE)); if (!r) pthread_mutex_unlock(&e->mutex); return r; }
static long do_rdlock(struct env *e) { int r = pthread_rwlock_rdlock(&e->rwlock); if (!r) pthread_rwlock_unlock(&e->rwlock); return r; }
static long do_wrlock(struct env *e) { int r = pthread_rwlock_wrlock(&e->rwlock); if (!r) pthread_rwlock_unlock(&e->rwlock); return r; }
static long do_join(struct env *e) { return pthread_join(e->thread, NULL); }

static long do_cond(struct env *e)
{
	long r = 0;

	pthread_mutex_lock(&e->mutex);
	while (!e->go && !r)
		r = pthread_cond_wait(&e->cond, &e->mutex);
	pthread_mutex_unlock(&e->mutex);
	return r;
}

static long do_timed_cond(struct env *e)
{
	struct timespec at = in_ms(CLOCK_REALTIME, PATIENCE);
	long r = 0;

	pthread_mutex_lock(&e->mutex);
	while (!e->go && !r)
		r = pthread_cond_timedwait(&e->cond, &e->mutex, &at);
	pthread_mutex_unlock(&e->mutex);
	return r;
}

static long do_barrier(struct env *e) { int r = pthread_barrier_wait(&e->barrier); return r > 0 ? r : 0; }
static long do_waitpid(struct env *e) { int st = 0; pid_t p = waitpid(e->pid, &st, 0); return p < 0 ? -1 : WEXITSTATUS(st); }
static long do_waitid(struct env *e) { siginfo_t i; return waitid(P_PID, (id_t)e->pid, &i, WEXITED) ? -1 : i.si_status; }
static long do_flock(struct env *e) { return flock(e->fd[0], LOCK_EX); }
static long do_setlkw(struct env *e) { return fcntl(e->fd[0], F_SETLKW, &(struct flock){ .l_type = F_WRLCK }); }

static long do_open_fifo(struct env *e)
{
	int fd = open(e->path, O_RDONLY), saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return fd < 0 ? -1 : 0;
}

struct message { long type; char text[4]; };
static long do_msgrcv(struct env *e) { struct message m; return msgrcv(e->id, &m, 4, 0, 0); }
static long do_semop(struct env *e) { return semop(e->id, &(struct sembuf){ 0, -1, 0 }, 1); }
static long do_mq(struct env *e) { return mq_receive(e->id, e->piece, 16, NULL); }
static long do_futex(struct env *e) { return syscall(SYS_futex, &e->futex, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0); }

static long do_timed_futex(struct env *e)
{
	struct timespec ts = span(PATIENCE);

	return syscall(SYS_futex, &e->futex, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0);
}

/* ---- letting go */

static void put_byte(struct env *e) { (void)!write(e->fd[1], "x", 1); }
static void take_all(struct env *e) { static char sink[1 << 20]; set_nonblock(e->fd[0]); while (read(e->fd[0], sink, sizeof(sink)) > 0); }
static void come_in(struct env *e) { int fd = socket(AF_INET, SOCK_STREAM, 0); connect_to(fd, e->fd[0]); close(fd); }
static void set_event(struct env *e) { uint64_t one = 1; (void)!write(e->fd[0], &one, 8); }
static void set_timer(struct env *e) { struct itimerspec t = { .it_value.tv_nsec = 1 }; timerfd_settime(e->fd[0], 0, &t, NULL); }
static void post(struct env *e) { sem_post(&e->sem); }
static void let_go(struct env *e) { e->go = true; }
static void signal_cond(struct env *e) { pthread_mutex_lock(&e->mutex); e->go = true; pthread_cond_signal(&e->cond); pthread_mutex_unlock(&e->mutex); }
static void meet(struct env *e) { pthread_barrier_wait(&e->barrier); }
static void unlock_flock(struct env *e) { flock(e->fd[1], LOCK_UN); }
static void end_child(struct env *e) { kill(e->pid, SIGKILL); }
static void open_other(struct env *e) { int fd = open(e->path, O_WRONLY | O_NONBLOCK); if (fd >= 0) close(fd); }
static void msg(struct env *e) { struct message m = { 1, "abc" }; msgsnd(e->id, &m, 4, 0); }
static void sem_up(struct env *e) { semop(e->id, &(struct sembuf){ 0, 1, 0 }, 1); }
static void mq(struct env *e) { mq_send(e->id, "x", 1, 0); }
static void wake_futex(struct env *e) { e->futex = 1; syscall(SYS_futex, &e->futex, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }

/* ---- what remains */

static void nothing(struct env *e) { (void)e; }
static void end_holder(struct env *e) { e->go = true; pthread_join(e->thread, NULL); }
static void reap(struct env *e) { kill(e->pid, SIGKILL); waitpid(e->pid, NULL, 0); }
static void unlink_it(struct env *e) { unlink(e->path); }
static void reap_and_unlink(struct env *e) { reap(e); unlink(e->path); }
static void unqueue(struct env *e) { msgctl(e->id, IPC_RMID, NULL); }
static void unset(struct env *e) { semctl(e->id, 0, IPC_RMID); }
static void unmq(struct env *e) { mq_unlink(e->path); }

static const struct call {
	const char *name;
	void (*begin)(struct env *);
	long (*wait)(struct env *);
	void (*release)(struct env *), (*end)(struct env *);
} calls[] = {
	{ "read_pipe", a_pipe, do_read, put_byte, nothing },
	{ "read_socket", a_pair, do_read, put_byte, nothing },
	{ "read_timed_socket", a_timed_pair, do_read, put_byte, nothing },
	{ "readv", a_pipe, do_readv, put_byte, nothing },
	{ "recv", a_pair, do_recv, put_byte, nothing },
	{ "recv_timed", a_timed_pair, do_recv, put_byte, nothing },
	{ "recvfrom", a_dgram_pair, do_recvfrom, put_byte, nothing },
	{ "recvmsg", a_pair, do_recvmsg, put_byte, nothing },
	{ "write_full_pipe", a_full_pipe, do_write, take_all, nothing },
	{ "write_full_socket", a_full_pair, do_write, take_all, nothing },
	{ "send", a_full_pair, do_send, take_all, nothing },
	{ "sendmsg", a_full_pair, do_sendmsg, take_all, nothing },
	{ "accept", a_listener, do_accept, come_in, nothing },
	{ "poll", a_pipe, do_poll, put_byte, nothing },
	{ "poll_none", no_need, do_poll_none, nothing, nothing },
	{ "ppoll", a_pipe, do_ppoll, put_byte, nothing },
	{ "select", a_pipe, do_select, put_byte, nothing },
	{ "pselect", a_pipe, do_pselect, put_byte, nothing },
	{ "epoll_wait", an_epoll, do_epoll_wait, put_byte, nothing },
	{ "epoll_pwait", an_epoll, do_epoll_pwait, put_byte, nothing },
	{ "eventfd", an_eventfd, do_eventfd, set_event, nothing },
	{ "timerfd", a_timerfd, do_eventfd, set_timer, nothing },
	{ "nanosleep", no_need, do_nanosleep, nothing, nothing },
	{ "usleep", no_need, do_usleep, nothing, nothing },
	{ "clock_nanosleep", no_need, do_clock, nothing, nothing },
	{ "clock_nanosleep_abs", no_need, do_clock_abs, nothing, nothing },
	{ "sigtimedwait", no_need, do_sigtimedwait, nothing, nothing },
	{ "sem_wait", a_semaphore, do_sem_wait, post, nothing },
	{ "sem_timedwait", a_semaphore, do_sem_timedwait, post, nothing },
	{ "mutex_lock", a_holder, do_mutex, let_go, end_holder },
	{ "mutex_timedlock", a_holder, do_timed_mutex, let_go, end_holder },
	{ "rwlock_rdlock", a_holder, do_rdlock, let_go, end_holder },
	{ "rwlock_wrlock", a_holder, do_wrlock, let_go, end_holder },
	{ "join", a_holder, do_join, let_go, nothing },
	{ "cond_wait", a_cond, do_cond, signal_cond, nothing },
	{ "cond_timedwait", a_cond, do_timed_cond, signal_cond, nothing },
	{ "barrier_wait", a_barrier, do_barrier, meet, nothing },
	{ "waitpid", a_child, do_waitpid, put_byte, reap },
	{ "waitid", a_child, do_waitid, put_byte, reap },
	{ "flock", a_locked_file, do_flock, unlock_flock, reap_and_unlink },
	{ "fcntl_setlkw", a_locked_file, do_setlkw, end_child, reap_and_unlink },
	{ "open_fifo", a_fifo, do_open_fifo, open_other, unlink_it },
	{ "msgrcv", a_queue, do_msgrcv, msg, unqueue },
	{ "semop", a_set, do_semop, sem_up, unset },
	{ "mq_receive", an_mqueue, do_mq, mq, unmq },
	{ "futex", no_need, do_futex, wake_futex, nothing },
	{ "futex_timed", no_need, do_timed_futex, wake_futex, nothing },
};

/* Nobody may jump out of these: what they have half done is never undone. */
MAYBE bool no_jump(const struct call *c)
{
	return c->begin == a_holder || c->begin == a_cond || c->begin == a_barrier || c->begin == a_semaphore;
}

#endif
