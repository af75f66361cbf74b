/*
 * <stdio.h>: what takes a FILE's lock. Where libc's entries are patched, and where no greenlet runs, these go straight on to libc;
 * else whoever would wait for the lock inside libc waits here (runtime/stdfile.h). printf and scanf are in stdio_format.c.
 */
#include "shim.h"
#include "../runtime/fdwait.h"
#include "../runtime/offload.h"
#include "../runtime/stdfile.h"

#include <stdio.h>
#include <sys/stat.h>

GP_EXPORT int fgetc(FILE *f)
{
	return GP_LOCKED(f, real_fgetc(f));
}

GP_EXPORT int getc(FILE *f)
{
	return GP_LOCKED(f, real_getc(f));
}
GP_ALIAS_OF(_IO_getc, getc);

GP_EXPORT int getchar(void)
{
	return GP_LOCKED(stdin, real_getchar());
}

GP_EXPORT char *fgets(char *restrict s, int n, FILE *restrict f)
{
	return GP_LOCKED(f, real_fgets(s, n, f));
}
GP_ALIAS_OF(_IO_fgets, fgets);

GP_EXPORT char *gets(char *s)
{
	return GP_LOCKED(stdin, real_gets(s));
}
GP_ALIAS_OF(_IO_gets, gets);

GP_EXPORT int getw(FILE *f)
{
	return GP_LOCKED(f, real_getw(f));
}

GP_EXPORT ssize_t getdelim(char **restrict line, size_t *restrict n, int delim, FILE *restrict f)
{
	return GP_LOCKED(f, real_getdelim(line, n, delim, f));
}
GP_ALIAS_OF(__getdelim, getdelim);

GP_EXPORT ssize_t getline(char **restrict line, size_t *restrict n, FILE *restrict f)
{
	return GP_LOCKED(f, real_getline(line, n, f));
}

GP_EXPORT int ungetc(int c, FILE *f)
{
	return GP_LOCKED(f, real_ungetc(c, f));
}
GP_ALIAS_OF(_IO_ungetc, ungetc);

GP_EXPORT size_t fread(void *restrict p, size_t size, size_t n, FILE *restrict f)
{
	return GP_LOCKED(size && n ? f : NULL, real_fread(p, size, n, f));
}
GP_ALIAS_OF(_IO_fread, fread);

GP_EXPORT int fputc(int c, FILE *f)
{
	return GP_LOCKED(f, real_fputc(c, f));
}

GP_EXPORT int putc(int c, FILE *f)
{
	return GP_LOCKED(f, real_putc(c, f));
}
GP_ALIAS_OF(_IO_putc, putc);

GP_EXPORT int putchar(int c)
{
	return GP_LOCKED(stdout, real_putchar(c));
}

GP_EXPORT int fputs(const char *restrict s, FILE *restrict f)
{
	return GP_LOCKED(f, real_fputs(s, f));
}
GP_ALIAS_OF(_IO_fputs, fputs);

GP_EXPORT int puts(const char *s)
{
	return GP_LOCKED(stdout, real_puts(s));
}
GP_ALIAS_OF(_IO_puts, puts);

GP_EXPORT int putw(int w, FILE *f)
{
	return GP_LOCKED(f, real_putw(w, f));
}

GP_EXPORT size_t fwrite(const void *restrict p, size_t size, size_t n, FILE *restrict f)
{
	return GP_LOCKED(size && n ? f : NULL, real_fwrite(p, size, n, f));
}
GP_ALIAS_OF(_IO_fwrite, fwrite);

GP_EXPORT void perror(const char *s)
{
	GP_LOCKED_VOID(stderr, real_perror(s));
}

GP_EXPORT void psignal(int sig, const char *s)
{
	GP_LOCKED_VOID(stderr, real_psignal(sig, s));
}

GP_EXPORT void psiginfo(const siginfo_t *info, const char *s)
{
	GP_LOCKED_VOID(stderr, real_psiginfo(info, s));
}

/* fortify */
GP_EXPORT char *__fgets_chk(char *restrict s, size_t size, int n, FILE *restrict f)
{
	return GP_LOCKED(f, real___fgets_chk(s, size, n, f));
}

GP_EXPORT char *__gets_chk(char *s, size_t size)
{
	return GP_LOCKED(stdin, real___gets_chk(s, size));
}

GP_EXPORT size_t __fread_chk(void *restrict p, size_t len, size_t size, size_t n, FILE *restrict f)
{
	return GP_LOCKED(size && n ? f : NULL, real___fread_chk(p, len, size, n, f));
}

/* ---- the stream as a whole */

/* Inside libc, where open is no symbol: a FIFO keeps its caller waiting, and is left to a worker. */
struct opening {
	const char *path, *mode;
};

static long do_open(void *arg)
{
	struct opening *o = arg;

	return (long)real_fopen(o->path, o->mode);
}

static bool fifo(const char *path)
{
	int saved = errno;
	struct stat st;
	bool yes = !stat(path, &st) && S_ISFIFO(st.st_mode);

	errno = saved;
	return yes;
}

GP_EXPORT FILE *fopen(const char *restrict path, const char *restrict mode)
{
	struct opening o = { path, mode };

	if (!gp_stdfile || !gp_coop(GP_F_IO) || !fifo(path))
		return real_fopen(path, mode);
	return (FILE *)gp_offload(do_open, &o, "fopen");
}
GP_ALIAS_OF(fopen64, fopen);
GP_ALIAS_OF(_IO_fopen, fopen);

GP_EXPORT int fseek(FILE *f, long off, int whence)
{
	return GP_LOCKED(f, real_fseek(f, off, whence));
}

GP_EXPORT int fseeko(FILE *f, off_t off, int whence)
{
	return GP_LOCKED(f, real_fseeko(f, off, whence));
}
GP_ALIAS_OF(fseeko64, fseeko);
GP_ALIAS_OF(__fseeko64, fseeko);

GP_EXPORT long ftell(FILE *f)
{
	return GP_LOCKED(f, real_ftell(f));
}
GP_ALIAS_OF(_IO_ftell, ftell);

GP_EXPORT off_t ftello(FILE *f)
{
	return GP_LOCKED(f, real_ftello(f));
}
GP_ALIAS_OF(ftello64, ftello);
GP_ALIAS_OF(__ftello64, ftello);

GP_EXPORT int fgetpos(FILE *restrict f, fpos_t *restrict pos)
{
	return GP_LOCKED(f, real_fgetpos(f, pos));
}

GP_EXPORT int fsetpos(FILE *f, const fpos_t *pos)
{
	return GP_LOCKED(f, real_fsetpos(f, pos));
}

GP_EXPORT void rewind(FILE *f)
{
	GP_LOCKED_VOID(f, real_rewind(f));
}

GP_EXPORT int setvbuf(FILE *restrict f, char *restrict buf, int mode, size_t size)
{
	return GP_LOCKED(f, real_setvbuf(f, buf, mode, size));
}
GP_ALIAS_OF(_IO_setvbuf, setvbuf);

GP_EXPORT void setbuf(FILE *restrict f, char *restrict buf)
{
	GP_LOCKED_VOID(f, real_setbuf(f, buf));
}

GP_EXPORT void setbuffer(FILE *restrict f, char *restrict buf, size_t size)
{
	GP_LOCKED_VOID(f, real_setbuffer(f, buf, size));
}
GP_ALIAS_OF(_IO_setbuffer, setbuffer);

GP_EXPORT void setlinebuf(FILE *f)
{
	GP_LOCKED_VOID(f, real_setlinebuf(f));
}

GP_EXPORT int feof(FILE *f)
{
	return GP_LOCKED(f, real_feof(f));
}
GP_ALIAS_OF(_IO_feof, feof);

GP_EXPORT int ferror(FILE *f)
{
	return GP_LOCKED(f, real_ferror(f));
}
GP_ALIAS_OF(_IO_ferror, ferror);

GP_EXPORT void clearerr(FILE *f)
{
	GP_LOCKED_VOID(f, real_clearerr(f));
}

/* Structures of their own, to the compiler. */
GP_TWIN_OF(fgetpos64, fgetpos);
GP_TWIN_OF(_IO_fgetpos, fgetpos);
GP_TWIN_OF(_IO_fgetpos64, fgetpos);
GP_TWIN_OF(fsetpos64, fsetpos);
GP_TWIN_OF(_IO_fsetpos, fsetpos);
GP_TWIN_OF(_IO_fsetpos64, fsetpos);

GP_EXPORT int fflush(FILE *f)
{
	if (!f && gp_stdfile && gp_self)
		return gp_stdfile_flush_all(false);
	return GP_LOCKED(f, real_fflush(f));
}
GP_ALIAS_OF(_IO_fflush, fflush);

GP_EXPORT void _flushlbf(void)
{
	if (gp_stdfile && gp_self)
		gp_stdfile_flush_all(true);
	else
		real__flushlbf();
}

/* ---- locks */

GP_EXPORT void flockfile(FILE *f)
{
	gp_stdfile_enter(f);
	real_flockfile(f);
}
GP_ALIAS_OF(_IO_flockfile, flockfile);

GP_EXPORT int ftrylockfile(FILE *f)
{
	int r = real_ftrylockfile(f);

	if (r)
		gp_yield(); /* busy waiting looks like this */
	return r;
}
GP_ALIAS_OF(_IO_ftrylockfile, ftrylockfile);

GP_EXPORT void funlockfile(FILE *f)
{
	const void *lock = gp_stdfile ? f->_lock : NULL;

	real_funlockfile(f);
	gp_stdfile_leave(lock);
}
GP_ALIAS_OF(_IO_funlockfile, funlockfile);

/* ---- they close descriptors inside libc */

static const void *closing(FILE *f)
{
	const void *lock = gp_stdfile_enter(f);

	gp_fd_closing(f->_fileno);
	return lock;
}

GP_EXPORT int fclose(FILE *f)
{
	const void *lock = closing(f);
	int r = real_fclose(f);

	gp_stdfile_leave(lock);
	return r;
}
GP_ALIAS_OF(_IO_fclose, fclose);

GP_EXPORT int pclose(FILE *f)
{
	const void *lock = closing(f);
	int r = real_pclose(f);

	gp_stdfile_leave(lock);
	return r;
}

GP_EXPORT FILE *freopen(const char *restrict path, const char *restrict mode, FILE *restrict f)
{
	const void *lock = closing(f);
	FILE *r = real_freopen(path, mode, f);

	gp_stdfile_leave(lock);
	return r;
}

GP_EXPORT FILE *freopen64(const char *restrict path, const char *restrict mode, FILE *restrict f)
{
	const void *lock = closing(f);
	FILE *r = real_freopen64(path, mode, f);

	gp_stdfile_leave(lock);
	return r;
}
