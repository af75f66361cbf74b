#include "unit.h"
#include "../../runtime/fdwait.h"

#include <stdio.h>
#include <sys/resource.h>

TestSuite(uvglue, .timeout = 10);

int gp_uv_epoll_create1(int flags);
int gp_uv_eventfd(unsigned count, int flags);
int gp_uv_pipe2(int fds[2], int flags);
int gp_uv_fcntl64(int fd, int cmd, long arg);
int gp_uv___open64_2(const char *path, int flags);
long gp_uv_syscall(long nr, long a, long b, long c, long d, long e, long f);
int gp_uv_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
extern FILE *gp_uv_stderr;

static void check_own(int fd)
{
	cr_assert(fd > 500 && gp_fd_is_ours(fd), "%d", fd);
	cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	cr_assert_eq(gp_uv_syscall(SYS_close, fd, 0, 0, 0, 0, 0), 0);
	cr_assert(!gp_fd_is_ours(fd));
	cr_assert_eq(fcntl(fd, F_GETFD), -1);
}

Test(uvglue, descriptors_are_high_and_ours)
{
	int p[2];

	check_own(gp_uv_epoll_create1(0));
	check_own(gp_uv_eventfd(0, 0));
	cr_assert_eq(gp_uv_pipe2(p, O_NONBLOCK), 0);
	cr_assert(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	cr_assert_eq(write(p[1], "x", 1), 1);
	check_own(p[0]);
	check_own(p[1]);
}

static int lowest_free(void)
{
	int fd = open("/dev/null", O_RDWR);

	close(fd);
	return fd;
}

Test(uvglue, without_room_nothing_is_left_open)
{
	struct rlimit rl, old;
	int p[2], before;

	getrlimit(RLIMIT_NOFILE, &old);
	before = lowest_free();
	for (rlim_t n = (rlim_t)before; n < (rlim_t)before + 4; n++) {
		rl = old;
		rl.rlim_cur = n;
		setrlimit(RLIMIT_NOFILE, &rl);
		errno = 0;
		if (gp_uv_pipe2(p, 0)) {
			cr_assert_eq(errno, EMFILE, "%s", strerror(errno));
		} else {
			close(p[0]);
			close(p[1]);
			gp_fd_disown(p[0]);
			gp_fd_disown(p[1]);
		}
		setrlimit(RLIMIT_NOFILE, &old);
		cr_assert_eq(lowest_free(), before, "under a limit of %lu", n);
		cr_assert_eq(fcntl(before + 1, F_GETFD), -1);
		cr_assert_eq(gp_fd_next_own(0), -1);
	}
}

Test(uvglue, no_rings)
{
	errno = 0;
	cr_assert_eq(gp_uv_syscall(SYS_io_uring_setup, 8, 0, 0, 0, 0, 0), -1);
	cr_assert_eq(errno, ENOSYS);
	cr_assert_eq(gp_uv_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0), getpid());
}

static void never(void)
{
	abort();
}

Test(uvglue, the_rest)
{
	int fd = gp_uv___open64_2("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	cr_assert_geq(fd, 0);
	cr_assert_eq(gp_uv_fcntl64(fd, F_GETFD, 0), FD_CLOEXEC);
	cr_assert_eq(gp_uv_pthread_atfork(never, never, never), 0);
	if (!(pid = fork()))
		_exit(0);
	cr_assert_gt(pid, 0);
	cr_assert_eq(gp_uv_stderr, stderr);
}
