#include "stdfile.h"
#include "childwait.h"
#include "config.h"
#include "fdwait.h"
#include "park.h"
#include "patch.h"
#include "real.h"
#include "rw.h"

#include <stdio_ext.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What glibc has behind FILE: the lock, the table, and what popen adds (since 2.1, checked where it is used). */
struct lock {
	int word, count;
	void *owner;
};

enum { UNDERFLOW = 4, READ = 14, WRITE = 15, CLOSE = 17, SLOTS = 21 };

struct file {
	FILE f;
	void **table;
	pid_t pid;
	struct file *next;
	struct lock lock;
};

#define USER_LOCK    0x8000 /* flags: no locking at all */
#define NO_WRITES    0x8
#define LINE_BUF     0x200
#define UNBUFFERED   0x2
#define ERR_SEEN     0x20
#define NOTCANCEL    2      /* flags2: opened with "c" */

#define TICK_FIRST 1000000ull /* ns; doubles. Only a greenlet that left libc by way of a handler releases a lock unseen */
#define TICK_LAST  GP_NSEC

bool gp_stdfile;

typedef ssize_t transfer(FILE *f, void *buf, ssize_t n);
static transfer *file_read, *file_write;
static int (*file_underflow)(FILE *), (*file_close)(FILE *), (*proc_close)(FILE *);
static wint_t (*wfile_underflow)(FILE *);
static void **proc_table;
static struct file **list; /* of all FILEs, the newest first */

bool gp_stdfile_busy(const FILE *f)
{
	const struct lock *l = f->_lock;

	return l && !(f->_flags & USER_LOCK) && __atomic_load_n(&l->word, __ATOMIC_ACQUIRE) && l->owner != gp_self->pd;
}

/* Until somebody has released the lock, or for a while. */
static void wait_once(const FILE *f, uint64_t *tick)
{
	struct gp_lot_waiter w;

	gp_lot_prepare(&w, f->_lock, GP_LOT_ANY, *tick == TICK_FIRST ? 0 : GP_LOT_FRONT);
	if (gp_lot_commit(&w, GP_PARK_NOTIME, "a FILE", gp_now() + *tick) == -ECANCELED)
		gp_cancel_now(); /* PTHREAD_CANCEL_ASYNCHRONOUS */
	*tick = *tick * 2 < TICK_LAST ? *tick * 2 : TICK_LAST;
}

void gp_stdfile_wait(const FILE *f)
{
	uint64_t tick = TICK_FIRST;

	while (gp_stdfile_busy(f) && !gp_critical)
		wait_once(f, &tick);
}

static bool exists(const struct file *f)
{
	const struct file *p = *list;

	while (p && p != f)
		p = (struct file *)(void *)p->f._chain;
	return p;
}

static void unlock(void *f)
{
	const void *lock = ((FILE *)f)->_lock;

	real_funlockfile(f);
	gp_lot_wake(lock, 1);
}

/* As libc's, with its test of what there is to write. */
static int flush(FILE *f, bool line_buffered)
{
	volatile int r = 0;

	real_flockfile(f); /* it is free */
	pthread_cleanup_push(unlock, f);
	if (line_buffered ? (f->_flags & (LINE_BUF | NO_WRITES)) == LINE_BUF : __fpending(f))
		r = __overflow(f, EOF);
	pthread_cleanup_pop(1);
	return r == EOF ? EOF : 0;
}

/* Libc keeps the list locked meanwhile, which would stop all; here a FILE that was closed while it was waited for makes it start again. */
int gp_stdfile_flush_all(bool line_buffered)
{
	int r = 0;

	for (struct file *f = *list; f;) {
		uint64_t tick = TICK_FIRST;
		bool gone = false;

		while (!gone && gp_stdfile_busy(&f->f) && !gp_critical) {
			wait_once(&f->f, &tick);
			gone = !exists(f);
		}
		if (!gone) {
			r |= flush(&f->f, line_buffered);
			gone = !exists(f);
		}
		f = gone ? *list : (struct file *)(void *)f->f._chain;
	}
	return r;
}

void gp_stdfile_leave_slow(const void *lock)
{
	gp_lot_wake(lock, 1);
}

/* The greenlet unwinds from here, and libc's own tables release the lock on its way. Nothing switches before that. */
static void cancelled(void *f)
{
	gp_lot_wake(((FILE *)f)->_lock, 1);
}

static ssize_t move(FILE *f, void *buf, size_t n, bool in)
{
	struct iovec one = { buf, n };
	int state = PTHREAD_CANCEL_ENABLE;
	ssize_t r;

	if (f->_flags2 & NOTCANCEL)
		real_pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_cleanup_push(cancelled, f);
	r = in ? gp_read(f->_fileno, &one, 1, n, "read (stdio)") : gp_write(f->_fileno, &one, 1, n, "write (stdio)");
	pthread_cleanup_pop(0);
	if (f->_flags2 & NOTCANCEL)
		real_pthread_setcancelstate(state, NULL);
	return r;
}

/* A file does not: and libc reads some with locks of its own, at which the others would stop (resolv.conf). */
static bool waits(const FILE *f)
{
	struct gp_fd *fd = gp_coop(GP_F_IO) && !gp_critical ? gp_fd(f->_fileno) : NULL;

	return fd && gp_fd_kind(f->_fileno, fd) != GP_FD_FILE;
}

static ssize_t read_slot(FILE *f, void *buf, ssize_t n)
{
	return waits(f) ? move(f, buf, (size_t)n, true) : file_read(f, buf, n);
}

/* As libc's: all of it, or as much as goes before an error. */
static ssize_t write_slot(FILE *f, void *buf, ssize_t n)
{
	ssize_t done = 0, r;

	if (!waits(f))
		return file_write(f, buf, n);
	for (; done < n; done += r) {
		r = move(f, (char *)buf + done, (size_t)(n - done), false);
		if (r < 0) {
			f->_flags |= ERR_SEEN;
			break;
		}
	}
	if (f->_offset >= 0)
		f->_offset += done;
	return done;
}

/* What reads from a terminal, or without a buffer, flushes stdout first: under its lock. */
static const void *enter_stdout(const FILE *f)
{
	return f->_flags & (LINE_BUF | UNBUFFERED) ? gp_stdfile_enter(stdout) : NULL;
}

static int underflow_slot(FILE *f)
{
	const void *lock = enter_stdout(f);
	int c = file_underflow(f);

	gp_stdfile_leave(lock);
	return c;
}

static wint_t wunderflow_slot(FILE *f)
{
	const void *lock = enter_stdout(f);
	wint_t c = wfile_underflow(f);

	gp_stdfile_leave(lock);
	return c;
}

/* What is remembered of the number ends here: a flush before may have waited on it. */
static int close_slot(FILE *f)
{
	gp_fd_closing(f->_fileno);
	return file_close(f);
}

/*
 * pclose, and fclose of what popen opened: libc takes it off its list, closes the pipe and reaps the child. The pipe must be closed
 * before the wait, since the child may wait for that; so for the end libc gets another descriptor to close.
 */
static int proc_close_slot(FILE *f)
{
	pid_t pid = ((struct file *)(void *)f)->pid;
	int spare = gp_coop(GP_F_IO) && !gp_critical && pid > 0 ? gp_fd_adopt(real_eventfd(0, EFD_CLOEXEC)) : -1, state, saved = errno;

	gp_fd_closing(f->_fileno);
	if (spare < 0)
		return proc_close(f);
	real_close(f->_fileno);
	real_pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	gp_child_wait(pid, 0, "pclose");
	real_pthread_setcancelstate(state, NULL);
	f->_fileno = spare;
	gp_fd_disown(spare);
	errno = saved;
	return proc_close(f);
}

static bool fill(void **table, void *underflow, void *close)
{
	return gp_patch_pointer(table + READ, (void *)read_slot) && gp_patch_pointer(table + WRITE, (void *)write_slot) &&
	       gp_patch_pointer(table + UNDERFLOW, underflow) && gp_patch_pointer(table + CLOSE, close);
}

static bool known(void *const *table, void *underflow)
{
	return table && table[READ] == (void *)file_read && table[WRITE] == (void *)file_write && table[UNDERFLOW] == underflow;
}

void gp_stdfile_adopt(FILE *f)
{
	struct file *p = (struct file *)(void *)f;
	int saved = errno;

	if (!gp_stdfile || proc_table || !known(p->table, (void *)file_underflow) || f->_lock != &p->lock)
		return;
	proc_close = (int (*)(FILE *))p->table[CLOSE];
	if (proc_close != file_close && fill(p->table, (void *)underflow_slot, (void *)proc_close_slot))
		proc_table = p->table;
	errno = saved;
}

bool gp_stdfile_start(const char **why)
{
	void **narrow = gp_real_lookup_in_libc("_IO_file_jumps"), **wide = gp_real_lookup_in_libc("_IO_wfile_jumps");

	file_read = gp_real_lookup_in_libc("_IO_file_read");
	file_write = gp_real_lookup_in_libc("_IO_file_write");
	file_close = gp_real_lookup_in_libc("_IO_file_close");
	file_underflow = gp_real_lookup_in_libc("_IO_file_underflow");
	wfile_underflow = gp_real_lookup_in_libc("_IO_wfile_underflow");
	list = gp_real_lookup_in_libc("_IO_list_all");
	*why = "this libc's stdio is not known";
	if (!file_read || !file_write || !file_close || !list || sizeof(FILE) != offsetof(struct file, table) ||
	    !known(narrow, (void *)file_underflow) || !known(wide, (void *)wfile_underflow) || narrow[CLOSE] != (void *)file_close)
		return false;
	*why = "its tables are not to be written";
	gp_stdfile = fill(narrow, (void *)underflow_slot, (void *)close_slot) && fill(wide, (void *)wunderflow_slot, (void *)close_slot);
	for (struct file *f = *list; f && gp_stdfile; f = (struct file *)(void *)f->f._chain)
		gp_stdfile_adopt(&f->f);
	return gp_stdfile;
}
