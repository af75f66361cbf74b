/*
 * What a pthread_attr_t may say beside sizes: a mask for signals was ignored, an affinity without a CPU was taken. And two ends: handlers
 * of atexit ran with all signals blocked after main had called pthread_exit; a robust mutex with priority inheritance whose
 * owner had died was never had again.
 */
#include "must.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

static bool blocked(int sig)
{
	sigset_t mask;

	MUST(!pthread_sigmask(SIG_BLOCK, NULL, &mask));
	return sigismember(&mask, sig);
}

static void *has_usr1_blocked(void *arg)
{
	MUST(blocked(SIGUSR1) && !blocked(SIGUSR2));
	return arg;
}

static void run(const pthread_attr_t *attr, void *(*start)(void *))
{
	pthread_t t;

	MUST(!pthread_create(&t, attr, start, NULL) && !pthread_join(t, NULL));
}

static void masks(void)
{
	pthread_attr_t attr;
	sigset_t usr1, all;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	MUST(!pthread_attr_init(&attr) && !pthread_attr_setsigmask_np(&attr, &usr1));
	run(&attr, has_usr1_blocked);
	sigfillset(&all);
	MUST(!pthread_sigmask(SIG_SETMASK, &all, NULL));
	run(&attr, has_usr1_blocked);
	MUST(!pthread_setattr_default_np(&attr));
	run(NULL, has_usr1_blocked);
	MUST(!pthread_attr_destroy(&attr) && !pthread_attr_init(&attr) && !pthread_setattr_default_np(&attr));
	sigemptyset(&all);
	MUST(!pthread_sigmask(SIG_SETMASK, &all, NULL));
}

static int one_cpu;

static void *has_one_cpu(void *inherited)
{
	pthread_attr_t attr;
	cpu_set_t set;
	pthread_t t;

	MUST(!pthread_getaffinity_np(pthread_self(), sizeof(set), &set));
	MUST(CPU_COUNT(&set) == 1 && CPU_ISSET(one_cpu, &set));
	MUST(!pthread_getattr_np(pthread_self(), &attr) && !pthread_attr_getaffinity_np(&attr, sizeof(set), &set));
	MUST(CPU_COUNT(&set) == 1 && CPU_ISSET(one_cpu, &set));
	MUST(!pthread_attr_destroy(&attr));
	if (!inherited)
		MUST(!pthread_create(&t, NULL, has_one_cpu, &attr) && !pthread_join(t, NULL));
	return NULL;
}

static void affinities(void)
{
	pthread_attr_t attr;
	cpu_set_t set;
	pthread_t t;

	MUST(!sched_getaffinity(0, sizeof(set), &set));
	while (!CPU_ISSET(one_cpu, &set))
		one_cpu++;
	CPU_ZERO(&set);
	MUST(!pthread_attr_init(&attr) && !pthread_attr_setaffinity_np(&attr, sizeof(set), &set));
	MUST(pthread_create(&t, &attr, has_one_cpu, NULL) == EINVAL);
	CPU_SET(one_cpu, &set);
	MUST(!pthread_attr_setaffinity_np(&attr, sizeof(set), &set));
	run(&attr, has_one_cpu);
	MUST(!pthread_attr_destroy(&attr));
}

static pthread_mutex_t mutex;

static void *take(void *arg)
{
	MUST(!pthread_mutex_lock(&mutex));
	return arg;
}

static void *inherit(void *arg)
{
	MUST(pthread_mutex_lock(&mutex) == EOWNERDEAD);
	MUST(!pthread_mutex_consistent(&mutex) && !pthread_mutex_unlock(&mutex));
	MUST(!pthread_mutex_lock(&mutex) && !pthread_mutex_unlock(&mutex));
	return arg;
}

static void *give_up(void *arg)
{
	MUST(pthread_mutex_lock(&mutex) == EOWNERDEAD && !pthread_mutex_unlock(&mutex));
	MUST(pthread_mutex_lock(&mutex) == ENOTRECOVERABLE);
	return arg;
}

static void dead_owner(void)
{
	pthread_mutexattr_t attr;

	MUST(!pthread_mutexattr_init(&attr) && !pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	MUST(!pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) && !pthread_mutex_init(&mutex, &attr));
	run(NULL, take);
	run(NULL, inherit);
	run(NULL, take);
	run(NULL, give_up);
}

static volatile sig_atomic_t came;

static void note(int sig)
{
	came = sig;
}

static void look(void)
{
	kill(getpid(), SIGUSR2);
	_exit(came == SIGUSR2 && !blocked(SIGTERM) ? 7 : 1);
}

static void *linger(void *arg)
{
	pause_us(10000);
	return arg;
}

static void after_main(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		pthread_t t;

		signal(SIGUSR2, note);
		atexit(look);
		MUST(!pthread_create(&t, NULL, linger, NULL));
		pthread_exit(NULL);
	}
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

int main(void)
{
	masks();
	affinities();
	dead_owner();
	after_main();
	puts("ok");
	return 0;
}
