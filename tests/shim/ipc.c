/* ipc.c - System V message queues and semaphores */
#include "gap.h"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>

struct message {
	long type;
	char text[64];
};
static int q, s;

static void queue(void)
{
	MUST((q = msgget(IPC_PRIVATE, 0600)) >= 0);
}

static void semaphores(int n)
{
	MUST((s = semget(IPC_PRIVATE, n, 0600)) >= 0);
}

static void post(long type)
{
	struct message m = { type, "hello" };

	msgsnd(q, &m, 6, 0);
}

static void take(long type)
{
	struct message m;

	(void)!msgrcv(q, &m, sizeof(m.text), type, IPC_NOWAIT);
}

static void remove_queue(long unused)
{
	(void)unused;
	msgctl(q, IPC_RMID, NULL);
}

static void remove_semaphores(long unused)
{
	(void)unused;
	semctl(s, 0, IPC_RMID);
}

static void fill(void)
{
	struct message m = { 9, "" };

	while (!msgsnd(q, &m, sizeof(m.text), IPC_NOWAIT))
		;
}

static void up(long n)
{
	struct sembuf op = { (unsigned short)n, 1, 0 };

	semop(s, &op, 1);
}

static struct sembuf *op(int n, int by, int flags)
{
	static struct sembuf o[4];

	o[0] = (struct sembuf){ (unsigned short)n, (short)by, (short)flags };
	return o;
}

CASE(msgrcv_waits)
{
	struct message m = { 0 };

	queue();
	later(30, post, 3);
	TIMED(25, SHOW_BYTES(m.text, msgrcv(q, &m, sizeof(m.text), 0, 0)));
	say("type=%ld", m.type);
	later(20, post, 4);
	later(40, post, 5);
	TIMED(35, SHOW(msgrcv(q, &m, sizeof(m.text), 5, 0)));
	SHOW(msgrcv(q, &m, sizeof(m.text), 5, IPC_NOWAIT));
	SHOW(msgrcv(q, &m, sizeof(m.text), -9, 0));
	say("type=%ld", m.type);
	post(2);
	SHOW(msgrcv(q, &m, sizeof(m.text), 3, MSG_EXCEPT));
	remove_queue(0);
}

CASE(msgrcv_errors)
{
	struct message m;

	queue();
	SHOW(msgrcv(-1, &m, 1, 0, 0));
	SHOW(msgrcv(q, &m, (size_t)-1, 0, 0));
	SHOW(msgrcv(q, &m, 1, 0, 040000));
	post(1);
	SHOW(msgrcv(q, &m, 2, 0, 0));
	SHOW(msgrcv(q, &m, 2, 0, MSG_NOERROR));
	post(1);
	SHOW(msgrcv(q, bad, 6, 0, 0));
	later(30, post, 1);
	TIMED(25, SHOW(msgrcv(q, bad, 6, 0, 0)));
	later(30, remove_queue, 0);
	TIMED(25, SHOW(msgrcv(q, &m, 1, 0, 0)));
	SHOW(msgrcv(q, &m, 1, 0, 0));
}

CASE(msgsnd_waits)
{
	struct message m = { 1, "" };

	queue();
	fill();
	SHOW(msgsnd(q, &m, 60, IPC_NOWAIT));
	later(30, take, 0);
	TIMED(25, SHOW(msgsnd(q, &m, 60, 0)));
	SHOW(msgsnd(q, &m, (size_t)-1, 0));
	m.type = 0;
	SHOW(msgsnd(q, &m, 60, 0));
	SHOW(msgsnd(q, bad, 60, 0));
	m.type = 1;
	later(30, remove_queue, 0);
	TIMED(25, SHOW(msgsnd(q, &m, 60, 0)));
	SHOW(msgsnd(q, &m, 60, 0));
}

static atomic_int received;

static void receive(long type)
{
	struct message m;

	received += msgrcv(q, &m, sizeof(m.text), type, 0) == 6;
}

CASE(many)
{
	queue();
	received = 0;
	for (int i = 0; i < 50; i++)
		later(0, receive, i % 5 + 1);
	for (int i = 0; i < 50; i++)
		post(i % 5 + 1);
	finish();
	say("received=%d", (int)received);
	remove_queue(0);
}

CASE(messages_interrupted)
{
	struct message m = { 1, "" };

	queue();
	for (int restart = 0; restart < 2; restart++) { /* it makes no difference */
		on_usr1(restart ? SA_RESTART : 0);
		later(30, poke, 0);
		TIMED(25, SHOW(msgrcv(q, &m, 60, 0, 0)));
		say("handled=%d", (int)handled);
	}
	post(1);
	settle();
	SHOW(msgrcv(q, &m, 60, 0, IPC_NOWAIT)); /* nobody else took it */
	fill();
	m.type = 1;
	later(30, poke, 0);
	TIMED(25, SHOW(msgsnd(q, &m, 60, 0)));
	remove_queue(0);
}

static void *receive_and_die(void *unused)
{
	struct message m;

	(void)!msgrcv(q, &m, 60, 0, 0);
	return unused;
}

CASE(messages_cancelled)
{
	struct message m;
	pthread_t t;

	queue();
	handled = 0;
	MUST(pthread_create(&t, NULL, receive_and_die, NULL) == 0);
	settle();
	pthread_cancel(t);
	say_end(t);
	post(1);
	settle();
	SHOW(msgrcv(q, &m, 60, 0, IPC_NOWAIT));
	remove_queue(0);
}

CASE(semop_waits)
{
	struct sembuf both[2] = { { 0, -1, 0 }, { 1, -1, 0 } };

	semaphores(2);
	later(30, up, 0);
	TIMED(25, SHOW(semop(s, op(0, -1, 0), 1)));
	SHOW(semop(s, op(0, -1, IPC_NOWAIT), 1));
	later(20, up, 0);
	later(40, up, 1);
	TIMED(35, SHOW(semop(s, both, 2)));
	up(0);
	both[1].sem_flg = IPC_NOWAIT;
	SHOW(semop(s, both, 2));
	SHOW(semctl(s, 0, GETVAL));
	SHOW(semop(s, op(1, 0, 0), 1));
	SHOW(semop(s, op(0, 0, IPC_NOWAIT), 1));
	remove_semaphores(0);
}

static void down(long n)
{
	struct sembuf o = { (unsigned short)n, -1, 0 };

	received += !semop(s, &o, 1);
}

CASE(semop_zero)
{
	semaphores(1);
	up(0);
	later(30, down, 0);
	TIMED(25, SHOW(semop(s, op(0, 0, 0), 1)));
	remove_semaphores(0);
}

CASE(semtimedop_times_out)
{
	semaphores(1);
	TIMED(30, SHOW(semtimedop(s, op(0, -1, 0), 1, MS(30))));
	SHOW(semtimedop(s, op(0, -1, 0), 1, MS(0)));
	SHOW(semtimedop(s, op(0, -1, 0), 1, &(struct timespec){ -1, 0 }));
	SHOW(semtimedop(s, op(0, 1, 0), 1, &(struct timespec){ 0, 2000000000 }));
	SHOW(semtimedop(s, op(0, 1, 0), 1, (void *)bad));
	later(20, up, 0);
	TIMED(15, SHOW(semtimedop(s, op(0, -1, 0), 1, MS(2000))));
	remove_semaphores(0);
}

CASE(semop_errors)
{
	static struct sembuf lots[600];

	semaphores(1);
	SHOW(semop(-1, op(0, -1, 0), 1));
	SHOW(semop(s, op(0, -1, 0), 0));
	SHOW(semop(s, lots, 501));
	SHOW(semop(s, lots, 500));
	SHOW(semop(s, (void *)bad, 1));
	SHOW(semop(s, op(7, -1, 0), 1));
	SHOW(semop(s, op(0, 32767, 0), 1));
	SHOW(semop(s, op(0, 1, 0), 1));
	SHOW(semop(s, op(0, -32767, 0), 1));
	later(30, remove_semaphores, 0);
	TIMED(25, SHOW(semop(s, op(0, -1, 0), 1)));
	SHOW(semop(s, op(0, -1, 0), 1));
}

CASE(semop_interrupted)
{
	semaphores(1);
	for (int restart = 0; restart < 2; restart++) {
		on_usr1(restart ? SA_RESTART : 0);
		later(30, poke, 0);
		TIMED(25, SHOW(semop(s, op(0, -1, 0), 1)));
		say("handled=%d", (int)handled);
	}
	up(0);
	settle();
	SHOW(semctl(s, 0, GETVAL));
	remove_semaphores(0);
}

CASE(semop_undone)
{
	int p;

	semaphores(1);
	if (!(p = fork())) {
		struct sembuf o = { 0, 1, 0 };

		usleep(20000);
		semop(s, &o, 1);
		usleep(60000);
		_exit(0);
	}
	TIMED(15, SHOW(semop(s, op(0, -1, SEM_UNDO), 1)));
	SHOW(semctl(s, 0, GETVAL));
	SHOW(semop(s, op(0, 1, SEM_UNDO), 1));
	SHOW(semctl(s, 0, GETVAL));
	waitpid(p, NULL, 0);
	if (!(p = fork())) {
		struct sembuf o = { 0, 5, SEM_UNDO };

		_exit(semop(s, &o, 1));
	}
	waitpid(p, NULL, 0);
	SHOW(semctl(s, 0, GETVAL));
	remove_semaphores(0);
}

CASE(semop_many)
{
	semaphores(3);
	received = 0;
	for (int i = 0; i < 30; i++)
		later(0, down, i % 3);
	for (int i = 0; i < 30; i++)
		up(i % 3);
	finish();
	say("down=%d left=%d", (int)received, semctl(s, 0, GETVAL) + semctl(s, 1, GETVAL) + semctl(s, 2, GETVAL));
	remove_semaphores(0);
}

LAST_CASE
