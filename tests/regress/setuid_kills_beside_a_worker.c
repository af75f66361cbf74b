/*
 * setuid and its kin, which glibc makes in every thread by a signal of its own: beside a worker of the runtime's, or a helper of libc's, that
 * signal killed the process, since glibc had never installed its handler.
 */
#include "must.h"
#include <dirent.h>
#include <grp.h>
#include <sys/file.h>

static char path[] = "/tmp/setuid_XXXXXX";
static atomic_int ticks;

static void *waits(void *arg)
{
	MUST(!flock(*(int *)arg, LOCK_EX));
	return arg;
}

static void tick(union sigval value)
{
	(void)value;
	ticks++;
}

static bool has(const char *tid, unsigned uid, unsigned gid)
{
	char name[300], text[4096], *u, *g;
	unsigned r[2], s[2];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/self/task/%s/status", tid);
	if ((fd = open(name, O_RDONLY)) < 0)
		return true;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return true; /* it has ended meanwhile */
	text[n] = '\0';
	MUST((u = strstr(text, "\nUid:")) && sscanf(u, "\nUid:\t%u\t%u", &r[0], &s[0]) == 2);
	MUST((g = strstr(text, "\nGid:")) && sscanf(g, "\nGid:\t%u\t%u", &r[1], &s[1]) == 2);
	return r[0] == uid && s[0] == uid && r[1] == gid && s[1] == gid;
}

/* Every thread that the kernel knows has these. One that is about to end is left as it was (glibc: setxid_mark_thread). */
static void all_have(unsigned uid, unsigned gid)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;

	MUST(d);
	while ((e = readdir(d)))
		for (int i = 0; e->d_name[0] != '.' && !has(e->d_name, uid, gid); i++) {
			MUST(i < 1000);
			pause_us(1000);
		}
	closedir(d);
}

static void *changes(void *arg)
{
	bool root = !getuid();
	uid_t uid = root ? 65534 : getuid();
	gid_t gid = root ? 65534 : getgid();

	MUST(!root || !setgroups(0, NULL));
	MUST(!setresgid(gid, gid, gid) && !setuid(uid));
	all_have(uid, gid);
	MUST(!root || (setuid(0) == -1 && errno == EPERM));
	MUST(!seteuid(uid) && !setegid(gid) && !setreuid(uid, uid));
	all_have(uid, gid);
	return arg;
}

static void child(int how)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = tick };
	struct itimerspec every = { { 0, 2000000 }, { 0, 2000000 } };
	int a = open(path, O_RDWR), b = open(path, O_RDWR);
	pthread_t t;
	timer_t id;

	MUST(a >= 0 && b >= 0 && !flock(a, LOCK_EX));
	t = start(waits, &b);
	pause_us(20000); /* a worker waits by now */
	if (how)
		MUST(!timer_create(CLOCK_MONOTONIC, &ev, &id) && !timer_settime(id, 0, &every, NULL));
	pthread_join(start(changes, NULL), NULL);
	for (int then = ticks; how && ticks < then + 3;)
		pause_us(1000);
	MUST(!flock(a, LOCK_UN) && !pthread_join(t, NULL));
	_exit(0);
}

int main(void)
{
	int fd = mkstemp(path), st, bad = 0;

	MUST(fd >= 0);
	for (int how = 0; how < 2; how++) {
		pid_t pid = fork();

		if (!pid)
			child(how);
		MUST(waitpid(pid, &st, 0) == pid);
		if (st)
			printf("%s: %x\n", how ? "beside a timer" : "beside a worker", (unsigned)st);
		bad |= st;
	}
	unlink(path);
	return !!bad;
}
