/*
 * A program that ceases to share its descriptors or its directory (unshare, close_range) when a worker of the runtime's is there already: the
 * next call that a worker makes for it is made with the descriptors and the directory that it has now.
 */
#include "must.h"
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char directory[] = "/tmp/unshared_XXXXXX";

static void *locks(void *arg)
{
	MUST(!flock(*(int *)arg, LOCK_EX));
	return arg;
}

static void *opens(void *arg)
{
	int fd = open(arg, O_RDONLY);
	char c;

	MUST(fd >= 0 && read(fd, &c, 1) == 1 && c == 'f');
	close(fd);
	return arg;
}

/* A lock and a FIFO that a worker has to wait for. */
static void wait_for_both(const char *file, char *fifo)
{
	int a = open(file, O_RDWR | O_CREAT, 0600), b = open(file, O_RDWR), end;
	pthread_t locker, opener;

	MUST(a >= 0 && b >= 0 && !flock(a, LOCK_EX) && (!mkfifo(fifo, 0600) || errno == EEXIST));
	locker = start(locks, &b);
	opener = start(opens, fifo);
	pause_us(20000);
	MUST(!flock(a, LOCK_UN));
	MUST((end = open(fifo, O_WRONLY)) >= 0 && write(end, "f", 1) == 1);
	MUST(!pthread_join(locker, NULL) && !pthread_join(opener, NULL));
	close(a);
	close(b);
	close(end);
}

static void child(int how)
{
	MUST(!chdir(directory));
	wait_for_both("file", "fifo");
	switch (how) {
	case 0: MUST(!unshare(CLONE_FILES)); break;
	case 1: MUST(!close_range(100, ~0u, CLOSE_RANGE_UNSHARE)); break;
	case 2: MUST(!unshare(CLONE_FS)); break;
	case 3: MUST(!syscall(SYS_unshare, CLONE_FILES | CLONE_FS)); break;
	}
	MUST(!mkdir("below", 0700) || errno == EEXIST);
	MUST(!chdir("below"));
	MUST(!close(open("/dev/null", O_RDONLY)) && dup(2) >= 0);
	wait_for_both("file", "fifo");
	wait_for_both("file", "fifo"); /* the same workers again */
	_exit(0);
}

int main(void)
{
	static const char *const made[] = { "below/file", "below/fifo", "file", "fifo" };
	int st, bad = 0;

	MUST(mkdtemp(directory));
	for (int how = 0; how < 4; how++) {
		pid_t pid = fork();

		if (!pid) {
			alarm(5);
			child(how);
		}
		MUST(waitpid(pid, &st, 0) == pid);
		if (st)
			printf("way %d: %x\n", how, (unsigned)st);
		bad |= st;
	}
	MUST(!chdir(directory));
	for (int i = 0; i < 4; i++)
		unlink(made[i]);
	rmdir("below");
	rmdir(directory);
	return !!bad;
}
