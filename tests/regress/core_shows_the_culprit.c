/*
 * A fault leaves a core file whose first thread stands at the program's own instruction, in main, in a thread and where a thread's stack
 * overflows, for which a handler of ours runs first.
 */
#include "must.h"
#include <elf.h>
#include <link.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/user.h>

enum { IN_MAIN, IN_A_THREAD, OVERFLOW, ABORT, WAYS };

static char directory[] = "/tmp/core_XXXXXX";

/* Far from whatever a fault of ours would lie in. */
__attribute__((noinline, section("culprits"))) static int touch(volatile char *where, int n)
{
	volatile char frame[512];

	frame[0] = (char)n;
	if (where || !n)
		return n;
	if (n < 0)
		*where = 1;
	return touch(where, n + 1) + frame[0];
}
extern char __start_culprits[], __stop_culprits[];

static void *sleeper(void *arg)
{
	for (;;)
		pause_us(300);
	return arg;
}

static void *commits(void *how)
{
	pause_us(500);
	if ((intptr_t)how == ABORT)
		abort();
	return (void *)(intptr_t)touch(NULL, (intptr_t)how == OVERFLOW ? 1 : -1);
}

static void child(long how)
{
	struct rlimit rl;

	MUST(!getrlimit(RLIMIT_CORE, &rl));
	rl.rlim_cur = rl.rlim_max;
	MUST(!setrlimit(RLIMIT_CORE, &rl));
	start(sleeper, NULL);
	if (how == IN_MAIN)
		commits(NULL);
	pthread_join(start(commits, (void *)how), NULL);
	_exit(77);
}

/* The kernel writes the thread that ended the process first. */
static struct elf_prstatus first_thread(int fd)
{
	struct elf_prstatus s = { 0 };
	ElfW(Ehdr) e;
	ElfW(Phdr) p;
	ElfW(Nhdr) n;

	MUST(pread(fd, &e, sizeof(e), 0) == sizeof(e));
	for (int i = 0; i < e.e_phnum; i++) {
		MUST(pread(fd, &p, sizeof(p), (off_t)(e.e_phoff + (size_t)i * sizeof(p))) == sizeof(p));
		if (p.p_type != PT_NOTE)
			continue;
		MUST(pread(fd, &n, sizeof(n), (off_t)p.p_offset) == sizeof(n) && n.n_type == NT_PRSTATUS);
		MUST(pread(fd, &s, sizeof(s), (off_t)(p.p_offset + sizeof(n) + ((n.n_namesz + 3) & ~3u))) == sizeof(s));
	}
	return s;
}

int main(void)
{
	char pattern[128] = "";
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY), st;

	MUST(fd >= 0 && read(fd, pattern, sizeof(pattern) - 1) > 0 && !close(fd));
	if (strcmp(pattern, "core\n"))
		return 0; /* it goes where we cannot look */
	MUST(mkdtemp(directory) && !chdir(directory));
	for (int how = 0; how < WAYS; how++) {
		pid_t pid = fork();
		struct elf_prstatus s;
		char name[32], *at;

		if (!pid)
			child(how);
		MUST(waitpid(pid, &st, 0) == pid && WIFSIGNALED(st) && WTERMSIG(st) == (how == ABORT ? SIGABRT : SIGSEGV));
		if (!WCOREDUMP(st))
			continue; /* the hard limit */
		snprintf(name, sizeof(name), "core.%d", (int)pid);
		fd = open(access("core", R_OK) ? name : "core", O_RDONLY);
		MUST(fd >= 0);
		s = first_thread(fd);
		at = (char *)((struct user_regs_struct *)(void *)&s.pr_reg)->rip;
		if (s.pr_info.si_signo != WTERMSIG(st) || (how != ABORT && (at < __start_culprits || at >= __stop_culprits))) {
			printf("way %d: signal %d at %p\n", how, s.pr_info.si_signo, (void *)at);
			return 1;
		}
		close(fd);
		unlink("core");
		unlink(name);
	}
	MUST(!chdir("/") && !rmdir(directory));
	return 0;
}
