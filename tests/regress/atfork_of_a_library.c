/*
 * A library that is loaded and unloaded while threads run registers handlers of fork: they run in order, with malloc, stdio and locks in them,
 * in the child too; after dlclose they are gone. Threads allocate, print and take the same lock meanwhile.
 */
#include "must.h"
#include <dlfcn.h>

static char order[4096];
static atomic_bool over;
static atomic_ulong rounds;
static void (*use)(void);
static FILE *sink;
static pthread_rwlock_t in_use = PTHREAD_RWLOCK_INITIALIZER;

static void tell(const char *what)
{
	strcat(order, what);
}

static void before(void) { tell("main:prepare "); }
static void parent(void) { tell("main:parent "); }
static void child(void) { tell("main:child "); }

static void *busy(void *arg)
{
	while (!over) {
		char *p = malloc(50 + rounds % 5000);

		fprintf(sink, "%p\n", p);
		pthread_rwlock_rdlock(&in_use);
		if (use)
			use();
		pthread_rwlock_unlock(&in_use);
		free(p);
		rounds++;
		if (rounds % 16 == 0)
			pause_us(100);
	}
	return arg;
}

static void *small(void *arg)
{
	free(malloc(10000));
	return arg;
}

/* In the child: malloc, stdio, the library's lock and threads. */
static void lives(const char *wanted)
{
	char *p = malloc(100000);
	FILE *f = tmpfile();

	if (strcmp(order, wanted)) {
		dprintf(2, "child: \"%s\", not \"%s\"\n", order, wanted);
		_exit(2);
	}
	if (!p || !f || fprintf(f, "%s", order) < 0 || fflush(f))
		_exit(3);
	if (use)
		use();
	fclose(f);
	free(p);
	MUST(!pthread_join(start(small, NULL), NULL));
	exit(4);
}

static void forks(const char *in_parent, const char *in_child)
{
	pid_t pid;
	int st;

	*order = '\0';
	if (!(pid = fork()))
		lives(in_child);
	if (strcmp(order, in_parent))
		dprintf(2, "parent: \"%s\", not \"%s\"\n", order, in_parent);
	MUST(!strcmp(order, in_parent) && waitpid(pid, &st, 0) == pid);
	if (st != 4 << 8)
		dprintf(2, "status %x\n", (unsigned)st);
	MUST(st == 4 << 8);
}

static void *rounds_of(void *path)
{
	for (int i = 0; i < 5; i++) {
		void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		int (*begin)(void (*)(const char *));

		if (!library)
			dprintf(2, "%s\n", dlerror());
		MUST(library && (begin = dlsym(library, "atfork_start")));
		forks("main:prepare main:parent ", "main:prepare main:child ");
		MUST(!begin(tell));
		use = dlsym(library, "atfork_use");
		for (int k = 0; k < 4; k++)
			forks("library:prepare main:prepare main:parent library:parent ", "library:prepare main:prepare main:child library:child ");
		pthread_rwlock_wrlock(&in_use);
		use = NULL;
		pthread_rwlock_unlock(&in_use);
		MUST(!dlclose(library));
		if (dlopen(path, RTLD_NOW | RTLD_NOLOAD))
			_exit(5);
		forks("main:prepare main:parent ", "main:prepare main:child ");
	}
	return NULL;
}

int main(void)
{
	char path[4096];
	pthread_t t[4];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 100);

	MUST(n > 0);
	path[n] = '\0';
	strcpy(strstr(path, "/regress/"), "/lib/atfork.so");
	setvbuf(stdout, NULL, _IOFBF, 4096);
	MUST((sink = fopen("/dev/null", "w")) && !pthread_atfork(before, parent, child));
	for (int i = 0; i < 4; i++)
		t[i] = start(busy, NULL);
	rounds_of(path);
	MUST(!pthread_join(start(rounds_of, path), NULL));
	over = true;
	for (int i = 0; i < 4; i++)
		MUST(!pthread_join(t[i], NULL));
	return 0;
}
