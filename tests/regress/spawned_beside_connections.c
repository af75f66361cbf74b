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

/* The rest of what there is: a session and scheduler of its own, other ids, directories, descriptors that stay and go. */
static int looks_again(void)
{
	char cwd[64];

	if (getsid(0) != getpid() || sched_getscheduler(0) != SCHED_OTHER || !getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/dev"))
		return 20;
	if (fcntl(5, F_GETFD) != -1 || fcntl(6, F_GETFD) || fcntl(7, F_GETFD) || geteuid() != getuid())
		return 21;
	return 6;
}

static void spawn_again(void)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), kept = fcntl(2, F_DUPFD_CLOEXEC, 200), st;
	char *argv[] = { self, "looks", "again", NULL };
	struct sched_param param = { 0 };
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	pid_t pid;

	MUST(root >= 0 && kept >= 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_RESETIDS | POSIX_SPAWN_SETSCHEDULER | POSIX_SPAWN_SETSCHEDPARAM |
						POSIX_SPAWN_USEVFORK);
	posix_spawnattr_setschedpolicy(&attr, SCHED_OTHER);
	posix_spawnattr_setschedparam(&attr, &param);
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_adddup2(&acts, kept, 5);
	posix_spawn_file_actions_adddup2(&acts, kept, 6);
	posix_spawn_file_actions_addclose(&acts, 5);
	posix_spawn_file_actions_addfchdir_np(&acts, root);
	posix_spawn_file_actions_addopen(&acts, 7, "dev/null", O_RDWR, 0);
	posix_spawn_file_actions_addchdir_np(&acts, "dev");
	MUST(!posix_spawnp(&pid, self, &acts, &attr, argv, environ) && waitpid(pid, &st, 0) == pid);
	if (st != 6 << 8)
		dprintf(2, "child: %x\n", (unsigned)st);
	MUST(st == 6 << 8);
	posix_spawn_file_actions_destroy(&acts);
	posix_spawnattr_destroy(&attr);
	close(root);
	close(kept);
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
			dprintf(2, "child: %x\n", (unsigned)st);
		MUST(st == 5 << 8);
		if (i % 10 == 5)
			spawn_again();
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
		return argc > 2 ? looks_again() : looks();
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
