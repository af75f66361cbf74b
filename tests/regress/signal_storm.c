/*
 * A thousand signals a second from outside while twenty threads talk: none is lost, all are in order, each runs in the main thread;
 * handlers may write, post a semaphore, look for children; errno of the interrupted code stays.
 */
#include "must.h"

#ifndef COUNT
#define COUNT 1000 /* tests/soak has a minute of it */
#endif

static volatile int next, wrong, elsewhere;
static sem_t posted;
static int out[2];
static pthread_t main_thread;
static atomic_bool over;
static atomic_ulong talks, changed;

static void handle(int sig, siginfo_t *info, void *context)
{
	char c = 'x';

	(void)sig, (void)context;
	if (info->si_value.sival_int != next)
		wrong++;
	next = info->si_value.sival_int + 1;
	if (!pthread_equal(pthread_self(), main_thread))
		elsewhere++;
	sem_post(&posted);
	(void)!write(out[1], &c, 1);
	waitpid(-1, NULL, WNOHANG | WNOWAIT);
	errno = EXDEV;
}

static void *echo(void *arg)
{
	int fd = *(int *)arg;
	char c;

	while (read(fd, &c, 1) == 1 && write(fd, &c, 1) == 1)
		;
	return NULL;
}

static void *talk(void *arg)
{
	int fd = *(int *)arg;
	char c = 'a';

	while (!over) {
		errno = ENOTTY;
		MUST(write(fd, &c, 1) == 1 && read(fd, &c, 1) == 1);
		if (errno != ENOTTY)
			changed++;
		talks++;
	}
	shutdown(fd, SHUT_RDWR);
	return NULL;
}

static void *count_bytes(void *arg)
{
	long *n = arg;
	char c;

	for (*n = 0; read(out[0], &c, 1) == 1; ++*n)
		;
	return NULL;
}

static void *count_posts(void *arg)
{
	long *n = arg;

	for (*n = 0; *n < COUNT; ++*n)
		while (sem_wait(&posted))
			MUST(errno == EINTR);
	return NULL;
}

static void storm(pid_t target)
{
	for (int i = 0; i < COUNT; i++) {
		while (sigqueue(target, SIGRTMIN + 1, (union sigval){ .sival_int = i }) && errno == EAGAIN)
			usleep(1000);
		usleep(1000);
	}
	_exit(0);
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART };
	static int fds[10][2];
	sigset_t set;
	pthread_t t[20], bytes, posts;
	long nbytes, nposts;
	pid_t child;
	int st;

	main_thread = pthread_self();
	sem_init(&posted, 0, 0);
	MUST(!pipe(out));
	sigaction(SIGRTMIN + 1, &act, NULL);
	MUST((child = fork()) >= 0);
	if (!child) {
		usleep(50000);
		storm(getppid());
	}
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* the others leave them to main */
	for (int i = 0; i < 10; i++) {
		MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]));
		t[2 * i] = start(echo, &fds[i][0]);
		t[2 * i + 1] = start(talk, &fds[i][1]);
	}
	bytes = start(count_bytes, &nbytes);
	posts = start(count_posts, &nposts);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	MUST(waitpid(child, &st, 0) == child && !st);
	for (int i = 0; i < 1000 && next < COUNT; i++)
		pause_us(1000);
	over = true;
	for (int i = 0; i < 20; i++)
		pthread_join(t[i], NULL);
	pthread_join(posts, NULL);
	close(out[1]);
	pthread_join(bytes, NULL);
	MUST(next == COUNT);
	MUST(wrong == 0);
	MUST(elsewhere == 0);
	MUST(nbytes == COUNT);
	MUST(nposts == COUNT);
	MUST(changed == 0);
	MUST(talks > 1000);
	return 0;
}
