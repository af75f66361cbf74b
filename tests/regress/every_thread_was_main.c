/*
 * Every thread was told the process id by gettid, as main is: programs that know themselves or their locks by it took all threads for one.
 * What a thread asked of the kernel for itself by that id (a name, nice, CPUs, a policy) was done to all of them, and to what ps shows.
 */
#include "must.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define N 3

static pid_t ids[N];
static volatile sig_atomic_t hit[N], fired;
static pthread_barrier_t all_known, all_done;
static __thread int me = -1;

static void on_signal(int sig)
{
	fired += sig == SIGUSR2;
	if (sig == SIGUSR1 && me >= 0)
		hit[me]++;
}

static void process_name(char *name)
{
	int fd = open("/proc/self/comm", O_RDONLY);

	MUST(fd >= 0 && read(fd, name, 16) > 0 && !close(fd));
}

static void wishes(void)
{
	struct sched_param zero = { 0 };
	char name[16], before[16], after[16];
	cpu_set_t one, got;
	pid_t child;
	int status;

	process_name(before);
	MUST(!prctl(PR_SET_NAME, "a rather long name") && !prctl(PR_GET_NAME, name) && !strcmp(name, "a rather long n"));
	MUST(!pthread_getname_np(pthread_self(), name, sizeof(name)) && !strcmp(name, "a rather long n"));
	MUST(prctl(PR_SET_NAME, (char *)16) == -1 && errno == EFAULT);
	process_name(after);
	MUST(!memcmp(before, after, 15));

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	MUST(!sched_setaffinity(gettid(), sizeof(one), &one) && !sched_getaffinity(0, sizeof(got), &got) && CPU_EQUAL(&one, &got));
	MUST(!pthread_getaffinity_np(pthread_self(), sizeof(got), &got) && CPU_EQUAL(&one, &got));
	CPU_ZERO(&got);
	MUST(syscall(SYS_sched_getaffinity, gettid(), sizeof(got), &got) > 0 && CPU_EQUAL(&one, &got));
	CPU_ZERO(&one);
	MUST(sched_setaffinity(0, sizeof(one), &one) == -1 && errno == EINVAL);
	MUST(!sched_setscheduler(0, SCHED_BATCH, &zero) && sched_getscheduler(gettid()) == SCHED_BATCH);
	MUST(sched_setscheduler(0, SCHED_BATCH, NULL) == -1 && errno == EINVAL);
	MUST(!setpriority(PRIO_PROCESS, (id_t)gettid(), 7) && getpriority(PRIO_PROCESS, 0) == 7);
	errno = 0;
	MUST(nice(2) == 9 && syscall(SYS_getpriority, PRIO_PROCESS, gettid()) == 11);

	MUST((child = fork()) >= 0);
	if (!child) { /* by then they are the kernel's, so that what is executed has them */
		MUST(gettid() == getpid() && syscall(SYS_gettid) == getpid());
		MUST(getpriority(PRIO_PROCESS, 0) == 9 && sched_getscheduler(0) == SCHED_BATCH);
		MUST(!sched_getaffinity(0, sizeof(got), &got) && CPU_COUNT(&got) == 1);
		MUST(!prctl(PR_SET_NAME, "child"));
		process_name(name);
		MUST(!memcmp(name, "child\n", 6));
		_exit(7);
	}
	MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void *thread(void *arg)
{
	cpu_set_t all;

	me = (int)(intptr_t)arg;
	ids[me] = gettid();
	MUST(ids[me] != getpid() && syscall(SYS_gettid) == ids[me]);
	pthread_barrier_wait(&all_known);
	if (me == 0) {
		for (int i = 0; i < N; i++)
			for (int k = 0; k < i; k++)
				MUST(ids[i] != ids[k]);
		MUST(!tgkill(getpid(), ids[1], SIGUSR1) && !syscall(SYS_tgkill, getpid(), ids[2], SIGUSR1) && !syscall(SYS_tkill, ids[0], SIGUSR1));
		MUST(hit[0] == 1);
		wishes();
	}
	pthread_barrier_wait(&all_done);
	MUST(hit[me] == 1 && gettid() == ids[me]);
	MUST(getpriority(PRIO_PROCESS, 0) == (me ? 0 : 9));
	MUST(sched_getscheduler(0) == (me ? SCHED_OTHER : SCHED_BATCH));
	MUST(!sched_getaffinity(0, sizeof(all), &all) && (me ? CPU_COUNT(&all) > 1 : CPU_COUNT(&all) == 1));
	return NULL;
}

static void *timed(void *arg)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };
	struct itimerspec soon = { .it_value = { 0, 1000000 } };
	struct f_owner_ex owner = { F_OWNER_TID, gettid() };
	int fds[2];
	timer_t t;

	ev._sigev_un._tid = gettid();
	MUST(!timer_create(CLOCK_MONOTONIC, &ev, &t) && !timer_settime(t, 0, &soon, NULL));
	for (int i = 0; i < 1000 && !fired; i++)
		pause_us(1000);
	MUST(fired == 1 && !timer_delete(t));
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds) && !fcntl(fds[0], F_SETOWN_EX, &owner) && !close(fds[0]) && !close(fds[1]));
	return arg;
}

int main(void)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	pthread_t t[N];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) /* one thread's CPUs could not differ from another's */
		return 0;
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR2, &act, NULL);
	pthread_barrier_init(&all_known, NULL, N);
	pthread_barrier_init(&all_done, NULL, N);
	for (int i = 0; i < N; i++)
		MUST(!pthread_create(&t[i], NULL, thread, (void *)(intptr_t)i));
	for (int i = 0; i < N; i++)
		MUST(!pthread_join(t[i], NULL));
	MUST(gettid() == getpid() && getpriority(PRIO_PROCESS, 0) == 0 && sched_getscheduler(0) == SCHED_OTHER);
	MUST(tgkill(getpid(), ids[1], 0) == -1 && errno == ESRCH);
	MUST(!pthread_create(&t[0], NULL, timed, NULL) && !pthread_join(t[0], NULL));
	return 0;
}
