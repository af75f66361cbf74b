/*
 * A handler that jumps out of a semop, at any moment. Before the wait the call was a worker's already, and nobody took it back: it went on, and
 * took what was meant for the program.
 */
#include "must.h"
#include "ticker.h"
#include <sys/ipc.h>
#include <sys/sem.h>

enum { CHILDREN = 30, ROUNDS = 24 };

static sigjmp_buf out;
static volatile sig_atomic_t armed;

static void jump(int sig)
{
	(void)sig;
	if (armed) {
		armed = 0;
		siglongjmp(out, 1);
	}
}

static void soon(int us)
{
	armed = 1;
	MUST(!setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, us } }, NULL));
}

static void out_of_semop(int id, int us)
{
	struct sembuf take = { 0, -1, 0 };

	if (!sigsetjmp(out, 1)) {
		soon(us);
		semop(id, &take, 1);
		MUST(!"there was something to take");
	}
}

static void play_semop(int id)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	on(SIGALRM, jump, 0);
	MUST(!pthread_sigmask(SIG_BLOCK, &set, NULL)); /* main's alone */
	start(ticker, NULL);
	MUST(!pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	for (int i = 0; i < ROUNDS; i++) {
		out_of_semop(id, 1 + i * 7 % 120);
		if (i % 4)
			continue;
		MUST(!semctl(id, 0, SETVAL, 1));
		pause_us(200);
		MUST(semctl(id, 0, GETVAL) == 1); /* the call has ended with the jump */
		MUST(!semctl(id, 0, SETVAL, 0));
	}
}

int main(void)
{
	int id = semget(IPC_PRIVATE, 1, 0600), st = 0;

	MUST(id >= 0);
	for (int i = 0; i < CHILDREN && !st; i++) { /* the first call makes the worker, which takes the longest */
		pid_t pid = fork();

		if (!pid) {
			play_semop(id);
			_exit(0);
		}
		MUST(waitpid(pid, &st, 0) == pid);
	}
	MUST(!semctl(id, 0, IPC_RMID) && !st);
	return 0;
}
