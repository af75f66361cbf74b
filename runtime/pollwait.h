/*
 * pollwait.h - poll(2) for a greenlet: what poll, ppoll, select and pselect share once nothing was ready at the first look.
 */
#ifndef GP_POLLWAIT_H
#define GP_POLLWAIT_H

#include "fdwait.h"
#include <poll.h>

/*
 * poll(2) that does not wait. The kernel's looks at signals even then (do_poll), and with EINTR nothing is known: whoever took that for
 * "ready" would wait in the call itself, and all others with him. So it looks again.
 */
int gp_poll_now(struct pollfd *fds, nfds_t n);

/*
 * Parks until one of fds is ready: how many are, with revents set; 0 at the deadline; -EINTR, -ECANCELED, -ENOMEM, or -ETIMEDOUT
 * where greenlet_timeout came first. fds is the caller's own copy: nobody else changes it meanwhile. `tried`: as in gp_fdwait.
 * `select`: an entry that asks for POLLPRI only is not ready for POLLHUP and POLLERR, nor one without POLLIN for POLLHUP.
 */
int gp_pollwait(struct pollfd *fds, nfds_t n, unsigned tried, bool select, const char *why, uint64_t deadline);

/*
 * Around the first look. A signal that its mask let in was noted, as its greenlet blocks it still: then the answer of
 * gp_pollwait_look is 0, and gp_pollwait_mask will run the handler. It is 0, too, where the signal was none of this greenlet's: `tried`
 * says then that another look is due.
 */
struct gp_look {
	unsigned ran, tried;
	int err;
};
struct gp_look gp_pollwait_begin(void);
int gp_pollwait_look(struct gp_look before, int r);

/*
 * The mask of ppoll, pselect and epoll_pwait, from the first look that found nothing to the end of the wait. Nothing happens where
 * mask is NULL. False: that let a signal in, and the call ends with EINTR. Always to be undone with gp_pollwait_unmask.
 */
bool gp_pollwait_mask(const sigset_t *mask);
void gp_pollwait_unmask(const sigset_t *mask);

#endif
