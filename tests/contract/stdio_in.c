/* libc: symbols */
/* stdio_in.c - stdio that waits for bytes */
#include "streams.h"

#include <mntent.h>
#include <stdarg.h>

static char *longer;
static size_t room;

WAITS_IN(fgetc, "x", fgetc(f))
WAITS_IN(getc, "x", getc(f))
WAITS_IN(fgetc_unlocked, "x", fgetc_unlocked(f))
WAITS_IN(getc_unlocked, "x", getc_unlocked(f))
WAITS_IN(getw, "four", getw(f))
WAITS_IN(fgets, "a line\nmore", fgets(line, sizeof(line), f) != NULL)
WAITS_IN(fgets_unlocked, "a line\nmore", fgets_unlocked(line, sizeof(line), f) != NULL)
WAITS_IN(getline, "a line\nmore", getline(&longer, &room, f))
WAITS_IN(getdelim, "a:line", getdelim(&longer, &room, ':', f))
WAITS_IN(fread, "0123456789", fread(line, 2, 4, f))
WAITS_IN(fread_unlocked, "0123456789", fread_unlocked(line, 2, 4, f))
WAITS_IN(fscanf, "17 word ", fscanf(f, "%*d %100s", line))
WAITS_IN(fgetwc, "x", fgetwc(f))
WAITS_IN(getwc, "x", getwc(f))
WAITS_IN(fgetwc_unlocked, "x", fgetwc_unlocked(f))
WAITS_IN(getwc_unlocked, "x", getwc_unlocked(f))
WAITS_IN(fgetws, "a line\nmore", fgetws(wide, 100, f) != NULL)
WAITS_IN(fgetws_unlocked, "a line\nmore", fgetws_unlocked(wide, 100, f) != NULL)
WAITS_IN(fwscanf, "17 word ", fwscanf(f, L"%*d %100ls", wide))

static int vscan(FILE *f, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = f ? vfscanf(f, format, ap) : vscanf(format, ap);
	va_end(ap);
	return n;
}

static int vwscan(FILE *f, const wchar_t *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = f ? vfwscanf(f, format, ap) : vwscanf(format, ap);
	va_end(ap);
	return n;
}

WAITS_IN(vfscanf, "17 word ", vscan(f, "%*d %100s", line))
WAITS_IN(vfwscanf, "17 word ", vwscan(f, L"%*d %100ls", wide))

WAITS_STDIN(getchar, "x", getchar())
WAITS_STDIN(getchar_unlocked, "x", getchar_unlocked())
WAITS_STDIN(getwchar, "x", getwchar())
WAITS_STDIN(getwchar_unlocked, "x", getwchar_unlocked())
WAITS_STDIN(scanf, "17 word ", scanf("%*d %100s", line))
WAITS_STDIN(wscanf, "17 word ", wscanf(L"%*d %100ls", wide))
WAITS_STDIN(vscanf, "17 word ", vscan(NULL, "%*d %100s", line))
WAITS_STDIN(vwscanf, "17 word ", vwscan(NULL, L"%*d %100ls", wide))

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
char *gets(char *to);
char *__gets_chk(char *to, size_t room);
WAITS_STDIN(gets, "a line\nmore", gets(line) != NULL)
WAITS_STDIN(__gets_chk, "a line\nmore", __gets_chk(line, sizeof(line)) != NULL)

/* Without a terminal it reads what there is. */
WAITS(getpass)
{
	FILE *f, *saved = stdin;
	int fd = open("/dev/tty", O_RDWR);

	ioctl(fd, TIOCNOTTY);
	close(fd);
	f = stdin = fed("secret\nmore");
	KEEP(getpass("") != NULL);
	stdin = saved;
	tell_kept();
	fclose(f);
}

/* Lines of files that come through a stream. */
WAITS_IN(getmntent, "dev /dir type opts 0 0\n", getmntent(f) != NULL)
WAITS_IN(getmntent_r, "dev /dir type opts 0 0\n", getmntent_r(f, &(struct mntent){ 0 }, line, sizeof(line)) != NULL)

int __ivaliduser(FILE *f, uint32_t address, const char *us, const char *them);
WAITS_IN(__ivaliduser, "127.1.2.3 them\n", __ivaliduser(f, htonl(0x7f010203), "us", "them"))

/* Who wants a stream that another thread holds waits for its lock. */
static FILE *shared;
static atomic_bool locked;

static void lock_and_wait(long unused)
{
	(void)unused;
	flockfile(shared);
	locked = true;
	let_others_run();
	funlockfile(shared);
}

WAITS(flockfile)
{
	shared = fdopen(dup(2), "w");
	locked = false;
	alarm(20);
	later(0, lock_and_wait, 0);
	while (!locked)
		pause_ms(1);
	flockfile(shared);
	RETURNED;
	say("locked");
	funlockfile(shared);
}

LAST_CASE
