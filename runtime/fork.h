/* fork.h - the child of fork has the caller only, and a hub of its own when it needs one. */
#ifndef GP_FORK_H
#define GP_FORK_H

#include <stdbool.h>

/* In the child, before the program's atfork handlers, being registered first, but after those of libraries that start before us. */
void gp_fork_init(void);

/* With the first greenlet. */
void gp_fork_watch(void);

/* What the handler does in the child. */
void gp_fork_child(void);

/* After a fork that ran no handlers, with what it returned: in the child, or the parent. Returns that. With CLONE_FILES: shares_table. */
long gp_fork_raw(long pid, bool shares_table);

/* vfork.S, and a clone that is one; -errno or a pid, 0: in the child. */
int gp_vfork_prepare(void);
int gp_vfork_return(long r);

/* This is the child of a vfork, on its parent's memory. gp_self is NULL and no greenlet is alive, so hooks act natively. */
extern bool gp_vforked;

/*
 * _Fork and clone run no atfork handlers; the kernel wipes this byte in the child. True: this is such a child, and only now it is
 * set right. To be asked before greenlets are switched or the epoll set is touched.
 */
extern volatile char *gp_fork_mark;
static inline bool gp_fork_missed(void)
{
	if (__builtin_expect(*gp_fork_mark, 1))
		return false;
	gp_fork_child();
	return true;
}

#endif
