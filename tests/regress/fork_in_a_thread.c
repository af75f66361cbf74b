/* The child of a thread: it is alone, may make threads, and ends with its start routine; handlers of pthread_atfork run in order. */
#include "must.h"

static char order[64];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static __thread int mine = 3;
static pthread_key_t key;
static int out;

static void add(const char *s) { strcat(order, s); }
static void prepare1(void) { add("p1 "); }
static void prepare2(void) { add("p2 "); pthread_mutex_lock(&mutex); }
static void parent1(void) { add("P1 "); }
static void parent2(void) { pthread_mutex_unlock(&mutex); add("P2 "); }
static void child1(void) { add("c1 "); }
static void child2(void) { pthread_mutex_unlock(&mutex); add("c2 "); }

static void at_exit(void)
{
	dprintf(out, "atexit ");
}

static void destroy(void *value)
{
	dprintf(out, "key%ld ", (long)value);
}

static void *sleeper(void *arg)
{
	for (;;)
		pause_us(arg ? 1000 : 100000);
	return NULL;
}

static void *small(void *arg)
{
	pause_us(1000);
	MUST(!pthread_mutex_lock(&mutex) && !pthread_mutex_unlock(&mutex));
	mine++;
	return (void *)(long)(mine + *(int *)arg);
}

static int status_of(pid_t pid)
{
	int st;

	MUST(pid > 0 && waitpid(pid, &st, 0) == pid);
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}

/* In a thread. 0: the child returns from the start routine; 1: pthread_exit; 2: makes threads and exits; 3: forks again; 4: signals */
static void *forks(void *arg)
{
	long how = (long)arg;
	pthread_t self = pthread_self(), t;
	void *result = NULL;
	int ten = 10;
	pid_t pid;

	mine = 5;
	pthread_setspecific(key, (void *)(how + 1));
	pid = fork();
	if (pid)
		return (void *)(long)status_of(pid);
	MUST(pthread_equal(self, pthread_self()) && mine == 5 && pthread_getspecific(key) == (void *)(how + 1));
	switch (how) {
	case 0:
		return NULL;
	case 1:
		pthread_exit(NULL);
	case 2:
		MUST(!pthread_create(&t, NULL, small, &ten) && !pthread_join(t, &result) && result == (void *)14L);
		exit(12);
	case 3:
		pause_us(1000);
		if (!(pid = fork())) {
			t = start(small, &ten);
			MUST(!pthread_join(t, NULL));
			_exit(21);
		}
		MUST(status_of(pid) == 21);
		_exit(13);
	default:
		on(SIGALRM, SIG_DFL, 0);
		alarm(1);
		start(sleeper, (void *)1);
		for (;;)
			pause();
	}
}

static void *forks_and_main_joins(void *arg)
{
	(void)arg;
	return NULL;
}

int main(void)
{
	static const int want[] = { 0, 0, 12, 13, 128 + SIGALRM };
	static const char *const said[] = { "key1 atexit ", "key2 atexit ", "atexit ", "", "" };
	pthread_t t;
	pid_t pid;

	MUST(!pthread_key_create(&key, destroy));
	MUST(!pthread_atfork(prepare1, parent1, child1) && !pthread_atfork(prepare2, parent2, child2));
	start(sleeper, NULL);
	start(sleeper, (void *)1);
	pause_us(3000);
	atexit(at_exit);
	pid = fork();
	if (!pid) {
		MUST(!strcmp(order, "p2 p1 c1 c2 "));
		t = start(forks_and_main_joins, NULL);
		MUST(!pthread_join(t, NULL));
		_exit(3);
	}
	MUST(!strcmp(order, "p2 p1 P1 P2 "));
	MUST(status_of(pid) == 3);
	*order = 0;
	for (long i = 0; i < 5; i++) {
		char text[256] = "";
		int fds[2];
		void *st;
		ssize_t n;

		MUST(!pipe(fds));
		out = fds[1];
		t = start(forks, (void *)i);
		MUST(!pthread_join(t, &st));
		close(fds[1]);
		n = read(fds[0], text, sizeof(text) - 1);
		close(fds[0]);
		/* the parent's thread leaves its key, too */
		{
			char both[256];

			snprintf(both, sizeof(both), "%skey%ld ", said[i], i + 1);
			if ((long)st != want[i] || n < 0 || strcmp(text, both)) {
				printf("%ld: status %ld, not %d; \"%s\", not \"%s\"\n", i, (long)st, want[i], text, both);
				_exit(1);
			}
		}
		*order = 0;
	}
	_exit(0);
}
