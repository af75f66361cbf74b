/*
 * main ended by pthread_exit after a worker thread had been needed (for a lock on a file): glibc then ended the kernel thread that
 * carries all greenlets. Natively the others go on, and the last one ends the process with status 0.
 * libc: symbols
 */
#include "must.h"
#include <sys/file.h>

static char path[] = "/tmp/main_ends_XXXXXX";

static void *hold(void *arg)
{
	int fd = open(path, O_RDWR);

	MUST(fd >= 0 && !flock(fd, LOCK_EX));
	pause_us(50000);
	close(fd);
	return arg;
}

static void *go_on(void *arg)
{
	pause_us(100000);
	MUST(write(*(int *)arg, "x", 1) == 1);
	return NULL;
}

/* The destructors of main's keys have run by the time the others go on. */
static volatile bool gone;

static void forget(void *value)
{
	(void)value;
	gone = true;
}

static void *look(void *arg)
{
	pause_us(80000);
	MUST(gone);
	return arg;
}

static void child(int out)
{
	int fd = mkstemp(path);
	pthread_key_t key;

	MUST(fd >= 0);
	start(hold, NULL);
	pause_us(10000);
	MUST(!flock(fd, LOCK_EX)); /* waits */
	unlink(path);
	start(go_on, &out);
	start(look, NULL);
	MUST(!pthread_key_create(&key, forget) && !pthread_setspecific(key, &key));
	pthread_exit(NULL);
}

int main(void)
{
	int p[2], status;
	char byte;
	pid_t pid;

	MUST(!pipe(p));
	if (!(pid = fork())) {
		close(p[0]);
		alarm(10);
		child(p[1]);
	}
	close(p[1]);
	MUST(read(p[0], &byte, 1) == 1);
	MUST(waitpid(pid, &status, 0) == pid && !status);
	return 0;
}
