/*
 * A fault in a thread: its handler sees the address and the instruction of the program, on the thread's own stack, with the caller in the
 * backtrace; without a handler the status is native's.
 */
#include "must.h"
#include <execinfo.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>

static char *volatile nowhere, *page;
static volatile int zero;
static pthread_t thread;

/* Far from whatever a fault of ours would lie in. */
__attribute__((noinline, section("culprits"))) static void touch(int how)
{
	switch (how) {
	case 0: nowhere[8] = 1; break;
	case 1: page[100] = 1; break;      /* read-only: SIGSEGV with another code */
	case 2: zero = 100 / zero; break;
	case 3: __asm__ volatile("ud2"); break;
	case 4: __asm__ volatile("int3"); break;
	case 5: abort(); break;
	case 6: page[4096 + 5] = 1; break; /* behind the end of its file: SIGBUS */
	}
	__asm__ volatile("" ::: "memory");
}
extern char __start_culprits[], __stop_culprits[];

static int how;

static void fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	char *at = (char *)uc->uc_mcontext.gregs[REG_RIP], *wants[] = { (char *)8, page + 100, at, at, NULL, NULL, page + 4096 + 5 };
	void *frames[32];
	int n = backtrace(frames, 32), named = 0;

	MUST(pthread_equal(pthread_self(), thread));
	MUST((how == 5) == (at < __start_culprits || at > __stop_culprits));
	MUST(how == 4 || how == 5 || info->si_addr == wants[how]);
	MUST(labs((char *)context - (char *)uc->uc_mcontext.gregs[REG_RSP]) < 65536);
	for (int i = 0; i < n; i++)
		named += (char *)frames[i] >= __start_culprits && (char *)frames[i] <= __stop_culprits;
	MUST(named && n < 32);
	signal(sig, SIG_DFL);
	if (how == 4)
		raise(sig); /* a trap is not met again */
}

static void *commits(void *arg)
{
	thread = pthread_self();
	pause_us(500);
	touch(how);
	return arg;
}

static void *sleeper(void *arg)
{
	for (;;)
		pause_us(300);
	return arg;
}

static void child(bool handled)
{
	static const int sigs[] = { SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGBUS };
	struct sigaction act = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };
	FILE *f = tmpfile();

	MUST(f && write(fileno(f), "x", 1) == 1);
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
	MUST(page != MAP_FAILED && (how != 1 || !mprotect(page, 4096, PROT_READ)));
	for (size_t i = 0; handled && i < sizeof(sigs) / sizeof(sigs[0]); i++)
		MUST(!sigaction(sigs[i], &act, NULL));
	start(sleeper, NULL);
	pthread_join(start(commits, NULL), NULL);
	_exit(77);
}

int main(void)
{
	static const int want[] = { SIGSEGV, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGBUS };
	struct rlimit none = { 0, 0 };
	int bad = 0, st;
	void *frames[2];

	setrlimit(RLIMIT_CORE, &none);
	backtrace(frames, 2);
	for (int i = 0; i < 14; i++) {
		pid_t pid;

		how = i / 2;
		if (!(pid = fork()))
			child(i % 2);
		MUST(waitpid(pid, &st, 0) == pid);
		if (!WIFSIGNALED(st) || WTERMSIG(st) != want[how]) {
			printf("fault %d, %s: %x\n", how, i % 2 ? "handled" : "unhandled", (unsigned)st);
			bad = 1;
		}
	}
	return bad;
}
