/*
 * fsbase.h - loads the FS base by the system call. Where the kernel lacks FSGSBASE (AT_HWCAP2, bit 1) nothing else can do it, so this is
 * the least that a switch between two threads with TLS of their own costs: the scale for the figures of the shim there.
 */
#ifndef FSBASE_H
#define FSBASE_H

#include "bench.h"
#include <asm/prctl.h>
#include <sys/syscall.h>

static inline void load_fs_base(void)
{
	MUST(syscall(SYS_arch_prctl, ARCH_SET_FS, __builtin_thread_pointer()));
}

#endif
