/*
 * A thread waits with futex(2) for a word in shared memory, and another process wakes it without a change of the word, or moves it to a
 * second one. It was no waiter to that process: FUTEX_WAKE returned 0 there, and the thread slept on until its time-out.
 */
#include "must.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "ticker.h"

#define LONG ((struct timespec){ 20, 0 })

static uint32_t *words; /* [0] and [64] are waited for and stay 0 */
static atomic_int handled;

static long futex(uint32_t *word, int op, long val, const void *timeout, uint32_t *word2, uint32_t bits)
{
	return syscall(SYS_futex, word, op, val, timeout, word2, bits);
}

static void *wait_here(void *arg)
{
	MUST(!futex(words, FUTEX_WAIT, 0, &LONG, NULL, 0));
	return arg;
}

static void *wait_with_a_bit(void *arg)
{
	MUST(!futex(words, FUTEX_WAIT_BITSET, 0, NULL, NULL, 4));
	return arg;
}

static void handle(int sig)
{
	handled = sig;
}

static void wake_until(long wanted, int op, uint32_t bits, long sofar)
{
	for (; sofar < wanted; pause_us(1000))
		sofar += futex(words, op, 1000, NULL, NULL, bits);
	MUST(sofar == wanted);
}

/* Not before all of them wait does one step here do its work: so each is tried until it has. */
static void other_process(void)
{
	alarm(15);
	wake_until(3, FUTEX_WAKE, 0, 0);
	words[1] = 1;
	while (futex(words, FUTEX_CMP_REQUEUE, 0, (void *)1, words + 64, 0) != 1)
		pause_us(1000);
	MUST(!futex(words, FUTEX_WAKE, 1, NULL, NULL, 0));
	MUST(futex(words + 64, FUTEX_WAKE, 1, NULL, NULL, 0) == 1);
	words[1] = 2;
	MUST(!futex(words, FUTEX_WAKE_BITSET, 1, NULL, NULL, 8));
	wake_until(1, FUTEX_WAKE_BITSET, 12, 0);
	_exit(0);
}

static void next(pthread_t t, uint32_t step)
{
	MUST(!pthread_join(t, NULL));
	MUST(words[1] <= step);
	while (words[1] != step)
		pause_us(1000);
}

int main(void)
{
	struct timespec soon = { 0, 50000000 };
	uint64_t begin;
	pthread_t t[3];
	pid_t pid;
	int st, seen;

	alarm(30);
	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(words != MAP_FAILED);
	start(ticker, NULL);
	if ((pid = fork()) == 0)
		other_process();
	seen = ticks;
	for (int i = 0; i < 3; i++)
		t[i] = start(wait_here, NULL);
	MUST(!pthread_join(t[0], NULL) && !pthread_join(t[1], NULL));
	next(t[2], 1);
	next(start(wait_here, NULL), 2);
	next(start(wait_with_a_bit, NULL), 2);
	MUST(ticks > seen);
	MUST(waitpid(pid, &st, 0) == pid && !st);

	begin = now_us();
	MUST(futex(words, FUTEX_WAIT, 0, &soon, NULL, 0) == -1 && errno == ETIMEDOUT && now_us() - begin >= 50000);
	MUST(futex(words, FUTEX_WAIT, 1, &soon, NULL, 0) == -1 && errno == EAGAIN);
	on(SIGALRM, handle, 0);
	alarm(1);
	MUST(futex(words, FUTEX_WAIT, 0, NULL, NULL, 0) == -1 && errno == EINTR && handled == SIGALRM);
	t[0] = start(wait_here, NULL); /* woken by a thread of its own process */
	wake_until(1, FUTEX_WAKE, 0, 0);
	MUST(!pthread_join(t[0], NULL));
	return 0;
}
