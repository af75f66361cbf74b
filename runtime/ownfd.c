/*
 * Descriptors of the runtime's own: at high numbers, so that the program's lowest-free-number rule holds, and out of its reach.
 */
#include "fdwait.h"
#include "hub.h"
#include "real.h"

#include <fcntl.h>
#include <unistd.h>

#define FIRST 1024

static int own[4096]; /* the loop's few, and hidden duplicates of files that were closed under a waiter */
static unsigned used;
bool gp_fd_own_stay;

bool gp_fd_is_ours(int fd)
{
	struct gp_fd *f = used ? gp_fd(fd) : NULL;

	return f && f->ours;
}

static bool note(int fd)
{
	struct gp_fd *f = gp_fd_own_record(fd);

	if (!f || used == sizeof(own) / sizeof(own[0]))
		return false;
	f->ours = 1;
	own[used++] = fd;
	return true;
}

void gp_fd_widen(struct rlimit *was)
{
	gp_enter(); /* a handler could jump away, or make a child */
	if (getrlimit(RLIMIT_NOFILE, was))
		*was = (struct rlimit){ FIRST, FIRST };
	if (was->rlim_cur < was->rlim_max)
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){ was->rlim_max, was->rlim_max });
}

void gp_fd_narrow(const struct rlimit *was)
{
	int saved = errno;

	if (was->rlim_cur < was->rlim_max)
		setrlimit(RLIMIT_NOFILE, was);
	errno = saved;
	gp_leave();
}

/*
 * From FIRST on, what select() cannot name and few programs ever reach, rather than at the top: each fork copies the table of
 * descriptors up to the highest. A smaller soft limit is raised for that moment, so that all numbers under it stay the program's.
 * Where the hard one is small, too: its last 64; its upper half, rather than nothing.
 */
int gp_fd_own_duplicate(int fd)
{
	int high = real_fcntl(fd, F_DUPFD_CLOEXEC, FIRST), hard;
	struct rlimit was;

	if (high < 0 && errno == EINVAL) {
		gp_fd_widen(&was);
		hard = was.rlim_max < 2 * FIRST ? (int)was.rlim_max : 2 * FIRST;
		for (int from = hard > FIRST ? FIRST : hard > 67 ? hard - 64 : hard / 2; high < 0 && from >= 3; from /= 2)
			high = real_fcntl(fd, F_DUPFD_CLOEXEC, from);
		gp_fd_narrow(&was);
	}
	if (high >= 0 && !note(high)) {
		real_close(high);
		high = -1;
	}
	return high < 0 ? -EMFILE : high;
}

int gp_fd_adopt(int fd)
{
	int high;

	if (fd < 0)
		return -errno;
	high = gp_fd_own_duplicate(fd);
	real_close(fd);
	return high;
}

void gp_fd_disown(int fd)
{
	struct gp_fd *f = gp_fd(fd);

	for (unsigned i = 0; i < used; i++)
		if (own[i] == fd) {
			own[i] = own[--used];
			f->ours = 0;
			return;
		}
}

bool gp_fd_give(int fd)
{
	if (gp_hub_uses(fd))
		return gp_hub_move();
	gp_fd_closing(fd); /* who waits on it goes on at another number */
	gp_fd_disown(fd);
	return true;
}

void gp_fd_close_own(void)
{
	while (used && !gp_fd_own_stay) {
		int fd = own[--used];

		gp_fd(fd)->ours = 0;
		real_close(fd);
	}
}

int gp_fd_next_own(int from)
{
	int next = -1;

	for (unsigned i = 0; i < used; i++)
		if (own[i] >= from && (next < 0 || own[i] < next))
			next = own[i];
	return next;
}
