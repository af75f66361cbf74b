/*
 * Every form of exec, from a thread, with four environments: the new program gets exactly the environment that was given, without an
 * entry more or less, and its arguments; the preload is gone where the program says so.
 */
#include "must.h"
#include <spawn.h>
#include <sys/syscall.h>

extern char **environ;
static char self[4096], *argv_of[] = { self, "told", "x y", NULL };

/* As the new program: what it was given, in as many bytes as its status has. */
static int digest(char **argv)
{
	unsigned sum = 0;

	for (char **p = argv; *p; p++)
		sum = sum * 31 + (unsigned)strlen(*p);
	for (char **p = environ; p && *p; p++)
		for (char *c = *p; *c; c++)
			sum = sum * 31 + (unsigned char)*c;
	return (int)(sum % 251);
}

static void become(int form, char **env)
{
	int fd = open(self, O_RDONLY | O_CLOEXEC);

	if (form < 6)
		environ = env;
	switch (form) {
	case 0: execv(self, argv_of); break;
	case 1: execvp(self, argv_of); break;
	case 2: execl(self, self, "told", "x y", (char *)NULL); break;
	case 3: execlp(self, self, "told", "x y", (char *)NULL); break;
	case 4: syscall(SYS_execve, self, argv_of, env); break;
	case 5: syscall(SYS_execveat, fd, "", argv_of, env, AT_EMPTY_PATH); break;
	case 6: execve(self, argv_of, env); break;
	case 7: execvpe(self, argv_of, env); break;
	case 8: execle(self, self, "told", "x y", (char *)NULL, env); break;
	case 9: fexecve(fd, argv_of, env); break;
	case 10: execveat(AT_FDCWD, self, argv_of, env, 0); break;
	}
	_exit(252);
}

static int started(int form, char **env)
{
	pid_t pid;
	int st;

	if (form == 11) {
		MUST(!posix_spawn(&pid, self, NULL, NULL, argv_of, env));
	} else if (!(pid = form % 2 ? fork() : vfork())) {
		if (form % 2)
			become(form, env);
		switch (form) { /* no frame is left before the exec */
		case 0: execve(self, argv_of, env); break;
		case 2: execle(self, self, "told", "x y", (char *)NULL, env); break;
		case 4: syscall(SYS_execve, self, argv_of, env); break;
		case 6: execve(self, argv_of, env); break;
		case 8: execvpe(self, argv_of, env); break;
		case 10: execveat(AT_FDCWD, self, argv_of, env, 0); break;
		}
		_exit(252);
	}
	MUST(waitpid(pid, &st, 0) == pid && WIFEXITED(st));
	return WEXITSTATUS(st);
}

static int forked(int form, char **env)
{
	pid_t pid = fork();
	int st;

	if (!pid)
		become(form, env);
	MUST(waitpid(pid, &st, 0) == pid && WIFEXITED(st));
	return WEXITSTATUS(st);
}

static void *all(void *arg)
{
	char *few[] = { "A=1", "EMPTY=", NULL }, *nothing[] = { NULL }, **envs[] = { environ, few, nothing, NULL };

	for (int i = 0; i < 4; i++) {
		char **mine = environ;
		int want;

		environ = envs[i];
		want = digest(argv_of);
		environ = mine;
		for (int form = 0; form < 12; form++) {
			int got;

			if (form == 9 && !envs[i]) /* glibc refuses that one: EINVAL */
				continue;
			got = started(form, envs[i]);

			if (form < 11 && got == want)
				got = forked(form, envs[i]);
			if (got != want) {
				dprintf(2, "form %d, environment %d: %d, not %d\n", form, i, got, want);
				_exit(1);
			}
		}
	}
	return arg;
}

static void *sleeper(void *arg)
{
	for (;;)
		pause_us(500);
	return arg;
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return digest(argv);
	MUST(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	all(NULL);
	start(sleeper, NULL);
	MUST(!pthread_join(start(all, NULL), NULL));
	return 0;
}
