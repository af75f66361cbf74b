/* <err.h>: lines on stderr, whose lock somebody may have, as in stdio.c. */
#include "shim.h"
#include "../runtime/stdfile.h"

#include <err.h>
#include <stdarg.h>

GP_EXPORT void vwarn(const char *format, va_list ap)
{
	GP_LOCKED_VOID(stderr, real_vwarn(format, ap));
}

GP_EXPORT void warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vwarn(format, ap);
	va_end(ap);
}

GP_EXPORT void vwarnx(const char *format, va_list ap)
{
	GP_LOCKED_VOID(stderr, real_vwarnx(format, ap));
}

GP_EXPORT void warnx(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vwarnx(format, ap);
	va_end(ap);
}

GP_EXPORT void verr(int status, const char *format, va_list ap)
{
	gp_stdfile_enter(stderr);
	real_verr(status, format, ap);
	__builtin_unreachable();
}

GP_EXPORT void err(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	verr(status, format, ap);
}

GP_EXPORT void verrx(int status, const char *format, va_list ap)
{
	gp_stdfile_enter(stderr);
	real_verrx(status, format, ap);
	__builtin_unreachable();
}

GP_EXPORT void errx(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	verrx(status, format, ap);
}
