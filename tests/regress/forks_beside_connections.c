/*
 * A hundred connections talk while dozens of children are made, that end, serve with threads of their own, exec, or are made behind
 * libc's back: no connection of the parent misses a byte, and no child runs the parent's threads.
 */
#include "must.h"
#include <sys/syscall.h>

#define CONNECTIONS 100
#ifndef FORKS
#define FORKS 60 /* tests/soak makes a thousand */
#endif

static int fds[CONNECTIONS][2];
static atomic_ulong talks[CONNECTIONS];
static atomic_bool over;
static pid_t parent;

static void *echo(void *arg)
{
	int fd = fds[(long)arg][0];
	char c;

	while (read(fd, &c, 1) == 1) {
		MUST(getpid() == parent);
		MUST(write(fd, &c, 1) == 1);
	}
	return NULL;
}

static void *talk(void *arg)
{
	long i = (long)arg;
	char c = (char)i, back;

	while (!over) {
		MUST(write(fds[i][1], &c, 1) == 1 && read(fds[i][1], &back, 1) == 1 && back == c++);
		MUST(getpid() == parent);
		talks[i]++;
		pause_us(500 + 13 * i);
	}
	shutdown(fds[i][1], SHUT_RDWR);
	return NULL;
}

static void *serve(void *arg)
{
	int *fd = arg;
	char c;

	MUST(read(fd[0], &c, 1) == 1 && write(fd[0], &c, 1) == 1);
	return arg;
}

/* With threads that wait: the child needs a loop of its own. */
static void child_serves(void)
{
	int p[2], q[2];
	pthread_t t, u;
	char c = 's', back;

	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, p) && !socketpair(AF_UNIX, SOCK_STREAM, 0, q));
	t = start(serve, p);
	u = start(serve, q);
	pause_us(2000);
	MUST(write(p[1], &c, 1) == 1 && write(q[1], &c, 1) == 1);
	MUST(read(p[1], &back, 1) == 1 && back == c && read(q[1], &back, 1) == 1);
	MUST(!pthread_join(t, NULL) && !pthread_join(u, NULL));
	close(p[0]);
	MUST(read(p[1], &back, 1) == 0); /* the shared loop, if it were shared, would tell the parent */
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i][0]);
	_exit(7);
}

static pid_t make(int how)
{
	switch (how) {
	case 3: return (pid_t)syscall(SYS_fork);
	case 4: return _Fork();
	case 5: return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	default: return fork();
	}
}

static void one(int i)
{
	int how = i % 6, st;
	pid_t pid = make(how);

	if (!pid) {
		if (how == 0)
			_exit(7);
		if (how == 1)
			child_serves();
		if (how == 2)
			execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
		if (how >= 3) { /* libc's locks may be held by nobody here */
			pause_us(3000);
			for (int k = 0; k < CONNECTIONS; k++)
				close(fds[k][1]);
			_exit(7);
		}
		_exit(8);
	}
	MUST(pid > 0 && waitpid(pid, &st, 0) == pid);
	MUST(WIFEXITED(st) && WEXITSTATUS(st) == 7);
}

static void *forker(void *arg)
{
	for (int i = 0; i < FORKS / 2; i++)
		one(i);
	return arg;
}

int main(void)
{
	pthread_t t[CONNECTIONS], e[CONNECTIONS], f;
	unsigned long then[CONNECTIONS];

	parent = getpid();
	for (long i = 0; i < CONNECTIONS; i++) {
		MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]));
		e[i] = start(echo, (void *)i);
		t[i] = start(talk, (void *)i);
	}
	f = start(forker, NULL);
	for (int i = 0; i < FORKS / 2; i++)
		one(i);
	pthread_join(f, NULL);
	for (int i = 0; i < CONNECTIONS; i++)
		then[i] = talks[i];
	for (int i = 0; i < CONNECTIONS; i++)
		for (int k = 0; talks[i] < then[i] + 5; k++) {
			MUST(k < 5000);
			pause_us(1000);
		}
	over = true;
	for (int i = 0; i < CONNECTIONS; i++)
		MUST(!pthread_join(t[i], NULL) && !pthread_join(e[i], NULL));
	return 0;
}
