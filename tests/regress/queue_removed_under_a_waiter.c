/*
 * A process waits for a semaphore or a message; another sees that it sleeps, and removes what it waits for. That is EIDRM; it was EINVAL
 * where the worker that waits in the thread's place had not come that far.
 */
#include "must.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

static void *sleeps(void *arg)
{
	pause();
	return arg;
}

static bool asleep(pid_t pid)
{
	char path[64], text[512] = "", *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	MUST((fd = open(path, O_RDONLY)) >= 0);
	MUST(read(fd, text, sizeof(text) - 1) > 0 && (end = strrchr(text, ')')));
	close(fd);
	return end[2] == 'S';
}

static void waits(int kind, int id, int ready)
{
	struct sembuf op = { .sem_op = -1 };
	struct { long type; char text[8]; } msg;

	start(sleeps, NULL);
	pause_us(1000);
	MUST(write(ready, "x", 1) == 1);
	MUST((kind ? (int)msgrcv(id, &msg, sizeof(msg.text), 0, 0) : semop(id, &op, 1)) == -1 && errno == EIDRM);
	_exit(0);
}

static void round_of(int kind)
{
	int id = kind ? msgget(IPC_PRIVATE, 0600) : semget(IPC_PRIVATE, 1, 0600), p[2], st;
	pid_t pid;
	char c;

	MUST(id >= 0 && !pipe(p));
	if (!(pid = fork()))
		waits(kind, id, p[1]);
	MUST(read(p[0], &c, 1) == 1);
	while (!asleep(pid))
		;
	MUST(!(kind ? msgctl(id, IPC_RMID, NULL) : semctl(id, 0, IPC_RMID)));
	MUST(waitpid(pid, &st, 0) == pid && !st);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	for (int i = 0; i < 200; i++)
		round_of(i % 2);
	return 0;
}
