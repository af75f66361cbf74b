#include "watch.h"
#include "config.h"
#include "offload.h"
#include "real.h"
#include "sched.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define LOOKS  4   /* in the time that is too long */
#define PLACES 64  /* are told; a program with more has been told enough */
#define DEPTH  512 /* words of stack, where the caller is looked for */

static bool started;
static pid_t carrier; /* the kernel thread of the greenlets */

/* What the carrier does, from the kernel: in which call, where its stack and its code are. */
struct doing {
	long call; /* -1: none, but a page fault */
	uintptr_t sp, pc;
	bool running;
};

static bool look(struct doing *d)
{
	char path[64], text[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)carrier);
	fd = (int)real_syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = real_syscall(SYS_read, fd, text, sizeof(text) - 1);
	real_syscall(SYS_close, fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	*d = (struct doing){ .running = !strncmp(text, "running", 7) };
	return d->running || sscanf(text, "%ld %*x %*x %*x %*x %*x %*x %lx %lx", &d->call, &d->sp, &d->pc) == 3 ||
	       sscanf(text, "%ld %lx %lx", &d->call, &d->sp, &d->pc) == 3;
}

/* "function in file", or "file+offset" where the symbol is not exported. */
static const char *place(uintptr_t at, char *buf, size_t size)
{
	const char *file;
	Dl_info info;

	if (!dladdr((void *)at, &info) || !info.dli_fname) {
		snprintf(buf, size, "%#lx", (unsigned long)at);
		return buf;
	}
	file = strrchr(info.dli_fname, '/');
	file = file ? file + 1 : info.dli_fname;
	if (info.dli_sname)
		snprintf(buf, size, "%s in %s", info.dli_sname, file);
	else
		snprintf(buf, size, "%s+%#lx", file, (unsigned long)(at - (uintptr_t)info.dli_fbase));
	return buf;
}

static const void *base_of(const void *at)
{
	Dl_info info;

	return dladdr(at, &info) ? info.dli_fbase : NULL;
}

static size_t peek(uintptr_t from, void *to, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)from, size };
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0); /* a wild pointer is an error, not a fault */

	return n < 0 ? 0 : (size_t)n;
}

/* Does the code before this address call something? e8 and four bytes, or ff /2 with two to seven. */
static bool follows_a_call(uintptr_t at)
{
	uint8_t code[7];

	if (peek(at - sizeof(code), code, sizeof(code)) != sizeof(code))
		return false;
	if (code[2] == 0xe8)
		return true;
	for (unsigned i = 0; i + 1 < sizeof(code); i++)
		if (code[i] == 0xff && (code[i + 1] & 0x38) == 0x10)
			return true;
	return false;
}

/* The youngest return address on the stack that is neither libc's nor ours nor where the call was made. No unwinder: it takes locks. */
static uintptr_t caller(const struct doing *d)
{
	static uintptr_t words[DEPTH];
	const void *at = base_of((void *)d->pc), *us = base_of(&started), *libc = base_of(gp_real_lookup_in_libc("read"));
	size_t n = peek(d->sp, words, sizeof(words)) / sizeof(words[0]);

	for (size_t i = 0; i < n; i++) {
		const void *base = base_of((void *)words[i]);

		if (base && base != at && base != libc && base != us && follows_a_call(words[i]))
			return words[i];
	}
	return 0;
}

static bool told(uintptr_t pc, uintptr_t from)
{
	static struct {
		uintptr_t pc, from;
	} places[PLACES];
	static unsigned n;

	for (unsigned i = 0; i < n; i++)
		if (places[i].pc == pc && places[i].from == from)
			return true;
	if (n == PLACES)
		return true;
	places[n].pc = pc;
	places[n++].from = from;
	return false;
}

static void tell(const struct greenlet *g, const struct doing *d, unsigned ms)
{
	uintptr_t from = d->running ? (uintptr_t)g->start : caller(d);
	char where[160], whence[160];

	if (told(d->pc, from))
		return;
	if (d->running)
		gp_say("greenlet %u (%s) has computed for %u ms without a call while others are ready: %s", g->id, g->name, ms,
			g->start ? place(from, where, sizeof(where)) : "main");
	else
		gp_say("greenlet %u (%s) has stopped the others for %u ms: system call %ld in %s%s%s", g->id, g->name, ms, d->call,
			place(d->pc, where, sizeof(where)), from ? ", called by " : "",
			from ? place(from, whence, sizeof(whence)) : "");
}

static void *watch(void *unused)
{
	const uint64_t limit = gp_config.watch * 1000000ull;
	struct timespec pause = { 0, 0 };
	const struct greenlet *last = NULL, *g;
	uint64_t switches = 0, since = 0, now;
	struct doing d;

	(void)unused;
	pause.tv_sec = (time_t)(limit / LOOKS / GP_NSEC);
	pause.tv_nsec = (long)(limit / LOOKS % GP_NSEC);
	for (;;) {
		real_syscall(SYS_nanosleep, &pause, NULL);
		now = gp_now();
		g = __atomic_load_n(&gp_sched.current, __ATOMIC_RELAXED);
		if (g != last || gp_sched.switches != switches || !g || gp_sched.live < 2) {
			last = g;
			switches = gp_sched.switches;
			since = now;
		} else if (now - since >= limit && look(&d) && gp_sched.switches == switches && (!d.running || gp_sched.nready)) {
			tell(g, &d, (unsigned)((now - since) / 1000000));
		}
	}
	return NULL;
}

void gp_watch_start(void)
{
	if (gp_likely(started || !gp_config.watch) || gp_config.mode != GP_ASYNC)
		return;
	carrier = (pid_t)real_syscall(SYS_gettid);
	if (!(started = gp_native_thread(watch, NULL))) {
		gp_say("GPATCH_WATCH=%u: no thread can be made to watch", gp_config.watch);
		gp_config.watch = 0;
	}
}

void gp_watch_forget(void)
{
	started = false;
}
