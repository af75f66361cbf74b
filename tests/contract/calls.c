/* libc: symbols */
/* calls.c - what tests/shim has no timed case of: descriptors, processes, signals, threads, the loader */
#include "waits.h"

#include <dlfcn.h>
#include <shadow.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <threads.h>

static void nothing(long unused)
{
	(void)unused;
}

static void empty(long fd)
{
	char piece[65536];

	while (recv((int)fd, piece, sizeof(piece), MSG_DONTWAIT) > 0)
		;
}

static void call_in(long server)
{
	connect_to(socket(AF_INET, SOCK_STREAM, 0), (int)server);
}

WAITS(accept4)
{
	int l = listener(1), fd;

	elsewhere(call_in, l);
	fd = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	SHOW_OK(fd);
	SHOW(fcntl(fd, F_GETFD));
}

static void let_in(long server)
{
	close(accept((int)server, NULL, NULL));
}

/* A full backlog, which only the local domain waits for. */
WAITS(connect)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int l = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);

	MUST(bind(l, (void *)&a, sizeof(sa_family_t)) == 0 && listen(l, 0) == 0 && getsockname(l, (void *)&a, &len) == 0);
	MUST(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, len) == 0);
	elsewhere(let_in, l);
	SHOW(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, len));
}

WAITS(sendmsg)
{
	struct iovec part = { buf, 10 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	int fds[2];

	pair(fds, SOCK_STREAM);
	stuff(fds[0]);
	elsewhere(empty, fds[1]);
	SHOW(sendmsg(fds[0], &m, 0));
}

WAITS(epoll_wait)
{
	struct epoll_event e = { .events = EPOLLIN };
	int p[2], set = epoll_create1(0);

	pipes(p);
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e) == 0);
	elsewhere(put, p[1]);
	SHOW(epoll_wait(set, &e, 1, -1));
}

WAITS(syscall)
{
	int p[2];

	pipes(p);
	elsewhere(put, p[1]);
	SHOW(syscall(SYS_read, p[0], buf, 10));
}

/* Until the other side has it all. */
WAITS(close)
{
	struct linger l = { 1, 30 };
	int fds[2];

	tcp(fds);
	MUST(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
	stuff(fds[0]);
	not_theirs = fds[0];
	elsewhere(drain, fds[1]);
	SHOW(close(fds[0]));
}

static char fifo[64];

static void open_writer(long unused)
{
	(void)unused;
	close(open(fifo, O_WRONLY));
}

WAITS(fopen)
{
	FILE *f;

	snprintf(fifo, sizeof(fifo), "/tmp/gpatch-waits-%d", (int)getpid());
	MUST(mkfifo(fifo, 0600) == 0);
	elsewhere(open_writer, 0);
	SHOW((f = fopen(fifo, "r")) != NULL);
	RETURNED;
	SHOW(fgetc(f));
	fclose(f);
	unlink(fifo);
}

static struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

static int passwords;

/* Another process has the lock; what it waits for before it ends is `let_others_run`. */
static void take_passwords(void)
{
	int p[2];

	pipes(p);
	if (!fork()) {
		fcntl(passwords, F_SETLKW, &whole);
		put(p[1]);
		let_others_run();
		_exit(0);
	}
	(void)!read(p[0], buf, 1);
}

/* For root alone. */
WAITS(lckpwdf)
{
	passwords = open("/etc/.pwd.lock", O_WRONLY | O_CREAT, 0600);
	if (passwords < 0)
		meeting->done = 1;
	else
		take_passwords();
	SHOW(lckpwdf());
	RETURNED;
	SHOW(lckpwdf());
	SHOW(ulckpwdf());
	close(passwords);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* ---- processes */

WAITS(wait3)
{
	pid_t child = elsewhere(nothing, 0);
	int status = -1;

	SHOW(wait3(&status, 0, NULL) == child);
	SHOW(status);
	helper_process = 0;
}

WAITS(system)
{
	by_itself();
	SHOW(system("sleep 0.1; exit 3"));
}

WAITS(pclose)
{
	FILE *f = popen("sleep 0.1; exit 4", "r");

	MUST(f);
	by_itself();
	SHOW(pclose(f));
}

/* A library of the tests whose constructor sleeps. */
WAITS(dlopen)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 20);

	MUST(n > 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	snprintf(strrchr(path, '/'), 20, "/lib/slow_load.so");
	by_itself();
	SHOW(dlopen(path, RTLD_NOW) != NULL);
}

/* ---- signals */

static atomic_int handled;

static void handle(int sig)
{
	(void)sig;
	handled++;
}

static void hit(long unused)
{
	(void)unused;
	kill(getppid(), SIGUSR1);
}

static sigset_t usr1_open(void)
{
	struct sigaction act = { .sa_handler = handle };
	sigset_t mask;

	handled = 0;
	sigaction(SIGUSR1, &act, NULL);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	sigdelset(&mask, SIGUSR1);
	return mask;
}

WAITS(pause)
{
	sigset_t mask = usr1_open(), old;

	elsewhere(hit, 0);
	pthread_sigmask(SIG_SETMASK, &mask, &old);
	SHOW(pause());
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	say("handled=%d", (int)handled);
}

WAITS(sigsuspend)
{
	sigset_t mask = usr1_open();

	elsewhere(hit, 0);
	SHOW(sigsuspend(&mask));
	say("handled=%d", (int)handled);
}

WAITS(sigpause)
{
	usr1_open();
	elsewhere(hit, 0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	SHOW(sigpause(SIGUSR1));
#pragma GCC diagnostic pop
	say("handled=%d", (int)handled);
}

static sigset_t *only_usr1(void)
{
	static sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return &set;
}

WAITS(sigwait)
{
	int sig = 0;

	elsewhere(hit, 0);
	SHOW(sigwait(only_usr1(), &sig));
	RETURNED;
	SHOW(sig == SIGUSR1);
}

WAITS(sigwaitinfo)
{
	elsewhere(hit, 0);
	SHOW(sigwaitinfo(only_usr1(), NULL) == SIGUSR1);
}

WAITS(sigtimedwait)
{
	elsewhere(hit, 0);
	SHOW(sigtimedwait(only_usr1(), NULL, MS(20000)) == SIGUSR1);
}

/* ---- threads */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int routines;

static void routine(void)
{
	routines++;
	let_others_run();
}

static void do_once(long unused)
{
	(void)unused;
	pthread_once(&once, routine);
}

/* Another thread is at it. */
WAITS(pthread_once)
{
	alarm(20);
	later(0, do_once, 0);
	while (!__atomic_load_n(&routines, __ATOMIC_SEQ_CST))
		pause_ms(1);
	SHOW_RC(pthread_once(&once, routine));
	RETURNED;
	SHOW(routines);
}

static pthread_barrier_t barrier;

static void arrive(long unused)
{
	(void)unused;
	pthread_barrier_wait(&barrier);
}

WAITS(pthread_barrier_wait)
{
	int r;

	pthread_barrier_init(&barrier, NULL, 2);
	within(arrive, 0);
	r = pthread_barrier_wait(&barrier);
	RETURNED;
	say("%s", r == PTHREAD_BARRIER_SERIAL_THREAD || r == 0 ? "passed" : errname(r));
	finish();
	SHOW_RC(pthread_barrier_destroy(&barrier));
}

static mtx_t mutex;
static cnd_t condition;

static void wake_up(long unused)
{
	(void)unused;
	mtx_lock(&mutex);
	cnd_signal(&condition);
	mtx_unlock(&mutex);
}

WAITS(cnd_wait)
{
	mtx_init(&mutex, mtx_plain);
	cnd_init(&condition);
	mtx_lock(&mutex);
	within(wake_up, 0);
	SHOW(cnd_wait(&condition, &mutex));
	mtx_unlock(&mutex);
}

LAST_CASE
