/*
 * libc_zoo - libc waits by itself: system, popen and pclose, constructors that sleep in dlopen, syslog into a full socket, a lock
 * of libc that a native kernel thread holds.
 * modes: native async
 * libc: symbols
 */
#include "ticker.h"
#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>

static void *in_system(void *arg)
{
	return (void *)(intptr_t)system(arg);
}

static void *in_popen(void *arg)
{
	char line[32] = "";
	FILE *f = popen(arg, "r");

	CHECK(f != NULL);
	CHECK(fgets(line, sizeof(line), f) != NULL);
	CHECK_EQ(strcmp(line, "hello\n"), 0);
	return (void *)(intptr_t)pclose(f);
}

static void children(void)
{
	uint64_t start = now_ns();
	pthread_t t[6];

	for (int i = 0; i < 3; i++) {
		t[i] = spawn(in_system, "sleep 0.3; exit 3");
		t[3 + i] = spawn(in_popen, "sleep 0.3; echo hello; exit 4");
	}
	for (int i = 0; i < 6; i++) {
		int status = (int)(intptr_t)join(t[i]);

		CHECK(WIFEXITED(status));
		CHECK_EQ(WEXITSTATUS(status), i < 3 ? 3 : 4);
	}
	CHECK(now_ns() - start < 1500000000); /* 1.8 s one after the other */
}

/* fclose reaps the child, too; and a child that reads until the end of its input must have it. */
static void *in_fclose(void *arg)
{
	int (*end)(FILE *) = arg;
	FILE *f = popen("cat >/dev/null; sleep 0.2; exit 5", "we"); /* e: or the other shell has the pipe, too */

	CHECK(f != NULL);
	fputs("some", f);
	return (void *)(intptr_t)end(f);
}

static void *cancelled_system(void *arg)
{
	system("sleep 100");
	return arg;
}

static void ends_of_children(void)
{
	pthread_t t = spawn(in_fclose, (void *)fclose), s = spawn(cancelled_system, NULL);
	int status = (int)(intptr_t)join(t);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	CHECK_EQ(pthread_cancel(s), 0);
	CHECK(join(s) == PTHREAD_CANCELED);
	CHECK_EQ(waitpid(-1, NULL, 0), -1); /* killed and reaped */
	CHECK_EQ(errno, ECHILD);
	CHECK(WIFSIGNALED(system("kill -9 $$")));
	CHECK_EQ(WEXITSTATUS(system("exit 7")), 7);
	CHECK(system(NULL));
}

static void *load(void *name)
{
	char path[400];
	ssize_t n = readlink("/proc/self/exe", path, 300);

	CHECK(n > 0);
	path[n] = '\0';
	strcpy(strrchr(path, '/'), "/../lib/");
	strcat(path, name);
	return dlopen(path, RTLD_NOW);
}

static void constructors(void)
{
	pthread_t a = spawn(load, "slow_load.so"), b = spawn(load, "slow_load_too.so");

	CHECK(join(a) && join(b));
}

enum { ENTRIES = 400 };

static void *log_much(void *arg)
{
	for (int i = 0; i < ENTRIES; i++)
		syslog(LOG_INFO, "%s %d: %m", (char *)arg, i);
	return NULL;
}

static int log_socket;

static void *drain_log(void *arg)
{
	char entry[200];
	long seen = 0;

	usleep(20000); /* it is full by then */
	for (; seen < 2 * ENTRIES; seen++) {
		ssize_t n = read(log_socket, entry, sizeof(entry) - 1);

		CHECK(n > 0);
		entry[n] = '\0';
		CHECK(strstr(entry, "zoo[") && strstr(entry, "Permission denied"));
		if (seen % 50 == 0)
			usleep(1000);
	}
	return arg;
}

/* Needs a /dev of its own. */
static int make_log(void)
{
	struct sockaddr_un name = { AF_UNIX, "/dev/log" };

	if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "/dev", "tmpfs", 0, NULL))
		return -1;
	log_socket = socket(AF_UNIX, SOCK_DGRAM, 0);
	return bind(log_socket, (struct sockaddr *)&name, sizeof(name));
}

static void *log_with_errno(void *arg)
{
	errno = EACCES;
	return log_much(arg);
}

static void full_log(void)
{
	pthread_t a, b, reader;

	openlog("zoo", LOG_PID | LOG_NDELAY, LOG_USER);
	reader = spawn(drain_log, NULL);
	a = spawn(log_with_errno, "a");
	b = spawn(log_with_errno, "b");
	join(a);
	join(b);
	join(reader);
	closelog();
}

static volatile int held;

/* Not a symbol's pthread_create: a kernel thread under the shim, too. */
static void *hold_stderr(void *arg)
{
	flockfile(stderr);
	held = 1;
	for (uint64_t end = now_ns() + 50000000; now_ns() < end;)
		sched_yield();
	funlockfile(stderr);
	return arg;
}

static void *wants(void *arg)
{
	flockfile(stderr);
	funlockfile(stderr);
	return arg;
}

static void foreign_lock(void)
{
	typeof(pthread_create) *native = (typeof(pthread_create) *)dlsym(dlopen("libc.so.6", RTLD_NOW), "pthread_create");
	pthread_t t[2], foreign;

	CHECK(native != NULL);
	CHECK_EQ(native(&foreign, NULL, hold_stderr, NULL), 0);
	while (!held)
		usleep(1000);
	t[0] = spawn(wants, NULL);
	t[1] = spawn(wants, NULL);
	join(t[0]);
	join(t[1]);
	join(foreign);
}

int main(void)
{
	int log = make_log();
	pthread_t t = spawn(ticker, NULL);

	children();
	ends_of_children();
	constructors();
	if (!log)
		full_log();
	foreign_lock();
	stop = 1;
	join(t);
	CHECK(largest_gap < 200000000);
	puts("libc_zoo: children, constructors, log, a native thread's lock");
	return 0;
}
