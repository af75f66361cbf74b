/*
 * notify.h - SIGEV_THREAD. libc runs the program's function in a kernel thread that it makes for it, beside whatever greenlet runs
 * then. So libc is given a function of ours, which hands the program's over to the hub, and that makes a greenlet of it.
 */
#ifndef GP_NOTIFY_H
#define GP_NOTIFY_H

#include "rt.h"
#include <pthread.h>
#include <signal.h>

/* What a registration belongs to, where its end can be seen. */
enum gp_notice_of { GP_NOTICE_ONCE, GP_NOTICE_TIMER, GP_NOTICE_QUEUE };

/* Does ev ask for a thread that shall be a greenlet? Makes the first one. */
bool gp_notice_wanted(const struct sigevent *ev);

/*
 * True: ev asks for a thread, and *ours is what libc shall have in its place; *id names the registration until gp_notice_drop, or, but
 * for a timer, until the function runs. False: libc is given ev itself.
 */
bool gp_notice(const struct sigevent *ev, struct sigevent *ours, enum gp_notice_of of, uintptr_t *id);
/* It belongs to this timer or queue; what did before is over. */
void gp_notice_belongs(uintptr_t id, long to);
void gp_notice_drop(uintptr_t id);          /* 0: none */
void gp_notice_drop_all(enum gp_notice_of of, long to);

/* What the program may change or free meanwhile: ev's attributes become *attr. */
void gp_notice_copy(struct sigevent *ev, pthread_attr_t *attr);

/* In the thread that libc made: fn(value) in a greenlet with this thread's mask, and a stack as ev asked for. */
void gp_notice_run(const struct sigevent *ev);

/* Held for moments, by greenlets and by libc's threads. */
void gp_notice_lock(void);
void gp_notice_unlock(void);

void gp_notice_forget(void); /* child of fork: timers and libc's threads are gone */

#endif
