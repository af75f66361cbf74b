/* The old time-out idiom: an alarm's handler jumps out of a read that waits. Again and again, beside fifty threads that wait and talk. */
#include "must.h"

#ifndef ROUNDS
#define ROUNDS 500 /* tests/soak has the ten thousand */
#endif

static sigjmp_buf away;
static atomic_bool over;
static atomic_ulong talks;

static void jump(int sig)
{
	(void)sig;
	siglongjmp(away, 1);
}

static void *talk(void *arg)
{
	int *fd = arg;
	char c;

	while (!over && read(fd[0], &c, 1) == 1 && write(fd[1], &c, 1) == 1)
		talks++;
	return NULL;
}

static void *sleeper(void *arg)
{
	while (!over)
		pause_us(1000);
	return arg;
}

int main(void)
{
	static int ring[25][2], fd[2];
	struct itimerval soon = { .it_value.tv_usec = 100 };
	static volatile int jumps;
	unsigned long then;
	sigset_t mask;
	char c;

	for (int i = 0; i < 25; i++)
		MUST(!pipe(ring[i]));
	for (int i = 0; i < 25; i++) {
		int *ends = malloc(2 * sizeof(int));

		ends[0] = ring[i][0];
		ends[1] = ring[(i + 1) % 25][1];
		start(talk, ends);
		start(sleeper, NULL);
	}
	MUST(write(ring[0][1], "x", 1) == 1);
	MUST(!pipe(fd));
	on(SIGALRM, jump, 0);
	then = talks;
	for (volatile int i = 0; i < ROUNDS; i++) {
		if (!sigsetjmp(away, 1)) {
			setitimer(ITIMER_REAL, &soon, NULL);
			(void)!read(fd[0], &c, 1);
			MUST(!"read came back");
		}
		jumps++;
		if (i % 100 == 0) { /* what was left behind must not be in the way */
			MUST(write(fd[1], "y", 1) == 1 && read(fd[0], &c, 1) == 1 && c == 'y');
			pthread_sigmask(SIG_BLOCK, NULL, &mask);
			MUST(!sigismember(&mask, SIGALRM));
		}
	}
	MUST(jumps == ROUNDS);
	MUST(talks > then); /* how many is a matter of the machine */
	over = true;
	_exit(0);
}
