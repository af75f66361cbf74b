/*
 * Descriptors of the runtime's own: at high numbers, so that the program's lowest-free-number rule holds, and out of its reach.
 */
#include "fdwait.h"
#include "hub.h"
#include "real.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static int own[4096]; /* the loop's few, and hidden duplicates of files that were closed under a waiter */
static unsigned used;

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

int gp_fd_adopt(int fd)
{
	struct rlimit rl = { 1024, 1024 };
	int low, high = -1;

	if (fd < 0)
		return -errno;
	getrlimit(RLIMIT_NOFILE, &rl);
	low = rl.rlim_cur > 65536 ? 65536 : (int)rl.rlim_cur;
	/* The top 64 first; under a small limit the upper half, rather than nothing. */
	for (int from = low - 64 > 3 ? low - 64 : low / 2; high < 0 && from >= 3; from /= 2)
		high = real_fcntl(fd, F_DUPFD_CLOEXEC, from);
	real_close(fd);
	if (high < 0)
		return -EMFILE;
	if (!note(high)) {
		real_close(high);
		return -EMFILE;
	}
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
	struct gp_fd *f = gp_fd(fd);

	if (gp_hub_uses(fd))
		return gp_hub_move();
	if (f->hidden || !gp_list_empty(&f->waiters))
		return false; /* somebody waits on it: its number is taken */
	gp_fd_disown(fd);
	return true;
}

void gp_fd_close_own(void)
{
	while (used) {
		int fd = own[--used];

		gp_fd(fd)->ours = 0;
		real_close(fd);
	}
}

int gp_fd_own(int *out, int n)
{
	int count = 0;

	for (unsigned i = 0; i < used && count < n; i++)
		out[count++] = own[i];
	return count;
}
