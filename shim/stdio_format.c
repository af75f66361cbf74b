/*
 * <stdio.h> and <wchar.h>: printf and scanf, with the names that the headers make of them under _FORTIFY_SOURCE and under ISO C.
 * All end in the function that takes a FILE and a list.
 */
#include "shim.h"
#include "../runtime/rw.h"
#include "../runtime/stdfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

/* Through the function that takes a list; one call, as libc's own does it. */
#define VARIADIC(last, call)                                                                                                   \
	va_list ap;                                                                                                            \
	int r_;                                                                                                                \
                                                                                                                               \
	va_start(ap, last);                                                                                                    \
	r_ = call;                                                                                                             \
	va_end(ap);                                                                                                            \
	return r_

GP_EXPORT int vfprintf(FILE *restrict f, const char *restrict format, va_list ap)
{
	return GP_LOCKED(f, real_vfprintf(f, format, ap));
}
GP_ALIAS_OF(_IO_vfprintf, vfprintf);

GP_EXPORT int __vfprintf_chk(FILE *restrict f, int flag, const char *restrict format, va_list ap)
{
	return GP_LOCKED(f, real___vfprintf_chk(f, flag, format, ap));
}

GP_EXPORT int vprintf(const char *restrict format, va_list ap)
{
	return vfprintf(stdout, format, ap);
}

GP_EXPORT int __vprintf_chk(int flag, const char *restrict format, va_list ap)
{
	return __vfprintf_chk(stdout, flag, format, ap);
}

GP_EXPORT int printf(const char *restrict format, ...)
{
	VARIADIC(format, vfprintf(stdout, format, ap));
}
GP_ALIAS_OF(_IO_printf, printf);

GP_EXPORT int fprintf(FILE *restrict f, const char *restrict format, ...)
{
	VARIADIC(format, vfprintf(f, format, ap));
}
GP_ALIAS_OF(_IO_fprintf, fprintf);

GP_EXPORT int __printf_chk(int flag, const char *restrict format, ...)
{
	VARIADIC(format, __vfprintf_chk(stdout, flag, format, ap));
}

GP_EXPORT int __fprintf_chk(FILE *restrict f, int flag, const char *restrict format, ...)
{
	VARIADIC(format, __vfprintf_chk(f, flag, format, ap));
}

/* Since glibc 2.37 no FILE, whose table would lead here, stands behind it. n: bytes of text, or -1. */
static int print_to(int fd, char *text, int n)
{
	struct iovec iov = { text, (size_t)n };
	ssize_t written;

	if (n < 0)
		return n;
	pthread_cleanup_push(free, text);
	written = n ? gp_write(fd, &iov, 1, (size_t)n, "dprintf") : 0;
	pthread_cleanup_pop(1);
	return written < n ? -1 : n;
}

GP_EXPORT int vdprintf(int fd, const char *restrict format, va_list ap)
{
	char *text;
	int n;

	if (!gp_stdfile || !gp_coop(GP_F_IO))
		return real_vdprintf(fd, format, ap);
	n = vasprintf(&text, format, ap);
	return print_to(fd, text, n);
}

GP_EXPORT int __vdprintf_chk(int fd, int flag, const char *restrict format, va_list ap)
{
	char *text;
	int n;

	if (!gp_stdfile || !gp_coop(GP_F_IO))
		return real___vdprintf_chk(fd, flag, format, ap);
	n = __vasprintf_chk(&text, flag, format, ap);
	return print_to(fd, text, n);
}

GP_EXPORT int dprintf(int fd, const char *restrict format, ...)
{
	VARIADIC(format, vdprintf(fd, format, ap));
}

GP_EXPORT int __dprintf_chk(int fd, int flag, const char *restrict format, ...)
{
	VARIADIC(format, __vdprintf_chk(fd, flag, format, ap));
}

GP_EXPORT int vfwprintf(FILE *restrict f, const wchar_t *restrict format, va_list ap)
{
	return GP_LOCKED(f, real_vfwprintf(f, format, ap));
}

GP_EXPORT int __vfwprintf_chk(FILE *restrict f, int flag, const wchar_t *restrict format, va_list ap)
{
	return GP_LOCKED(f, real___vfwprintf_chk(f, flag, format, ap));
}

GP_EXPORT int vwprintf(const wchar_t *restrict format, va_list ap)
{
	return vfwprintf(stdout, format, ap);
}

GP_EXPORT int __vwprintf_chk(int flag, const wchar_t *restrict format, va_list ap)
{
	return __vfwprintf_chk(stdout, flag, format, ap);
}

GP_EXPORT int wprintf(const wchar_t *restrict format, ...)
{
	VARIADIC(format, vfwprintf(stdout, format, ap));
}

GP_EXPORT int fwprintf(FILE *restrict f, const wchar_t *restrict format, ...)
{
	VARIADIC(format, vfwprintf(f, format, ap));
}

GP_EXPORT int __wprintf_chk(int flag, const wchar_t *restrict format, ...)
{
	VARIADIC(format, __vfwprintf_chk(stdout, flag, format, ap));
}

GP_EXPORT int __fwprintf_chk(FILE *restrict f, int flag, const wchar_t *restrict format, ...)
{
	VARIADIC(format, __vfwprintf_chk(f, flag, format, ap));
}

GP_EXPORT int vfscanf(FILE *restrict f, const char *restrict format, va_list ap)
{
	return GP_LOCKED(f, real_vfscanf(f, format, ap));
}
GP_ALIAS_OF(__vfscanf, vfscanf);

GP_EXPORT int vscanf(const char *restrict format, va_list ap)
{
	return vfscanf(stdin, format, ap);
}

GP_EXPORT int scanf(const char *restrict format, ...)
{
	VARIADIC(format, vfscanf(stdin, format, ap));
}

GP_EXPORT int fscanf(FILE *restrict f, const char *restrict format, ...)
{
	VARIADIC(format, vfscanf(f, format, ap));
}

GP_EXPORT int __isoc99_vfscanf(FILE *restrict f, const char *restrict format, va_list ap)
{
	return GP_LOCKED(f, real___isoc99_vfscanf(f, format, ap));
}

GP_EXPORT int __isoc99_vscanf(const char *restrict format, va_list ap)
{
	return __isoc99_vfscanf(stdin, format, ap);
}

GP_EXPORT int __isoc99_scanf(const char *restrict format, ...)
{
	VARIADIC(format, __isoc99_vfscanf(stdin, format, ap));
}

GP_EXPORT int __isoc99_fscanf(FILE *restrict f, const char *restrict format, ...)
{
	VARIADIC(format, __isoc99_vfscanf(f, format, ap));
}

GP_EXPORT int vfwscanf(FILE *restrict f, const wchar_t *restrict format, va_list ap)
{
	return GP_LOCKED(f, real_vfwscanf(f, format, ap));
}

GP_EXPORT int vwscanf(const wchar_t *restrict format, va_list ap)
{
	return vfwscanf(stdin, format, ap);
}

GP_EXPORT int wscanf(const wchar_t *restrict format, ...)
{
	VARIADIC(format, vfwscanf(stdin, format, ap));
}

GP_EXPORT int fwscanf(FILE *restrict f, const wchar_t *restrict format, ...)
{
	VARIADIC(format, vfwscanf(f, format, ap));
}

GP_EXPORT int __isoc99_vfwscanf(FILE *restrict f, const wchar_t *restrict format, va_list ap)
{
	return GP_LOCKED(f, real___isoc99_vfwscanf(f, format, ap));
}

GP_EXPORT int __isoc99_vwscanf(const wchar_t *restrict format, va_list ap)
{
	return __isoc99_vfwscanf(stdin, format, ap);
}

GP_EXPORT int __isoc99_wscanf(const wchar_t *restrict format, ...)
{
	VARIADIC(format, __isoc99_vfwscanf(stdin, format, ap));
}

GP_EXPORT int __isoc99_fwscanf(FILE *restrict f, const wchar_t *restrict format, ...)
{
	VARIADIC(format, __isoc99_vfwscanf(f, format, ap));
}

/* What glibc 2.38 and later make of the same names. */

GP_EXPORT int __isoc23_vfscanf(FILE *restrict f, const char *restrict format, va_list ap)
{
	return GP_LOCKED(f, real___isoc23_vfscanf(f, format, ap));
}

GP_EXPORT int __isoc23_vscanf(const char *restrict format, va_list ap)
{
	return __isoc23_vfscanf(stdin, format, ap);
}

GP_EXPORT int __isoc23_scanf(const char *restrict format, ...)
{
	VARIADIC(format, __isoc23_vfscanf(stdin, format, ap));
}

GP_EXPORT int __isoc23_fscanf(FILE *restrict f, const char *restrict format, ...)
{
	VARIADIC(format, __isoc23_vfscanf(f, format, ap));
}

GP_EXPORT int __isoc23_vfwscanf(FILE *restrict f, const wchar_t *restrict format, va_list ap)
{
	return GP_LOCKED(f, real___isoc23_vfwscanf(f, format, ap));
}

GP_EXPORT int __isoc23_vwscanf(const wchar_t *restrict format, va_list ap)
{
	return __isoc23_vfwscanf(stdin, format, ap);
}

GP_EXPORT int __isoc23_wscanf(const wchar_t *restrict format, ...)
{
	VARIADIC(format, __isoc23_vfwscanf(stdin, format, ap));
}

GP_EXPORT int __isoc23_fwscanf(FILE *restrict f, const wchar_t *restrict format, ...)
{
	VARIADIC(format, __isoc23_vfwscanf(f, format, ap));
}
