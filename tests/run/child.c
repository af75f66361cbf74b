#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

const struct how native = { .name = "native" };
const struct how async_asm = { "async asm", .mode = "async" };
const struct how async_ucontext = { "async ucontext", .mode = "async", .backend = "ucontext" };
const struct how async_symbols = { "async symbols", .mode = "async", .libc = "symbols" };
const struct how sync_mode = { "sync", .mode = "sync" };
const struct how threads_mode = { "threads", .mode = "threads" };

char *text(const char *format, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) < 0)
		abort();
	va_end(ap);
	return s;
}

const char *build(void)
{
	const char *dir = getenv("GP_BUILD");

	if (!dir)
		dir = getenv("BUILD");
	return dir ? dir : "build";
}

const char *built(const char *name)
{
	static char path[PATH_MAX];
	char *dir = realpath(build(), NULL);

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : build(), name);
	free(dir);
	return path;
}

static char *read_all(int fd, size_t *size)
{
	off_t n = lseek(fd, 0, SEEK_END);
	char *s = malloc((size_t)n + 1);
	ssize_t got = s && n > 0 ? pread(fd, s, (size_t)n, 0) : 0;

	if (!s || got < 0)
		abort();
	s[got] = '\0';
	*size = (size_t)got;
	return s;
}

char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n;
	char *s;

	if (fd < 0)
		return NULL;
	s = read_all(fd, &n);
	close(fd);
	return s;
}

/* Nothing of the tester's own environment may decide a result. */
static void clean_environment(void)
{
	for (char **e = environ; *e;) {
		char name[64];

		if (!strncmp(*e, "GPATCH_", 7) && (size_t)snprintf(name, sizeof(name), "%.*s", (int)strcspn(*e, "="), *e) < sizeof(name)) {
			unsetenv(name);
			e = environ;
		} else {
			e++;
		}
	}
	unsetenv("LD_PRELOAD");
	unsetenv("http_proxy");
	unsetenv("all_proxy");
}

static void become(const struct how *how, const char *const *argv, int out, int err)
{
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a runner that dies of its own time limit leaves nothing behind */
	dup2(null, 0);
	dup2(out, 1);
	dup2(err, 2);
	close_range(3, ~0u, 0);
	clean_environment();
	if (how->mode) {
		setenv("LD_PRELOAD", built("libgpatch.so"), 1);
		setenv("GPATCH_MODE", how->mode, 1);
		if (how->backend)
			setenv("GPATCH_SWITCH", how->backend, 1);
		if (how->stats)
			setenv("GPATCH_STATS", how->stats, 1);
		if (how->libc)
			setenv("GPATCH_LIBC", how->libc, 1);
	}
	execv(argv[0], (char *const *)(const void *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The wait status, or -1 after `limit` seconds. */
static int wait_for(pid_t pid, double limit)
{
	double end = now() + limit;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now() > end)
			return -1;
		poll(NULL, 0, 2);
	}
	return status;
}

static int plain_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Where every thread and greenlet of a program that hangs stands, on its own stderr and ours. */
static void dump(pid_t pid, bool preloaded, int err)
{
	char id[16];
	pid_t gdb;

	if (access("/usr/bin/gdb", X_OK))
		return;
	snprintf(id, sizeof(id), "%d", (int)pid);
	gdb = fork();
	if (!gdb) {
		dup2(err, 1);
		dup2(err, 2);
		if (preloaded)
			execl("/usr/bin/gdb", "gdb", "-nx", "-p", id, "-batch", "-ex", "thread apply all bt 12", "-ex", "call (void)gp_dump()", NULL);
		execl("/usr/bin/gdb", "gdb", "-nx", "-p", id, "-batch", "-ex", "thread apply all bt 12", NULL);
		_exit(127);
	}
	if (wait_for(gdb, 20) == -1) {
		kill(gdb, SIGKILL);
		waitpid(gdb, NULL, 0);
	}
}

int stop(pid_t pid, int sig, int limit)
{
	int status;

	kill(pid, sig);
	status = wait_for(pid, limit);
	if (status == -1) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return -1;
	}
	return plain_status(status);
}

static pid_t start_with(const struct how *how, const char *const *argv, int out, int err)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid)
		become(how, argv, out, err);
	return pid;
}

pid_t start(const struct how *how, const char *const *argv, int *out)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		abort();
	pid = start_with(how, argv, p[1], 2);
	close(p[1]);
	*out = p[0];
	return pid;
}

/* A regular file: the threads of a native program that write to a memfd at once overwrite each other, since its offset has no lock. */
static int output(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		abort();
	return fd;
}

struct result run(const struct how *how, const char *const *argv, int limit)
{
	struct result r;
	int out = output(), err = output(), status;
	double begin = now();
	pid_t pid = start_with(how, argv, out, err);
	size_t n;

	status = wait_for(pid, limit);
	r.seconds = now() - begin;
	r.status = status == -1 ? -1 : plain_status(status);
	if (status == -1) {
		dump(pid, how->mode, err);
		stop(pid, SIGABRT, 2);
	}
	kill(-pid, SIGKILL); /* what it left behind */
	r.out = read_all(out, &r.out_size);
	r.err = read_all(err, &n);
	close(out);
	close(err);
	return r;
}

void forget(struct result *r)
{
	free(r->out);
	free(r->err);
}

/* ---- differences */

struct lines {
	char **line;
	int n;
};

static struct lines split(char *s)
{
	struct lines l = { NULL, 0 };

	while (*s) {
		char *end = strchr(s, '\n');

		l.line = realloc(l.line, (size_t)(l.n + 1) * sizeof(*l.line));
		l.line[l.n++] = s;
		if (!end)
			break;
		*end = '\0';
		s = end + 1;
	}
	return l;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *add(char *to, char *more)
{
	char *both = text("%s%s", to, more);

	free(to);
	free(more);
	return both;
}

/* Enough of stderr to see why, from its end. */
static char *tail_of(const char *err)
{
	size_t n = strlen(err), keep = 6000;

	return n ? text("  its stderr: %s%s\n", n > keep ? "..." : "", err + (n > keep ? n - keep : 0)) : text("%s", "");
}

char *difference(const char *wanted_by, int wanted_status, const char *wanted, const char *got_by, const struct result *got, bool sorted)
{
	char *a = text("%s", wanted), *b = text("%s", got->out), *what = text("%s", "");
	struct lines x = split(a), y = split(b);
	int shown = 0;

	if (sorted) {
		qsort(x.line, (size_t)x.n, sizeof(*x.line), by_bytes);
		qsort(y.line, (size_t)y.n, sizeof(*y.line), by_bytes);
	}
	if (got->status == -1)
		what = add(what, text("  %s: too slow, killed after %.0f s\n", got_by, got->seconds));
	else if (got->status != wanted_status)
		what = add(what, text("  status: %s %d, %s %d\n", wanted_by, wanted_status, got_by, got->status));
	for (int i = 0; (i < x.n || i < y.n) && shown < 8; i++) {
		const char *l = i < x.n ? x.line[i] : "(no more lines)", *m = i < y.n ? y.line[i] : "(no more lines)";

		if (i < x.n && i < y.n && !strcmp(l, m))
			continue;
		what = add(what, text("  line %d\n    %s: %s\n    %s: %s\n", i + 1, wanted_by, l, got_by, m));
		shown++;
		if (i >= x.n || i >= y.n)
			break;
	}
	if (*what)
		what = add(what, tail_of(got->err));
	/* Equal lines of unequal texts: NUL bytes, or a last line that does not end. */
	else if (!sorted && (strlen(got->out) != got->out_size || strcmp(wanted, got->out)))
		what = add(what, text("  standard output differs in bytes that no line shows\n"));
	free(a);
	free(b);
	free(x.line);
	free(y.line);
	if (!*what) {
		free(what);
		return NULL;
	}
	return what;
}
