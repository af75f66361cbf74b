#include "unit.h"
#include "../../runtime/rw.h"

#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <termios.h>

TestSuite(rw, .timeout = 10);

enum { BIG = 1 << 20 };
static char big[BIG], back[BIG];
static int p[2];

static ssize_t co_read(int fd, void *buf, size_t n)
{
	struct iovec v = { buf, n };

	return gp_read(fd, &v, 1, n, "read");
}

static ssize_t co_write(int fd, const void *buf, size_t n)
{
	struct iovec v = { (void *)buf, n };

	return gp_write(fd, &v, 1, n, "write");
}

static void start(void)
{
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(gp_greenlets_start(), 0);
	for (int i = 0; i < BIG; i++)
		big[i] = (char)(i * 2654435761u >> 13);
}

static void *write_big(void *fd)
{
	return (void *)co_write((int)(intptr_t)fd, big, BIG);
}

static void *writev_big(void *fd)
{
	struct iovec v[5] = { { big, 1 }, { big + 1, 100000 }, { NULL, 0 }, { big + 100001, 300000 }, { big + 400001, BIG - 400001 } };

	return (void *)gp_write((int)(intptr_t)fd, v, 5, BIG, "writev");
}

static void read_big(int fd, bool vector)
{
	for (size_t got = 0; got < BIG;) {
		size_t most = BIG - got < 50000 ? BIG - got : 50000, half = most / 2;
		struct iovec v[2] = { { back + got, half }, { back + got + half, most - half } };
		ssize_t n = vector ? gp_read(fd, v, 2, most, "readv") : co_read(fd, back + got, most);

		cr_assert_gt(n, 0);
		got += (size_t)n;
	}
	cr_assert_eq(memcmp(big, back, BIG), 0);
	memset(back, 0, BIG);
}

/* More than fits, in every shape; and no flag of the file is touched meanwhile. */
static void transfer(int in, int out)
{
	for (int shape = 0; shape < 4; shape++) {
		struct greenlet *g = spawn(shape & 1 ? writev_big : write_big, (void *)(intptr_t)in);

		gp_yield();
		cr_assert_eq(g->state, GP_PARKED);
		cr_assert_eq((fcntl(in, F_GETFL) | fcntl(out, F_GETFL)) & O_NONBLOCK, 0);
		read_big(out, shape & 2);
		cr_assert_eq((long)join(g), BIG);
	}
}

Both(rw, pipes)
{
	start();
	cr_assert_eq(pipe(p), 0);
	transfer(p[1], p[0]);
	cr_assert(!gp_fd(p[0])->nowait_refused && !gp_fd(p[1])->nowait_refused);
	close(p[1]);
	cr_assert_eq(co_read(p[0], back, 5), 0);
}

/* A kernel without RWF_NOWAIT for pipes: poll and then the call. */
Both(rw, pipes_of_older_kernels)
{
	start();
	cr_assert_eq(pipe(p), 0);
	refuse(SYS_preadv2, -1, 0, EOPNOTSUPP);
	refuse(SYS_pwritev2, -1, 0, EOPNOTSUPP);
	transfer(p[1], p[0]);
	cr_assert(gp_fd(p[0])->nowait_refused && gp_fd(p[1])->nowait_refused);
}

Both(rw, sockets)
{
	start();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	transfer(p[1], p[0]);
}

static void *write_counter(void *fd)
{
	uint64_t n = 3;

	rest(2 * MS);
	cr_expect_eq(co_write((int)(intptr_t)fd, &n, 8), 8);
	return NULL;
}

Both(rw, eventfd)
{
	uint64_t n = UINT64_MAX - 1;
	struct greenlet *g;
	int fd;

	start();
	fd = eventfd(0, 0);
	g = spawn(write_counter, (void *)(intptr_t)fd);
	cr_assert_eq(co_read(fd, &n, 8), 8);
	cr_assert_eq(n, 3u);
	join(g);
	n = UINT64_MAX - 1;
	cr_assert_eq(co_write(fd, &n, 8), 8);
	g = spawn(write_counter, (void *)(intptr_t)fd); /* full: waits */
	rest(5 * MS);
	cr_assert_eq(g->state, GP_PARKED);
	cr_assert_eq(co_read(fd, &n, 8), 8);
	join(g);
	cr_assert_eq(co_read(fd, &n, 4), -1);
	cr_assert_eq(errno, EINVAL);
}

static void *touch(void *path)
{
	rest(2 * MS);
	close(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	return NULL;
}

Both(rw, inotify)
{
	char dir[] = "/tmp/gpatch-unit-XXXXXX", path[64], buf[4096];
	int fd;

	start();
	cr_assert_not_null(mkdtemp(dir));
	strcat(strcpy(path, dir), "/x");
	fd = inotify_init1(0);
	cr_assert_geq(inotify_add_watch(fd, dir, IN_CREATE), 0);
	spawn(touch, path);
	cr_assert_gt(co_read(fd, buf, sizeof(buf)), 0);
	unlink(path);
	rmdir(dir);
}

static int master;

static int make_tty(void)
{
	struct termios t;
	int tty;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert(master >= 0 && !grantpt(master) && !unlockpt(master));
	tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	tcgetattr(tty, &t);
	cfmakeraw(&t);
	tcsetattr(tty, TCSANOW, &t);
	return tty;
}

static void *type(void *text)
{
	rest(2 * MS);
	cr_expect_gt(write(master, text, strlen(text)), 0);
	return NULL;
}

static void *drain_master(void *n)
{
	size_t got = 0;

	while (got < (size_t)n) {
		ssize_t r = read(master, back + got, (size_t)n - got);

		if (r <= 0)
			break;
		got += (size_t)r;
	}
	return (void *)got;
}

/* A terminal takes all of a blocking write. */
Both(rw, a_terminal)
{
	int tty;

	start();
	tty = make_tty();
	spawn(type, "hello");
	cr_assert_eq(co_read(tty, back, 64), 5);
	for (int vector = 0; vector < 2; vector++) {
		struct iovec v[3] = { { big, 0 }, { big, 30000 }, { big + 30000, 70000 } };
		pthread_t t;
		void *got;

		memset(back, 0, 100000);
		pthread_create(&t, NULL, drain_master, (void *)100000);
		cr_assert_eq(vector ? gp_write(tty, v, 3, 100000, "writev") : co_write(tty, big, 100000), 100000);
		pthread_join(t, &got);
		cr_assert_eq((size_t)got, 100000u);
		cr_assert_eq(memcmp(big, back, 100000), 0);
	}
	cr_assert_eq(fcntl(tty, F_GETFL) & O_NONBLOCK, 0);
}

Both(rw, files)
{
	int fd;

	start();
	fd = memfd_create("file", 0);
	cr_assert_eq(co_write(fd, big, BIG), BIG);
	cr_assert_eq(lseek(fd, 100, SEEK_SET), 100);
	cr_assert_eq(co_read(fd, back, BIG), BIG - 100);
	cr_assert_eq(memcmp(back, big + 100, BIG - 100), 0);
	cr_assert_eq(co_read(fd, back, BIG), 0);
	cr_assert_eq(gp_fd_epoll() < 0 || gp_fd(fd)->armed, 0);
}

/* As natively: a read of nothing neither waits nor takes anything. */
Both(rw, nothing)
{
	start();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, p), 0);
	cr_assert_eq(co_read(p[0], back, 0), 0);
	cr_assert_eq(write(p[1], "abc", 3), 3);
	cr_assert_eq(co_read(p[0], back, 0), 0);
	cr_assert_eq(co_read(p[0], back, 8), 3);
	cr_assert_eq(pipe(p), 0);
	cr_assert_eq(co_read(p[0], back, 0), 0);
	cr_assert_eq(co_write(p[1], back, 0), 0);
}

Both(rw, errors)
{
	start();
	cr_assert_eq(pipe(p), 0);
	cr_assert_eq(write(p[1], "abc", 3), 3);
	cr_assert_eq(co_read(p[0], (void *)8, 100), -1);
	cr_assert_eq(errno, EFAULT);
	cr_assert_eq(co_write(p[1], (void *)8, 100), -1);
	cr_assert_eq(errno, EFAULT);
	cr_assert_eq(co_read(p[1], back, 1), -1);
	cr_assert_eq(errno, EBADF);
	cr_assert_eq(co_read(600, back, 1), -1);
	cr_assert_eq(errno, EBADF);
	cr_assert_eq(co_read(-1, back, 1), -1);
	cr_assert_eq(errno, EBADF);
	close(p[0]);
	cr_assert_eq(co_write(p[1], back, 1), -1);
	cr_assert_eq(errno, EPIPE);
	cr_assert_eq(pipe2(p, O_NONBLOCK), 0);
	cr_assert_eq(co_read(p[0], back, 1), -1);
	cr_assert_eq(errno, EAGAIN);
	cr_assert_eq(co_write(p[1], big, BIG), 65536, "what fits");
	cr_assert_eq(co_write(p[1], big, BIG), -1);
	cr_assert_eq(errno, EAGAIN);
}

Both(rw, a_reader_that_goes_in_the_middle)
{
	struct greenlet *g;

	start();
	cr_assert_eq(pipe(p), 0);
	g = spawn(write_big, (void *)(intptr_t)p[1]);
	cr_assert_eq(co_read(p[0], back, 40000), 40000);
	rest(MS);
	close(p[0]);
	cr_assert_gt((long)join(g), 40000);
	cr_assert_lt((long)g->result, BIG);
}
