/* <sys/select.h> */
#include "shim.h"
#include "../runtime/alloc.h"
#include "../runtime/pollwait.h"

#include <string.h>

#define FEW       16
#define WORD_BITS (8 * (int)sizeof(long))
#define NFDS_MAX  (1 << 24) /* the table of descriptors never gets larger in practice */

/* What the kernel counts as readable, writable, exceptional (fs/select.c: POLLIN_SET ...). */
static const struct {
	short ask, hit;
} kinds[3] = {
	{ POLLIN | POLLRDNORM | POLLRDBAND, POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR | POLLNVAL },
	{ POLLOUT | POLLWRNORM | POLLWRBAND, POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR | POLLNVAL },
	{ POLLPRI, POLLPRI | POLLNVAL },
};

/* The members of the program's sets. */
struct members {
	struct pollfd *fds, few[FEW];
	unsigned char *asked, few_asked[FEW]; /* bit k: in the set of kinds[k] */
	nfds_t n, room;
};

static bool more_room(struct members *m)
{
	nfds_t room = m->room * 4;
	struct pollfd *fds = gp_alloc(room * (sizeof(*fds) + 1));

	if (!fds)
		return false;
	memcpy(fds, m->fds, m->n * sizeof(*fds));
	memcpy(fds + room, m->asked, m->n);
	if (m->fds != m->few)
		gp_free(m->fds);
	m->fds = fds;
	m->asked = (unsigned char *)(fds + room);
	m->room = room;
	return true;
}

static bool add(struct members *m, int fd, int asked)
{
	short events = 0;

	if (m->n == m->room && !more_room(m))
		return false;
	for (int k = 0; k < 3; k++)
		events |= asked >> k & 1 ? kinds[k].ask : 0;
	m->asked[m->n] = (unsigned char)asked;
	m->fds[m->n++] = (struct pollfd){ fd, events, 0 };
	return true;
}

/*
 * The sets in the kernel's own unit. It reads no further than the table of open descriptors reaches, so that a program may pass a
 * larger nfds than its sets have bits: what cannot be read there is no error, and real_pselect is the judge of what is.
 */
static int read_sets(struct members *m, int nfds, fd_set *const sets[3])
{
	unsigned long words[3][FD_SETSIZE / WORD_BITS];

	for (int base = 0; base < nfds && base < NFDS_MAX; base += FD_SETSIZE) {
		size_t left = (size_t)(nfds - base + WORD_BITS - 1) / (size_t)WORD_BITS * sizeof(long);
		size_t bytes = left < sizeof(fd_set) ? left : sizeof(fd_set);

		memset(words, 0, sizeof(words));
		for (int k = 0; k < 3; k++)
			if (sets[k] && gp_copy_in(words[k], (char *)sets[k] + base / 8, bytes))
				return 0;
		for (int i = 0; i < FD_SETSIZE / WORD_BITS; i++)
			for (unsigned long any = words[0][i] | words[1][i] | words[2][i]; any; any &= any - 1) {
				int bit = __builtin_ctzl(any), fd = base + i * WORD_BITS + bit, asked = 0;

				for (int k = 0; k < 3; k++)
					asked |= (int)(words[k][i] >> bit & 1) << k;
				if (fd < nfds && !add(m, fd, asked))
					return -ENOMEM;
			}
	}
	return 0;
}

/* Bits past the end of the kernel's table mean nothing to select. It never has fewer than 64 entries. */
static void drop_nonsense(struct members *m)
{
	nfds_t n = 0;

	if (!m->n || m->fds[m->n - 1].fd < 64 || gp_poll_now(m->fds, m->n) <= 0)
		return;
	for (nfds_t i = 0; i < m->n; i++)
		if (!(m->fds[i].revents & POLLNVAL)) {
			m->asked[n] = m->asked[i];
			m->fds[n++] = m->fds[i];
		}
	m->n = n;
}

static void set_bit(fd_set *set, int fd, bool on)
{
	unsigned long *word = (unsigned long *)set + fd / WORD_BITS, bit = 1ul << (fd % WORD_BITS);

	*word = on ? *word | bit : *word & ~bit;
}

/* Leaves those bits that are ready, as revents say. `all`: those that were asked for. Touches no word without a member. */
static int write_sets(const struct members *m, fd_set *const sets[3], bool all)
{
	int count = 0;

	for (nfds_t i = 0; i < m->n; i++)
		for (int k = 0; k < 3; k++)
			if (m->asked[i] >> k & 1) {
				bool on = all || (m->fds[i].revents & kinds[k].hit);

				set_bit(sets[k], m->fds[i].fd, on);
				count += on;
			}
	return count;
}

/* The kernel has just cleared the program's sets. While the call waits, and if it is interrupted, they must be as they were. */
static int wait_for(struct members *m, fd_set *const sets[3], unsigned tried, const sigset_t *mask, const char *why, uint64_t deadline)
{
	int r = 0;

	write_sets(m, sets, true);
	if (!gp_pollwait_mask(mask))
		r = -EINTR;
	else if (deadline)
		r = gp_pollwait(m->fds, m->n, tried, true, why, deadline);
	else
		gp_yield(); /* busy waiting looks like this */
	gp_pollwait_unmask(mask);
	if (r >= 0)
		r = write_sets(m, sets, false);
	return r;
}

/* deadline 0: do not wait. */
static int coselect(int nfds, fd_set *const sets[3], const sigset_t *mask, const char *why, uint64_t deadline)
{
	static const struct timespec zero;
	struct members m = { .fds = m.few, .asked = m.few_asked, .room = FEW };
	struct gp_look begin;
	int r;

	gp_cancel_point();
	begin = gp_pollwait_begin();
	r = deadline || mask ? read_sets(&m, nfds, sets) : 0;
	if (!r && (nfds || mask)) {
		r = gp_pollwait_look(begin, real_pselect(nfds, sets[0], sets[1], sets[2], &zero, mask));
		r = r < 0 ? -errno : r;
	}
	if (r) {
		gp_tick_io();
	} else {
		drop_nonsense(&m);
		r = wait_for(&m, sets, begin.tried, mask, why, deadline);
	}
	if (m.fds != m.few)
		gp_free(m.fds);
	if (gp_unlikely(r == -ECANCELED)) {
		gp_cancel_now();
		r = -EINTR;
	}
	return (int)gp_ret(r);
}

/* glibc reads and writes *tv itself: a bad pointer is a SIGSEGV here and there. It takes tv_usec of a million and more. */
GP_EXPORT int select(int nfds, fd_set *restrict r, fd_set *restrict w, fd_set *restrict e, struct timeval *restrict tv)
{
	fd_set *const sets[3] = { r, w, e };
	uint64_t deadline = GP_FOREVER, now;
	struct timespec ts;
	int n;

	if (!gp_coop(GP_F_SELECT) || (tv && (tv->tv_sec < 0 || (int)tv->tv_usec < 0)))
		return real_select(nfds, r, w, e, tv);
	if (!tv)
		return coselect(nfds, sets, NULL, "select", deadline);
	ts.tv_nsec = (int)tv->tv_usec % 1000000 * 1000l;
	if (__builtin_add_overflow(tv->tv_sec, (int)tv->tv_usec / 1000000, &ts.tv_sec))
		ts.tv_sec = INT64_MAX;
	deadline = gp_deadline(&ts, CLOCK_MONOTONIC, true);
	n = coselect(nfds, sets, NULL, "select", ts.tv_sec || ts.tv_nsec ? deadline : 0);
	now = gp_now();
	if (deadline != GP_FOREVER) { /* Linux: what was left, errors included */
		uint64_t left = deadline > now ? deadline - now : 0;

		ts.tv_sec = (time_t)(left / GP_NSEC);
		ts.tv_nsec = (long)(left % GP_NSEC);
	}
	*tv = (struct timeval){ ts.tv_sec, ts.tv_nsec / 1000 };
	return n;
}
GP_ALIAS_OF(__select, select);

GP_EXPORT int pselect(int nfds, fd_set *restrict r, fd_set *restrict w, fd_set *restrict e, const struct timespec *restrict timeout,
		      const sigset_t *restrict mask)
{
	fd_set *const sets[3] = { r, w, e };
	uint64_t deadline;

	if (!gp_coop(GP_F_SELECT) || (timeout && (timeout->tv_sec < 0 || !gp_timespec_ok(timeout))))
		return real_pselect(nfds, r, w, e, timeout, mask);
	deadline = timeout ? gp_deadline(timeout, CLOCK_MONOTONIC, true) : GP_FOREVER;
	return coselect(nfds, sets, mask, "pselect", timeout && !timeout->tv_sec && !timeout->tv_nsec ? 0 : deadline);
}
