/* What the shim remembers of each descriptor. Where a call by a raw number has changed one, asking again is all there is: see owned. */
#include "fdwait.h"
#include "real.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <termios.h>

struct gp_fd *gp_fd_table; /* one sparse mapping: untouched pages cost nothing */
size_t gp_fd_table_size;

static uint32_t epoch = 1;
static int top;
bool gp_fd_lingers, gp_fd_packets;

static bool make_table(void)
{
	struct rlimit rl;
	size_t n = 65536;

	if (!getrlimit(RLIMIT_NOFILE, &rl) && rl.rlim_max > n)
		n = rl.rlim_max < (1u << 24) ? rl.rlim_max : 1u << 24;
	for (; n >= 1024; n /= 4) {
		void *p = mmap(NULL, n * sizeof(*gp_fd_table), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p != MAP_FAILED) {
			gp_fd_table = p;
			gp_fd_table_size = n;
			return true;
		}
	}
	return false;
}

struct gp_fd *gp_fd_make(int fd)
{
	struct gp_fd *f;

	if (!gp_fd_table && !make_table())
		return NULL;
	if ((unsigned)fd >= gp_fd_table_size)
		return NULL;
	f = &gp_fd_table[fd];
	if (!f->waiters.next) {
		gp_list_init(&f->waiters);
		top = fd >= top ? fd + 1 : top;
	}
	return f;
}

struct gp_fd *gp_fd_own_record(int fd)
{
	int before = top;
	struct gp_fd *f = gp_fd(fd);

	top = before;
	return f;
}

/* /dev/null, zero, full and urandom never wait: without this each write to /dev/null would pay 0.1 us for a try that does not. */
static bool never_waits(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && major(st->st_rdev) == 1 && (minor(st->st_rdev) == 3 || minor(st->st_rdev) == 5 ||
								   minor(st->st_rdev) == 7 || minor(st->st_rdev) == 9);
}

static int ask(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

/* Bluetooth's datagram sockets do connect, and wait for it. */
void gp_fd_socket(struct gp_fd *f, int domain, int type)
{
	bool addresses_only = domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX || domain == AF_NETLINK;

	f->kind = type == SOCK_STREAM ? GP_FD_STREAM : GP_FD_SOCKET;
	f->parts = type == SOCK_STREAM && domain == AF_UNIX;
	f->connects_at_once = addresses_only && (type == SOCK_DGRAM || type == SOCK_RAW);
}

enum gp_fdkind gp_fd_kind(int fd, struct gp_fd *f)
{
	struct stat st;
	enum gp_fdkind kind;
	struct termios term;
	int saved = errno; /* ENOTTY is no business of a call that succeeds */

	if (f->kind != GP_FD_UNKNOWN)
		return f->kind;
	if (real_syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH)) /* fstat is a favourite of other preloaded shims */
		return GP_FD_UNKNOWN;
	if (S_ISSOCK(st.st_mode)) {
		gp_fd_socket(f, ask(fd, SO_DOMAIN), ask(fd, SO_TYPE));
		kind = f->kind;
	} else if (S_ISFIFO(st.st_mode))
		kind = GP_FD_PIPE;
	else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) || never_waits(&st))
		kind = GP_FD_FILE;
	else
		kind = S_ISCHR(st.st_mode) && !real_ioctl(fd, TCGETS, &term) ? GP_FD_TTY : GP_FD_POLL;
	errno = saved;
	f->kind = (uint8_t)kind;
	return kind;
}

bool gp_fd_owned(struct gp_fd *f)
{
	return f->owned == epoch;
}

bool gp_fd_nonblock(int fd, struct gp_fd *f)
{
	int flags;

	if (f->flags_known && gp_fd_owned(f))
		return f->nonblock;
	flags = real_fcntl(fd, F_GETFL);
	f->nonblock = flags >= 0 && (flags & O_NONBLOCK);
	f->flags_known = flags >= 0;
	return f->nonblock;
}

static uint64_t ask_timeo(int fd, int option)
{
	struct timeval tv;
	socklen_t len = sizeof(tv);

	if (getsockopt(fd, SOL_SOCKET, option, &tv, &len) || (!tv.tv_sec && !tv.tv_usec))
		return GP_FOREVER;
	return (uint64_t)tv.tv_sec * GP_NSEC + (uint64_t)tv.tv_usec * 1000;
}

uint64_t gp_fd_timeo(int fd, struct gp_fd *f, short event)
{
	enum gp_fdkind kind = gp_fd_kind(fd, f);

	if (kind != GP_FD_STREAM && kind != GP_FD_SOCKET)
		return GP_FOREVER;
	if (event & POLLOUT ? f->snd_at_once : f->rcv_at_once)
		return 0;
	if (!gp_fd_owned(f))
		return ask_timeo(fd, event & POLLOUT ? SO_SNDTIMEO : SO_RCVTIMEO);
	if (!f->opts_known) {
		f->rcvtimeo = ask_timeo(fd, SO_RCVTIMEO);
		f->sndtimeo = ask_timeo(fd, SO_SNDTIMEO);
		f->opts_known = 1;
	}
	return event & POLLOUT ? f->sndtimeo : f->rcvtimeo;
}

void gp_fd_wipe(struct gp_fd *f)
{
	f->gen++;
	f->owned = 0;
	f->hidden = 0;
	f->kind = GP_FD_UNKNOWN;
	f->armed = f->drained = f->full = f->parts = f->hup = f->nonblock = f->flags_known = f->opts_known = f->nowait_refused = 0;
	f->listening = f->rcv_at_once = f->snd_at_once = 0;
}

void gp_fd_opened(int fd, bool owned, int nonblock)
{
	struct gp_fd *f;

	if (gp_unlikely(!gp_sched.live)) {
		gp_fd_early(fd, owned);
		return;
	}
	if (!gp_fd_table || !(f = gp_fd(fd)))
		return;
	gp_fd_wipe(f);
	f->owned = owned ? epoch : 0;
	f->flags_known = nonblock >= 0;
	f->nonblock = nonblock > 0;
}

void gp_fd_duped(int old, int fd)
{
	struct gp_fd *f = gp_fd_known(old);

	if (gp_unlikely(!gp_sched.live))
		gp_fd_early(old, false);
	else if (f)
		f->owned = 0;
	gp_fd_opened(fd, false, -1);
}

int gp_fd_top(void)
{
	return top;
}

void gp_fd_changed(int fd)
{
	struct gp_fd *f = gp_fd_known(fd);

	if (f) {
		f->flags_known = f->opts_known = f->drained = f->full = 0;
		f->hup = 1; /* SO_RCVLOWAT and the like make a short read mean nothing: always try */
	}
}

void gp_fd_shared(void)
{
	epoch++;
	if (gp_unlikely(!gp_sched.live))
		gp_fd_early_forget();
}

void gp_fd_table_forget(void)
{
	epoch++;
	for (int i = 0; i < top; i++)
		if (gp_fd_table[i].waiters.next) {
			gp_list_init(&gp_fd_table[i].waiters);
			gp_fd_wipe(&gp_fd_table[i]);
		}
}
