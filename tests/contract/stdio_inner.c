/* libc: symbols */
/* stdio_inner.c - the pieces that stdio is made of, which macros and C++ libraries of old call */
#include "streams.h"

struct _IO_marker {
	struct _IO_marker *next;
	FILE *file;
	int place;
};

int _IO_default_uflow(FILE *f);
size_t _IO_default_xsgetn(FILE *f, void *to, size_t n);
size_t _IO_default_xsputn(FILE *f, const void *from, size_t n);
int _IO_do_write(FILE *f, const char *from, size_t n);
int _IO_file_close_it(FILE *f);
void _IO_file_finish(FILE *f, int unused);
int _IO_file_overflow(FILE *f, int c);
off64_t _IO_file_seekoff(FILE *f, off64_t offset, int whence, int mode);
FILE *_IO_file_setbuf(FILE *f, char *buffer, ssize_t n);
int _IO_file_sync(FILE *f);
int _IO_file_underflow(FILE *f);
size_t _IO_file_xsputn(FILE *f, const void *from, size_t n);
int _IO_flush_all(void);
size_t _IO_getline_info(FILE *f, char *to, size_t n, int delimiter, int keep, int *end);
void _IO_init_marker(struct _IO_marker *m, FILE *f);
void _IO_remove_marker(struct _IO_marker *m);
ssize_t _IO_padn(FILE *f, int c, ssize_t n);
int _IO_peekc_locked(FILE *f);
off64_t _IO_seekoff(FILE *f, off64_t offset, int whence, int mode);
off64_t _IO_seekpos(FILE *f, off64_t offset, int mode);
size_t _IO_sgetn(FILE *f, void *to, size_t n);
int _IO_switch_to_get_mode(FILE *f);
wint_t _IO_wdefault_uflow(FILE *f);
size_t _IO_wdefault_xsgetn(FILE *f, void *to, size_t n);
size_t _IO_wdefault_xsputn(FILE *f, const void *from, size_t n);
int _IO_wdo_write(FILE *f, const wchar_t *from, size_t n);
wint_t _IO_wfile_overflow(FILE *f, wint_t c);
off64_t _IO_wfile_seekoff(FILE *f, off64_t offset, int whence, int mode);
wint_t _IO_wfile_sync(FILE *f);
wint_t _IO_wfile_underflow(FILE *f);
size_t _IO_wfile_xsputn(FILE *f, const void *from, size_t n);
int __overflow(FILE *f, int c);
int __uflow(FILE *f);
int __underflow(FILE *f);
wint_t __woverflow(FILE *f, wint_t c);
wint_t __wuflow(FILE *f);
wint_t __wunderflow(FILE *f);

/* ---- in */

WAITS_IN(_IO_default_uflow, "x", _IO_default_uflow(f))
WAITS_IN(_IO_default_xsgetn, "0123456789", _IO_default_xsgetn(f, line, 8))
WAITS_IN(_IO_file_underflow, "x", _IO_file_underflow(f))
WAITS_IN(_IO_getline_info, "a line\nmore", _IO_getline_info(f, line, 100, '\n', 1, NULL))
WAITS_IN(_IO_peekc_locked, "x", _IO_peekc_locked(f))
WAITS_IN(_IO_sgetn, "0123456789", _IO_sgetn(f, line, 8))
WAITS_IN(__uflow, "x", __uflow(f))
WAITS_IN(__underflow, "x", __underflow(f))
WAITS_IN(_IO_wdefault_uflow, "x", (fwide(f, 1), _IO_wdefault_uflow(f)))
WAITS_IN(_IO_wdefault_xsgetn, "0123456789", (fwide(f, 1), _IO_wdefault_xsgetn(f, wide, 8)))
WAITS_IN(_IO_wfile_underflow, "x", (fwide(f, 1), _IO_wfile_underflow(f)))
WAITS_IN(__wuflow, "x", __wuflow(f))
WAITS_IN(__wunderflow, "x", __wunderflow(f))

/* ---- out */

WAITS_OUT(_IO_default_xsputn, _IO_default_xsputn(f, "text", 4))
WAITS_OUT(_IO_file_overflow, _IO_file_overflow(f, 'x'))
WAITS_OUT(_IO_file_xsputn, _IO_file_xsputn(f, "text", 4))
WAITS_OUT(_IO_padn, _IO_padn(f, ' ', 7))
WAITS_OUT(__overflow, __overflow(f, 'x'))
WAITS_OUT(_IO_wdefault_xsputn, (fwide(f, 1), _IO_wdefault_xsputn(f, L"text", 4)))
WAITS_OUT(_IO_wfile_overflow, (fwide(f, 1), _IO_wfile_overflow(f, L'x')))
WAITS_OUT(_IO_wfile_xsputn, (fwide(f, 1), _IO_wfile_xsputn(f, L"text", 4)))
WAITS_OUT(__woverflow, __woverflow(f, L'x'))

/* ---- what the buffer holds */

WAITS_FLUSH(_IO_do_write, _IO_do_write(f, f->_IO_write_base, 100))
WAITS_FLUSH(_IO_file_close_it, _IO_file_close_it(f))
WAITS_FLUSH(_IO_file_finish, (_IO_file_finish(f, 0), 0))
WAITS_FLUSH(_IO_file_seekoff, _IO_file_seekoff(f, 0, SEEK_SET, 3))
WAITS_FLUSH(_IO_file_setbuf, _IO_file_setbuf(f, NULL, 0) == f)
WAITS_FLUSH(_IO_file_sync, _IO_file_sync(f))
WAITS_FLUSH(_IO_flush_all, _IO_flush_all())
WAITS_FLUSH(_IO_seekoff, _IO_seekoff(f, 0, SEEK_SET, 3))
WAITS_FLUSH(_IO_seekpos, _IO_seekpos(f, 0, 3))
WAITS_FLUSH(_IO_switch_to_get_mode, _IO_switch_to_get_mode(f))

WAITS(_IO_init_marker)
{
	struct _IO_marker m;
	FILE *f = full_buffered();

	SHOW((_IO_init_marker(&m, f), 0));
	RETURNED;
	_IO_remove_marker(&m);
	fclose(f);
}

static FILE *full_wide(void)
{
	static char buffer[8192];
	FILE *f = full();

	setvbuf(f, buffer, _IOFBF, sizeof(buffer));
	fputwc(L'x', f);
	return f;
}

#define WAITS_FLUSH_WIDE(name, call)     WAITS(name) CALL_WITH(full_wide(), call)
WAITS_FLUSH_WIDE(_IO_wdo_write, _IO_wdo_write(f, L"text", 4))
WAITS_FLUSH_WIDE(_IO_wfile_seekoff, _IO_wfile_seekoff(f, 0, SEEK_SET, 3))
WAITS_FLUSH_WIDE(_IO_wfile_sync, _IO_wfile_sync(f))

LAST_CASE
