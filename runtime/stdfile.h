/*
 * stdfile.h - stdio where libc's entries are not patched. Its reads and writes are reached through the tables of functions that its
 * FILEs point at, which are data; and since a greenlet keeps a FILE's lock while it waits in there, everybody who would wait
 * for that lock inside libc, and stop all, waits before the call instead.
 *
 * The lock stays glibc's, taken and released by its own code. Only greenlets wait here: nothing switches between the look and libc's
 * own taking of the lock.
 */
#ifndef GP_STDFILE_H
#define GP_STDFILE_H

#include "sched.h"
#include <stdio.h>

extern bool gp_stdfile; /* the tables are ours: every call that takes a FILE's lock must ask */

/* Fills in the tables. False, with the reason in *why: stdio's waits stop the others. */
bool gp_stdfile_start(const char **why);
/* f may have a table that no symbol names: popen. */
void gp_stdfile_adopt(FILE *f);

/* Is f locked by somebody else? And: waits until it is not. */
bool gp_stdfile_busy(const FILE *f);
void gp_stdfile_wait(const FILE *f);

/*
 * Around a call that locks f (NULL: none). It may free f, so what says where others wait is kept by the caller. The way out wakes one of
 * those; a foreign thread, too, was in libc and has released the lock.
 */
static inline const void *gp_stdfile_enter(const FILE *f)
{
	if (gp_likely(!gp_stdfile) || !f)
		return NULL;
	if (gp_self)
		gp_stdfile_wait(f);
	return f->_lock;
}
void gp_stdfile_leave_slow(const void *lock);
static inline void gp_stdfile_leave(const void *lock)
{
	if (gp_unlikely(lock != NULL))
		gp_stdfile_leave_slow(lock);
}

/* For a call that gives a value, with f locked by nobody else. */
#define GP_LOCKED(f, call)                                                                                                     \
	({                                                                                                                     \
		const void *lock_ = gp_stdfile_enter(f);                                                                       \
		__typeof__(call) r_ = (call);                                                                                  \
		gp_stdfile_leave(lock_);                                                                                       \
		r_;                                                                                                            \
	})
#define GP_LOCKED_VOID(f, call)                                                                                                \
	do {                                                                                                                   \
		const void *lock_ = gp_stdfile_enter(f);                                                                       \
		call;                                                                                                          \
		gp_stdfile_leave(lock_);                                                                                       \
	} while (0)

/* fflush(NULL), or _flushlbf: each FILE in turn, under its lock, whoever has that now. A greenlet. */
int gp_stdfile_flush_all(bool line_buffered);

#endif
