/*
 * fdwait.h - waiting for file descriptors (fdwait.c), and what the shim remembers of each (fdtable.c).
 *
 * One epoll set of ours; a descriptor enters it when somebody first waits for it, edge-triggered, and stays until it is closed:
 * the steady state has no epoll_ctl. Waiters of a descriptor stand in one list; an edge wakes every poller and one consumer,
 * and a consumer that leaves with data still there passes the baton (gp_fd_done).
 */
#ifndef GP_FDWAIT_H
#define GP_FDWAIT_H

#include "sched.h"

#include <sys/resource.h>

enum gp_fdkind {
	GP_FD_UNKNOWN,  /* not looked at yet */
	GP_FD_STREAM,   /* SOCK_STREAM: a short read means that the buffer is empty */
	GP_FD_SOCKET,   /* any other socket */
	GP_FD_PIPE,     /* pipe or FIFO */
	GP_FD_POLL,     /* eventfd, timerfd, inotify...: has a poll method; RWF_NOWAIT may be refused */
	GP_FD_TTY,      /* terminals: poll promises room for one byte, no more */
	GP_FD_FILE,     /* regular file, directory, block device: never waits in a way that poll could tell */
};

struct gp_fd {
	struct gp_list waiters;  /* struct gp_fdwaiter, in order of arrival */
	uint64_t rcvtimeo, sndtimeo; /* SO_RCVTIMEO / SO_SNDTIMEO in ns, GP_FOREVER for none; valid while opts_known */
	uint32_t owned;          /* equals the current epoch: made by this process since its last fork and never sent away,
	                            so nobody else can change its flags */
	uint32_t gen;            /* counts reuses of the number: events of an earlier life are ignored */
	uint32_t hidden;         /* waiters left on a hidden duplicate */
	uint8_t kind;            /* enum gp_fdkind */
	uint8_t armed;           /* EPOLLIN | EPOLLOUT | EPOLLPRI that our epoll set watches for this number */
	uint8_t drained, full;   /* the last read left nothing (write: no room) and no edge came since: a try gives EAGAIN */
	uint8_t parts;           /* a short read may leave something: AF_UNIX ends it at descriptors that were sent and where
	                            the writer changes, TCP at urgent data */
	uint8_t hup;             /* an edge with RDHUP, HUP or ERR came: never trust `drained` again */
	uint8_t nonblock;        /* O_NONBLOCK as the program set it; valid while owned and flags_known */
	uint8_t flags_known, opts_known;
	uint8_t kicked;          /* gp_fd_kick came; whoever waits and cares clears it first */
	uint8_t listening;       /* accept waits here: SO_ACCEPTCONN was seen */
	uint8_t rcv_at_once, snd_at_once; /* a negative SO_RCVTIMEO / SO_SNDTIMEO was set: getsockopt does not tell it from none */
	uint8_t ours;            /* the runtime's own */
	uint8_t nowait_refused;  /* RWF_NOWAIT is not for this file */
	uint8_t connects_at_once; /* a datagram socket: connect notes the address and is done; valid while kind is known */
	uint32_t round;          /* of harvests, in which it last had an event */
};

/* SO_LINGER was set on some socket: it may be on any, by inheritance. */
extern bool gp_fd_lingers;
/* O_DIRECT was given to some pipe: a read ends with a packet, and the end that is read from does not show it. */
extern bool gp_fd_packets;

/* The record of fd, made on first use; NULL for negative numbers or without memory. Greenlet thread only. */
extern struct gp_fd *gp_fd_table;
extern size_t gp_fd_table_size;
struct gp_fd *gp_fd_make(int fd);
static inline struct gp_fd *gp_fd(int fd)
{
	return gp_likely((unsigned)fd < gp_fd_table_size && gp_fd_table[fd].waiters.next) ? &gp_fd_table[fd] : gp_fd_make(fd);
}
/* NULL where nothing has been noted yet. */
static inline struct gp_fd *gp_fd_known(int fd)
{
	return (unsigned)fd < gp_fd_table_size && gp_fd_table[fd].waiters.next ? &gp_fd_table[fd] : NULL;
}

/* The same for a number of our own, far above the program's: gp_fd_top() must not follow it. */
struct gp_fd *gp_fd_own_record(int fd);

/* The kind of fd, asked of the kernel once, or told by whoever made a socket. */
enum gp_fdkind gp_fd_kind(int fd, struct gp_fd *f);
void gp_fd_socket(struct gp_fd *f, int domain, int type);

/* Has the program made fd non-blocking? One fcntl where the record cannot know. */
bool gp_fd_nonblock(int fd, struct gp_fd *f);

/* SO_RCVTIMEO (POLLIN) or SO_SNDTIMEO (POLLOUT) of fd as ns, GP_FOREVER where there is none or it is no socket. */
uint64_t gp_fd_timeo(int fd, struct gp_fd *f, short event);

/*
 * Parks until an edge for `event` (POLLIN, POLLOUT, POLLPRI or several) arrives at *fd. Returns gp_park's results, or -errno of
 * epoll_ctl (EPERM: the kind cannot be polled: do the call itself; EBADF). Spurious wake-ups are possible: try again.
 * `tried` is gp_handlers_ran from before the try that found nothing: a handler that ran since may have waited itself, and an edge that came
 * meanwhile is gone by. Then the answer is 0 at once.
 * If the descriptor is closed meanwhile, *fd becomes a hidden duplicate on which the call must go on, as it would in
 * Linux, where the waiting call holds the file; gp_fd_done releases it.
 */
int gp_fdwait(int *fd, short event, unsigned tried, unsigned flags, const char *why, uint64_t deadline);

/* Ends a consumer's operation: passes the baton to the next waiter for `event`, releases a hidden duplicate. */
void gp_fd_done(int fd, short event);

/* connect, accept and F_SETFL tricks need it: nobody outside this process can see the flags of fd. */
bool gp_fd_owned(struct gp_fd *f);

/* poll-style waiting on several: add each, park once, remove all. Waiters live on the caller's stack. */
struct gp_fdwaiter {
	struct gp_list link;
	struct greenlet *g;
	int fd;          /* rewritten where the fd is closed under the waiter */
	short event;
	bool consumer;   /* one consumer a time is woken; pollers all */
	bool linked;     /* stands in the list of its descriptor */
	bool served;     /* a consumer that was woken; it stays in the list until it runs, as its file may be closed before */
	struct gp_wait wait;
};
/* 0 or -errno (EPERM: always ready; EBADF). */
int gp_fd_watch(struct gp_fdwaiter *w, int fd, short event);
void gp_fd_unwatch(struct gp_fdwaiter *w);

/* The program is about to close (or dup2 over) fd: waiters move to a hidden duplicate, the record is wiped. Any thread. */
void gp_fd_closing(int fd);
/* The program got a new descriptor; nonblock: 0, 1, or -1 for unknown; owned: no other process can have it. */
void gp_fd_opened(int fd, bool owned, int nonblock);
/* A second descriptor for the same open file was made: neither may remember flags that the other can change. */
void gp_fd_duped(int old, int fd);
/*
 * Before the first thread gp_fd_opened, _duped, _closing and _shared note only whether a descriptor is this process's alone (earlyfd.c);
 * at the first thread _end makes records of them. `lost`: a child that no hook can follow may exist; never set back. Any thread.
 */
extern bool gp_fd_early_lost; /* written by arch/CPU/vfork.S, too */
void gp_fd_early(int fd, bool owned);
void gp_fd_early_forget(void);
void gp_fd_early_call(long nr); /* made by syscall(2) */
void gp_fd_early_end(void);
/* The highest number that a record exists for, plus one (our own descriptors not counted). */
int gp_fd_top(void);
/* Another file has the number now. And: no record has waiters, all are asked anew (fork). */
void gp_fd_wipe(struct gp_fd *f);
void gp_fd_table_forget(void);
/* Something happened to fd that no edge tells of (shutdown for writing on a full AF_UNIX socket): its waiters try again. */
void gp_fd_kick(int fd);
/* F_SETFL, FIONBIO, SO_RCVTIMEO, SO_RCVLOWAT...: what is remembered of fd is asked again. */
void gp_fd_changed(int fd);
/* Someone else may now share the descriptors of this process (fork, SCM_RIGHTS). */
void gp_fd_shared(void);

/* What our set knows a descriptor by: an earlier file of the same number had another. */
static inline uint64_t gp_fd_cookie(int fd, const struct gp_fd *f)
{
	return (uint64_t)f->gen << 32 | (uint32_t)fd;
}

/* Hub: takes up to `most` events from our epoll set, having waited so long for the first; wakes waiters; returns how many came. */
#define GP_HARVEST 64
int gp_fd_harvest(int ms, int most);
/* The epoll set (-1 before the first wait). */
int gp_fd_epoll(void);
/* The set is gone, or moves: all that it watched goes to a new one (fd, or -1: made here). */
bool gp_fd_new_epoll(int fd);
/* The program wants number fd, which is ours, for itself: true once it is not ours any more. */
bool gp_fd_give(int fd);
/* True for descriptors that are the runtime's own: close and dup2 by the program answer EBADF. */
bool gp_fd_is_ours(int fd);
/* Moves a descriptor of ours to a high number with CLOEXEC and notes it. The new number, or -errno (the old one is closed). */
int gp_fd_adopt(int fd);
/* The same for a second descriptor of the file. */
int gp_fd_own_duplicate(int fd);
/* Between the two there is room for descriptors of ours even where the program has used up its soft limit. */
void gp_fd_widen(struct rlimit *was);
void gp_fd_narrow(const struct rlimit *was);
void gp_fd_disown(int fd);
void gp_fd_close_own(void);
/* The child of a clone with CLONE_FILES: what is ours is its parent's, who goes on using it. */
extern bool gp_fd_own_stay;
/* The lowest number of ours that is not below `from`, or -1. */
int gp_fd_next_own(int from);
void gp_fd_forget_all(void);

#endif
