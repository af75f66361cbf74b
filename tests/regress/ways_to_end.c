/* Every way for a process to end, beside threads that run and wait: what it prints, in which order, and its status are native's. */
#include "must.h"
#include <threads.h>

static sem_t never;
static pthread_t main_thread;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;

static void out(const char *s)
{
	(void)!write(1, s, strlen(s));
}

static void *runs(void *arg)
{
	for (;;) {
		pause_us(300);
		if (arg && getenv("never"))
			out("x");
	}
	return NULL;
}

static void *waits(void *arg)
{
	while (sem_wait(&never))
		;
	return arg;
}

static void first(void) { out("first "); }
static void second(void) { out("second "); }
static void quick(void) { out("quick "); }

static void *small(void *arg)
{
	pause_us(2000);
	out("small ");
	return arg;
}

static void sleeps(void)
{
	pause_us(5000);
	out("slept ");
}

static void makes_thread(void)
{
	pthread_t t = start(small, NULL);

	pthread_join(t, NULL);
	out("joined ");
}

static void locks(void)
{
	pthread_mutex_lock(&mutex);
	out("locked ");
	pthread_mutex_unlock(&mutex);
}

static void destroy(void *value)
{
	out(value);
}

__attribute__((destructor)) static void destructor(void)
{
	if (getenv("SHAPE"))
		out("destructor ");
}

/* ---- the shapes: in main, or in a thread */

static void *thread_exits(void *arg) { (void)arg; exit(4); }
static void *thread__exits(void *arg) { (void)arg; printf("lost"); _exit(5); }
static void *thread_quick_exits(void *arg) { (void)arg; quick_exit(6); }
static void *thread_aborts(void *arg) { (void)arg; abort(); }
static void *thread_key(void *arg) { pthread_setspecific(key, "key "); (void)arg; exit(8); }
static void *thread_key_exit(void *arg) { pthread_setspecific(key, "key "); (void)arg; pthread_exit(NULL); }

static void *holds_a_lock(void *arg)
{
	pthread_mutex_lock(&mutex);
	pause_us(8000);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void *holds_stdout(void *arg)
{
	flockfile(stdout);
	pause_us(8000);
	funlockfile(stdout);
	return arg;
}

static void *joins_main(void *arg)
{
	pthread_join(main_thread, NULL);
	out("main-gone ");
	return arg;
}

static void *slow(void *arg)
{
	pause_us((long)arg);
	out("slow ");
	return NULL;
}

static void *slow_exits(void *arg)
{
	pause_us((long)arg);
	exit(9);
}

static void handled(int sig)
{
	(void)sig;
	out("handler ");
	_exit(11);
}

static void cleanup(void *arg)
{
	out(arg);
}

static void *cancelled(void *arg)
{
	pthread_cleanup_push(cleanup, "cleanup ");
	pthread_cancel(pthread_self());
	pthread_testcancel();
	pthread_cleanup_pop(0);
	return arg;
}

static int c11(void *arg)
{
	out("c11 ");
	(void)arg;
	thrd_exit(3);
}

static int shape(int n)
{
	thrd_t h;
	int r;

	atexit(first);
	atexit(second);
	at_quick_exit(quick);
	switch (n) {
	case 0: return 2;
	case 1: exit(3);
	case 2: start(thread_exits, NULL); waits(NULL); break;
	case 3: start(thread__exits, NULL); waits(NULL); break;
	case 4: start(thread_quick_exits, NULL); waits(NULL); break;
	case 5: start(thread_aborts, NULL); waits(NULL); break;
	case 6: printf("flushed "); return 0;
	case 7: printf("lost"); _exit(1);
	case 8: printf("lost"); quick_exit(1);
	case 9: printf("lost"); abort();
	case 10: atexit(sleeps); return 7;
	case 11: atexit(makes_thread); return 7;
	case 12: start(holds_a_lock, NULL); pause_us(2000); atexit(locks); return 7;
	case 13: printf("held "); start(holds_stdout, NULL); pause_us(2000); return 7;
	case 14: on(SIGABRT, handled, 0); abort();
	case 15: start(thread_key, NULL); waits(NULL); break;
	case 16: pthread_join(start(thread_key_exit, NULL), NULL); pthread_setspecific(key, "main-key "); return 1;
	case 17: pthread_join(start(cancelled, NULL), NULL); return 1;
	case 18: thrd_create(&h, c11, NULL); thrd_join(h, &r); return r;
	case 19: atexit(sleeps); start(thread_exits, NULL); waits(NULL); break;
	case 20: raise(SIGKILL); break;
	case 21: alarm(1); kill(getpid(), SIGALRM); waits(NULL); break;
	default: return 99;
	}
	return 98;
}

/* The ones with no endless threads: the process ends with the last. */
static int last_thread(int n)
{
	atexit(first);
	pthread_setspecific(key, "main-key ");
	switch (n) {
	case 30: start(slow, (void *)50000); out("main "); pthread_exit(NULL);
	case 31: start(slow, (void *)50000); start(joins_main, NULL); pthread_exit(NULL);
	case 32: start(slow_exits, (void *)100000); start(slow, (void *)50000); printf("buffered "); pthread_exit(NULL);
	case 33: pthread_exit(NULL);
	case 34: pthread_detach(start(slow, (void *)50000)); pthread_exit((void *)5);
	case 35: start(slow, (void *)50000); pthread_cancel(pthread_self()); pause_us(1000); return 97;
	}
	return 99;
}

static const struct {
	int n, status;
	const char *text;
} want[] = {
	{ 0, 2, "second first destructor " },
	{ 1, 3, "second first destructor " },
	{ 2, 4, "second first destructor " },
	{ 3, 5, "" },
	{ 4, 6, "quick " },
	{ 5, 128 + SIGABRT, "" },
	{ 6, 0, "second first destructor flushed " },
	{ 7, 1, "" },
	{ 8, 1, "quick " },
	{ 9, 128 + SIGABRT, "" },
	{ 10, 7, "slept second first destructor " },
	{ 11, 7, "small joined second first destructor " },
	{ 12, 7, "locked second first destructor " },
	{ 13, 7, "second first destructor held " },
	{ 14, 11, "handler " },
	{ 15, 8, "second first destructor " },
	{ 16, 1, "key second first destructor " },
	{ 17, 1, "cleanup second first destructor " },
	{ 18, 3, "c11 second first destructor " },
	{ 19, 4, "slept second first destructor " },
	{ 20, 128 + SIGKILL, "" },
	{ 21, 128 + SIGALRM, "" },
	{ 30, 0, "main main-key slow first destructor " },
	{ 31, 0, "main-key main-gone slow first destructor " },
	{ 32, 9, "main-key slow first destructor buffered " },
	{ 33, 0, "main-key first destructor " },
	{ 34, 0, "main-key slow first destructor " },
	{ 35, 0, "main-key slow first destructor " },
};

int main(int argc, char **argv)
{
	int bad = 0;

	main_thread = pthread_self();
	if (argc > 1) {
		int n = atoi(argv[1]);

		sem_init(&never, 0, 0);
		pthread_key_create(&key, destroy);
		if (n >= 30)
			return last_thread(n);
		for (int i = 0; i < 3; i++) {
			start(runs, argv);
			start(waits, NULL);
		}
		pause_us(1000);
		return shape(n);
	}
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		char text[512] = "", number[16];
		int fds[2], st;
		ssize_t n;
		pid_t pid;

		MUST(!pipe(fds));
		if (!(pid = fork())) {
			snprintf(number, sizeof(number), "%d", want[i].n);
			setenv("SHAPE", "1", 1);
			dup2(fds[1], 1);
			close(fds[0]);
			close(fds[1]);
			alarm(10);
			execl("/proc/self/exe", argv[0], number, (char *)NULL);
			_exit(98);
		}
		close(fds[1]);
		for (size_t len = 0; (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0;)
			len += (size_t)n;
		close(fds[0]);
		MUST(waitpid(pid, &st, 0) == pid);
		st = WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
		if (st != want[i].status || strcmp(text, want[i].text)) {
			printf("shape %d: status %d, not %d; \"%s\", not \"%s\"\n", want[i].n, st, want[i].status, text, want[i].text);
			bad = 1;
		}
	}
	return bad;
}
