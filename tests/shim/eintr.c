/*
 * eintr.c - which waiting calls a handler ends, and with what. Each is met by a signal at 40 ms and by what it waits for 60 ms later.
 * eintr_restart.c is the same with SA_RESTART.
 */
#include "case.h"
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>

#ifndef HANDLER_FLAGS
#define HANDLER_FLAGS 0
#endif

static atomic_int handled;
static int handled_before;
static pthread_t handled_in;
static int ends[2];
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static sem_t sem;

static void handler(int sig)
{
	(void)sig;
	handled_in = pthread_self();
	handled++;
}

static void install(void)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = HANDLER_FLAGS };

	sigemptyset(&sa.sa_mask);
	MUST(sigaction(SIGUSR1, &sa, NULL) == 0);
	handled = 0;
}

static void send_signal(long arg)
{
	(void)arg;
	pthread_kill(case_thread, SIGUSR1);
}

enum {
	READ_PIPE, WRITE_PIPE, READV, RECV, RECV_TIMED, RECVFROM, RECVMSG, READ_SOCKET, SEND, ACCEPT, ACCEPT_TIMED, WAITALL,
	POLL, PPOLL, SELECT, PSELECT, EPOLL, NANOSLEEP, CLOCK_NANOSLEEP, ABSOLUTE, USLEEP, SLEEP, MUTEX, TIMEDLOCK, COND,
	SEM, SEM_TIMED, PAUSE, SIGSUSPEND, CALLS
};

static const char *call_names[CALLS] = { "read", "write", "readv", "recv", "recv with SO_RCVTIMEO", "recvfrom", "recvmsg",
	"read of a socket", "send", "accept", "accept with SO_RCVTIMEO", "recv MSG_WAITALL", "poll", "ppoll", "select", "pselect",
	"epoll_wait", "nanosleep", "clock_nanosleep", "clock_nanosleep absolute", "usleep", "sleep", "pthread_mutex_lock",
	"pthread_mutex_timedlock", "pthread_cond_timedwait", "sem_wait", "sem_timedwait", "pause", "sigsuspend" };

static void release(long what)
{
	struct sockaddr_in a;
	int fd;

	switch (what) {
	case WRITE_PIPE:
	case SEND:
		while (recv(ends[0], buf + 4096, 4096, MSG_DONTWAIT) > 0)
			;
		if (what == WRITE_PIPE)
			(void)!read(ends[0], buf + 4096, 60000);
		break;
	case ACCEPT:
	case ACCEPT_TIMED:
		a = name_of(ends[0]);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		connect(fd, (struct sockaddr *)&a, sizeof(a));
		break;
	case SEM:
	case SEM_TIMED:
		sem_post(&sem);
		break;
	case PAUSE:
	case SIGSUSPEND:
		break;
	case NANOSLEEP ... TIMEDLOCK:
	case COND:
		break;
	default:
		put(ends[1]);
	}
}

/* However late the signal was. */
static void after_the_handler(int before)
{
	for (int i = 0; i < 5000 && handled == before; i++)
		pause_ms(1);
	pause_ms(60);
}

static void release_later(long what)
{
	after_the_handler(handled_before);
	release(what);
}

static void hold_mutex(long before)
{
	pthread_mutex_lock(&m);
	notes[9].done = true;
	after_the_handler((int)before);
	pthread_mutex_unlock(&m);
}

static void prepare(int what)
{
	switch (what) {
	case RECV ... READ_SOCKET:
	case SEND:
	case WAITALL:
		pair(ends, SOCK_STREAM);
		break;
	case ACCEPT:
	case ACCEPT_TIMED:
		ends[0] = listener(4);
		break;
	default:
		pipes(ends);
	}
	if (what == WRITE_PIPE || what == SEND)
		stuff(ends[1]);
	if (what == RECV_TIMED || what == ACCEPT_TIMED)
		setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, TV(5000), sizeof(struct timeval));
	if (what == MUTEX || what == TIMEDLOCK) {
		notes[9].done = false;
		later(0, hold_mutex, handled);
		while (!notes[9].done)
			pause_ms(1);
	}
	sem_init(&sem, 0, 0);
}

static long perform(int what)
{
	struct iovec v = { buf, 9 };
	struct msghdr msg = { .msg_iov = &v, .msg_iovlen = 1 };
	struct pollfd p = { ends[0], POLLIN, 0 };
	struct epoll_event e = { EPOLLIN, { 0 } };
	struct timespec rem = { 0, 0 };
	sigset_t none;
	fd_set r;
	long ret = 0;
	int ep;

	sigemptyset(&none);
	FD_ZERO(&r);
	FD_SET(ends[0], &r);
	errno = 0;
	switch (what) {
	case READ_PIPE:
	case READ_SOCKET:
		return read(ends[0], buf, 9);
	case WRITE_PIPE:
		return write(ends[1], buf, 100);
	case READV:
		return readv(ends[0], &v, 1);
	case RECV:
	case RECV_TIMED:
		return recv(ends[0], buf, 9, 0);
	case RECVFROM:
		return recvfrom(ends[0], buf, 9, 0, NULL, NULL);
	case RECVMSG:
		return recvmsg(ends[0], &msg, 0);
	case SEND:
		return send(ends[1], buf, 100, 0);
	case ACCEPT:
	case ACCEPT_TIMED:
		return accept(ends[0], NULL, NULL) < 0 ? -1 : 0;
	case WAITALL:
		return recv(ends[0], buf, 1, MSG_WAITALL);
	case POLL:
		return poll(&p, 1, 5000);
	case PPOLL:
		return ppoll(&p, 1, MS(5000), NULL);
	case SELECT:
		return select(ends[0] + 1, &r, NULL, NULL, TV(5000));
	case PSELECT:
		return pselect(ends[0] + 1, &r, NULL, NULL, MS(5000), NULL);
	case EPOLL:
		ep = epoll_create1(0);
		epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &e);
		return epoll_wait(ep, &e, 1, 5000);
	case NANOSLEEP:
		ret = nanosleep(MS(2000), &rem);
		break;
	case CLOCK_NANOSLEEP:
		ret = clock_nanosleep(CLOCK_MONOTONIC, 0, MS(2000), &rem);
		break;
	case ABSOLUTE:
		ret = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, AT(CLOCK_MONOTONIC, 2000), &rem);
		break;
	case USLEEP:
		return usleep(900000);
	case SLEEP:
		return sleep(2);
	case MUTEX:
		ret = pthread_mutex_lock(&m);
		return pthread_mutex_unlock(&m), ret;
	case TIMEDLOCK:
		ret = pthread_mutex_timedlock(&m, AT(CLOCK_REALTIME, 5000));
		return pthread_mutex_unlock(&m), ret;
	case COND: /* may end by itself: only the number is shown */
		pthread_mutex_lock(&m);
		while ((ret = pthread_cond_timedwait(&c, &m, AT(CLOCK_REALTIME, 400))) == 0)
			;
		return pthread_mutex_unlock(&m), ret;
	case SEM:
		return sem_wait(&sem);
	case SEM_TIMED:
		return sem_timedwait(&sem, AT(CLOCK_REALTIME, 5000));
	case PAUSE:
		return pause();
	case SIGSUSPEND:
		return sigsuspend(&none);
	}
	say("rest=%s", rem.tv_sec || rem.tv_nsec ? rem.tv_sec == 1 && rem.tv_nsec < 961000000 ? "right" : "wrong" : "none");
	return ret;
}

static void matrix(int from, int to)
{
	install();
	for (int what = from; what <= to; what++) {
		int error;
		long ret;

		handled_before = handled;
		prepare(what);
		later(40, send_signal, 0);
		later(0, release_later, what);
		ret = perform(what);
		error = errno;
		say("%s: ret=%ld errno=%s handled=%d here=%d", call_names[what], ret, errname(error), handled - handled_before,
		    pthread_equal(handled_in, case_thread) != 0);
		finish();
		close_range(3, ~0u, 0);
	}
}

CASE(reading)
{
	matrix(READ_PIPE, RECV);
}

CASE(receiving)
{
	matrix(RECV_TIMED, WAITALL);
}

CASE(polling)
{
	matrix(POLL, EPOLL);
}

CASE(sleeping)
{
	matrix(NANOSLEEP, SLEEP);
}

CASE(locking)
{
	matrix(MUTEX, COND);
}

CASE(semaphores)
{
	matrix(SEM, SEM_TIMED);
}

CASE(waiting_for_a_signal)
{
	matrix(PAUSE, SIGSUSPEND);
}
