/*
 * pollwait.h - poll(2) for a greenlet: what poll, ppoll, select and pselect share once nothing was ready at the first look.
 */
#ifndef GP_POLLWAIT_H
#define GP_POLLWAIT_H

#include "fdwait.h"
#include <poll.h>

/*
 * Parks until one of fds is ready: how many are, with revents set; 0 at the deadline; -EINTR, -ECANCELED, -ENOMEM, or -ETIMEDOUT
 * where greenlet_timeout came first. fds is the caller's own copy: nobody else changes it meanwhile.
 * `select`: an entry that asks for POLLPRI only is not ready for POLLHUP and POLLERR, nor one without POLLIN for POLLHUP.
 */
int gp_pollwait(struct pollfd *fds, nfds_t n, bool select, const char *why, uint64_t deadline);

/*
 * Around the first look with a mask. A signal that the mask let in was noted, as its greenlet blocks it still: then the answer of
 * gp_pollwait_look is 0, and gp_pollwait_mask will run the handler.
 */
struct gp_look {
	unsigned ran;
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
