/*
 * config.h - GPATCH_* settings, parsed once from the environment, before the first greenlet.
 *
 *   GPATCH_MODE=async|sync|threads   GPATCH_FAMILIES=all|none|[-]NAME,...   GPATCH_SWITCH=asm|ucontext
 *   GPATCH_STACK=bytes[k|m|g]        GPATCH_STATS=1|path   GPATCH_VERBOSE=1  GPATCH_LIBC=patch|symbols
 *   GPATCH_PREEMPT=1|0               GPATCH_WATCH=0|1|ms    GPATCH_CHAOS=seed
 */
#ifndef GP_CONFIG_H
#define GP_CONFIG_H

#include "rt.h"

enum gp_mode { GP_ASYNC, GP_SYNC, GP_THREADS };

enum gp_family {
	GP_F_SLEEP = 1,
	GP_F_SELECT = 2,
	GP_F_POLL = 4,   /* poll and epoll */
	GP_F_SOCKET = 8,
	GP_F_IO = 16,    /* read, write, readv, writev on anything but sockets... and on sockets */
	GP_F_THREAD = 32,
	GP_F_SYNC = 64,  /* mutexes, condition variables, semaphores... */
	GP_F_DNS = 128,
	GP_F_ALL = 255,
};

extern struct gp_config {
	enum gp_mode mode;
	unsigned families;
	bool ucontext, verbose, symbols, preempt;
	size_t stack;          /* 0: what the program asks for */
	unsigned watch;        /* ms until what stops all others is named; 0: never */
	uint32_t chaos;        /* seed of the dice in sched.c; 0: none are thrown */
	const char *stats;     /* NULL: none; "1": stderr */
	bool valgrind, helgrind; /* they run the program: no settings, but what LD_PRELOAD tells; helgrind or drd */
} gp_config;

void gp_config_init(void); /* bad values: one line naming the variable, the value and what is allowed; exits with 2 */

/* May this call park? The one question every waiting interposer asks: a greenlet runs, the mode is async, the family is on. */
#define gp_coop(family) (gp_self && gp_config.mode == GP_ASYNC && (gp_config.families & (family)))
/* The same for waits on another greenlet (join, mutex, cond...): these switch in sync mode too. */
#define gp_coop_sync(family) (gp_self && (gp_config.families & (family)))

#endif
