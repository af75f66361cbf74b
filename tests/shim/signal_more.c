/* link: -lrt */
/* signal_matrix.c for more calls: those that move data between descriptors, batches, queues and locks, streams, and what takes its time. */
#define calls other_calls
#include "signal_calls.h"
#undef calls
#include <aio.h>
#include <pty.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <threads.h>

#ifndef F_OFD_SETLKW
#define F_OFD_SETLKW 38
#endif

/* ---- making */

static void two_pipes(struct env *e)
{
	int p[2];

	a_full_pipe(e);
	pipes(p);
	e->ep = p[0];
	e->id = p[1];
}

static void a_backlog(struct env *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "sigmore%d.%p", (int)getpid(), (void *)e);
	MUST((e->fd[0] = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0 && bind(e->fd[0], (struct sockaddr *)&a, sizeof(a)) == 0);
	MUST(listen(e->fd[0], 0) == 0 && (e->ep = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
	MUST(connect(e->ep, (struct sockaddr *)&a, sizeof(a)) == 0 && (e->fd[1] = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
}

static void a_slow_pair(struct env *e)
{
	struct timeval tv = { PATIENCE / 1000, 0 };

	a_full_pair(e);
	MUST(setsockopt(e->fd[1], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0);
}

static void a_slow_listener(struct env *e)
{
	struct timeval tv = { PATIENCE / 1000, 0 };

	a_listener(e);
	MUST(setsockopt(e->fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
}

static void a_full_queue(struct env *e)
{
	struct { long type; char text[4096]; } m = { 1, "" };

	a_queue(e);
	while (!msgsnd(e->id, &m, sizeof(m.text), IPC_NOWAIT))
		;
}

static void a_full_mqueue(struct env *e)
{
	an_mqueue(e);
	MUST(mq_send(e->id, "x", 1, 0) == 0 && mq_send(e->id, "x", 1, 0) == 0);
}

static void an_ofd_lock(struct env *e)
{
	struct flock l = { .l_type = F_WRLCK };

	strcpy(e->path, "/tmp/sigXXXXXX");
	MUST((e->fd[0] = mkstemp(e->path)) >= 0 && (e->fd[1] = open(e->path, O_RDWR)) >= 0);
	MUST(fcntl(e->fd[1], F_OFD_SETLKW, &l) == 0);
}

static void a_terminal(struct env *e) { MUST(openpty(&e->fd[1], &e->fd[0], NULL, NULL, NULL) == 0); }

static void a_watch(struct env *e)
{
	strcpy(e->path, "/tmp/sigXXXXXX");
	MUST(mkdtemp(e->path) && (e->fd[0] = inotify_init()) >= 0 && inotify_add_watch(e->fd[0], e->path, IN_ATTRIB) >= 0);
}

static void a_stopped_child(struct env *e)
{
	MUST((e->pid = fork()) >= 0);
	if (!e->pid)
		for (;;)
			pause();
}

/* ---- waiting */

static struct iovec *one_byte(struct env *e) { static _Thread_local struct iovec v; v = (struct iovec){ e->piece, 1 }; return &v; }
static long do_writev(struct env *e) { return writev(e->fd[1], one_byte(e), 1); }
static long do_sendto(struct env *e) { return sendto(e->fd[1], e->piece, 1, 0, NULL, 0); }
static long do_splice_in(struct env *e) { return splice(e->ep, NULL, e->fd[1], NULL, 1, 0); }
static long do_tee(struct env *e) { return tee(e->ep, e->fd[1], 1, 0); }
static long do_vmsplice(struct env *e) { return vmsplice(e->fd[1], one_byte(e), 1, 0); }

static long do_sendfile(struct env *e)
{
	int fd = open("/proc/self/exe", O_RDONLY), saved;
	long r = sendfile(e->fd[1], fd, NULL, 1);

	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

static long do_recvmmsg(struct env *e)
{
	struct mmsghdr m = { .msg_hdr = { .msg_iov = one_byte(e), .msg_iovlen = 1 } };

	return recvmmsg(e->fd[0], &m, 1, 0, NULL);
}

static long do_sendmmsg(struct env *e)
{
	struct mmsghdr m = { .msg_hdr = { .msg_iov = one_byte(e), .msg_iovlen = 1 } };

	return sendmmsg(e->fd[1], &m, 1, 0);
}

static long do_connect(struct env *e)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);

	getsockname(e->fd[0], (struct sockaddr *)&a, &len);
	return connect(e->fd[1], (struct sockaddr *)&a, len);
}

static long do_epoll_pwait2(struct env *e)
{
	struct timespec ts = span(PATIENCE);

	return epoll_pwait2(e->ep, &(struct epoll_event){ 0 }, 1, &ts, NULL);
}

static long do_sleep(struct env *e) { (void)e; return sleep(2) > 0; }
static long do_thrd_sleep(struct env *e) { struct timespec t = span(blocked_ms); (void)e; return thrd_sleep(&t, NULL); }
static long do_timedjoin(struct env *e) { return pthread_timedjoin_np(e->thread, NULL, AT(CLOCK_REALTIME, PATIENCE)); }
static long do_clocklock(struct env *e) { int r = pthread_mutex_clocklock(&e->mutex, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, PATIENCE)); if (!r) pthread_mutex_unlock(&e->mutex); return r; }
static long do_timed_wrlock(struct env *e) { int r = pthread_rwlock_timedwrlock(&e->rwlock, AT(CLOCK_REALTIME, PATIENCE)); if (!r) pthread_rwlock_unlock(&e->rwlock); return r; }
static long do_sem_clockwait(struct env *e) { return sem_clockwait(&e->sem, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, PATIENCE)); }
static long do_lockf(struct env *e) { return lockf(e->fd[0], F_LOCK, 0); }
static long do_ofd(struct env *e) { return fcntl(e->fd[0], F_OFD_SETLKW, &(struct flock){ .l_type = F_WRLCK }); }
static long do_msgsnd(struct env *e) { struct message m = { 1, "abc" }; return msgsnd(e->id, &m, 4, 0); }
static long do_mq_send(struct env *e) { return mq_send(e->id, "y", 1, 0); }
static long do_mq_timed(struct env *e) { return mq_timedreceive(e->id, e->piece, 16, NULL, AT(CLOCK_REALTIME, PATIENCE)); }
static long do_semtimedop(struct env *e) { struct timespec ts = span(PATIENCE); return semtimedop(e->id, &(struct sembuf){ 0, -1, 0 }, 1, &ts); }
static long do_bitset(struct env *e) { return syscall(SYS_futex, &e->futex, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 1); }
static long do_select_none(struct env *e) { struct timeval tv = { 1, 0 }; (void)e; return select(0, NULL, NULL, NULL, &tv); }
static long do_poll_ever(struct env *e) { return poll(&(struct pollfd){ e->fd[0], POLLIN, 0 }, 1, -1); }
static long do_wait4(struct env *e) { int st = 0; pid_t p = wait4(e->pid, &st, WUNTRACED, NULL); return p < 0 ? -1 : WIFSTOPPED(st) ? 1 : 2; }
static long do_inotify(struct env *e) { return read(e->fd[0], e->piece, 200) > 0 ? 1 : -1; }

static long do_open_fifo_write(struct env *e)
{
	int fd = open(e->path, O_WRONLY), saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return fd < 0 ? -1 : 0;
}

static long do_fgets(struct env *e)
{
	FILE *f = fdopen(dup(e->fd[0]), "r");
	int saved, c;

	errno = 0;
	c = fgetc(f);
	saved = errno;
	fclose(f);
	errno = saved;
	return c;
}

static long do_fflush(struct env *e)
{
	FILE *f = fdopen(dup(e->fd[1]), "w");
	long r;
	int saved;

	fputc('x', f);
	errno = 0;
	r = fflush(f);
	saved = errno;
	set_nonblock(e->fd[1]);
	fclose(f);
	errno = saved;
	return r;
}

static long do_system(struct env *e) { int st = system("sleep 0.6; exit 4"); (void)e; return st < 0 ? st : WEXITSTATUS(st); }

static long do_pclose(struct env *e)
{
	FILE *f = popen("sleep 0.6; exit 4", "r");
	int st = pclose(f);

	(void)e;
	return st < 0 ? st : WEXITSTATUS(st);
}

static long do_aio_suspend(struct env *e)
{
	struct aiocb cb = { .aio_fildes = e->fd[0], .aio_buf = e->piece, .aio_nbytes = 1 };
	const struct aiocb *list[] = { &cb };
	long r;
	int saved;

	MUST(aio_read(&cb) == 0);
	errno = 0;
	r = aio_suspend(list, 1, NULL);
	saved = errno;
	while (aio_error(&cb) == EINPROGRESS)
		pause_ms(5);
	aio_return(&cb);
	errno = saved;
	return r;
}

/* ---- letting go */

static void put_line(struct env *e) { (void)!write(e->fd[1], "x\n", 2); }
static void fill_and_take(struct env *e) { (void)!write(e->id, "x", 1); take_all(e); }
static void accept_one(struct env *e) { int fd = accept(e->fd[0], NULL, NULL); if (fd >= 0) close(fd); }
static void take_msg(struct env *e) { struct { long type; char text[4096]; } m; msgrcv(e->id, &m, sizeof(m.text), 0, 0); }
static void take_mq(struct env *e) { char piece[16]; mq_receive(e->id, piece, 16, NULL); }
static void unlock_ofd(struct env *e) { fcntl(e->fd[1], F_OFD_SETLKW, &(struct flock){ .l_type = F_UNLCK }); }
static void open_reader(struct env *e) { int fd = open(e->path, O_RDONLY | O_NONBLOCK); pause_ms(300); close(fd); }
static void touch_it(struct env *e) { chmod(e->path, 0711); }
static void remove_it(struct env *e) { rmdir(e->path); }
static void stop_child(struct env *e) { kill(e->pid, SIGSTOP); }

static const struct call calls[] = {
	{ "writev", a_full_pipe, do_writev, take_all, nothing },
	{ "sendto", a_full_pair, do_sendto, take_all, nothing },
	{ "send_timed", a_slow_pair, do_send, take_all, nothing },
	{ "accept_timed", a_slow_listener, do_accept, come_in, nothing },
	{ "splice_out", two_pipes, do_splice_in, fill_and_take, nothing },
	{ "tee", two_pipes, do_tee, fill_and_take, nothing },
	{ "vmsplice", a_full_pipe, do_vmsplice, take_all, nothing },
	{ "sendfile", a_full_pair, do_sendfile, take_all, nothing },
	{ "recvmmsg", a_dgram_pair, do_recvmmsg, put_byte, nothing },
	{ "sendmmsg", a_full_pair, do_sendmmsg, take_all, nothing },
	{ "connect", a_backlog, do_connect, accept_one, nothing },
	{ "epoll_pwait2", an_epoll, do_epoll_pwait2, put_byte, nothing },
	{ "sleep", no_need, do_sleep, nothing, nothing },
	{ "thrd_sleep", no_need, do_thrd_sleep, nothing, nothing },
	{ "timedjoin", a_holder, do_timedjoin, let_go, nothing },
	{ "mutex_clocklock", a_holder, do_clocklock, let_go, end_holder },
	{ "rwlock_timedwrlock", a_holder, do_timed_wrlock, let_go, end_holder },
	{ "sem_clockwait", a_semaphore, do_sem_clockwait, post, nothing },
	{ "lockf", a_locked_file, do_lockf, end_child, reap_and_unlink },
	{ "ofd_setlkw", an_ofd_lock, do_ofd, unlock_ofd, unlink_it },
	{ "open_fifo_write", a_fifo, do_open_fifo_write, open_reader, unlink_it },
	{ "msgsnd", a_full_queue, do_msgsnd, take_msg, unqueue },
	{ "mq_send", a_full_mqueue, do_mq_send, take_mq, unmq },
	{ "mq_timedreceive", an_mqueue, do_mq_timed, mq, unmq },
	{ "semtimedop", a_set, do_semtimedop, sem_up, unset },
	{ "futex_bitset", no_need, do_bitset, wake_futex, nothing },
	{ "select_none", no_need, do_select_none, nothing, nothing },
	{ "poll_for_ever", a_pipe, do_poll_ever, put_byte, nothing },
	{ "wait4_stopped", a_stopped_child, do_wait4, stop_child, reap },
	{ "read_terminal", a_terminal, do_read, put_line, nothing },
	{ "read_inotify", a_watch, do_inotify, touch_it, remove_it },
	{ "fgetc", a_pipe, do_fgets, put_byte, nothing },
	{ "fflush", a_full_pipe, do_fflush, take_all, nothing },
	{ "system", no_need, do_system, nothing, nothing },
	{ "pclose", no_need, do_pclose, nothing, nothing },
	{ "aio_suspend", a_pipe, do_aio_suspend, put_byte, nothing },
};

#define JUMPS_TOO(c) ((c)->wait != do_system && (c)->wait != do_pclose && (c)->wait != do_aio_suspend && (c)->wait != do_fgets && (c)->wait != do_fflush)
#include "signal_matrix.c"
