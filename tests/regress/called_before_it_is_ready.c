/*
 * Another object of the process calls what we interpose from its constructor, which may run before ours, and from its malloc: while the
 * loader relocates us, while we look our originals up, inside of all we do. It is named before us in LD_PRELOAD, and after.
 */
#include "must.h"
#include <dlfcn.h>
#include <netdb.h>

static atomic_int served;
static int fds[2];

static void *echo(void *arg)
{
	char c;

	while (read(fds[0], &c, 1) == 1) {
		char *volatile block = malloc(1000);

		memset(block, c, 1000);
		free(block);
		served++;
	}
	return arg;
}

static int works(void)
{
	int *calls = dlsym(RTLD_DEFAULT, "early_calls");
	struct addrinfo *found;
	pthread_t t[8];
	FILE *f;

	MUST(calls && *calls);
	MUST(!pipe(fds));
	for (int i = 0; i < 8; i++)
		t[i] = start(echo, NULL);
	for (int i = 0; i < 200; i++)
		MUST(write(fds[1], "x", 1) == 1);
	MUST(!getaddrinfo("127.0.0.1", "80", NULL, &found));
	freeaddrinfo(found);
	MUST((f = popen("exit 3", "r")) && WEXITSTATUS(pclose(f)) == 3);
	MUST(dlopen("libm.so.6", RTLD_NOW));
	pause_us(1000);
	close(fds[1]);
	for (int i = 0; i < 8; i++)
		MUST(!pthread_join(t[i], NULL));
	MUST(served == 200 && *calls > 200);
	return 0;
}

int main(int argc, char **argv)
{
	const char *preload = getenv("LD_PRELOAD");
	char self[4096] = "", early[4200], both[9000];
	int st;

	if (argc > 1)
		return works();
	MUST(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0'; /* build/regress */
	*strrchr(self, '/') = '\0';
	snprintf(early, sizeof(early), "%s/lib/early.so", self);
	MUST(!access(early, R_OK));
	for (int after = 0; after < 2; after++) {
		pid_t pid = fork();

		if (!pid) {
			snprintf(both, sizeof(both), "%s:%s", after && preload ? preload : early, after || !preload ? early : preload);
			setenv("LD_PRELOAD", both, 1);
			alarm(20);
			execl("/proc/self/exe", argv[0], "works", (char *)NULL);
			_exit(99);
		}
		MUST(waitpid(pid, &st, 0) == pid);
		if (st) {
			printf("%s us: %x\n", after ? "after" : "before", (unsigned)st);
			return 1;
		}
	}
	return 0;
}
