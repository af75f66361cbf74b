/* uio2.c - preadv2 and pwritev2 where there is no position: as readv and writev, with flags */
#include "gap.h"

static struct iovec v[8];

static struct iovec *two(void *a, size_t n, void *b, size_t m)
{
	v[0] = (struct iovec){ a, n };
	v[1] = (struct iovec){ b, m };
	return v;
}

static void fetch(long fd)
{
	static char sink[1 << 17];

	(void)!read((int)fd, sink, sizeof(sink));
}

CASE(waits)
{
	int p[2], s[2];

	pipes(p);
	pair(s, SOCK_STREAM);
	later(30, put, p[1]);
	TIMED(25, SHOW_BYTES(buf, preadv2(p[0], two(buf, 1, buf + 1, 1), 2, -1, 0)));
	later(30, put, s[1]);
	TIMED(25, SHOW_BYTES(buf, preadv2(s[0], two(buf, 1, buf + 1, 1), 2, -1, 0)));
	stuff(p[1]);
	later(30, fetch, p[0]);
	TIMED(25, SHOW(pwritev2(p[1], two("abc", 3, "de", 2), 2, -1, 0)));
	later(30, shut, p[1]);
	SHOW_BYTES(buf, preadv64v2(p[0], two(buf, 2, buf + 2, 9), 2, -1, 0));
	TIMED(25, SHOW(preadv2(p[0], two(buf, 2, buf + 2, 9), 2, -1, 0)));
}

CASE(waits_with_flags)
{
	int p[2];

	pipes(p);
	later(30, put, p[1]);
	TIMED(25, SHOW_BYTES(buf, preadv2(p[0], two(buf, 1, buf + 1, 1), 2, -1, RWF_HIPRI)));
	stuff(p[1]);
	later(30, fetch, p[0]);
	TIMED(25, SHOW(pwritev2(p[1], two("abc", 3, "de", 2), 2, -1, RWF_DSYNC | RWF_SYNC | RWF_APPEND)));
	SHOW(pwritev64v2(p[1], two("abc", 3, "de", 2), 2, -1, RWF_HIPRI));
}

CASE(much)
{
	int p[2];
	char *all = pattern(1500000);

	pipes(p);
	later(0, drain, p[0]);
	SHOW(pwritev2(p[1], two(all, 700000, all + 700000, 800000), 2, -1, RWF_DSYNC));
	close(p[1]);
	finish();
	tell_drained();
	free(all);
}

CASE(nowait)
{
	int p[2], s[2];

	pipes(p);
	tcp(s);
	SHOW(preadv2(p[0], two(buf, 1, buf, 1), 2, -1, RWF_NOWAIT));
	SHOW(preadv2(s[0], two(buf, 1, buf, 1), 2, -1, RWF_NOWAIT));
	stuff(p[1]);
	SHOW(pwritev2(p[1], v, 2, -1, RWF_NOWAIT));
	set_nonblock(s[0]);
	SHOW(preadv2(s[0], two(buf, 1, buf, 1), 2, -1, 0));
}

CASE(errors)
{
	int p[2];

	pipes(p);
	two(buf, 1, buf, 1);
	SHOW(preadv2(p[0], v, 1, -1, HIDDEN(0x10000)));
	SHOW(pwritev2(p[1], v, 1, -1, HIDDEN(0x10000)));
	SHOW(preadv2(p[0], v, 1, -2, 0));
	SHOW(preadv2(p[0], v, 1, 5, 0));
	SHOW(preadv2(p[1], v, 1, -1, 0));
	SHOW(pwritev2(p[0], v, 1, -1, 0));
	SHOW(preadv2(-1, v, 1, -1, 0));
	SHOW(preadv2(p[0], (void *)bad, 1, -1, 0));
	SHOW(preadv2(p[0], v, HIDDEN(-1), -1, 0));
	SHOW(preadv2(p[0], v, HIDDEN(1025), -1, 0));
	SHOW(preadv2(p[0], v, 0, -1, 0));
	put(p[1]);
	SHOW(preadv2(p[0], two(bad, 1, bad, 1), 2, -1, 0));
	close(p[0]);
	SHOW(pwritev2(p[1], two(buf, 1, buf, 1), 1, -1, 0));
}

CASE(files)
{
	char name[] = "/tmp/gpatch-test-XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	SHOW(pwritev2(fd, two("abc", 3, "de", 2), 2, -1, 0));
	SHOW(pwritev2(fd, two("f", 1, "g", 1), 2, 0, RWF_APPEND));
	SHOW(lseek(fd, 0, SEEK_CUR));
	SHOW(lseek(fd, 1, SEEK_SET));
	SHOW_BYTES(buf, preadv2(fd, two(buf, 2, buf + 2, 9), 2, -1, RWF_HIPRI));
	SHOW(preadv2(fd, two(buf, 2, buf + 2, 9), 2, -1, 0));
}

CASE(interrupted)
{
	int p[2];

	pipes(p);
	on_usr1(0);
	later(30, poke, 0);
	TIMED(25, SHOW(preadv2(p[0], two(buf, 1, buf + 1, 1), 2, -1, 0)));
	on_usr1(SA_RESTART);
	later(20, poke, 0);
	later(40, put, p[1]);
	TIMED(35, SHOW(preadv2(p[0], two(buf, 1, buf + 1, 1), 2, -1, 0)));
	say("handled=%d", (int)handled);
}

LAST_CASE
