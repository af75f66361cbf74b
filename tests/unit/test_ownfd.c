#include "unit.h"
#include "../../runtime/fdwait.h"

#include <sys/resource.h>

TestSuite(ownfd, .timeout = 10);

static rlim_t limit(rlim_t n)
{
	struct rlimit rl;

	getrlimit(RLIMIT_NOFILE, &rl);
	if (n) {
		rl.rlim_cur = n < rl.rlim_max ? n : rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	return rl.rlim_cur;
}

Test(ownfd, high_and_close_on_exec)
{
	int low, fd;

	limit(1024);
	low = open("/dev/null", O_RDWR);
	fd = gp_fd_adopt(low);
	cr_assert(fd >= 1024 && fd < 1088, "%d", fd); /* none that the program could get; no high one, which forks would pay for */
	cr_assert_eq(limit(0), 1024);
	cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	cr_assert_eq(fcntl(low, F_GETFD), -1);
	cr_assert(gp_fd_is_ours(fd) && !gp_fd_is_ours(low) && !gp_fd_is_ours(-1) && !gp_fd_is_ours(INT32_MAX));
	gp_fd_disown(fd);
	cr_assert(!gp_fd_is_ours(fd));
	cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC, "disowned, not closed");
	gp_fd_disown(fd);
	gp_fd_disown(low);
}

Test(ownfd, nothing_to_adopt)
{
	errno = ENFILE;
	cr_assert_eq(gp_fd_adopt(-1), -ENFILE);
}

Test(ownfd, under_a_small_limit)
{
	struct rlimit few = { 20, 20 };
	int fd, n = 0, fds[32];

	setrlimit(RLIMIT_NOFILE, &few);
	fd = gp_fd_adopt(open("/dev/null", O_RDWR));
	cr_assert(fd >= 10 && fd < 20, "%d", fd);
	while ((fd = open("/dev/null", O_RDWR)) >= 0 && n < 32)
		fds[n++] = fd;
	close(fds[--n]);
	cr_assert_eq(gp_fd_adopt(open("/dev/null", O_RDWR)), -EMFILE, "no room for the moment in which there are two");
	cr_assert_eq(open("/dev/null", O_RDWR), fds[n], "it was not closed");
}

static int count(void)
{
	int n = 0;

	for (int fd = -1; (fd = gp_fd_next_own(fd + 1)) >= 0;)
		n++;
	return n;
}

Test(ownfd, many_are_known_at_once)
{
	enum { N = 3000 };
	static int fds[N];
	uint64_t begin;
	unsigned ours = 0;

	if (limit(8192) < 8192)
		cr_skip("the limit of descriptors is too low");
	for (int i = 0; i < N; i++)
		cr_assert_geq(fds[i] = gp_fd_adopt(open("/dev/null", O_RDWR)), 3);
	begin = gp_now();
	for (int i = 0; i < 2000000; i++)
		ours += gp_fd_is_ours(i % 3 ? i % 8192 : fds[i % N]);
	cr_assert_lt(gp_now() - begin, GP_NSEC, "it looks through a list");
	cr_assert_gt(ours, 600000u);
	cr_assert_eq(count(), N);
	for (int i = 0; i < N; i += 2) {
		gp_fd_disown(fds[i]);
		close(fds[i]);
	}
	cr_assert_eq(count(), N / 2);
	gp_fd_close_own();
	for (int i = 0; i < N; i++)
		cr_assert(!gp_fd_is_ours(fds[i]) && fcntl(fds[i], F_GETFD) == -1);
}

Test(ownfd, there_is_an_end)
{
	int fd = -1, n = 0;

	if (limit(8192) < 8192)
		cr_skip("the limit of descriptors is too low");
	while (n < 8000 && (fd = gp_fd_adopt(open("/dev/null", O_RDWR))) >= 0)
		n++;
	cr_assert_eq(fd, -EMFILE);
	cr_assert_geq(n, 4000);
	fd = open("/dev/null", O_RDWR);
	cr_assert_lt(fd, 64, "what was not adopted is not closed");
}

/* The program's lowest free numbers stay free, whatever the runtime opens. */
Both(ownfd, the_program_sees_no_gap)
{
	int before, after;

	before = open("/dev/null", O_RDWR);
	close(before);
	cr_assert_eq(gp_greenlets_start(), 0);
	rest(MS);
	after = open("/dev/null", O_RDWR);
	cr_assert_eq(before, after);
	cr_assert_geq(count(), 3);
	for (int fd = -1; (fd = gp_fd_next_own(fd + 1)) >= 0;) {
		cr_assert(fd > 500 && gp_fd_is_ours(fd), "%d", fd);
		cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	}
}
