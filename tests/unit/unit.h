/* unit.h - what tests of several runtime files need. Nothing is preloaded here: libc's own functions are themselves. */
#ifndef GP_UNIT_H
#define GP_UNIT_H

#include "../../runtime/config.h"
#include "../../runtime/real.h"
#include "../../runtime/signal.h"
#include "../../runtime/thread.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MS 1000000ull

/* Where ASan's own functions stand in for libc's, or its memory counts. */
#ifdef __SANITIZE_ADDRESS__
#define NOT_UNDER_ASAN() cr_skip("not under ASan")
#else
#define NOT_UNDER_ASAN() ((void)0)
#endif

/* One test for each switch backend. */
#define Both(suite, name)                                                                                                      \
	static void suite##_##name##_body(void);                                                                               \
	Test(suite, name##_asm)                                                                                                \
	{                                                                                                                      \
		gp_config.ucontext = false;                                                                                    \
		suite##_##name##_body();                                                                                       \
	}                                                                                                                      \
	Test(suite, name##_ucontext)                                                                                           \
	{                                                                                                                      \
		gp_config.ucontext = true;                                                                                     \
		suite##_##name##_body();                                                                                       \
	}                                                                                                                      \
	static void suite##_##name##_body(void)

static const struct gp_spawn unit_how = { .stack_size = 128 << 10, .guard_size = 4096 };

static inline struct greenlet *spawn(void *(*fn)(void *), const void *arg)
{
	struct greenlet *g;
	int r = gp_spawn(&g, &unit_how, fn, (void *)arg);

	cr_assert_eq(r, 0, "gp_spawn: %d", r);
	return g;
}

static inline void *join(struct greenlet *g)
{
	void *value = NULL;
	int r = gp_join(g, &value, GP_FOREVER);

	cr_assert_eq(r, 0, "gp_join: %d", r);
	return value;
}

/* main parks, so that the hub runs as well. */
static inline void rest(uint64_t ns)
{
	gp_park(0, "rest", NULL, gp_now() + ns);
}

static inline void settle(void)
{
	for (int i = 0; i < 4; i++)
		gp_yield();
}

/* From now on system call nr fails with err (0: kills), if its argument arg has all bits of value; arg -1: always. */
static inline void refuse(int nr, int arg, uint32_t value, unsigned err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offsetof(struct seccomp_data, args) + 8 * (size_t)(arg < 0 ? 0 : arg))),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, arg < 0 ? 0 : value),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arg < 0 ? 0 : value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, err ? SECCOMP_RET_ERRNO | err : SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0, "seccomp");
}

#endif
