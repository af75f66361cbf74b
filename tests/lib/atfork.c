/* For regress/atfork_of_a_library.c: handlers of fork that belong to a library, with all that handlers do. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*tell)(const char *);
static char *held[64];

static void note(const char *what)
{
	char text[32], *copy;

	snprintf(text, sizeof(text), "library:%s ", what);
	copy = strdup(text);
	tell(copy);
	free(copy);
}

static void prepare(void)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < 64; i++)
		held[i] = malloc(100 + (size_t)i * 100);
	note("prepare");
	fflush(stdout);
}

static void after(const char *which)
{
	for (int i = 0; i < 64; i++)
		free(held[i]);
	note(which);
	pthread_mutex_unlock(&lock);
}

static void parent(void)
{
	after("parent");
}

static void child(void)
{
	after("child");
}

int atfork_start(void (*fn)(const char *))
{
	tell = fn;
	return pthread_atfork(prepare, parent, child);
}

/* Under the lock that the handlers take, too. */
void atfork_use(void)
{
	pthread_mutex_lock(&lock);
	free(malloc(3000));
	pthread_mutex_unlock(&lock);
}
