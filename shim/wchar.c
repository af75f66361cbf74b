/* <wchar.h>: wide characters through FILEs, as in stdio.c. */
#include "shim.h"
#include "../runtime/stdfile.h"

#include <wchar.h>

GP_EXPORT wint_t fgetwc(FILE *f)
{
	return GP_LOCKED(f, real_fgetwc(f));
}

GP_EXPORT wint_t getwc(FILE *f)
{
	return GP_LOCKED(f, real_getwc(f));
}

GP_EXPORT wint_t getwchar(void)
{
	return GP_LOCKED(stdin, real_getwchar());
}

GP_EXPORT wchar_t *fgetws(wchar_t *restrict s, int n, FILE *restrict f)
{
	return GP_LOCKED(f, real_fgetws(s, n, f));
}

GP_EXPORT wchar_t *__fgetws_chk(wchar_t *restrict s, size_t size, int n, FILE *restrict f)
{
	return GP_LOCKED(f, real___fgetws_chk(s, size, n, f));
}

GP_EXPORT wint_t ungetwc(wint_t c, FILE *f)
{
	return GP_LOCKED(f, real_ungetwc(c, f));
}

GP_EXPORT wint_t fputwc(wchar_t c, FILE *f)
{
	return GP_LOCKED(f, real_fputwc(c, f));
}

GP_EXPORT wint_t putwc(wchar_t c, FILE *f)
{
	return GP_LOCKED(f, real_putwc(c, f));
}

GP_EXPORT wint_t putwchar(wchar_t c)
{
	return GP_LOCKED(stdout, real_putwchar(c));
}

GP_EXPORT int fputws(const wchar_t *restrict s, FILE *restrict f)
{
	return GP_LOCKED(f, real_fputws(s, f));
}

GP_EXPORT int fwide(FILE *f, int mode)
{
	return GP_LOCKED(f, real_fwide(f, mode));
}
