/* syscall.c - syscall(SYS_futex, ...) as C++ static initialisers, std::atomic::wait and Rust use it, and numbers that pass through */
#include "case.h"
#include <linux/futex.h>
#include <sys/syscall.h>

static uint32_t words[8] __attribute__((aligned(64)));

static long futex(uint32_t *word, int op, uint32_t val, const void *timeout, uint32_t *word2, uint32_t val3)
{
	return syscall(SYS_futex, word, op, val, timeout, word2, val3);
}

static void wait_on(long slot)
{
	NOTE(slot, futex(&words[0], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
}

static void start_waiters(int n)
{
	memset(words, 0, sizeof(words));
	for (int i = 0; i < n; i++)
		later(0, wait_on, i);
	settle();
}

static int woken(int n)
{
	int sum = 0;

	settle();
	for (int i = 0; i < n; i++)
		sum += notes[i].done;
	return sum;
}

static void wake_one(long op)
{
	words[0] = 1;
	futex(&words[0], (int)op, 1, NULL, NULL, 0);
}

CASE(wait_is_woken)
{
	words[0] = 0;
	later(30, wake_one, FUTEX_WAKE_PRIVATE);
	TIMED(30, SHOW(futex(&words[0], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0)));
}

CASE(not_private)
{
	words[0] = 0;
	later(30, wake_one, FUTEX_WAKE);
	TIMED(30, SHOW(futex(&words[0], FUTEX_WAIT, 0, NULL, NULL, 0)));
	words[0] = 0;
	TIMED(20, SHOW(futex(&words[0], FUTEX_WAIT, 0, MS(20), NULL, 0)));
}

CASE(other_value)
{
	words[0] = 5;
	SHOW(futex(&words[0], FUTEX_WAIT_PRIVATE, 4, NULL, NULL, 0));
	SHOW(futex(&words[0], FUTEX_WAIT, 4, NULL, NULL, 0));
	SHOW(futex(&words[0], FUTEX_WAIT_BITSET_PRIVATE, 4, NULL, NULL, 1));
}

CASE(wait_times_out)
{
	words[0] = 0;
	TIMED(30, SHOW(futex(&words[0], FUTEX_WAIT_PRIVATE, 0, MS(30), NULL, 0)));
	SHOW(futex(&words[0], FUTEX_WAIT_PRIVATE, 0, MS(0), NULL, 0));
}

CASE(absolute_times)
{
	words[0] = 0;
	TIMED(30, SHOW(futex(&words[0], FUTEX_WAIT_BITSET_PRIVATE, 0, AT(CLOCK_MONOTONIC, 30), NULL, ~0u)));
	TIMED(30, SHOW(futex(&words[0], FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, AT(CLOCK_REALTIME, 30), NULL, ~0u)));
	SHOW(futex(&words[0], FUTEX_WAIT_BITSET_PRIVATE, 0, MS(1), NULL, ~0u));
	SHOW(futex(&words[0], FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, MS(1), NULL, ~0u));
}

CASE(bad_times)
{
	words[0] = 0;
	SHOW(futex(&words[0], FUTEX_WAIT_PRIVATE, 0, &(struct timespec){ 0, 1000000000 }, NULL, 0));
	SHOW(futex(&words[0], FUTEX_WAIT_PRIVATE, 0, &(struct timespec){ -1, 0 }, NULL, 0));
	SHOW(futex(&words[0], FUTEX_WAIT_PRIVATE, 0, bad, NULL, 0));
	SHOW(futex(&words[0], FUTEX_WAIT_PRIVATE, 1, &(struct timespec){ 0, -1 }, NULL, 0));
}

CASE(bad_addresses)
{
	SHOW(futex(nil, FUTEX_WAIT_PRIVATE, 0, MS(10), NULL, 0));
	SHOW(futex((void *)bad, FUTEX_WAIT_PRIVATE, 0, MS(10), NULL, 0));
	SHOW(futex((void *)((char *)words + 1), FUTEX_WAIT_PRIVATE, 0, MS(10), NULL, 0));
	SHOW(futex((void *)((char *)words + 2), FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	SHOW(futex(nil, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
}

CASE(bad_operations)
{
	words[0] = 0;
	SHOW(futex(&words[0], 77, 0, NULL, NULL, 0));
	SHOW(futex(&words[0], FUTEX_WAIT_BITSET_PRIVATE, 0, MS(1), NULL, 0));
	SHOW(futex(&words[0], FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 0));
	SHOW(futex(&words[0], FUTEX_WAKE_PRIVATE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0));
}

CASE(nobody_to_wake)
{
	SHOW(futex(&words[3], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	SHOW(futex(&words[3], FUTEX_WAKE, 5, NULL, NULL, 0));
}

CASE(wake_counts)
{
	start_waiters(5);
	SHOW(futex(&words[0], FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0));
	say("woken=%d", woken(5));
	SHOW(futex(&words[0], FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0));
	finish();
	say("woken=%d", woken(5));
	SHOW(futex(&words[0], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	TELL(0);
}

CASE(wake_needs_the_address)
{
	start_waiters(1);
	SHOW(futex(&words[1], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	say("woken=%d", woken(1));
	SHOW(futex(&words[0], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
}

static void wait_for_bits(long bits)
{
	NOTE(bits, futex(&words[0], FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, (uint32_t)bits));
}

CASE(bit_sets)
{
	words[0] = 0;
	later(0, wait_for_bits, 1);
	later(0, wait_for_bits, 2);
	later(0, wait_for_bits, 6);
	settle();
	SHOW(futex(&words[0], FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 8));
	SHOW(futex(&words[0], FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 2));
	settle();
	say("%d %d %d", (int)notes[1].done, (int)notes[2].done, (int)notes[6].done);
	SHOW(futex(&words[0], FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
}

CASE(requeue)
{
	start_waiters(4);
	SHOW(futex(&words[0], FUTEX_REQUEUE_PRIVATE, 1, (void *)2, &words[1], 0));
	say("woken=%d", woken(4));
	SHOW(futex(&words[0], FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
	SHOW(futex(&words[1], FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
}

CASE(compare_and_requeue)
{
	start_waiters(3);
	SHOW(futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)9, &words[1], 7));
	SHOW(futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)9, &words[1], 0));
	SHOW(futex(&words[1], FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
}

CASE(wake_op)
{
	start_waiters(2);
	words[1] = 3;
	SHOW(futex(&words[1], FUTEX_WAKE_OP_PRIVATE, 1, (void *)9, &words[0], FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 0)));
	say("word=%u", words[0]);
	SHOW(futex(&words[1], FUTEX_WAKE_OP_PRIVATE, 1, (void *)9, &words[0], FUTEX_OP(FUTEX_OP_ADD, 2, FUTEX_OP_CMP_GT, 50)));
	say("word=%u", words[0]);
}

/* ---- a lock made of it */

static long counter;

static void lock_and_count(long n)
{
	for (long i = 0; i < n; i++) {
		uint32_t was = 0;

		if (!__atomic_compare_exchange_n(&words[2], &was, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			while (__atomic_exchange_n(&words[2], 2, __ATOMIC_ACQUIRE))
				futex(&words[2], FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
		long before = counter;
		if (i % 50 == 0)
			pause_ms(1);
		counter = before + 1;
		if (__atomic_exchange_n(&words[2], 0, __ATOMIC_RELEASE) == 2)
			futex(&words[2], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
}

CASE(lock)
{
	memset(words, 0, sizeof(words));
	counter = 0;
	for (int i = 0; i < 5; i++)
		later(0, lock_and_count, 400);
	finish();
	say("counter=%ld", counter);
}

static void set_word(long ms)
{
	pause_ms(ms);
	__atomic_store_n(&words[4], 1, __ATOMIC_RELEASE);
	futex(&words[4], FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static void wait_word(long slot)
{
	while (!__atomic_load_n(&words[4], __ATOMIC_ACQUIRE))
		futex(&words[4], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	notes[slot].done = true;
}

CASE(event)
{
	words[4] = 0;
	for (int i = 0; i < 10; i++)
		later(0, wait_word, i);
	later(0, set_word, 30);
	TIMED(30, finish());
	say("woken=%d", woken(10));
}

/* ---- one of several */

#ifdef SYS_futex_waitv
static void wait_for_one(long private)
{
	struct futex_waitv v[3];
	struct timespec ts;

	for (int i = 0; i < 3; i++)
		v[i] = (struct futex_waitv){ .uaddr = (uintptr_t)(words + i), .flags = FUTEX_32 | (private ? FUTEX_PRIVATE_FLAG : 0) };
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += 10;
	NOTE(private, syscall(SYS_futex_waitv, v, 3, 0, &ts, CLOCK_MONOTONIC));
}

CASE(one_of_several)
{
	memset(words, 0, sizeof(words));
	later(0, wait_for_one, 0);
	later(0, wait_for_one, 1);
	settle();
	SHOW(futex(&words[1], FUTEX_WAKE, 9, NULL, NULL, 0));
	SHOW(futex(&words[2], FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
	finish();
	TELL(0);
	TELL(1);
	words[1] = 1;
	wait_for_one(0);
	TELL(0);
}
#endif

/* ---- other numbers */

CASE(passed_through)
{
	int p[2];

	pipes(p);
	say("%d %d", syscall(SYS_getpid) == getpid(), syscall(SYS_gettid) == gettid());
	SHOW(syscall(99999));
	SHOW(syscall(-1));
	SHOW(syscall(SYS_read, -1, buf, 1));
	SHOW(syscall(SYS_write, p[1], "abc", 3));
	SHOW_BYTES(buf, syscall(SYS_read, p[0], buf, 9));
	SHOW(syscall(SYS_close, p[0]));
	SHOW(syscall(SYS_close, p[0]));
	SHOW(syscall(SYS_pwrite64, 77, buf, 1, 0));
	SHOW(syscall(SYS_mmap, 0, 0, 0, 0, 0, 0));
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &(struct timespec){ 0, 1 }, NULL)); /* libc's own error is another */
#ifdef SYS_select
	struct timeval tv = { 0, 20000 };

	SHOW(syscall(SYS_select, 1, NULL, NULL, NULL, (void *)1)); /* libc's own crashes */
	SHOW(syscall(SYS_select, 0, NULL, NULL, NULL, &tv));
	say("%ld", (long)(tv.tv_sec + tv.tv_usec));
#endif
}

CASE(closed_behind_our_back)
{
	int p[2], q[2];

	pipes(p);
	later(10, put, p[1]);
	SHOW(read(p[0], buf, 9));
	syscall(SYS_close, p[0]);
	syscall(SYS_close, p[1]);
	pipes(q); /* the same numbers */
	say("%d", q[0] == p[0]);
	later(20, put, q[1]);
	TIMED(20, SHOW(read(q[0], buf, 9)));
}
