/* unistd.c - read and write on pipes, files and devices: bytes, ends, errors */
#include "case.h"

CASE(read_waits)
{
	int p[2];

	pipes(p);
	later(30, put, p[1]);
	TIMED(30, SHOW_BYTES(buf, read(p[0], buf, 10)));
}

CASE(read_gives_what_is_there)
{
	int p[2];

	pipes(p);
	SHOW(write(p[1], "hello", 5));
	SHOW_BYTES(buf, read(p[0], buf, 2));
	SHOW_BYTES(buf, read(p[0], buf, 10));
}

CASE(zero_lengths)
{
	int p[2];

	pipes(p);
	SHOW(read(p[0], buf, 0));
	SHOW(read(p[0], bad, 0));
	SHOW(write(p[1], buf, 0));
	SHOW(write(p[1], bad, 0));
	close(p[0]);
	SHOW(write(p[1], buf, 0));
	SHOW(read(-1, buf, 0));
	SHOW(write(77, buf, 0));
}

CASE(bad_fds)
{
	int p[2];

	pipes(p);
	SHOW(read(-1, buf, 1));
	SHOW(write(-1, buf, 1));
	SHOW(read(77, buf, 1));
	SHOW(write(INT32_MAX, buf, 1));
	SHOW(read(p[1], buf, 1));
	SHOW(write(p[0], buf, 1));
	SHOW(read(open("/", O_RDONLY), buf, 1));
	SHOW(write(open("/dev/null", O_RDONLY), buf, 1));
	SHOW(read(open("/", O_PATH), buf, 1));
}

CASE(fault)
{
	int p[2];

	pipes(p);
	SHOW(write(p[1], bad, 1));
	SHOW(write(p[1], nil, 5));
	SHOW(write(p[1], "ab", 2));
	SHOW(read(p[0], bad, 1));
	SHOW(read(p[0], nil, 1));
	SHOW_BYTES(buf, read(p[0], buf, 9));
}

CASE(fault_after_a_wait)
{
	int p[2];

	pipes(p);
	later(20, put, p[1]);
	TIMED(20, SHOW(read(p[0], bad, 1)));
}

CASE(fault_in_the_middle)
{
	int p[2];
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(edge + 4096, 4096, PROT_NONE);
	pipes(p);
	SHOW(write(p[1], edge, 8000));
	SHOW(read(p[0], buf, 8000));
	munmap(edge, 8192);
}

CASE(eof)
{
	int p[2];

	pipes(p);
	put(p[1]);
	close(p[1]);
	SHOW(read(p[0], buf, 9));
	SHOW(read(p[0], buf, 9));
	SHOW(read(p[0], buf, 9));
}

CASE(eof_wakes)
{
	int p[2];

	pipes(p);
	later(20, shut, p[1]);
	TIMED(20, SHOW(read(p[0], buf, 9)));
}

CASE(last_writer_counts)
{
	int p[2], d;

	pipes(p);
	d = dup(p[1]);
	close(p[1]);
	later(30, shut, d);
	TIMED(30, SHOW(read(p[0], buf, 9)));
}

CASE(broken_pipe)
{
	int p[2];

	pipes(p);
	close(p[0]);
	SHOW(write(p[1], "x", 1));
}

static void note_write_much(long fd)
{
	char *p = calloc(1, 1 << 20);

	NOTE(0, write((int)fd, p, 1 << 20) > 0 ? 1 : -1);
	free(p);
}

CASE(reader_leaves_in_the_middle)
{
	int p[2];

	pipes(p);
	later(0, note_write_much, p[1]);
	settle();
	close(p[0]);
	finish();
	TELL(0);
}

CASE(reader_leaves_a_full_pipe)
{
	int p[2];

	pipes(p);
	stuff(p[1]);
	later(0, note_write_much, p[1]);
	settle();
	close(p[0]);
	finish();
	TELL(0);
}

CASE(megabyte)
{
	int p[2];
	char *all = pattern(1 << 20);

	pipes(p);
	later(0, drain, p[0]);
	SHOW(write(p[1], all, 1 << 20));
	close(p[1]);
	finish();
	tell_drained();
	free(all);
}

static void odd_writes(long fd)
{
	char *all = pattern(300000);

	for (int at = 0, n = 1; at < 300000; at += n, n = n * 3 % 9001 + 1)
		(void)!write((int)fd, all + at, (size_t)(at + n > 300000 ? 300000 - at : n));
	free(all);
	close((int)fd);
}

CASE(odd_sizes)
{
	int p[2];

	pipes(p);
	later(0, odd_writes, p[1]);
	drain(p[0]);
	finish();
	tell_drained();
}

static int shared_fd;

static void records(long tag)
{
	char record[4096];

	memset(record, (int)tag, sizeof(record));
	for (int i = 0; i < 20; i++)
		(void)!write(shared_fd, record, sizeof(record));
}

CASE(atomic_writes)
{
	int p[2], mixed = 0, n = 0;

	pipes(p);
	shared_fd = p[1];
	for (int i = 0; i < 4; i++)
		later(0, records, 'a' + i);
	for (; n < 80; n++) {
		for (size_t got = 0; got < 4096;)
			got += (size_t)read(p[0], buf + got, 4096 - got);
		mixed += memcmp(buf, buf + 1, 4095) != 0;
	}
	say("records=%d mixed=%d", n, mixed);
}

CASE(atomic_write_waits_for_room)
{
	int p[2];

	pipes(p);
	stuff(p[1]);
	SHOW(read(p[0], buf, 4095) > 0 ? 0 : -1);
	set_nonblock(p[1]);
	SHOW(write(p[1], buf, 4096));
	SHOW(read(p[0], buf, 1));
	SHOW(write(p[1], buf, 4096));
}

CASE(nonblocking_pipe)
{
	int p[2];
	ssize_t n;
	char *all = calloc(1, 1 << 20);

	MUST(pipe2(p, O_NONBLOCK) == 0);
	SHOW(read(p[0], buf, 9));
	n = write(p[1], all, 1 << 20);
	SHOW(n);
	SHOW(write(p[1], all, 1));
	SHOW(write(p[1], all, 9000));
	close(p[1]);
	SHOW(read(p[0], buf, 9));
	free(all);
}

CASE(pipe2_flags)
{
	int p[2] = { -7, -7 };

	SHOW(pipe2(p, 0x123));
	SHOW(pipe((void *)bad));
	SHOW(pipe2(p, O_CLOEXEC));
	say("%d %d %d", fcntl(p[0], F_GETFD), fcntl(p[1], F_GETFD), fcntl(p[0], F_GETFL) & O_NONBLOCK);
	SHOW(pipe2(p, O_DIRECT));
	SHOW(write(p[1], "ab", 2));
	SHOW(write(p[1], "cd", 2));
	SHOW_BYTES(buf, read(p[0], buf, 9)); /* packets */
}

CASE(regular_file)
{
	char name[] = "/tmp/gpatch-test-XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	SHOW(write(fd, "hello", 5));
	SHOW(read(fd, buf, 9));
	SHOW(lseek(fd, 1, SEEK_SET));
	SHOW_BYTES(buf, read(fd, buf, 9));
	SHOW(read(fd, bad, 9));
	SHOW(pwrite(fd, "HE", 2, 0));
	SHOW_BYTES(buf, pread(fd, buf, 9, 0));
	SHOW(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND));
	SHOW(write(fd, "!", 1));
	SHOW(lseek(fd, 0, SEEK_CUR));
}

CASE(devices)
{
	int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR), full = open("/dev/full", O_WRONLY);

	SHOW(read(zero, buf, 9));
	SHOW(write(zero, buf, 9));
	SHOW(read(null, buf, 9));
	SHOW(write(null, buf, 9));
	SHOW(write(full, buf, 9));
	SHOW(write(null, bad, 9));
	SHOW(write(zero, buf, HIDDEN((size_t)SSIZE_MAX + 1)));
}

CASE(spin_on_a_nonblocking_read)
{
	int p[2];

	MUST(pipe2(p, O_NONBLOCK) == 0);
	later(0, put, p[1]);
	while (read(p[0], buf, 1) < 0 && errno == EAGAIN)
		;
	say("seen");
}
