#include "robust.h"
#include "park.h"
#include "real.h"
#include "sched.h"
#include "thread.h"
#include "tls.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>

static struct held { pthread_mutex_t *m; struct greenlet *g; } held[256]; /* more than these: their own tid, and nobody hears */
static unsigned held_n;

/* As in struct pthread: glibc goes from entry to entry by the addresses of `next`, the word before it leads back. */
static struct { void *prev; struct gp_robust_head head; } ours;
static bool known; /* to the kernel */

static bool robust(const pthread_mutex_t *m)
{
	return m->__data.__kind & GP_MUTEX_ROBUST;
}

static void **node_of(pthread_mutex_t *m)
{
	return (void **)&m->__data.__list.__next;
}

/* Bit 0 of a pointer says that its target is one with priority inheritance. */
static void **plain(void *p)
{
	return (void **)((uintptr_t)p & ~1ul);
}

static void *take_out(void **node)
{
	void *entry = plain(node[-1])[0];

	plain(node[0])[-1] = node[-1];
	plain(node[-1])[0] = node[0];
	return entry;
}

static void put_in(void *entry)
{
	void **node = plain(entry), **head = &ours.head.list;

	plain(*head)[-1] = node;
	node[0] = *head;
	node[-1] = head;
	__atomic_store_n(head, entry, __ATOMIC_RELEASE);
}

static bool owned(const pthread_mutex_t *m)
{
	return ((uint32_t)m->__data.__lock & FUTEX_TID_MASK) == (uint32_t)gp_pid;
}

static struct held *find(pthread_mutex_t *m)
{
	for (struct held *h = held; h < held + held_n; h++)
		if (h->m == m) {
			if (owned(m))
				return h;
			*h = held[--held_n]; /* made anew, without having been unlocked */
			break;
		}
	return NULL;
}

/* What main took before is in the list of its TCB, which the kernel knew until now. */
static void bring(struct gp_robust_head *old)
{
	struct greenlet *g = gp_greenlet_by_tid(gp_pid);
	void *next;

	for (void *e = old->list; plain(e) != (void **)old && g && held_n < 256; e = next) {
		pthread_mutex_t *m = (pthread_mutex_t *)((char *)plain(e) - offsetof(pthread_mutex_t, __data.__list.__next));

		next = plain(e)[0];
		if (!gp_mutex_left_to_others(m) || !owned(m))
			continue;
		put_in(take_out(plain(e)));
		held[held_n++] = (struct held){ m, g };
	}
}

static bool introduce(void)
{
	struct gp_robust_head *old = NULL;
	size_t len;

	if (known)
		return true;
	if (real_syscall(SYS_get_robust_list, 0, &old, &len) || !old)
		return false;
	ours.head = (struct gp_robust_head){ &ours.head, old->futex_offset, NULL };
	ours.prev = &ours.head;
	if (real_syscall(SYS_set_robust_list, &ours.head, sizeof(ours.head)))
		return false;
	bring(old);
	return known = true;
}

static void *entry_of(pthread_mutex_t *m)
{
	return (void *)((uintptr_t)node_of(m) | !!(m->__data.__kind & GP_MUTEX_PI));
}

/* glibc's own work in the name of the kernel's thread. Should the process end in between, the kernel looks at the one pending, too. */
static int in_its_name(int (*fn)(pthread_mutex_t *), pthread_mutex_t *m)
{
	int r;

	__atomic_store_n(&ours.head.pending, robust(m) ? entry_of(m) : NULL, __ATOMIC_SEQ_CST);
	gp_tls_rename(gp_self->pd, (uint32_t)gp_pid);
	r = fn(m);
	gp_tls_rename(gp_self->pd, gp_self->tid);
	return r;
}

int gp_robust_trylock(pthread_mutex_t *m)
{
	struct held *h;
	int r;

	gp_enter();
	h = introduce() ? find(m) : NULL;
	if (h ? h->g != gp_self : !robust(m) && owned(m) && gp_self->tid != (uint32_t)gp_pid) { /* or main took it while it was alone */
		r = EBUSY;
	} else if (!known || (!h && held_n == 256)) {
		r = real_pthread_mutex_trylock(m);
	} else {
		r = in_its_name(real_pthread_mutex_trylock, m);
		if (!h && (!r || r == EOWNERDEAD)) {
			if (robust(m))
				put_in(take_out(node_of(m)));
			held[held_n++] = (struct held){ m, gp_self };
			if (!r)
				m->__data.__owner = (int)gp_self->tid; /* the word is the kernel's, this is ours */
		}
		if (!h && r == ENOTRECOVERABLE && owned(m)) /* see gp_mutex_try */
			__atomic_store_n(&m->__data.__lock, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&ours.head.pending, NULL, __ATOMIC_SEQ_CST);
	}
	gp_leave();
	return r;
}

int gp_robust_unlock(pthread_mutex_t *m)
{
	bool nested = (m->__data.__kind & 3) == PTHREAD_MUTEX_RECURSIVE_NP && m->__data.__count > 1;
	struct held *h;
	int r;

	gp_enter();
	h = known ? find(m) : NULL;
	if (h && h->g != gp_self) {
		r = EPERM;
	} else if (!h) {
		r = real_pthread_mutex_unlock(m);
	} else {
		if (m->__data.__owner == (int)gp_self->tid)
			m->__data.__owner = gp_pid;
		r = in_its_name(real_pthread_mutex_unlock, m);
		if (nested)
			m->__data.__owner = (int)gp_self->tid;
		if (!r && !nested)
			*h = held[--held_n];
		__atomic_store_n(&ours.head.pending, NULL, __ATOMIC_SEQ_CST);
	}
	gp_leave();
	return r;
}

void gp_robust_gone(struct greenlet *g)
{
	for (unsigned i = held_n; i--;) {
		pthread_mutex_t *m = held[i].m;
		uint32_t *word = (uint32_t *)&m->__data.__lock, was;

		if (held[i].g != g || !robust(m)) /* else it stays locked, as natively */
			continue;
		held[i] = held[--held_n];
		if (!owned(m))
			continue;
		take_out(node_of(m));
		was = __atomic_load_n(word, __ATOMIC_SEQ_CST);
		while (!__atomic_compare_exchange_n(word, &was, (was & FUTEX_WAITERS) | FUTEX_OWNER_DIED, false, __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST))
			;
		if (was & FUTEX_WAITERS)
			real_syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
		gp_lot_wake(m, 1);
	}
}

void gp_robust_forget(void)
{
	held_n = 0;
	known = false; /* glibc has told the kernel of the caller's own list */
}
