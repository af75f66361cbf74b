/* file.c - locks that wait: flock, lockf, F_SETLKW, F_OFD_SETLKW */
#include "gap.h"

#include <setjmp.h>
#include <sys/file.h>
#include <sys/wait.h>

static char name[64];

static int file(void)
{
	int fd;

	snprintf(name, sizeof(name), "/tmp/gpatch-test-%d", (int)getpid());
	fd = open(name, O_RDWR | O_CREAT, 0600);
	MUST(fd >= 0);
	return fd;
}

static struct flock *range(int type, off_t start, off_t len)
{
	static _Thread_local struct flock l;

	l = (struct flock){ .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
	return &l;
}

static void unlock(long fd)
{
	flock((int)fd, LOCK_UN);
}

static void unlock_ofd(long fd)
{
	fcntl((int)fd, F_OFD_SETLK, range(F_UNLCK, 0, 0));
}

/* A child that holds the first bytes for a while; returns when it does. */
static pid_t holder(int fd, long ms)
{
	int p[2];
	pid_t pid;
	char c;

	pipes(p);
	if (!(pid = fork())) {
		fcntl(fd, F_SETLKW, range(F_WRLCK, 0, 10));
		put(p[1]);
		usleep((useconds_t)ms * 1000);
		_exit(0);
	}
	MUST(read(p[0], &c, 1) == 1);
	return pid;
}

CASE(flock_waits)
{
	int a = file(), b = file(), c = file();

	SHOW(flock(a, LOCK_EX));
	SHOW(flock(b, LOCK_EX | LOCK_NB));
	SHOW(flock(b, LOCK_SH | LOCK_NB));
	later(30, unlock, a);
	TIMED(25, SHOW(flock(b, LOCK_EX)));
	SHOW(flock(c, LOCK_SH | LOCK_NB));
	SHOW(flock(b, LOCK_SH));
	SHOW(flock(c, LOCK_SH));
	later(30, unlock, c);
	TIMED(25, SHOW(flock(b, LOCK_EX)));
}

CASE(flock_errors)
{
	int a = file();

	SHOW(flock(-1, LOCK_EX));
	SHOW(flock(99, LOCK_SH));
	SHOW(flock(a, 0));
	SHOW(flock(a, 77));
	SHOW(flock(a, LOCK_EX | LOCK_SH));
}

CASE(flock_interrupted)
{
	int a = file(), b = file(), c = file();

	SHOW(flock(a, LOCK_EX));
	on_usr1(0);
	later(30, poke, 0);
	TIMED(25, SHOW(flock(b, LOCK_EX)));
	SHOW(flock(a, LOCK_UN));
	settle();
	SHOW(flock(c, LOCK_EX | LOCK_NB)); /* nothing of the other attempt is left */
	on_usr1(SA_RESTART);
	later(20, poke, 0);
	later(40, poke, 0);
	later(60, unlock, c);
	TIMED(50, SHOW(flock(b, LOCK_EX)));
	say("handled=%d", (int)handled);
}

static atomic_int holding, most, got;

static void contend(long unused)
{
	int fd = open(name, O_RDWR), now;

	(void)unused;
	for (int i = 0; i < 5; i++) {
		got += !flock(fd, LOCK_EX);
		now = ++holding;
		if (now > most)
			most = now;
		pause_ms(1);
		holding--;
		flock(fd, LOCK_UN);
	}
}

CASE(flock_many)
{
	file();
	most = got = 0;
	for (int i = 0; i < 20; i++)
		later(0, contend, 0);
	finish();
	say("got=%d at_once=%d", (int)got, (int)most);
}

CASE(setlkw_waits)
{
	int fd = file();
	pid_t p = holder(fd, 60);

	SHOW(fcntl(fd, F_SETLK, range(F_WRLCK, 5, 1)));
	SHOW(fcntl(fd, F_SETLKW, range(F_WRLCK, 10, 1)));
	TIMED(40, SHOW(fcntl(fd, F_SETLKW, range(F_WRLCK, 5, 1))));
	waitpid(p, NULL, 0);
	SHOW(fcntl(fd, F_SETLKW, range(F_UNLCK, 0, 0)));
}

CASE(setlkw_errors)
{
	int fd = file(), p[2];

	pipes(p);
	SHOW(fcntl(-1, F_SETLKW, range(F_WRLCK, 0, 0)));
	SHOW(fcntl(fd, F_SETLKW, (void *)bad));
	SHOW(fcntl(fd, F_SETLKW, range(77, 0, 0)));
	SHOW(fcntl(fd, F_SETLKW, range(F_WRLCK, -5, 0)));
	SHOW(fcntl(open("/dev/null", O_RDONLY), F_SETLKW, range(F_WRLCK, 0, 0)));
	SHOW(fcntl(fd, F_OFD_SETLKW, (void *)bad));
}

CASE(deadlock)
{
	int fd = file(), p[2], q[2];
	pid_t pid;
	char c;

	pipes(p);
	pipes(q);
	SHOW(fcntl(fd, F_SETLKW, range(F_WRLCK, 0, 1)));
	if (!(pid = fork())) {
		fcntl(fd, F_SETLKW, range(F_WRLCK, 1, 1));
		put(p[1]);
		_exit(fcntl(fd, F_SETLKW, range(F_WRLCK, 0, 1)) ? 1 : 0);
	}
	MUST(read(p[0], &c, 1) == 1);
	settle();
	SHOW(fcntl(fd, F_SETLKW, range(F_WRLCK, 1, 1)));
	SHOW(fcntl(fd, F_SETLKW, range(F_UNLCK, 0, 1)));
	SHOW_OK(waitpid(pid, NULL, 0));
}

CASE(setlkw_interrupted)
{
	int fd = file();
	pid_t p = holder(fd, 150);

	on_usr1(0);
	later(20, poke, 0);
	TIMED(15, SHOW(fcntl(fd, F_SETLKW, range(F_WRLCK, 0, 1))));
	later(20, poke, 0);
	TIMED(15, SHOW(lockf(fd, F_LOCK, 1)));
	on_usr1(SA_RESTART);
	later(20, poke, 0);
	TIMED(30, SHOW(fcntl(fd, F_SETLKW, range(F_WRLCK, 0, 1))));
	say("handled=%d", (int)handled);
	waitpid(p, NULL, 0);
}

CASE(ofd_waits)
{
	int a = file(), b = file();

	SHOW(fcntl(a, F_OFD_SETLKW, range(F_WRLCK, 0, 0)));
	SHOW(fcntl(b, F_OFD_SETLK, range(F_RDLCK, 0, 0)));
	later(30, unlock_ofd, a);
	TIMED(25, SHOW(fcntl(b, F_OFD_SETLKW, range(F_RDLCK, 0, 0))));
	SHOW(fcntl(a, F_OFD_SETLKW, range(F_RDLCK, 0, 0)));
}

CASE(lockf_waits)
{
	int fd = file();
	pid_t p = holder(fd, 60);

	SHOW(lockf(fd, F_TLOCK, 10));
	SHOW(lockf(fd, F_TEST, 10));
	lseek(fd, 10, SEEK_SET);
	SHOW(lockf(fd, F_LOCK, 10));
	lseek(fd, 0, SEEK_SET);
	TIMED(40, SHOW(lockf(fd, F_LOCK, 5)));
	SHOW(lockf(fd, F_TEST, 5));
	SHOW(lockf(fd, F_ULOCK, 0));
	SHOW(lockf(fd, 77, 0));
	SHOW(lockf(-1, F_LOCK, 0));
	waitpid(p, NULL, 0);
}

static void *lock_and_die(void *fd)
{
	fcntl((int)(intptr_t)fd, F_OFD_SETLKW, range(F_WRLCK, 0, 0));
	return NULL;
}

CASE(cancelled)
{
	int a = file(), b = file(), c = file();
	pthread_t t;

	handled = 0;
	SHOW(fcntl(a, F_OFD_SETLKW, range(F_WRLCK, 0, 0)));
	MUST(pthread_create(&t, NULL, lock_and_die, (void *)(intptr_t)b) == 0);
	settle();
	pthread_cancel(t);
	say_end(t);
	unlock_ofd(a);
	settle();
	SHOW(fcntl(c, F_OFD_SETLK, range(F_WRLCK, 0, 0)));
}

static jmp_buf away;

static void jump(int sig)
{
	(void)sig;
	siglongjmp(away, 1);
}

CASE(jumped_out)
{
	int a = file(), b = file(), c = file();

	signal(SIGUSR1, jump);
	SHOW(flock(a, LOCK_EX));
	later(30, poke, 0);
	if (!sigsetjmp(away, 1))
		SHOW(flock(b, LOCK_EX));
	else
		say("jumped");
	SHOW(flock(a, LOCK_UN));
	settle();
	SHOW(flock(c, LOCK_EX | LOCK_NB));
}

CASE(clean)
{
	SHOW(unlink(name));
}

LAST_CASE
