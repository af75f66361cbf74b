/*
 * rt.h - the private base of the runtime: lists, time units, assertions.
 *
 * Rules of the place (runtime/ and shim/ alike):
 *  - every libc function that shim/ interposes is called as real_NAME (real.h), never by its own name;
 *  - inside, functions return 0 or -errno; errno is set once, at the edge of the shim;
 *  - times are uint64_t nanoseconds on CLOCK_MONOTONIC; deadlines are absolute; GP_FOREVER means none.
 */
#ifndef GP_RT_H
#define GP_RT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define GP_FOREVER UINT64_MAX
#define GP_NSEC    1000000000ull

#define gp_likely(x)   __builtin_expect(!!(x), 1)
#define gp_unlikely(x) __builtin_expect(!!(x), 0)
#define gp_container(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* Stays on in release builds: a scheduler that goes on after a broken invariant corrupts the program it carries. */
#define gp_assert(x) ((x) ? (void)0 : gp_assert_failed(#x, __FILE__, __LINE__))
_Noreturn void gp_assert_failed(const char *what, const char *file, int line);

/* One line on stderr with the prefix "gpatch: ", written with one write(2); safe at any time, allocates nothing. */
void gp_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Doubly linked ring. A node that is linked to itself is in no list. */
struct gp_list {
	struct gp_list *next, *prev;
};

static inline void gp_list_init(struct gp_list *n)
{
	n->next = n->prev = n;
}

static inline bool gp_list_empty(const struct gp_list *n)
{
	return n->next == n;
}

static inline void gp_list_append(struct gp_list *head, struct gp_list *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

static inline void gp_list_remove(struct gp_list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	gp_list_init(n);
}

#define GP_LIST(name) struct gp_list name = { &name, &name }
#define gp_list_for(pos, head)                                                                                                 \
	for (struct gp_list *pos = (head)->next, *pos##_next = pos->next; pos != (head); pos = pos##_next, pos##_next = pos->next)

/* Now, on CLOCK_MONOTONIC, never through a preloaded clock shim. */
uint64_t gp_now(void);

/*
 * An absolute monotonic deadline from a timespec that is absolute on `clock` (CLOCK_REALTIME or CLOCK_MONOTONIC), or, where
 * relative is true, counts from now. Never early: fractions round up; times past the end of the range give GP_FOREVER.
 * The caller has checked tv_nsec (0 to 999,999,999); a time in the past gives a deadline in the past.
 */
uint64_t gp_deadline(const struct timespec *ts, clockid_t clock, bool relative);
static inline bool gp_timespec_ok(const struct timespec *ts)
{
	return (unsigned long)ts->tv_nsec < GP_NSEC;
}

/*
 * Copies n bytes that the program pointed at without faulting: 0 or -EFAULT, what the kernel would have answered.
 * Costs a system call where it is not on the caller's stack: for calls that wait anyway.
 */
int gp_copy_in(void *dst, const void *user, size_t n);
/* The other way; n is a multiple of 8, of which a part may have changed where the answer is -EFAULT. */
int gp_copy_out(void *user, const void *src, size_t n);

#endif
