/*
 * GPATCH_WATCH: a call that the shim cannot see stops all greenlets, and its program alone knows why nothing moves. It is named, once, with
 * its caller; so is a loop that computes where nobody is made to yield; a call that parks is not.
 */
#include "must.h"

#include <sys/syscall.h>

#define STALL_MS 600l

__attribute__((noinline)) static void unseen_sleep(long ms)
{
	struct timespec t = { 0, ms * 1000000 };
#ifdef __x86_64__
	long r = SYS_nanosleep;

	__asm__ volatile("syscall" : "+a"(r) : "D"(&t), "S"(0) : "rcx", "r11", "memory");
#endif
}

static void *sleeps_unseen(void *arg)
{
	for (int i = 0; i < 2; i++)
		unseen_sleep(STALL_MS);
	return arg;
}

static void *computes(void *arg)
{
	for (uint64_t until = now_us() + STALL_MS * 1000; now_us() < until;)
		;
	return arg;
}

static void *parks(void *arg)
{
	pause_us(STALL_MS * 1000);
	return arg;
}

static void *is_ready(void *arg)
{
	for (int i = 0; i < 10; i++)
		sched_yield();
	return arg;
}

static int child(void)
{
	void *(*const what[])(void *) = { sleeps_unseen, parks, computes, is_ready };
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		t[i] = start(what[i], NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return 0;
}

static int lines_with(const char *text, const char *word)
{
	int n = 0;

	for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		const char *at = strstr(line, word);

		n += at && at < end;
	}
	return n;
}

int main(int argc, char **argv)
{
	const char *preload = getenv("LD_PRELOAD");
	bool shim = preload && strstr(preload, "libgpatch");
	char said[4096] = "";
	size_t len = 0;
	ssize_t n;
	int ends[2], status;
	pid_t pid;

	if (argc > 1)
		return child();
	MUST(!pipe(ends));
	if (!(pid = fork())) {
		setenv("GPATCH_WATCH", "100", 1);
		setenv("GPATCH_PREEMPT", "0", 1);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		execl("/proc/self/exe", argv[0], "child", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while ((n = read(ends[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	MUST(waitpid(pid, &status, 0) == pid && !status);
	dprintf(2, "%s", said);
	MUST(lines_with(said, "has stopped the others") == (shim ? 1 : 0));
	MUST(lines_with(said, "what_stops_all_is_named+0x") == (shim ? 2 : 0));
	MUST(lines_with(said, "has computed") == (shim ? 1 : 0));
	MUST(lines_with(said, "") == (shim ? 2 : 0));
	return 0;
}
