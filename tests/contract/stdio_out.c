/* libc: symbols */
/* stdio_out.c - stdio that waits for room */
#include "streams.h"

#include <err.h>
#include <error.h>
#include <fmtmsg.h>
#include <getopt.h>
#include <grp.h>
#include <gshadow.h>
#include <malloc.h>
#include <netdb.h>
#include <pwd.h>
#include <shadow.h>
#include <stdarg.h>
#include <stdio_ext.h>
#include <syslog.h>

WAITS_OUT(fputc, fputc('x', f))
WAITS_OUT(putc, putc('x', f))
WAITS_OUT(fputc_unlocked, fputc_unlocked('x', f))
WAITS_OUT(putc_unlocked, putc_unlocked('x', f))
WAITS_OUT(putw, putw(7, f))
WAITS_OUT(fputs, fputs("text", f) >= 0)
WAITS_OUT(fputs_unlocked, fputs_unlocked("text", f) >= 0)
WAITS_OUT(fwrite, fwrite("text", 2, 2, f))
WAITS_OUT(fwrite_unlocked, fwrite_unlocked("text", 2, 2, f))
WAITS_OUT(fprintf, fprintf(f, "%s %d", "text", 7))
WAITS_OUT(dprintf, dprintf(fileno(f), "%s %d", "text", 7))
WAITS_OUT(fputwc, fputwc(L'x', f))
WAITS_OUT(putwc, putwc(L'x', f))
WAITS_OUT(fputwc_unlocked, fputwc_unlocked(L'x', f))
WAITS_OUT(putwc_unlocked, putwc_unlocked(L'x', f))
WAITS_OUT(fputws, fputws(L"text", f) >= 0)
WAITS_OUT(fputws_unlocked, fputws_unlocked(L"text", f) >= 0)
WAITS_OUT(fwprintf, fwprintf(f, L"%ls %d", L"text", 7))

static int vprint(FILE *f, int fd, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = f ? vfprintf(f, format, ap) : fd < 0 ? vprintf(format, ap) : vdprintf(fd, format, ap);
	va_end(ap);
	return n;
}

static int vwprint(FILE *f, const wchar_t *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = f ? vfwprintf(f, format, ap) : vwprintf(format, ap);
	va_end(ap);
	return n;
}

WAITS_OUT(vfprintf, vprint(f, -1, "%s %d", "text", 7))
WAITS_OUT(vdprintf, vprint(NULL, fileno(f), "%s %d", "text", 7))
WAITS_OUT(vfwprintf, vwprint(f, L"%ls %d", L"text", 7))

WAITS_STDOUT(putchar, putchar('x'))
WAITS_STDOUT(putchar_unlocked, putchar_unlocked('x'))
WAITS_STDOUT(puts, puts("text"))
WAITS_STDOUT(printf, printf("%s %d", "text", 7))
WAITS_STDOUT(vprintf, vprint(NULL, -1, "%s %d", "text", 7))
WAITS_STDOUT(putwchar, putwchar(L'x'))
WAITS_STDOUT(putwchar_unlocked, putwchar_unlocked(L'x'))
WAITS_STDOUT(wprintf, wprintf(L"%ls %d", L"text", 7))
WAITS_STDOUT(vwprintf, vwprint(NULL, L"%ls %d", L"text", 7))

/* What the buffer holds goes out first. */
WAITS_FLUSH(fflush, fflush(f))
WAITS_FLUSH(fflush_unlocked, fflush_unlocked(f))
WAITS_FLUSH(fseek, fseek(f, 0, SEEK_SET))
WAITS_FLUSH(fseeko, fseeko(f, 0, SEEK_SET))
WAITS_FLUSH(rewind, (rewind(f), 0))
WAITS_FLUSH(fsetpos, fsetpos(f, &(fpos_t){ 0 }))
WAITS_FLUSH(setvbuf, setvbuf(f, NULL, _IONBF, 0))
WAITS_FLUSH(setbuf, (setbuf(f, NULL), 0))
WAITS_FLUSH(setbuffer, (setbuffer(f, NULL, 0), 0))
WAITS_FLUSH(_flushlbf, (f->_flags |= 0x200, _flushlbf(), 0)) /* line buffered, with something in the buffer */

/* Lines for files of /etc, and what malloc knows. */
#define WORDS ((char *[]){ (char *)"one", (char *)"two", NULL })
#define NAMED(prefix, passwd) .prefix##_name = (char *)"text", .prefix##_##passwd = (char *)"x"
WAITS_OUT(putpwent, putpwent(&(struct passwd){ NAMED(pw, passwd), .pw_dir = buf, .pw_shell = buf, .pw_gecos = buf }, f))
WAITS_OUT(putgrent, putgrent(&(struct group){ NAMED(gr, passwd), .gr_mem = WORDS }, f))
WAITS_OUT(putspent, putspent(&(struct spwd){ .sp_namp = (char *)"text", .sp_pwdp = (char *)"x" }, f))
WAITS_OUT(putsgent, putsgent(&(struct sgrp){ .sg_namp = (char *)"text", .sg_passwd = (char *)"x", .sg_adm = WORDS, .sg_mem = WORDS }, f))
WAITS_OUT(malloc_info, malloc_info(0, f))

WAITS(fclose)
{
	FILE *f = full_buffered();

	SHOW(fclose(f));
}

WAITS(freopen)
{
	FILE *f = full_buffered();

	SHOW((f = freopen("/dev/null", "w", f)) != NULL);
	RETURNED;
	fclose(f);
}

WAITS(freopen64)
{
	FILE *f = full_buffered();

	SHOW((f = freopen64("/dev/null", "w", f)) != NULL);
	RETURNED;
	fclose(f);
}

static void warn_by(int which, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (which)
		vwarn(format, ap);
	else
		vwarnx(format, ap);
	va_end(ap);
}

/* Only the program's own name is in front, and these have three of them. */
WAITS_STDERR(perror, (errno = ENOENT, perror("text"), 0))
WAITS_STDERR(psignal, (psignal(SIGUSR1, "text"), 0))
WAITS_STDERR(warn, (warn("text"), 0))
WAITS_STDERR(warnx, (warnx("text"), 0))
WAITS_STDERR(vwarn, (warn_by(1, "text"), 0))
WAITS_STDERR(vwarnx, (warn_by(0, "text"), 0))
WAITS_STDERR(error, (error(0, 0, "text"), 0))
WAITS_STDERR(error_at_line, (error_at_line(0, 0, "file", 1, "text"), 0))

WAITS_STDERR(malloc_stats, (malloc_stats(), 0))
WAITS_STDERR(fmtmsg, fmtmsg(MM_PRINT, "one:two", MM_ERROR, "text", "action", "one:two:3"))

/* What getopt does not know. */
#define ARGUMENTS ((char *[]){ (char *)"text", (char *)"-x", NULL })
int __posix_getopt(int argc, char *const argv[], const char *options);
static const struct option no_options[] = { { 0 } };
WAITS_STDERR(getopt, (optind = 0, getopt(2, ARGUMENTS, "a")))
WAITS_STDERR(__posix_getopt, (optind = 0, __posix_getopt(2, ARGUMENTS, "a")))
WAITS_STDERR(getopt_long, (optind = 0, getopt_long(2, ARGUMENTS, "a", no_options, NULL)))
WAITS_STDERR(getopt_long_only, (optind = 0, getopt_long_only(2, ARGUMENTS, "a", no_options, NULL)))

/* Past stdio. */
WAITS_FD2(herror, (h_errno = HOST_NOT_FOUND, herror("text"), 0))

/* openlog comes before, so that the program's own name is not said. */
static void log_it(bool v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	openlog("waits", LOG_PERROR, LOG_USER);
	if (v)
		vsyslog(LOG_DEBUG, format, ap);
	else
		syslog(LOG_DEBUG, "text %d", 7);
	closelog();
	va_end(ap);
}

WAITS_FD2(syslog, (log_it(false, ""), 0))
WAITS_FD2(vsyslog, (log_it(true, "text %d", 7), 0))

/* Another thread is at it, and waits for room. */
static void log_much(long unused)
{
	static char much[9000];

	(void)unused;
	memset(much, 'x', sizeof(much) - 1);
	syslog(LOG_DEBUG, "%s", much);
}

WAITS(openlog)
{
	int p[2], n = 0, saved = dup(2);

	pipes(p);
	fcntl(p[1], F_SETPIPE_SZ, 4096);
	dup2(p[1], 2);
	close(p[1]);
	openlog("waits", LOG_PERROR, LOG_USER);
	later(0, log_much, 0);
	while (n == 0)
		MUST(ioctl(p[0], FIONREAD, &n) == 0 && (pause_ms(1), 1));
	not_theirs = 2;
	elsewhere(swallow, p[0]);
	close(p[0]);
	SHOW((openlog("waits", LOG_PERROR, LOG_USER), 0));
	RETURNED;
	finish();
	dup2(saved, 2);
	close(saved);
	closelog();
}

/* The last: no stream has a buffer afterwards. */
WAITS_FLUSH(fcloseall, fcloseall())

LAST_CASE
