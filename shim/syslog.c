/*
 * <syslog.h>. libc sends under a lock of its own, which whoever else logs would wait for in the kernel. Where its entries are not
 * patched, workers do it; the text is made here, where the caller's locale is.
 */
#include "shim.h"
#include "../runtime/offload.h"
#include "../runtime/patch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

int __vasprintf_chk(char **text, int flag, const char *format, va_list ap);

static bool by_worker(void)
{
	return gp_coop(GP_F_SOCKET) && !gp_patched;
}

struct entry {
	int number, option; /* priority; of openlog: option and facility; of setlogmask: the mask */
	const char *text;
};

static long do_log(void *arg)
{
	struct entry *e = arg;

	real_syslog(e->number, "%s", e->text);
	return 0;
}

/* flag < 0: not fortified. The worker finds the caller's errno, as %m must; native leaves it changed or not, and so do we. */
static void send_entry(int priority, int flag, const char *format, va_list ap)
{
	struct entry e = { .number = priority };
	va_list again;
	char *text;

	va_copy(again, ap);
	if ((flag < 0 ? vasprintf(&text, format, ap) : __vasprintf_chk(&text, flag, format, ap)) >= 0) {
		e.text = text;
		gp_offload(do_log, &e, "syslog");
		free(text);
	} else {
		real_vsyslog(priority, format, again);
	}
	va_end(again);
}

GP_EXPORT void vsyslog(int priority, const char *format, va_list ap)
{
	if (by_worker())
		send_entry(priority, -1, format, ap);
	else
		real_vsyslog(priority, format, ap);
}

GP_EXPORT void __vsyslog_chk(int priority, int flag, const char *format, va_list ap)
{
	if (by_worker())
		send_entry(priority, flag, format, ap);
	else
		real___vsyslog_chk(priority, flag, format, ap);
}

GP_EXPORT void syslog(int priority, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsyslog(priority, format, ap);
	va_end(ap);
}

GP_EXPORT void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	__vsyslog_chk(priority, flag, format, ap);
	va_end(ap);
}

static long do_open(void *arg)
{
	struct entry *e = arg;

	real_openlog(e->text, e->option, e->number);
	return 0;
}

GP_EXPORT void openlog(const char *ident, int option, int facility)
{
	struct entry e = { facility, option, ident };

	if (by_worker())
		gp_offload(do_open, &e, "openlog");
	else
		real_openlog(ident, option, facility);
}

static long do_close(void *arg)
{
	(void)arg;
	real_closelog();
	return 0;
}

GP_EXPORT void closelog(void)
{
	if (by_worker())
		gp_offload(do_close, NULL, "closelog");
	else
		real_closelog();
}

static long do_mask(void *arg)
{
	return real_setlogmask(*(int *)arg);
}

GP_EXPORT int setlogmask(int mask)
{
	return by_worker() ? (int)gp_offload(do_mask, &mask, "setlogmask") : real_setlogmask(mask);
}
