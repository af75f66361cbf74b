/*
 * measure.c - the launcher's helper: looks at a program, becomes it with the library preloaded, or measures one run of it.
 *
 *   measure run   LIB program args...             becomes the program
 *   measure check LIB program args...             0: LIB can be preloaded; 1: it cannot, and one line said why
 *   measure time  LIB REPORT OUT program args...  runs it with its stdout in OUT and writes one line of figures to REPORT:
 *                                                 wall user sys (us) maxrss (KiB) threads voluntary involuntary status
 *
 * An empty LIB means native, without a look at the program. 126 and 127 mean what they mean in a shell, 125 that we failed.
 * The look is in C because each region that a shell reads through od(1) costs it a fork and 1 ms; this costs 0.3 ms in all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "../runtime/unfit.h"

#define NATIVE_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)

struct target {
	const char *name;        /* as typed */
	char path[PATH_MAX];     /* what execve gets */
	char binary[PATH_MAX];   /* what the kernel loads in the end: path, or the interpreter of a script */
	char via[NAME_MAX + 32]; /* "its interpreter X ", or empty */
	char why[PATH_MAX + 64]; /* why it cannot be preloaded or run, or empty */
	char sanitizer[128];     /* a runtime that must lead LD_PRELOAD, as DT_NEEDED names it, or empty */
};

static const char *lib; /* canonical path, or empty */
static ElfW(Half) lib_machine;

static void say(const char *fmt, ...)
{
	char line[3 * PATH_MAX];
	int n = sizeof "gpatch: " - 1;
	va_list ap;

	strcpy(line, "gpatch: ");
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof line - 2)
		n = sizeof line - 2;
	line[n++] = '\n';
	if (write(2, line, n) < 0)
		return;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* 0 or the errno of an execve of path. */
static int executable(const char *path, struct stat *st)
{
	if (stat(path, st) < 0)
		return errno;
	if (S_ISDIR(st->st_mode))
		return EISDIR;
	return S_ISREG(st->st_mode) && access(path, X_OK) == 0 ? 0 : EACCES;
}

/* Finds name as execvp does: a file in the way that may not be executed does not end the search. 0 or errno. */
static int find(const char *name, char *path, struct stat *st)
{
	const char *dirs = getenv("PATH"), *end;
	int found, err = ENOENT;

	if (strlen(name) >= PATH_MAX)
		return ENAMETOOLONG;
	if (strchr(name, '/') || !*name)
		return executable(strcpy(path, name), st);
	for (dirs = dirs ? dirs : "/bin:/usr/bin"; dirs; dirs = *end ? end + 1 : NULL) {
		end = strchrnul(dirs, ':');
		if (end - dirs + strlen(name) + 2 > PATH_MAX)
			continue;
		*(char *)mempcpy(path, dirs, end - dirs) = '\0';
		strcat(strcat(path, end > dirs ? "/" : ""), name);
		found = executable(path, st);
		if (!found)
			return 0;
		if (found == EACCES)
			err = EACCES;
	}
	return err;
}

static bool get(int fd, void *buf, size_t n, off_t at)
{
	return pread(fd, buf, n, at) == (ssize_t)n;
}

/* A string of at most size - 1 bytes; shorter where the file ends. */
static void get_string(int fd, char *buf, size_t size, off_t at)
{
	ssize_t n = pread(fd, buf, size - 1, at);
	buf[n > 0 ? n : 0] = '\0';
}

/* Go's linker leaves a note of its own; the runtime it marks makes system calls without libc, dynamic or not. */
static bool go_note(int fd, const ElfW(Phdr) *note)
{
	ElfW(Nhdr) n;
	char name[4];

	for (ElfW(Off) at = note->p_offset; at + sizeof n + 4 <= note->p_offset + note->p_filesz;) {
		if (!get(fd, &n, sizeof n, at))
			return false;
		if (n.n_namesz == 4 && get(fd, name, 4, at + sizeof n) && !memcmp(name, "Go\0", 4))
			return true;
		at += sizeof n + ((n.n_namesz + 3ull) & ~3ull) + ((n.n_descsz + 3ull) & ~3ull);
	}
	return false;
}

static bool is_sanitizer(const char *soname)
{
	static const char *const runtimes[] = { "libasan.so", "libtsan.so", "liblsan.so", "libhwasan.so", "libclang_rt.asan",
		"libclang_rt.tsan", "libclang_rt.lsan", "libclang_rt.hwasan" };

	for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++)
		if (starts(soname, runtimes[i]))
			return true;
	return false;
}

/* ASan aborts a program whose libraries it does not lead, and TSan's interceptors must see our calls: DT_NEEDED tells. */
static void find_sanitizer(int fd, const ElfW(Phdr) *ph, size_t n, const ElfW(Phdr) *dynamic, struct target *t)
{
	ElfW(Dyn) d[512];
	ElfW(Off) strings = 0;
	ssize_t len = pread(fd, d, dynamic->p_filesz < sizeof d ? dynamic->p_filesz : sizeof d, dynamic->p_offset);
	size_t entries = len > 0 ? len / sizeof *d : 0;

	for (size_t i = 0; i < entries && d[i].d_tag != DT_NULL; i++)
		for (size_t k = 0; d[i].d_tag == DT_STRTAB && k < n; k++)
			if (ph[k].p_type == PT_LOAD && d[i].d_un.d_ptr - ph[k].p_vaddr < ph[k].p_filesz)
				strings = d[i].d_un.d_ptr - ph[k].p_vaddr + ph[k].p_offset;
	for (size_t i = 0; strings && i < entries && d[i].d_tag != DT_NULL; i++) {
		if (d[i].d_tag != DT_NEEDED)
			continue;
		get_string(fd, t->sanitizer, sizeof t->sanitizer, strings + d[i].d_un.d_val);
		if (is_sanitizer(t->sanitizer))
			return;
	}
	t->sanitizer[0] = '\0';
}

#define WHY(...) ((void)snprintf(t->why, sizeof t->why, __VA_ARGS__))

/* The dynamic linker honours LD_PRELOAD only where it is glibc's own and the program gains no privilege (AT_SECURE). */
static int look_elf(int fd, const struct stat *st, struct target *t)
{
	ElfW(Ehdr) eh;
	ElfW(Phdr) ph[64];
	const ElfW(Phdr) *dynamic = NULL;
	struct statvfs fs;
	char interp[PATH_MAX] = "";
	bool go = false, nosuid = fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID);
	glob_t handlers;

	if (!get(fd, &eh, sizeof eh, 0))
		return ENOEXEC;
	if (eh.e_ident[EI_CLASS] != NATIVE_CLASS)
		return WHY("is a %d-bit program", eh.e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64), 0;
	if (eh.e_machine != lib_machine)
		return WHY("is for another machine (ELF machine %d)", eh.e_machine),
		       glob("/proc/sys/fs/binfmt_misc/qemu-*", 0, NULL, &handlers) ? ENOEXEC : 0;
	if (eh.e_phentsize != sizeof *ph || eh.e_phnum > 64 || !get(fd, ph, eh.e_phnum * sizeof *ph, eh.e_phoff))
		return 0; /* the kernel judges it */
	for (int i = 0; i < eh.e_phnum; i++) {
		if (ph[i].p_type == PT_INTERP && ph[i].p_filesz <= sizeof interp)
			get_string(fd, interp, ph[i].p_filesz, ph[i].p_offset);
		if (ph[i].p_type == PT_DYNAMIC)
			dynamic = &ph[i];
		go |= ph[i].p_type == PT_NOTE && go_note(fd, &ph[i]);
	}
	if (go && !(*interp && getenv("GPATCH_FORCE")))
		return WHY("is a Go program, which makes its system calls without libc"), 0;
	if (!*interp && starts(base(t->binary), "ld-linux"))
		return 0; /* the dynamic linker called by hand: it will honour LD_PRELOAD */
	if (!*interp)
		return WHY("is statically linked"), 0;
	if (access(interp, F_OK) < 0)
		return WHY("needs the dynamic linker %s, which is not here", interp), ENOENT;
	if (starts(base(interp), "ld-musl"))
		return WHY("is linked with musl, not glibc"), 0;
	if (!starts(base(interp), "ld-linux"))
		return WHY("has the dynamic linker %s, which is not glibc's", interp), 0;
	nosuid |= prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	if (!nosuid && (st->st_mode & S_ISUID) && st->st_uid != getuid())
		return WHY("is set-user-ID, so the dynamic linker ignores LD_PRELOAD"), 0;
	if (!nosuid && (st->st_mode & S_ISGID) && (st->st_mode & S_IXGRP) && st->st_gid != getgid())
		return WHY("is set-group-ID, so the dynamic linker ignores LD_PRELOAD"), 0;
	if (!nosuid && getuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return WHY("has file capabilities, so the dynamic linker ignores LD_PRELOAD"), 0;
	if (dynamic)
		find_sanitizer(fd, ph, eh.e_phnum, dynamic, t);
	return 0;
}

/* The word of a "#!" line that names the program in the end: env(1) is looked through. NULL: there is none. */
static char *interpreter(char *line)
{
	char *save, *word;

	line[strcspn(line, "\n")] = '\0';
	word = strtok_r(line + 2, " \t\r", &save);
	if (!word || strcmp(base(word), "env"))
		return word;
	do
		word = strtok_r(NULL, " \t\r", &save);
	while (word && (*word == '-' || strchr(word, '=')));
	return word;
}

/* Fills t. 0, or the errno that says why the program cannot be run at all. */
static int look(const char *name, struct target *t)
{
	char line[256], *word;
	struct stat st;
	int fd, err;

	memset(t, 0, sizeof *t);
	t->name = name;
	err = find(name, t->path, &st);
	strcpy(t->binary, t->path);
	for (int depth = 0; !err && *lib && depth < 5; depth++) {
		fd = open(t->binary, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return 0; /* executable but not readable: ld.so preloads into it all the same */
		get_string(fd, line, sizeof line, 0);
		if (starts(line, ELFMAG)) {
			err = look_elf(fd, &st, t);
			if (!err && !*t->why && gp_emulates(base(t->binary)) && !getenv("GPATCH_FORCE"))
				WHY("is an emulator, which makes its guest's system calls without libc (--force tries it)");
			close(fd);
			return err;
		}
		close(fd);
		word = starts(line, "#!") ? interpreter(line) : "/bin/sh";
		if (!word)
			return 0; /* the kernel judges it */
		snprintf(t->via, sizeof t->via, "its interpreter %s ", word);
		err = find(word, t->binary, &st);
		if (err)
			WHY("is %s", err == ENOENT ? "not found" : "not executable");
	}
	return err;
}

/* Says why the program cannot be run and returns what a shell would. */
static int refuse(const struct target *t, int err)
{
	if (*t->why)
		say("%s: %s%s", t->name, t->via, t->why);
	else
		say("%s: %s", t->name, err == ENOENT ? "not found" : err == EACCES ? "not executable" : strerror(err));
	return err == ENOENT || err == ENOTDIR ? 127 : 126;
}

static bool is_word(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && !memcmp(s, word, n);
}

/* Puts the library in front of LD_PRELOAD, behind the runtime of a sanitizer; the others' entries stay, in their order. */
static void preload(const struct target *t)
{
	const char *old = getenv("LD_PRELOAD");
	size_t n, size = (old ? strlen(old) : 0) + strlen(lib) + sizeof t->sanitizer + 3;
	char *list = malloc(size), *end = list;

	if (!list)
		exit(125);
	if (*t->sanitizer)
		end = stpcpy(stpcpy(end, t->sanitizer), ":");
	end = stpcpy(end, lib);
	for (; old && *old; old += n + !!old[n]) {
		n = strcspn(old, ": ");
		if (n && !is_word(old, n, lib) && !is_word(old, n, t->sanitizer))
			end = stpcpy(mempcpy(stpcpy(end, ":"), old, n), "");
	}
	setenv("LD_PRELOAD", list, 1);
}

/* Returns only where the program could not be started: the status to end with. */
static int become(struct target *t, char **argv)
{
	char magic[SELFMAG + 1] = "";
	int fd, err;

	execv(t->path, argv);
	err = errno;
	fd = open(t->path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		get_string(fd, magic, sizeof magic, 0);
	if (err == ENOEXEC && !starts(magic, ELFMAG)) {
		execvp(t->path, argv); /* a script without "#!": hands it to /bin/sh */
		err = errno;
	}
	t->why[0] = '\0'; /* was said */
	return refuse(t, err);
}

/* ld.so ignores a library that it cannot load, with a warning at most: asks it for the list that ldd prints. */
static void verify(struct target *t, char **argv)
{
	char list[65536], line[PATH_MAX + 4];
	size_t n = 0;
	ssize_t got;
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return;
	if (!pid) {
		dup2(p[1], 1);
		dup2(p[1], 2);
		setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);
		execv(t->binary, argv);
		_exit(127);
	}
	close(p[1]);
	while (n < sizeof list - 1 && (got = read(p[0], list + n, sizeof list - 1 - n)) > 0)
		n += got;
	close(p[0]);
	waitpid(pid, NULL, 0);
	list[n] = '\0';
	snprintf(line, sizeof line, "\t%s (", lib);
	say("%s: %s %s%s%s, mode %s, families %s", t->name, strstr(list, line) ? "loads" : "DOES NOT LOAD", lib,
		*t->sanitizer ? " behind " : "", t->sanitizer, getenv("GPATCH_MODE"), getenv("GPATCH_FAMILIES"));
}

/* Prepares the environment of the program; says what the user must know. 0, or a status to end with; *native tells. */
static int prepare(struct target *t, char **argv, bool *native)
{
	int err = look(argv[0], t);

	*native = !*lib || *t->why;
	if (err)
		return refuse(t, err);
	if (*t->why)
		say("%s: %s%s; it runs native, unpatched", t->name, t->via, t->why);
	if (*native)
		return 0;
	preload(t);
	if (getenv("GPATCH_VERBOSE") && *getenv("GPATCH_VERBOSE") == '1')
		verify(t, argv);
	return 0;
}

static long micros(struct timeval tv)
{
	return tv.tv_sec * 1000000L + tv.tv_usec;
}

/* The kernel threads that the process has now; fd is its /proc/PID/status. */
static int threads_now(int fd)
{
	char buf[4096], *p;

	get_string(fd, buf, sizeof buf, 0);
	p = strstr(buf, "\nThreads:");
	return p ? atoi(p + 9) : 0;
}

/* Samples the child until it ends: at first often, as short runs need it, then every 2 ms. Returns the most threads seen. */
static int watch(pid_t pid, int *status, struct rusage *ru, const sigset_t *chld)
{
	char name[64];
	struct timespec pause = { 0, 50000 };
	int fd, now, most = 1;

	snprintf(name, sizeof name, "/proc/%d/status", pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	while (wait4(pid, status, WNOHANG, ru) == 0) {
		now = fd < 0 ? 0 : threads_now(fd);
		most = now > most ? now : most;
		sigtimedwait(chld, NULL, &pause); /* ends at once when the child does */
		if (pause.tv_nsec < 2000000)
			pause.tv_nsec += pause.tv_nsec / 8;
	}
	return most;
}

static int measure(struct target *t, const char *report, const char *out, char **argv)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL }, was;
	struct timespec from, to;
	struct rusage ru;
	sigset_t chld, mask;
	int fd, status, most;
	FILE *f = fopen(report, "we");
	pid_t pid;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &mask);
	sigaction(SIGCHLD, &dfl, &was);
	fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (!f || fd < 0 || (pid = fork()) < 0) {
		say("cannot measure: %s", strerror(errno));
		return 125;
	}
	if (!pid) {
		dup2(fd, 1);
		sigaction(SIGCHLD, &was, NULL);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		_exit(become(t, argv));
	}
	most = watch(pid, &status, &ru, &chld);
	clock_gettime(CLOCK_MONOTONIC, &to);
	fprintf(f, "%ld %ld %ld %ld %d %ld %ld %d\n", (to.tv_sec - from.tv_sec) * 1000000L + (to.tv_nsec - from.tv_nsec) / 1000,
		micros(ru.ru_utime), micros(ru.ru_stime), ru.ru_maxrss, most, ru.ru_nvcsw, ru.ru_nivcsw,
		WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	return fclose(f) ? 125 : 0;
}

/* The library's canonical path goes into LD_PRELOAD, which has no way to quote a space or a colon. */
static void find_lib(const char *arg)
{
	static char path[PATH_MAX];
	ElfW(Ehdr) eh = { .e_machine = 0 };
	int fd;

	lib = "";
	if (!*arg)
		return;
	fd = realpath(arg, path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0)
		errno = ENOEXEC; /* what a short or other file is */
	if (fd < 0 || !get(fd, &eh, sizeof eh, 0) || memcmp(eh.e_ident, ELFMAG, SELFMAG))
		say("%s cannot be read (%s): the program runs native, unpatched", arg, strerror(errno));
	else if (strpbrk(path, ": "))
		say("LD_PRELOAD cannot name \"%s\" (a space or a colon): the program runs native, unpatched", path);
	else
		lib = path;
	lib_machine = eh.e_machine;
	close(fd);
}

int main(int argc, char **argv)
{
	static struct target t;
	const char *verb = argc > 1 ? argv[1] : "";
	int skip = !strcmp(verb, "time") ? 5 : 3, status;
	bool native;

	if (argc <= skip || (strcmp(verb, "run") && strcmp(verb, "check") && skip == 3)) {
		say("usage: measure run|check LIB program args...; measure time LIB REPORT OUT program args...");
		return 2;
	}
	find_lib(argv[2]);
	status = prepare(&t, argv + skip, &native);
	if (status)
		return status;
	if (!strcmp(verb, "check"))
		return native;
	return skip == 5 ? measure(&t, argv[3], argv[4], argv + skip) : become(&t, argv + skip);
}
