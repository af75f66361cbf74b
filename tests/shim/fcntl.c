/* fcntl.c - flags tell the truth at every moment, whoever looks; FIONREAD, pipe sizes, locks that do not wait */
#include "case.h"

static void flags(int fd)
{
	int fl = fcntl(fd, F_GETFL);

	say("nonblock=%d mode=%d append=%d fd=%d", !!(fl & O_NONBLOCK), fl & O_ACCMODE, !!(fl & O_APPEND), fcntl(fd, F_GETFD));
}

CASE(new_descriptors)
{
	int p[2], s[2];

	pipes(p);
	flags(p[0]);
	flags(p[1]);
	tcp(s);
	flags(s[0]);
	flags(s[1]);
	flags(open("/dev/null", O_RDWR | O_NONBLOCK | O_CLOEXEC));
	flags(0);
}

CASE(while_another_thread_reads)
{
	int p[2], d;

	pipes(p);
	d = dup(p[0]);
	later(0, note_read, p[0]);
	settle();
	flags(p[0]);
	flags(d);
	put(p[1]);
	finish();
	TELL(0);
	flags(p[0]);
}

CASE(while_another_thread_reads_a_socket)
{
	int s[2];

	tcp(s);
	later(0, note_read, s[0]);
	settle();
	flags(s[0]);
	put(s[1]);
	finish();
	flags(s[0]);
}

CASE(user_nonblock)
{
	int p[2];

	pipes(p);
	SHOW(fcntl(p[0], F_SETFL, O_NONBLOCK));
	SHOW(read(p[0], buf, 1));
	flags(p[0]);
	SHOW(fcntl(p[0], F_SETFL, 0));
	later(20, put, p[1]);
	TIMED(20, SHOW(read(p[0], buf, 1)));
	flags(p[0]);
}

CASE(nonblock_by_a_duplicate)
{
	int p[2], d;

	pipes(p);
	later(10, put, p[1]);
	SHOW(read(p[0], buf, 1)); /* looked at once, and must be looked at again */
	d = dup(p[0]);
	set_nonblock(d);
	SHOW(read(p[0], buf, 1));
	SHOW(fcntl(d, F_SETFL, 0));
	later(20, put, p[1]);
	TIMED(20, SHOW(read(p[0], buf, 1)));
	d = fcntl(p[0], F_DUPFD_CLOEXEC, 30);
	set_nonblock(p[0]);
	SHOW(read(d, buf, 1));
}

static void make_nonblocking(long fd)
{
	set_nonblock((int)fd);
}

CASE(nonblock_during_a_read)
{
	int p[2];

	pipes(p);
	later(0, note_read, p[0]);
	settle();
	make_nonblocking(p[0]);
	settle();
	say("done=%d", (int)notes[0].done);
	put(p[1]);
	finish();
	TELL(0);
	SHOW(read(p[0], buf, 1));
}

CASE(reopened_through_proc)
{
	int p[2], d;
	char name[40];

	pipes(p);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p[0]);
	d = open(name, O_RDONLY | O_NONBLOCK); /* another open file: its flags are its own */
	SHOW(read(d, buf, 1));
	later(20, put, p[1]);
	TIMED(20, SHOW(read(p[0], buf, 1)));
	flags(p[0]);
	flags(d);
}

CASE(fionbio)
{
	int s[2], on = 1;

	tcp(s);
	SHOW(ioctl(s[0], FIONBIO, &on));
	flags(s[0]);
	SHOW(read(s[0], buf, 1));
	on = 0;
	SHOW(ioctl(s[0], FIONBIO, &on));
	flags(s[0]);
	SHOW(ioctl(s[0], FIONBIO, bad));
	SHOW(ioctl(-1, FIONBIO, &on));
	SHOW(ioctl(77, FIONREAD, &on));
}

CASE(fionread)
{
	int p[2], n = -1;

	pipes(p);
	SHOW(write(p[1], "abc", 3));
	SHOW(ioctl(p[0], FIONREAD, &n));
	say("n=%d", n);
}

CASE(descriptor_flags)
{
	int p[2];

	pipes(p);
	SHOW(fcntl(p[0], F_SETFD, FD_CLOEXEC));
	SHOW(fcntl(p[0], F_GETFD));
	SHOW(fcntl(p[1], F_GETFD));
	SHOW(ioctl(p[1], FIOCLEX));
	SHOW(fcntl(p[1], F_GETFD));
}

CASE(duplicates)
{
	int p[2];

	pipes(p);
	SHOW(fcntl(p[0], F_DUPFD, 10));
	SHOW(fcntl(p[0], F_DUPFD, 10));
	SHOW(fcntl(p[0], F_DUPFD_CLOEXEC, 10));
	SHOW(fcntl(12, F_GETFD));
	SHOW(fcntl(p[0], F_DUPFD, -1));
	SHOW(fcntl(p[0], F_DUPFD, INT32_MAX));
	SHOW(fcntl(77, F_DUPFD, 0));
}

CASE(errors)
{
	SHOW(fcntl(-1, F_GETFL));
	SHOW(fcntl(77, F_SETFL, O_NONBLOCK));
	SHOW(fcntl(0, 12345));
	SHOW(fcntl(77, F_GETFD));
	SHOW(ioctl(0, 0x12345678));
}

CASE(pipe_size)
{
	int p[2];

	pipes(p);
	SHOW(fcntl(p[0], F_GETPIPE_SZ));
	SHOW(fcntl(p[1], F_SETPIPE_SZ, 4096));
	set_nonblock(p[1]);
	SHOW(write(p[1], buf, 5000));
	SHOW(write(p[1], buf, 1));
	SHOW(fcntl(p[1], F_SETPIPE_SZ, 8192));
	SHOW(write(p[1], buf, 5000));
}

CASE(locks)
{
	char name[] = "/tmp/gpatch-test-XXXXXX";
	int fd = mkstemp(name), other = open(name, O_RDWR);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	unlink(name);
	SHOW(fcntl(fd, F_SETLK, &lock));
	SHOW(fcntl(other, F_SETLK, &lock)); /* the same process */
	SHOW(fcntl(fd, F_GETLK, &lock));
	say("type is unlocked=%d", lock.l_type == F_UNLCK);
	lock = (struct flock){ .l_type = F_WRLCK };
	SHOW(fcntl(fd, F_OFD_SETLK, &lock));
	SHOW(fcntl(other, F_OFD_SETLK, &lock));
	SHOW(fcntl(other, F_SETLK, (void *)bad));
}

CASE(owner)
{
	int s[2];
	struct f_owner_ex o = { F_OWNER_PID, 0 };

	pair(s, SOCK_STREAM);
	SHOW(fcntl(s[0], F_SETOWN, getpid()));
	say("same=%d", fcntl(s[0], F_GETOWN) == getpid());
	SHOW(fcntl(s[0], F_GETOWN_EX, &o));
	say("type=%d same=%d", o.type, o.pid == getpid());
}
