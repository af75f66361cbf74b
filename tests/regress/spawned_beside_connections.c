/*
 * posix_spawn with all that its attributes and file actions can ask, hundreds of times beside fifty connections: the children have what was
 * asked for, and nothing of their parent's is disturbed.
 */
#include "echoes.h"
#include <spawn.h>
#include <sys/stat.h>

#ifndef CHILDREN
#define CHILDREN 200
#endif

extern char **environ;
static atomic_bool over;
static atomic_ulong talks;
static char self[4096];

static void *talks_on(void *arg)
{
	for (unsigned char c = 0; !over; c++) {
		char back[ECHOES];

		for (int i = 0; i < ECHOES; i++)
			MUST(write(fds[i][1], &c, 1) == 1);
		for (int i = 0; i < ECHOES; i++)
			MUST(read(fds[i][1], &back[i], 1) == 1 && back[i] == (char)c);
		talks++;
	}
	return arg;
}

/* As the child: 3..7 are /dev/null, 9 and on are closed, the group is its own, SIGUSR1 blocked, SIGUSR2 not, SIGTERM not ignored. */
static int looks(void)
{
	struct sigaction act;
	struct stat a, b;
	sigset_t mask;

	if (stat("/dev/null", &a))
		return 10;
	for (int fd = 3; fd < 8; fd++)
		if (fstat(fd, &b) || a.st_rdev != b.st_rdev)
			return 11;
	for (int fd = 9; fd < 1100; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			return 12;
	if (getpgid(0) != getpid() || sigprocmask(SIG_BLOCK, NULL, &mask) || !sigismember(&mask, SIGUSR1) || sigismember(&mask, SIGUSR2))
		return 13;
	return sigaction(SIGTERM, NULL, &act) || act.sa_handler != SIG_DFL ? 14 : 5;
}

static void *spawns(void *arg)
{
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	char *argv[] = { self, "looks", NULL }, *wrong[] = { "/nowhere/at/all", NULL };
	sigset_t set;
	pid_t pid;
	int st;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	posix_spawnattr_setsigmask(&attr, &set);
	sigaddset(&set, SIGTERM);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawn_file_actions_init(&acts);
	for (int fd = 3; fd < 8; fd++)
		posix_spawn_file_actions_addopen(&acts, fd, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&acts, 2, 8);
	posix_spawn_file_actions_addclosefrom_np(&acts, 9);
	for (int i = 0; i < CHILDREN / 2; i++) {
		MUST(!posix_spawn(&pid, self, &acts, &attr, argv, environ));
		MUST(waitpid(pid, &st, 0) == pid);
		if (st != 5 << 8)
			printf("child: %x\n", (unsigned)st);
		MUST(st == 5 << 8);
		if (i % 10 == 0)
			MUST(posix_spawn(&pid, wrong[0], NULL, NULL, wrong, environ) == ENOENT);
	}
	posix_spawn_file_actions_destroy(&acts);
	posix_spawnattr_destroy(&attr);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t, one, two;
	unsigned long then;
	sigset_t set;

	(void)argv;
	if (argc > 1)
		return looks();
	MUST(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	signal(SIGTERM, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	MUST(!pthread_sigmask(SIG_BLOCK, &set, NULL));
	start_echoes();
	t = start(talks_on, NULL);
	one = start(spawns, NULL);
	two = start(spawns, NULL);
	MUST(!pthread_join(one, NULL) && !pthread_join(two, NULL));
	then = talks;
	while (talks < then + 3)
		pause_us(500);
	over = true;
	MUST(!pthread_join(t, NULL));
	end_echoes();
	return 0;
}
