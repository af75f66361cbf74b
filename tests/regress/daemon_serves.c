/*
 * A program becomes a daemon, by daemon(3) or by forking twice, before it has threads or beside some, and then serves with threads: those
 * that it had are gone, its descriptors are what it asked for, and every request is answered.
 */
#include "must.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define WAYS     6
#define CLIENTS  20
#define REQUESTS 50

static int listener, told[2]; /* told: the daemon's end, for all that it has to say */
static struct sockaddr_in address = { .sin_family = AF_INET };
static atomic_ulong ticks;

static void *ticker(void *arg)
{
	for (;;) {
		pause_us(1000);
		ticks++;
	}
	return arg;
}

static void *reads_for_ever(void *arg)
{
	int silent[2];
	char c;

	MUST(!pipe(silent));
	(void)!read(silent[0], &c, 1);
	MUST(!"in the daemon nobody reads");
	return arg;
}

static void fork_twice(void)
{
	pid_t pid = fork();
	int null;

	MUST(pid >= 0);
	if (pid)
		_exit(0);
	MUST(setsid() == getpid());
	signal(SIGHUP, SIG_IGN);
	MUST((pid = fork()) >= 0);
	if (pid)
		_exit(0);
	umask(0);
	MUST(!chdir("/"));
	for (int fd = 0; fd < 256; fd++)
		if (fd != listener && fd != told[1])
			close(fd);
	MUST((null = open("/dev/null", O_RDWR)) == 0 && dup2(null, 1) == 1 && dup2(null, 2) == 2);
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg, n;

	while (read(fd, &n, sizeof(n)) == sizeof(n)) {
		n = n < 0 ? getpid() : n + 1;
		MUST(write(fd, &n, sizeof(n)) == sizeof(n));
	}
	close(fd);
	return NULL;
}

/* What the daemon is, in one letter: '.' is right. */
static char looks(bool twice)
{
	char cwd[16];
	struct stat null, st;

	if (stat("/dev/null", &null) || !getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/"))
		return 'c';
	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) || st.st_rdev != null.st_rdev)
			return 'n';
	return (getsid(0) == getpid()) == twice ? 's' : '.';
}

static void *becomes_daemon(void *arg)
{
	bool twice = (intptr_t)arg % 2;
	char c;
	int fd;

	if (twice)
		fork_twice();
	else
		MUST(!daemon(0, 0));
	prctl(PR_SET_PDEATHSIG, 0);
	alarm(60);
	ticks = 0;
	pause_us(5000);
	c = ticks ? 't' : looks(twice);
	MUST(write(told[1], &c, 1) == 1);
	start(ticker, NULL);
	for (int i = 0; i < CLIENTS && (fd = accept(listener, NULL, NULL)) >= 0; i++)
		start(serve, (void *)(intptr_t)fd);
	for (;;)
		pause();
	return NULL;
}

static void *client(void *arg)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), n, pid = -1;

	MUST(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
	for (int i = 0; i < REQUESTS; i++) {
		n = i;
		MUST(write(fd, &n, sizeof(n)) == sizeof(n) && read(fd, &n, sizeof(n)) == sizeof(n) && n == i + 1);
	}
	MUST(write(fd, &pid, sizeof(pid)) == sizeof(pid) && read(fd, &pid, sizeof(pid)) == sizeof(pid));
	close(fd);
	*(int *)arg = pid;
	return NULL;
}

/* As init would. */
static void end_daemon(pid_t pid)
{
	int st;

	MUST(pid > 1 && pid != getpid() && !kill(pid, SIGTERM));
	MUST(waitpid(pid, &st, 0) == pid && WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM);
}

/* way / 2: before the first thread; main beside threads; one of the threads */
static void one(int way)
{
	socklen_t len = sizeof(address);
	int st, daemons[CLIENTS];
	pthread_t t[CLIENTS];
	pid_t pid;
	char c;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = 0;
	MUST((listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && !pipe(told));
	MUST(!bind(listener, (struct sockaddr *)&address, len) && !listen(listener, CLIENTS));
	MUST(!getsockname(listener, (struct sockaddr *)&address, &len));
	if (!(pid = fork())) {
		if (way / 2) {
			start(ticker, NULL);
			start(reads_for_ever, NULL);
			pause_us(5000);
		}
		if (way / 2 == 2)
			pthread_join(start(becomes_daemon, (void *)(intptr_t)way), NULL);
		becomes_daemon((void *)(intptr_t)way);
	}
	MUST(waitpid(pid, &st, 0) == pid && st == 0);
	close(told[1]);
	MUST(read(told[0], &c, 1) == 1);
	if (c != '.')
		printf("way %d: %c\n", way, c);
	MUST(c == '.');
	for (int i = 0; i < CLIENTS; i++)
		t[i] = start(client, &daemons[i]);
	for (int i = 0; i < CLIENTS; i++)
		MUST(!pthread_join(t[i], NULL) && daemons[i] == daemons[0]);
	end_daemon(daemons[0]);
	close(told[0]);
	close(listener);
}

int main(void)
{
	MUST(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (int way = 0; way < WAYS; way++)
		one(way);
	return 0;
}
