/* open_fifo.c - the open calls, and the FIFO that makes them wait; libc: symbols */
#include "gap.h"

#include <sys/wait.h>

static char dir[] = "/tmp/gpatch-test-XXXXXX", path[64];
static int dirfd_;

static void fifo(void)
{
	if (!*path) {
		MUST(mkdtemp(dir));
		snprintf(path, sizeof(path), "%s/fifo", dir);
		MUST(mkfifo(path, 0600) == 0);
	}
	MUST((dirfd_ = open(dir, O_RDONLY | O_DIRECTORY)) >= 0);
}

static void open_other(long flags)
{
	int fd = open(path, (int)flags, 0600);

	if (fd >= 0 && (flags & O_ACCMODE) == O_WRONLY)
		(void)!write(fd, "hello", 5);
	pause_ms(20);
	close(fd);
}

static void open_and_read(int fd)
{
	SHOW_OK(fd);
	say("nonblock=%d", !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	SHOW_BYTES(buf, read(fd, buf, 10));
	close(fd);
	finish(); /* the other end is closed */
}

CASE(waits_for_a_writer)
{
	fifo();
	later(30, open_other, O_WRONLY);
	TIMED(25, open_and_read(open(path, O_RDONLY)));
	later(30, open_other, O_WRONLY);
	TIMED(25, open_and_read(openat(dirfd_, "fifo", O_RDONLY)));
	later(30, open_other, O_WRONLY | O_CREAT);
	TIMED(25, open_and_read(open64(path, O_RDONLY | O_CLOEXEC)));
	later(30, open_other, O_WRONLY);
	TIMED(25, open_and_read(openat64(dirfd_, "fifo", O_RDONLY | O_CREAT, 0600)));
}

CASE(waits_for_a_reader)
{
	int fd;

	fifo();
	later(30, open_other, O_RDONLY);
	TIMED(25, SHOW_OK(fd = open(path, O_WRONLY)));
	close(fd);
	finish();
	later(30, open_other, O_RDONLY);
	TIMED(25, SHOW_OK(fd = creat(path, 0600)));
	close(fd);
	finish();
	later(30, open_other, O_RDONLY);
	TIMED(25, SHOW_OK(fd = creat64(path, 0600)));
}

CASE(does_not_wait)
{
	int fd;

	fifo();
	SHOW(open(path, O_WRONLY | O_NONBLOCK));
	SHOW_OK(fd = open(path, O_RDONLY | O_NONBLOCK));
	SHOW(read(fd, buf, 1));
	close(fd);
	SHOW_OK(fd = open(path, O_RDWR));
	SHOW_OK(open(path, O_RDONLY));
	SHOW_OK(open(path, O_WRONLY));
	close(fd);
	SHOW_OK(open(path, O_PATH));
	SHOW(open(path, O_RDONLY | O_CREAT | O_EXCL, 0600));
	SHOW(open(path, O_RDONLY | O_DIRECTORY));
}

CASE(errors)
{
	fifo();
	SHOW(open("", O_RDONLY));
	SHOW(open("/nowhere/at/all", O_RDONLY));
	SHOW(open(bad, O_RDONLY));
	SHOW(open(nil, O_RDONLY));
	SHOW(openat(-1, "fifo", O_RDONLY));
	SHOW(openat(99, "fifo", O_RDONLY));
	SHOW(open(dir, O_WRONLY));
	SHOW(creat(dir, 0600));
	SHOW(creat("/nowhere/at/all", 0600));
	SHOW(open(path, O_RDONLY | O_TMPFILE, 0600));
}

CASE(modes)
{
	struct stat sb;
	char name[128];
	int fd;

	fifo();
	umask(0);
	snprintf(name, sizeof(name), "%s/file", dir);
	SHOW_OK(fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0640));
	fstat(fd, &sb);
	say("mode=%o", sb.st_mode & 07777);
	unlink(name);
	SHOW_OK(fd = creat(name, 0751));
	fstat(fd, &sb);
	say("mode=%o", sb.st_mode & 07777);
	unlink(name);
	SHOW_OK(fd = openat(dirfd_, ".", O_RDWR | O_TMPFILE, 0604));
	fstat(fd, &sb);
	say("mode=%o", sb.st_mode & 07777);
	SHOW(write(fd, "abc", 3));
}

CASE(another_process)
{
	pid_t p;

	fifo();
	if (!(p = fork())) {
		int fd;

		usleep(30000);
		fd = open(path, O_WRONLY);
		(void)!write(fd, "child", 5);
		_exit(0);
	}
	TIMED(25, open_and_read(open(path, O_RDONLY)));
	SHOW_OK(waitpid(p, NULL, 0));
}

CASE(interrupted)
{
	fifo();
	on_usr1(0);
	later(30, poke, 0);
	TIMED(25, SHOW(open(path, O_RDONLY)));
	settle();
	SHOW(open(path, O_WRONLY | O_NONBLOCK)); /* no reader was left behind */
	on_usr1(SA_RESTART);
	later(20, poke, 0);
	later(40, open_other, O_WRONLY);
	TIMED(35, open_and_read(open(path, O_RDONLY)));
	say("handled=%d", (int)handled);
}

static void *open_and_die(void *unused)
{
	open(path, O_RDONLY);
	return unused;
}

CASE(cancelled)
{
	pthread_t t;

	fifo();
	handled = 0;
	MUST(pthread_create(&t, NULL, open_and_die, NULL) == 0);
	settle();
	pthread_cancel(t);
	say_end(t);
	SHOW(open(path, O_WRONLY | O_NONBLOCK));
}

static void open_pair(long i)
{
	char name[128];
	int fd;

	snprintf(name, sizeof(name), "%s/%ld", dir, i / 2);
	fd = open(name, i % 2 ? O_WRONLY : O_RDONLY);
	if (i % 2)
		(void)!write(fd, "x", 1);
	else
		notes[0].ret += read(fd, buf, 1);
	close(fd);
}

CASE(many)
{
	char name[128];

	fifo();
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%s/%d", dir, i);
		MUST(mkfifo(name, 0600) == 0);
	}
	for (int i = 0; i < 40; i += 2)
		later(0, open_pair, i);
	for (int i = 1; i < 40; i += 2)
		later(20, open_pair, i);
	finish();
	TELL(0);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%s/%d", dir, i);
		unlink(name);
	}
}

CASE(clean)
{
	unlink(path);
	SHOW(rmdir(dir));
}

LAST_CASE
