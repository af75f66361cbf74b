/*
 * A thread asks the kernel by number about itself: set_tid_address tells its id as gettid does, and zeroes and wakes the word when it ends;
 * get_robust_list tells its own list, by 0 and by its id; calls that take an id, kill among them, know it. Main's own words stay main's.
 */
#include "must.h"
#include <linux/futex.h>
#include <linux/kcmp.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static struct { atomic_int before, word, after; } w = { 7, 1, 7 }; /* the words beside it are not its own */
static void *mains, *threads;
static atomic_int done;
static sem_t asked;
static atomic_int caught;

static void hit(int sig)
{
	(void)sig;
	caught++;
}

static void *list_of(long tid)
{
	size_t size = 0;
	void *head = NULL;

	MUST(!syscall(SYS_get_robust_list, tid, &head, &size) && size == 24);
	return head;
}

static void *asks(void *arg)
{
	long tid = syscall(SYS_gettid);
	struct timespec ts;
	struct rlimit limit;

	MUST(syscall(SYS_set_tid_address, &w.word) == tid);
	threads = list_of(0);
	MUST(threads != mains && list_of(tid) == threads && list_of(getpid()) == mains);
	MUST(!syscall(SYS_set_robust_list, threads, 24));
	MUST(syscall(SYS_set_robust_list, threads, 23) == -1 && errno == EINVAL);
	MUST(!syscall(SYS_sched_rr_get_interval, tid, &ts));
	MUST(syscall(SYS_getpgid, tid) == getpgrp() && syscall(SYS_getsid, tid) == getsid(0));
	MUST(!syscall(SYS_prlimit64, tid, RLIMIT_NOFILE, NULL, &limit));
	MUST(!syscall(SYS_kcmp, tid, getpid(), KCMP_VM, 0, 0));
	MUST(getpgid((pid_t)tid) == getpgrp() && getsid((pid_t)tid) == getsid(0) && !prlimit((pid_t)tid, RLIMIT_NOFILE, NULL, &limit));
	MUST(!kill((pid_t)tid, 0) && !kill((pid_t)tid, SIGUSR1) && !sigqueue((pid_t)tid, SIGUSR1, (union sigval){ 0 }));
	MUST(kill(0x7fffffff, 0) == -1 && errno == ESRCH);
	pause_us(20000);
	MUST(caught == 2);
	done = 1;
	return arg;
}

/* The word is on the stack that ends with it. */
static void *asks_on_its_stack(void *arg)
{
	int words[64];

	for (int i = 0; i < 64; i++)
		MUST(syscall(SYS_set_tid_address, &words[i]) == syscall(SYS_gettid));
	sem_post(&asked);
	return arg;
}

int main(void)
{
	struct timespec limit = { 5, 0 };

	mains = list_of(0);
	on(SIGUSR1, hit, SA_RESTART);
	pthread_detach(start(asks, NULL)); /* natively no join would see the end of it */
	while (w.word)
		MUST(!syscall(SYS_futex, &w.word, FUTEX_WAIT, 1, &limit) || errno == EAGAIN || errno == EINTR);
	MUST(done && w.before == 7 && w.after == 7 && list_of(0) == mains);
	sem_init(&asked, 0, 0);
	for (int i = 0; i < 8; i++)
		pthread_detach(start(asks_on_its_stack, NULL));
	for (int i = 0; i < 8; i++)
		MUST(!sem_wait(&asked));
	return 0;
}
