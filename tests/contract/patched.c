/* patched.c - what waits inside libc where no symbol and no stream passes: without patched entries it stops everybody */
#include "streams.h"

#include <wordexp.h>

WAITS(wordexp)
{
	wordexp_t w;

	by_itself();
	SHOW(wordexp("$(sleep 0.1; echo two words)", &w, 0));
	say("%zu %s", w.we_wordc, w.we_wordc ? w.we_wordv[0] : "");
	wordfree(&w);
}

WAITS_FD2(psiginfo, (psiginfo(&(siginfo_t){ .si_signo = SIGUSR1 }, "text"), 0))

/* ---- pieces of stdio below its tables */

int _IO_file_close_it(FILE *f);
FILE *_IO_file_fopen(FILE *f, const char *path, const char *mode, int is32);
FILE *_IO_file_open(FILE *f, const char *path, int flags, int mode, int read_write, int is32);
ssize_t _IO_file_read(FILE *f, void *to, ssize_t n);
ssize_t _IO_file_write(FILE *f, const void *from, ssize_t n);
int _IO_proc_close(FILE *f);

WAITS_IN(_IO_file_read, "0123456789", _IO_file_read(f, line, 8))
WAITS_OUT(_IO_file_write, _IO_file_write(f, "text", 4))

static char fifo[64];

static void open_writer(long unused)
{
	(void)unused;
	close(open(fifo, O_WRONLY));
}

static FILE *unopened(void)
{
	FILE *f = fopen("/dev/null", "r");

	_IO_file_close_it(f);
	snprintf(fifo, sizeof(fifo), "/tmp/gpatch-inner-%d", (int)getpid());
	MUST(mkfifo(fifo, 0600) == 0);
	elsewhere(open_writer, 0);
	return f;
}

#define WAITS_OPEN(name, call)                                                                                                 \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		FILE *f = unopened();                                                                                          \
		SHOW((call) == f);                                                                                             \
		RETURNED;                                                                                                      \
		SHOW(fgetc(f));                                                                                                \
		fclose(f);                                                                                                     \
		unlink(fifo);                                                                                                  \
	}
WAITS_OPEN(_IO_file_fopen, _IO_file_fopen(f, fifo, "r", 0))
WAITS_OPEN(_IO_file_open, _IO_file_open(f, fifo, O_RDONLY, 0600, 8, 0))

WAITS(_IO_proc_close)
{
	FILE *f = popen("sleep 0.1; exit 4", "r");

	MUST(f);
	by_itself();
	SHOW(_IO_proc_close(f));
}

LAST_CASE
