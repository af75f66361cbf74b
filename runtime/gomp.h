/*
 * gomp.h - OpenMP. On x86 GCC's libgomp waits by futex instructions of its own, which pass no symbol: the first region would stop the
 * one kernel thread for good. When libgomp makes its first thread, those instructions are replaced by jumps to what syscall(2)
 * reaches, and the spinning before each wait is turned off: on one CPU nobody can do meanwhile what it waits for.
 */
#ifndef GP_GOMP_H
#define GP_GOMP_H

#include <stdbool.h>

/* What the instructions reach: takes the number and six arguments, returns what the kernel would. shim/ names it before main. */
extern long (*gp_gomp_call)(long nr, long a, long b, long c, long d, long e, long f);

/* May the code at `pc` make greenlets? False: libgomp where its code cannot be changed, whose threads must stay the kernel's. */
bool gp_gomp_fits(const void *pc);

#endif
