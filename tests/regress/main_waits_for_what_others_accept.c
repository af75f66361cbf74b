/*
 * The first thread blocks a signal after it has made others and waits for it in sigwait: Linux offers it what the process is sent
 * before any other thread, so the default action of those does not kill, their handler is not called, and SIGCHLD is not dropped.
 */
#include "must.h"

static atomic_int handled, over;

static void handle(int sig)
{
	(void)sig;
	handled++;
}

static void *beside(void *arg)
{
	while (!over)
		pause_us(1000);
	return arg;
}

static void *sends(void *arg)
{
	pause_us(20000);
	kill(getpid(), *(int *)arg);
	return NULL;
}

static int waits_for(int sig)
{
	struct timespec ts = { 20, 0 };
	pthread_t t;
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, sig);
	MUST(!pthread_sigmask(SIG_BLOCK, &set, NULL));
	t = start(sends, &sig);
	r = sigtimedwait(&set, NULL, &ts);
	pthread_join(t, NULL);
	return r;
}

static void child_ends(void)
{
	struct timespec ts = { 20, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	MUST(!pthread_sigmask(SIG_BLOCK, &set, NULL));
	if (!fork()) {
		pause_us(30000);
		_exit(0);
	}
	MUST(sigtimedwait(&set, NULL, &ts) == SIGCHLD && wait(NULL) > 0);
}

static sigjmp_buf out;

static void jump(int sig)
{
	siglongjmp(out, sig);
}

/* It has left sigwait by a jump: the other thread is asked again. */
static void jumps_out(void)
{
	struct timespec ts = { 20, 0 };
	sigset_t set;
	int sig = SIGALRM, before = handled;
	pthread_t t;

	on(SIGALRM, jump, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	t = start(sends, &sig);
	if (!sigsetjmp(out, 1)) {
		sigtimedwait(&set, NULL, &ts);
		MUST(!"jumped");
	}
	pthread_join(t, NULL);
	kill(getpid(), SIGUSR1);
	while (handled == before)
		pause_us(1000);
}

static void *ends_all(void *arg)
{
	pause_us(20000);
	raise(SIGUSR2);
	return arg;
}

/* What a thread sends itself is its own: the default action is not held up by what main waits for. */
static void raised_kills(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		sigset_t set;
		pthread_t t;

		sigemptyset(&set);
		pthread_sigmask(SIG_SETMASK, &set, NULL);
		t = start(ends_all, NULL);
		sigaddset(&set, SIGUSR2);
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		sigwaitinfo(&set, NULL);
		pthread_join(t, NULL);
		_exit(3);
	}
	MUST(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2);
}

int main(void)
{
	pthread_t t = start(beside, NULL);

	MUST(waits_for(SIGUSR2) == SIGUSR2);
	on(SIGUSR1, handle, 0);
	MUST(waits_for(SIGUSR1) == SIGUSR1 && !handled);
	child_ends();
	jumps_out();
	over = 1;
	pthread_join(t, NULL);
	raised_kills();
	return 0;
}
