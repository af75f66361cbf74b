/*
 * What libc's own callers reach. Every waiting system call of glibc sits in one of these few exported functions (found by
 * disassembly); each entry jumps to the function of ours that the symbol reaches, and the original becomes the bare system call.
 */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/init.h"
#include "../runtime/park.h"
#include "../runtime/signal.h"
#include "../runtime/patch.h"
#include "../runtime/thread.h"
#ifdef __x86_64__
#include "../runtime/arch/x86_64/raw.h"
#endif

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

/* Libc's errno convention, for originals. No cancellation: greenlets test for it themselves, and only workers come here otherwise. */
#define RAW(nr, a, b, c, d, e, f) gp_ret(gp_raw(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)))

static ssize_t raw_read(int fd, void *b, size_t n) { return RAW(SYS_read, fd, b, n, 0, 0, 0); }
static ssize_t raw_write(int fd, const void *b, size_t n) { return RAW(SYS_write, fd, b, n, 0, 0, 0); }
static ssize_t raw_readv(int fd, const struct iovec *v, int n) { return RAW(SYS_readv, fd, v, n, 0, 0, 0); }
static ssize_t raw_writev(int fd, const struct iovec *v, int n) { return RAW(SYS_writev, fd, v, n, 0, 0, 0); }
static int raw_poll(struct pollfd *p, nfds_t n, int ms) { return (int)RAW(SYS_poll, p, n, ms, 0, 0, 0); }
static int raw_socket(int d, int t, int p) { return (int)RAW(SYS_socket, d, t, p, 0, 0, 0); }
static int raw_connect(int fd, const struct sockaddr *a, socklen_t n) { return (int)RAW(SYS_connect, fd, a, n, 0, 0, 0); }
static int raw_accept(int fd, struct sockaddr *a, socklen_t *n) { return (int)RAW(SYS_accept, fd, a, n, 0, 0, 0); }
static int raw_accept4(int fd, struct sockaddr *a, socklen_t *n, int f) { return (int)RAW(SYS_accept4, fd, a, n, f, 0, 0); }
static ssize_t raw_send(int fd, const void *b, size_t n, int f) { return RAW(SYS_sendto, fd, b, n, f, 0, 0); }
static ssize_t raw_recv(int fd, void *b, size_t n, int f) { return RAW(SYS_recvfrom, fd, b, n, f, 0, 0); }
static ssize_t raw_sendto(int fd, const void *b, size_t n, int f, const struct sockaddr *a, socklen_t l)
{
	return RAW(SYS_sendto, fd, b, n, f, a, l);
}
static ssize_t raw_recvfrom(int fd, void *b, size_t n, int f, struct sockaddr *a, socklen_t *l)
{
	return RAW(SYS_recvfrom, fd, b, n, f, a, l);
}
static ssize_t raw_sendmsg(int fd, const struct msghdr *m, int f) { return RAW(SYS_sendmsg, fd, m, f, 0, 0, 0); }
static ssize_t raw_recvmsg(int fd, struct msghdr *m, int f) { return RAW(SYS_recvmsg, fd, m, f, 0, 0, 0); }
static int raw_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int f) { return (int)RAW(SYS_sendmmsg, fd, m, n, f, 0, 0); }
static pid_t raw_wait4(pid_t p, int *s, int o, struct rusage *u) { return (pid_t)RAW(SYS_wait4, p, s, o, u, 0, 0); }
static int raw_waitid(idtype_t t, id_t id, siginfo_t *i, int o) { return (int)RAW(SYS_waitid, t, id, i, o, 0, 0); }

/* glibc 2.31 and later (BZ #14477 and POSIX): the error is returned, and thread CPU time cannot be slept on. */
static int raw_clock_nanosleep(clockid_t clock, int flags, const struct timespec *ts, struct timespec *rem)
{
	if (clock == CLOCK_THREAD_CPUTIME_ID)
		return EINVAL;
	if (clock == CLOCK_PROCESS_CPUTIME_ID)
		clock = -6; /* MAKE_PROCESS_CPUCLOCK (0, CPUCLOCK_SCHED) */
	return (int)-gp_raw(SYS_clock_nanosleep, clock, flags, (long)ts, (long)rem, 0, 0);
}

static const struct timespec never = { 1ll << 33, 0 };

/* A mutex taken by a foreign thread: everything but the entry itself is still glibc's code. */
static int raw_mutex_lock(pthread_mutex_t *m)
{
	return real_pthread_mutex_timedlock(m, &never);
}

/*
 * From inside libc (dl_load_lock): the unlock there is not seen by us, so a greenlet looks again every millisecond. Contention needs
 * a constructor or an unwinder callback that waits, so it is rare.
 */
static int inner_mutex_lock(pthread_mutex_t *m)
{
	int r;

	if (!gp_coop_sync(GP_F_SYNC) || gp_critical)
		return raw_mutex_lock(m);
	while ((r = real_pthread_mutex_trylock(m)) == EBUSY) {
		if ((m->__data.__kind & 3) == PTHREAD_MUTEX_ERRORCHECK_NP && (uint32_t)m->__data.__owner == gp_self->tid)
			return EDEADLK;
		gp_lot_wait(m, 0, "a lock in libc", gp_now() + 1000000);
	}
	return r;
}

/* The same for readers and writers: locales and message catalogues, which are read from files under such locks. */
static int raw_rdlock(pthread_rwlock_t *rw) { return real_pthread_rwlock_timedrdlock(rw, &never); }
static int raw_wrlock(pthread_rwlock_t *rw) { return real_pthread_rwlock_timedwrlock(rw, &never); }

static int inner_rwlock(pthread_rwlock_t *rw, int (*try)(pthread_rwlock_t *))
{
	int r;

	if (rw->__data.__cur_writer == (int)gp_self->tid)
		return EDEADLK;
	while ((r = try(rw)) == EBUSY)
		gp_lot_wait(rw, 0, "a lock in libc", gp_now() + 1000000);
	return r;
}

static int inner_rdlock(pthread_rwlock_t *rw)
{
	return gp_coop_sync(GP_F_SYNC) && !gp_critical ? inner_rwlock(rw, real_pthread_rwlock_tryrdlock) : raw_rdlock(rw);
}

static int inner_wrlock(pthread_rwlock_t *rw)
{
	return gp_coop_sync(GP_F_SYNC) && !gp_critical ? inner_rwlock(rw, real_pthread_rwlock_trywrlock) : raw_wrlock(rw);
}

/*
 * pthread_once: libc reads files in such routines (gai.conf, gconv's), and a greenlet that reads may be switched away from. Its
 * entry tests a bit and goes to its slow path, which is behind what a jump overwrites and so stays the original.
 *	mov (%rdi),%eax; test $2,%al; je slow
 */
static int (*once_slow)(pthread_once_t *, void (*)(void));

static int raw_once(pthread_once_t *once, void (*routine)(void))
{
	return __atomic_load_n(once, __ATOMIC_ACQUIRE) & 2 ? 0 : once_slow(once, routine);
}

static bool once_fits(const char *at)
{
	if (memcmp(at, "\x8b\x07\xa8\x02\x74", 5) || at[5] < 8)
		return false;
	once_slow = (int (*)(pthread_once_t *, void (*)(void)))(uintptr_t)(at + 6 + at[5]);
	return true;
}

/* The slow path of libc's own locks (FILE, malloc, syslog...): state 2 means that somebody may wait. */
static void lll_wait(int *futex)
{
	struct gp_lot_waiter w;

	/* In the runtime itself (malloc, say) nothing may park; the holder is then another kernel thread, and it is quick. */
	while (!gp_self || gp_critical) {
		if (!__atomic_exchange_n(futex, 2, __ATOMIC_ACQUIRE))
			return;
		gp_raw(SYS_futex, (long)futex, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, 0, 0, 0);
	}
	for (;;) {
		gp_lot_prepare(&w, futex, GP_LOT_ANY, 0); /* linked before the look: a native thread may unlock at any moment */
		if (!__atomic_exchange_n(futex, 2, __ATOMIC_ACQUIRE))
			break;
		gp_lot_commit(&w, 0, "a lock in libc", GP_FOREVER);
	}
	gp_lot_abandon(&w);
}

/* Whoever wakes up sets 2 again, so one wake is enough: a greenlet if one waits, else a kernel thread. */
static void lll_wake(int *futex)
{
	if (!gp_lot_wake(futex, 1))
		gp_raw(SYS_futex, (long)futex, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
}

static int raw_open(const char *path, int flags, mode_t mode) { return (int)RAW(SYS_openat, AT_FDCWD, path, flags, mode, 0, 0); }
static int raw_openat(int dir, const char *path, int flags, mode_t mode) { return (int)RAW(SYS_openat, dir, path, flags, mode, 0, 0); }
static int raw_close(int fd) { return (int)RAW(SYS_close, fd, 0, 0, 0, 0, 0); }

/* libc calls these where it must not be cancelled, in the middle of malloc_stats and of closing a FILE. */
#define UNCANCELLED(call)                                                                                                      \
	({                                                                                                                     \
		int state_;                                                                                                    \
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state_);                                                       \
		__auto_type r_ = (call);                                                                                       \
		pthread_setcancelstate(state_, NULL);                                                                          \
		r_;                                                                                                            \
	})

/*
 * Of a file it is just the call, with no turn for others at its end: malloc reads one of /proc's with its arena locked, and the hub, which
 * cannot wait for a greenlet, may need that.
 */
static bool a_file(int fd)
{
	struct gp_fd *f = gp_self ? gp_fd(fd) : NULL;

	return !f || gp_fd_kind(fd, f) == GP_FD_FILE;
}

static ssize_t inner_read(int fd, void *b, size_t n) { return a_file(fd) ? raw_read(fd, b, n) : UNCANCELLED(read(fd, b, n)); }
static ssize_t inner_write(int fd, const void *b, size_t n) { return a_file(fd) ? raw_write(fd, b, n) : UNCANCELLED(write(fd, b, n)); }

/* A child of posix_spawn closes descriptors of its own with our memory: what is remembered here is the parent's. */
static int inner_close(int fd)
{
	return gp_raw(SYS_getpid, 0, 0, 0, 0, 0, 0) == gp_pid ? UNCANCELLED(close(fd)) : raw_close(fd);
}

static const struct gp_entry table[] = {
	{ "read", read, raw_read, NULL },
	{ "__read_nocancel", inner_read, NULL, NULL },
	{ "write", write, raw_write, NULL },
	{ "__write_nocancel", inner_write, NULL, NULL },
	{ "readv", readv, raw_readv, NULL },
	{ "writev", writev, raw_writev, NULL },
	{ "poll", poll, raw_poll, NULL },
	{ "open", open, raw_open, NULL }, /* fopen of a FIFO */
	{ "openat", openat, raw_openat, NULL },
	{ "close", close, raw_close, NULL },
	{ "__close_nocancel", inner_close, NULL, NULL },
	{ "socket", socket, raw_socket, NULL }, /* waits for nothing; but what the resolver makes is ours alone */
	{ "connect", connect, raw_connect, NULL },
	{ "accept", accept, raw_accept, NULL },
	{ "accept4", accept4, raw_accept4, NULL },
	{ "send", send, raw_send, NULL },
	{ "recv", recv, raw_recv, NULL },
	{ "sendto", sendto, raw_sendto, NULL },
	{ "recvfrom", recvfrom, raw_recvfrom, NULL },
	{ "sendmsg", sendmsg, raw_sendmsg, NULL },
	{ "recvmsg", recvmsg, raw_recvmsg, NULL },
	{ "sendmmsg", sendmmsg, raw_sendmmsg, NULL },
	{ "clock_nanosleep", clock_nanosleep, raw_clock_nanosleep, NULL },
	{ "wait4", wait4, raw_wait4, NULL },
	{ "waitid", waitid, raw_waitid, NULL },
	{ "pthread_mutex_lock", inner_mutex_lock, raw_mutex_lock, NULL },
	{ "pthread_rwlock_rdlock", inner_rdlock, raw_rdlock, NULL },
	{ "pthread_rwlock_wrlock", inner_wrlock, raw_wrlock, NULL },
	{ "pthread_once", pthread_once, raw_once, once_fits },
	{ "setcontext", setcontext, gp_setcontext_raw, NULL }, /* what a makecontext function returns into */
	{ "__lll_lock_wait_private", lll_wait, NULL, NULL },
	{ "__lll_lock_wake_private", lll_wake, NULL, NULL },
};

static void register_entries(void)
{
	gp_patch_register(table, sizeof(table) / sizeof(table[0]));
}
GP_SETUP(register_entries);

#endif
