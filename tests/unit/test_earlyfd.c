#include "unit.h"
#include "../../runtime/fdwait.h"

#include <sys/syscall.h>

TestSuite(earlyfd, .timeout = 10);

enum { KEPT = 40, COPIED, COPY, CLOSED, NOT_OURS, HIGH = 5000 };

static bool ours(int fd)
{
	return gp_fd_known(fd) && gp_fd_owned(gp_fd(fd));
}

Test(earlyfd, what_was_made_before_the_first_thread_and_kept_is_ours)
{
	for (int fd = KEPT; fd <= CLOSED; fd++)
		gp_fd_opened(fd, true, 0);
	gp_fd_opened(HIGH, true, 0);
	gp_fd_opened(NOT_OURS, false, 0);
	gp_fd_duped(COPIED, COPY);
	gp_fd_closing(CLOSED);
	cr_assert(!gp_fd_table, "nothing exists yet");
	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert(ours(KEPT));
	for (int fd = COPIED; fd <= NOT_OURS; fd++)
		cr_expect(!ours(fd), "%d", fd);
	cr_assert(!ours(HIGH) && !ours(-1));
}

Test(earlyfd, a_child_gets_all_there_is)
{
	gp_fd_opened(KEPT, true, 0);
	gp_fd_shared();
	gp_fd_opened(COPIED, true, 0);
	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert(!ours(KEPT) && ours(COPIED));
}

Test(earlyfd, after_a_call_that_nobody_can_follow_nothing_is_ours)
{
	gp_fd_opened(KEPT, true, 0);
	gp_fd_early_call(SYS_vfork);
	gp_fd_opened(COPIED, true, 0);
	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert(!ours(KEPT) && !ours(COPIED));
	gp_fd_opened(COPY, true, 0);
	cr_assert(ours(COPY), "from here on there are records");
}

Test(earlyfd, other_calls_by_number_change_nothing)
{
	gp_fd_opened(KEPT, true, 0);
	gp_fd_early_call(SYS_gettid);
	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert(ours(KEPT));
}

Test(earlyfd, without_any_there_is_no_table)
{
	gp_fd_opened(KEPT, true, 0);
	gp_fd_closing(KEPT);
	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert(!gp_fd_known(KEPT));
}
