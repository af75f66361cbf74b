/*
 * A system that refuses to patch libc: PR_SET_MDWE, filters that refuse memfd_create, executable mappings, or both with all that makes
 * memory writable and executable (systemd's MemoryDenyWriteExecute). The program runs all the same, its stdio stops nobody, and
 * nothing is said unless GPATCH_VERBOSE=1 asks which way it is done.
 * libc: symbols
 */
#include "must.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

static volatile int stop;
static atomic_int ticks;

static void *tick(void *arg)
{
	while (!stop) {
		pause_us(1000);
		ticks++;
	}
	return arg;
}

enum { LINES = 100 };
static atomic_int seen[LINES];

static void *read_lines(void *arg)
{
	char line[16];

	while (fgets(line, sizeof(line), arg)) {
		MUST(strlen(line) == 5);
		seen[atoi(line)]++;
	}
	return NULL;
}

/* The readers would wait for ever for a writer that they stop; the child ends by itself, so its waiter is looked at. */
static void *run_shell(void *arg)
{
	int before = ticks, status;

	if (!arg)
		return NULL;
	status = system(arg);
	MUST(ticks - before >= 5);
	return (void *)(intptr_t)status;
}

/* Two readers of one FILE, a child, and somebody who must not be held up. */
static int work(bool children)
{
	pthread_t ticker = start(tick, NULL), a, b, c;
	void *status;
	int p[2];
	FILE *f;

	MUST(!pipe2(p, O_CLOEXEC) && (f = fdopen(p[0], "r")));
	a = start(read_lines, f);
	b = start(read_lines, f);
	c = start(run_shell, children ? "sleep 0.4; exit 3" : NULL);
	for (int i = 0; i < LINES; i++) {
		char line[8];

		snprintf(line, sizeof(line), "%04d\n", i);
		MUST(write(p[1], line, 2) == 2);
		pause_us(200);
		MUST(write(p[1], line + 2, 3) == 3);
	}
	close(p[1]);
	MUST(!pthread_join(a, NULL) && !pthread_join(b, NULL) && !pthread_join(c, &status));
	MUST(!children || WEXITSTATUS((intptr_t)status) == 3);
	for (int i = 0; i < LINES; i++)
		MUST(seen[i] == 1);
	stop = 1;
	MUST(!pthread_join(ticker, NULL));
	return 0;
}

#define NUMBER  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ARG(n)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define IS(nr, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, skip)
#define HAS(bits, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, skip)
#define FAIL(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define PASS    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter no_memfd[] = { NUMBER, IS(SYS_memfd_create, 1), FAIL(EPERM), PASS };
static struct sock_filter no_exec[] = { NUMBER, IS(SYS_mmap, 3), ARG(2), HAS(PROT_EXEC, 1), FAIL(EACCES), PASS };
static struct sock_filter neither[] = { NUMBER, IS(SYS_memfd_create, 1), FAIL(ENOSYS), IS(SYS_mmap, 3), ARG(2), HAS(PROT_EXEC, 1),
					FAIL(EPERM), NUMBER, IS(SYS_mprotect, 3), ARG(2), HAS(PROT_EXEC, 1), FAIL(EPERM), PASS };

static bool refuse(char how)
{
	struct sock_fprog filter = { 0 };

	if (how == 'm')
		return !prctl(PR_SET_MDWE, 1, 0, 0, 0);
	filter.filter = how == 'f' ? no_memfd : how == 'x' ? no_exec : neither;
	filter.len = how == 'f' ? sizeof(no_memfd) / sizeof(*no_memfd) :
		     how == 'x' ? sizeof(no_exec) / sizeof(*no_exec) : sizeof(neither) / sizeof(*neither);
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/* What the program says on stderr when it is refused so. */
static void run(const char *self, const char *how, const char *verbose, char *said, size_t size)
{
	size_t n = 0;
	ssize_t got;
	int p[2], status;
	pid_t pid;

	MUST(!pipe(p));
	if (!(pid = fork())) {
		dup2(p[1], 2);
		setenv("GPATCH_VERBOSE", verbose, 1);
		execl(self, self, how, NULL);
		_exit(9);
	}
	close(p[1]);
	while ((got = read(p[0], said + n, size - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(p[0]);
	MUST(waitpid(pid, &status, 0) == pid);
	if (status) {
		dprintf(2, "refused by '%s': status %#x: %s\n", how, status, said);
		_exit(1);
	}
}

int main(int argc, char **argv)
{
	static const char *const ways[] = { "m", "f", "x", "n" };
	const char *preload = getenv("LD_PRELOAD"), *symbols = getenv("GPATCH_LIBC");
	bool ours = preload && strstr(preload, "libgpatch"), by_symbol = symbols && !strcmp(symbols, "symbols");
	char said[4000];

	/* Linux before 6.3 has no MDWE; no other program can be started where nothing can be mapped executable. */
	if (argc > 1)
		return refuse(argv[1][0]) || argv[1][0] == 'm' ? work(strchr("mf", argv[1][0])) : 8;
	for (int i = 0; i < 4; i++) {
		run(argv[0], ways[i], "0", said, sizeof(said));
		MUST(!*said);
		if (!ours)
			continue;
		run(argv[0], ways[i], "1", said, sizeof(said));
		if (by_symbol)
			MUST(strstr(said, "libc is not patched (GPATCH_LIBC=symbols)"));
		else if (ways[i][0] == 'm')
			MUST(strstr(said, "libc is patched")); /* no page is ever writable and executable */
		else
			MUST(strstr(said, "libc is not patched (memfd_create is refused)") || strstr(said, "libc is not patched (executable"));
	}
	return 0;
}
