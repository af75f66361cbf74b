#include "tls.h"
#include "real.h"

#include <asm/prctl.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <linux/futex.h>
#include <locale.h>
#include <netdb.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The public head of struct pthread on x86-64 (sysdeps/x86_64/nptl/tls.h, tcbhead_t): fixed by the ABI of compilers. */
enum { TCB_SELF0 = 0, TCB_SELF = 16, TCB_MULTIPLE = 24, TCB_STACK_GUARD = 0x28, TCB_POINTER_GUARD = 0x30, TCB_FEATURE_1 = 0x48 };

#define RSEQ_CPU_FAILED ((uint32_t)-2) /* sched_getcpu() then asks the vDSO; 0 would mean CPU 0 for ever */
#define CANCELSTATE_BIT 0x01u          /* PTHREAD_CANCEL_DISABLE */
#define CANCELED_BIT    0x08u          /* these bits are the same in glibc 2.31 to 2.41 */
#define EXITING_BITS    0x30u          /* it is unwinding already, or dead: cleanup handlers are not cancelled again */
#define KEYS_PER_BLOCK  32u

static struct {
	void *(*allocate)(void *);
	void (*deallocate)(void *, bool);
	void (*ctype_init)(void);
	void (*call_dtors)(void);
	struct { uintptr_t seq; void (*destr)(void *); } *keys;
	size_t sizeof_pd, tid, list, specific, cancel, robust, stackblock;
	size_t specific_used;           /* glibc's flag: a value was set; 0: not found */
	size_t static_size, align;
	ptrdiff_t rseq;                 /* from the TCB; 0: none */
	ptrdiff_t libc_block;           /* libc's own PT_TLS block, from the TCB */
	size_t libc_block_size;
	size_t resp;                    /* in it: libc's pointer to the thread's resolver state; 0: not found */
	size_t futex_offset;            /* of the robust list head's second word */
	void *anchor;                   /* TCB before which ours are linked */
} t;

bool gp_tls_fsgsbase;

#define FIELD(pd, off, type) (*(type *)((char *)(pd) + (off)))

struct level2 { uintptr_t seq; void *data; };

static void *self_pd(void)
{
	return (void *)pthread_self();
}

static int find_libc_block(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	if (!strstr(info->dlpi_name, "/libc.so") || !info->dlpi_tls_data)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			t.libc_block_size = info->dlpi_phdr[i].p_memsz;
	t.libc_block = (char *)info->dlpi_tls_data - (char *)self_pd();
	*(bool *)arg = true;
	return 1;
}

/* The main thread keeps __libc_stack_end in the word after `stackblock` (glibc: __tls_init_tp). */
static bool find_stackblock(void)
{
	void **end = gp_real_lookup("__libc_stack_end");

	for (size_t off = 0x80; end && off + 8 <= t.sizeof_pd; off += 8)
		if (FIELD(self_pd(), off, void *) == *end && !FIELD(self_pd(), off - 8, void *)) {
			t.stackblock = off - 8;
			return true;
		}
	return false;
}

static bool db_offset(const char *name, size_t *offset)
{
	uint32_t *desc = gp_real_lookup(name); /* bits, count, offset */

	if (desc)
		*offset = desc[2];
	return desc != NULL;
}

static bool find_robust(void)
{
	struct gp_robust_head *head = NULL;
	size_t len;

	if (real_syscall(SYS_get_robust_list, 0, &head, &len) || !head)
		return false;
	t.robust = (size_t)((char *)head - (char *)self_pd());
	t.futex_offset = (size_t)head->futex_offset;
	return t.robust < t.sizeof_pd;
}

/* glibc sets a flag behind the pointers to the blocks; found where a test sets it. Most threads never set a value. */
static void find_specific_used(void)
{
	size_t off = t.specific + 1024 / KEYS_PER_BLOCK * sizeof(void *);
	char *flag = (char *)self_pd() + off, before = *flag;
	pthread_key_t key;

	if (off >= t.sizeof_pd || (before & ~1) || pthread_key_create(&key, NULL))
		return;
	*flag = 0;
	if (!pthread_setspecific(key, flag) && *flag == 1)
		t.specific_used = off;
	pthread_setspecific(key, NULL);
	*flag = before;
	pthread_key_delete(key);
}

#define NEED(cond, what)                                                                                                       \
	if (!(cond)) {                                                                                                         \
		*missing = what;                                                                                               \
		return -ENOTSUP;                                                                                               \
	}

int gp_tls_init(const char **missing)
{
	uint32_t *size = gp_real_lookup("_thread_db_sizeof_pthread");
	int (*info)(size_t *, size_t *) = (int (*)(size_t *, size_t *))gp_real_lookup("_dl_get_tls_static_info");
	ptrdiff_t *rseq = gp_real_lookup("__rseq_offset");
	unsigned *rseq_size = gp_real_lookup("__rseq_size");
	bool libc = false;

	NEED(size, "_thread_db_sizeof_pthread");
	t.sizeof_pd = *size;
	NEED(info, "_dl_get_tls_static_info");
	info(&t.static_size, &t.align);
	t.allocate = (void *(*)(void *))gp_real_lookup("_dl_allocate_tls");
	t.deallocate = (void (*)(void *, bool))gp_real_lookup("_dl_deallocate_tls");
	t.ctype_init = (void (*)(void))gp_real_lookup("__ctype_init");
	t.call_dtors = (void (*)(void))gp_real_lookup("__call_tls_dtors");
	t.keys = gp_real_lookup("__pthread_keys");
	NEED(t.allocate && t.deallocate, "_dl_allocate_tls");
	NEED(t.ctype_init && t.call_dtors, "__call_tls_dtors");
	NEED(t.keys, "__pthread_keys");
	NEED(db_offset("_thread_db_pthread_tid", &t.tid), "_thread_db_pthread_tid");
	NEED(db_offset("_thread_db_pthread_list", &t.list), "_thread_db_pthread_list");
	NEED(db_offset("_thread_db_pthread_specific", &t.specific), "_thread_db_pthread_specific");
	NEED(db_offset("_thread_db_pthread_cancelhandling", &t.cancel), "_thread_db_pthread_cancelhandling");
	t.anchor = self_pd();
	NEED(FIELD(t.anchor, t.list, void *), "the thread list of ld.so");
	NEED(FIELD(self_pd(), t.tid, pid_t) == (pid_t)real_syscall(SYS_gettid), "the tid in struct pthread");
	NEED(find_robust(), "the robust list in struct pthread");
	NEED(find_stackblock(), "stackblock in struct pthread");
	dl_iterate_phdr(find_libc_block, &libc);
	NEED(libc, "libc's TLS block");
	/* On the main thread it points at the static _res; a native thread's points into its struct pthread. */
	for (size_t off = 0; off + 8 <= t.libc_block_size; off += 8)
		if (FIELD(self_pd(), t.libc_block + (ptrdiff_t)off, void *) == (void *)&_res)
			t.resp = off + 1;
	NEED(t.resp, "the resolver state of a thread");
	find_specific_used();
	t.rseq = rseq && (!rseq_size || *rseq_size || *rseq) ? *rseq : 0;
	gp_tls_fsgsbase = getauxval(AT_HWCAP2) & 2; /* HWCAP2_FSGSBASE: the kernel allows wrfsbase */
	return 0;
}

size_t gp_tls_size(void)
{
	return t.static_size + 2 * t.align + 64;
}

void *gp_tls_place(void *top, void **stack_top)
{
	size_t align = t.align < 64 ? 64 : t.align;
	uintptr_t pd = ((uintptr_t)top - t.sizeof_pd) & ~(align - 1);

	*stack_top = (void *)((pd - (t.static_size - t.sizeof_pd)) & ~63ul);
	return (void *)pd;
}

static void reset_tcb(void *pd)
{
	struct gp_robust_head *robust = (struct gp_robust_head *)((char *)pd + t.robust);

	FIELD(pd, TCB_SELF0, void *) = pd;
	FIELD(pd, TCB_SELF, void *) = pd;
	FIELD(pd, TCB_MULTIPLE, int) = 1;
	FIELD(pd, TCB_STACK_GUARD, uintptr_t) = FIELD(self_pd(), TCB_STACK_GUARD, uintptr_t);
	FIELD(pd, TCB_POINTER_GUARD, uintptr_t) = FIELD(self_pd(), TCB_POINTER_GUARD, uintptr_t);
	FIELD(pd, TCB_FEATURE_1, unsigned) = 0; /* no shadow stack here, whatever main has */
	FIELD(pd, t.specific, void *) = (char *)pd + t.specific - KEYS_PER_BLOCK * sizeof(struct level2); /* specific_1stblock */
	FIELD(pd, t.cancel, unsigned) = 0;
	FIELD(pd, t.cancel - 8, void *) = NULL;  /* cleanup_jmp_buf */
	FIELD(pd, t.cancel - 16, void *) = NULL; /* cleanup */
	robust->list = robust;
	robust->futex_offset = (long)t.futex_offset;
	robust->pending = NULL;
	FIELD(pd, t.robust - 8, void *) = robust; /* robust_prev */
	if (t.rseq)
		FIELD(pd, t.rseq + 4, uint32_t) = RSEQ_CPU_FAILED;
}

int gp_tls_alloc(void *pd)
{
	if (!t.allocate(pd))
		return -ENOMEM;
	reset_tcb(pd);
	return 0;
}

int gp_tls_renew(void *pd)
{
	char saved[512];
	size_t keep = t.libc_block_size <= sizeof(saved) ? t.libc_block_size : 0;

	/* __libc_thread_freeres is not exported: without this the malloc cache of every dead thread would leak. */
	memcpy(saved, (char *)pd + t.libc_block, keep);
	t.deallocate(pd, false);
	if (!t.allocate(pd))
		return -ENOMEM;
	memcpy((char *)pd + t.libc_block, saved, keep);
	reset_tcb(pd);
	return 0;
}

void gp_tls_free(void *pd)
{
	t.deallocate(pd, false);
}

void gp_tls_identify(void *pd, uint32_t tid, void *stack, size_t size, size_t guard, size_t reported_guard)
{
	FIELD(pd, t.tid, uint32_t) = tid;
	FIELD(pd, t.stackblock, void *) = stack;
	FIELD(pd, t.stackblock + 8, size_t) = size;
	FIELD(pd, t.stackblock + 16, size_t) = guard;
	FIELD(pd, t.stackblock + 24, size_t) = reported_guard;
}

void gp_tls_first(struct __res_state *res)
{
	FIELD(self_pd(), t.libc_block + (ptrdiff_t)t.resp - 1, struct __res_state *) = res;
	t.ctype_init();
	errno = 0;
	h_errno = 0;
}

/* POSIX: at most PTHREAD_DESTRUCTOR_ITERATIONS rounds, each key's value set to NULL before its destructor is called. */
static bool key_round(void *pd)
{
	struct level2 **blocks = &FIELD(pd, t.specific, struct level2 *);
	bool again = false;

	for (unsigned b = 0; b < 1024 / KEYS_PER_BLOCK; b++)
		for (unsigned i = 0; blocks[b] && i < KEYS_PER_BLOCK; i++) {
			struct level2 *v = &blocks[b][i];
			void *data = v->data;

			if (!data)
				continue;
			v->data = NULL;
			if (v->seq == t.keys[b * KEYS_PER_BLOCK + i].seq && t.keys[b * KEYS_PER_BLOCK + i].destr) {
				t.keys[b * KEYS_PER_BLOCK + i].destr(data);
				again = true;
			}
		}
	return again;
}

static void end_keys(void *pd)
{
	struct level2 **blocks = &FIELD(pd, t.specific, struct level2 *);

	if (t.specific_used && !FIELD(pd, t.specific_used, bool))
		return;
	for (int round = 0; round < 4 && key_round(pd); round++)
		;
	memset(blocks[0], 0, KEYS_PER_BLOCK * sizeof(struct level2));
	for (unsigned b = 1; b < 1024 / KEYS_PER_BLOCK; b++) {
		free(blocks[b]);
		blocks[b] = NULL;
	}
	if (t.specific_used)
		FIELD(pd, t.specific_used, bool) = false;
}

void gp_tls_last(void)
{
	t.call_dtors();
	end_keys(self_pd());
	if (_res.options & RES_INIT) { /* __libc_thread_freeres would */
		res_nclose(&_res);
		memset(&_res, 0, sizeof(_res)); /* for the next thread on this TCB */
	}
	uselocale(LC_GLOBAL_LOCALE);
}

static bool due(void *pd)
{
	return (FIELD(pd, t.cancel, unsigned) & (CANCELSTATE_BIT | CANCELED_BIT | EXITING_BITS)) == CANCELED_BIT;
}

bool gp_tls_set_cancelled(void *pd)
{
	__atomic_fetch_or(&FIELD(pd, t.cancel, unsigned), CANCELED_BIT, __ATOMIC_SEQ_CST);
	return due(pd);
}

bool gp_tls_cancel_due(void)
{
	return due(self_pd());
}

void *gp_tls_robust_head(void *pd, size_t *size)
{
	*size = sizeof(struct gp_robust_head);
	return (char *)pd + t.robust;
}

void gp_tls_rename(void *pd, uint32_t tid)
{
	FIELD(pd, t.tid, uint32_t) = tid;
}

/* The kernel does this for a thread that dies (kernel/futex: exit_robust_list); it knows only the main thread's list. */
void gp_tls_robust_exit(void *pd, void (*wake)(void *))
{
	struct gp_robust_head *head = (struct gp_robust_head *)((char *)pd + t.robust);
	uint32_t tid = FIELD(pd, t.tid, uint32_t);
	int limit = 2048;

	for (void **node = head->list, **next; (void *)node != (void *)head && limit--; node = next) {
		uint32_t *futex = (uint32_t *)(((uintptr_t)node & ~1ul) + (size_t)head->futex_offset);

		next = *(void ***)((uintptr_t)node & ~1ul);
		if ((*futex & FUTEX_TID_MASK) == tid) {
			__atomic_store_n(futex, (*futex & FUTEX_WAITERS) | FUTEX_OWNER_DIED, __ATOMIC_SEQ_CST);
			wake(futex);
		}
	}
	head->list = head;
	FIELD(pd, t.robust - 8, void *) = head;
}

/*
 * ld.so's list is guarded by a lock that is not exported, and glibc takes offload workers off it from their own kernel threads.
 * We therefore touch only pointers between TCBs that never leave it: every TCB of ours goes right before the anchor (the main
 * thread's), and the first of them, the hub's, stays there for good; glibc itself inserts at the head. The order of the
 * stores keeps a forward walk whole.
 */
void gp_tls_link(void *pd)
{
	struct gp_list *n = &FIELD(pd, t.list, struct gp_list);
	struct gp_list *at = &FIELD(t.anchor, t.list, struct gp_list);

	if (n->next)
		return; /* a recycled TCB never left */
	n->next = at;
	n->prev = at->prev;
	__atomic_store_n(&at->prev->next, n, __ATOMIC_RELEASE);
	at->prev = n;
}

void gp_tls_unlink(void *pd)
{
	struct gp_list *n = &FIELD(pd, t.list, struct gp_list);

	if (n->next) {
		n->prev->next = n->next;
		n->next->prev = n->prev;
	}
	n->next = n->prev = NULL;
}

void *gp_tls_carrier(void)
{
	return t.anchor;
}

void gp_tls_left(void *pd)
{
	FIELD(pd, t.list, struct gp_list) = (struct gp_list){ NULL, NULL };
}

void gp_tls_forked(void)
{
	t.anchor = self_pd(); /* glibc left the caller alone in the list */
}

void gp_tls_use(void *pd)
{
	if (gp_tls_fsgsbase)
		__asm__ volatile("wrfsbase %0" ::"r"(pd) : "memory");
	else
		real_syscall(SYS_arch_prctl, ARCH_SET_FS, pd);
}
