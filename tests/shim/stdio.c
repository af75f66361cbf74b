/*
 * stdio.c - every function of <stdio.h> and <wchar.h> that takes a FILE's lock, on files, on memory and on what only half works
 * libc: symbols
 */
#include "case.h"
#include <err.h>
#include <stdio_ext.h>
#include <sys/wait.h>
#include <wchar.h>

static FILE *text_file(const char *text, const char *mode)
{
	int fd = memfd_create("stdio", 0);
	FILE *f;

	MUST(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !lseek(fd, 0, SEEK_SET) && (f = fdopen(fd, mode)));
	return f;
}

static void tell_rest(FILE *f)
{
	char rest[200] = "";

	rewind(f);
	say("content=%.*s", (int)fread(rest, 1, sizeof(rest), f), rest);
	fclose(f);
}

CASE(bytes_in)
{
	FILE *f = text_file("abcdefghijklmnop\nline two\nthe;third;\n", "r");
	char line[40], *got = NULL;
	size_t n = 0;

	SHOW(getc(f));
	SHOW(fgetc(f));
	SHOW(ungetc('B', f));
	SHOW(fgetc(f));
	SHOW(getw(f));
	SHOW_BYTES(line, fread(line, 2, 3, f));
	SHOW(fread(line, 0, 3, f));
	say("%s", fgets(line, HIDDEN(4), f));
	say("%s", fgets(line, sizeof(line), f));
	SHOW(getline(&got, &n, f));
	say("%s", got);
	SHOW(getdelim(&got, &n, ';', f));
	SHOW(getdelim(&got, &n, ';', f));
	say("%s eof=%d", got, feof(f));
	SHOW(getc(f));
	SHOW(getc(f));
	say("eof=%d error=%d", feof(f), ferror(f));
	clearerr(f);
	say("eof=%d", feof(f));
	SHOW(putc('x', f));
	say("error=%d", ferror(f));
	SHOW(fputs("x", f));
	SHOW(fprintf(f, "x"));
	SHOW(fwrite("x", 1, 1, f));
	free(got);
	SHOW(fclose(f));
}

CASE(bytes_out)
{
	FILE *f = text_file("", "w+");

	SHOW(putc('a', f));
	SHOW(fputc('b', f));
	SHOW(fputs("cde\n", f));
	SHOW(putw(0x31323334, f));
	SHOW(fwrite("123456", 2, 3, f));
	SHOW(fwrite("123456", 0, 3, f));
	SHOW(fflush(f));
	SHOW(fflush(NULL));
	SHOW(fgetc(f));
	tell_rest(f);
}

CASE(positions)
{
	FILE *f = text_file("0123456789", "r+");
	fpos_t pos;

	SHOW(fseek(f, 3, SEEK_SET));
	SHOW(ftell(f));
	SHOW(fgetc(f));
	SHOW(fgetpos(f, &pos));
	SHOW(fseeko(f, -1, SEEK_END));
	SHOW(ftello(f));
	SHOW(fgetc(f));
	SHOW(fsetpos(f, &pos));
	SHOW(fgetc(f));
	rewind(f);
	SHOW(fgetc(f));
	SHOW(fseek(f, -100, SEEK_SET));
	SHOW(fseek(f, 0, 77));
	fclose(f);
	int p[2];
	pipes(p);
	MUST((f = fdopen(p[0], "r")));
	SHOW(fseek(f, 1, SEEK_SET));
	SHOW(ftell(f));
	SHOW(fgetpos(f, &pos));
	fclose(f);
}

CASE(buffers)
{
	FILE *f = text_file("", "w+");
	static char own[64];

	SHOW(setvbuf(f, own, _IOFBF, sizeof(own)));
	fputs("full", f);
	say("%.4s pending=%zu size=%zu", own, __fpending(f), __fbufsize(f));
	fclose(f);
	f = text_file("", "w+");
	setbuf(f, NULL);
	fputs("none", f);
	say("pending=%zu", __fpending(f));
	fclose(f);
	f = text_file("", "w+");
	setlinebuf(f);
	fputs("line\nrest", f);
	say("pending=%zu", __fpending(f));
	_flushlbf();
	say("pending=%zu", __fpending(f));
	fclose(f);
	f = text_file("", "w+");
	setbuffer(f, own, 32);
	fputs("given", f);
	say("size=%zu", __fbufsize(f));
	SHOW(setvbuf(f, NULL, 77, 0));
	fclose(f);
}

__attribute__((format(printf, 2, 3))) static int vprint(FILE *f, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = vfprintf(f, format, ap);
	va_end(ap);
	return r;
}

static int vscan(FILE *f, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = vfscanf(f, format, ap);
	va_end(ap);
	return r;
}

CASE(formats)
{
	FILE *f = text_file("", "w+");
	int a = 0, b = 0, c = 0;
	double d = 0;
	char word[20] = "";

	SHOW(fprintf(f, "%d %s %c %5.2f|%08lx %lld %Lf %%\n", 1, "two", '3', 4.5, 0xabcdefl, 1ll << 40, 2.5L));
	SHOW(vprint(f, "%d %d %d %d %d %d %d %d %g\n", 1, 2, 3, 4, 5, 6, 7, 8, 9.5));
	SHOW(dprintf(fileno(f), "direct %d\n", 7));
	fflush(f);
	rewind(f);
	SHOW(fscanf(f, "%d %19s", &a, word));
	say("%d %s", a, word);
	rewind(f);
	SHOW(vscan(f, "%d %19s %*c %lf", &b, word, &d));
	say("%d %s %g", b, word, d);
	SHOW(fscanf(f, "%d", &c));
	say("%d", c);
	tell_rest(f);
	SHOW(printf("%s %d\n", "on stdout", 1));
	SHOW(puts("put"));
	SHOW(putchar('p'));
	SHOW(putc('c', stdout));
	SHOW(puts(""));
	SHOW(fputs("x\n", stdout));
}

static int vwprint(FILE *f, const wchar_t *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = vfwprintf(f, format, ap);
	va_end(ap);
	return r;
}

static int vwscan(FILE *f, const wchar_t *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = vfwscanf(f, format, ap);
	va_end(ap);
	return r;
}

CASE(wide)
{
	FILE *f = text_file("", "w+");
	wchar_t line[40];
	int a = 0, b = 0;

	SHOW(fwide(f, 0));
	SHOW(fputwc(L'a', f));
	SHOW(putwc(L'b', f));
	SHOW(fputws(L"cd\n", f));
	SHOW(fwprintf(f, L"%d %ls\n", 12, L"wide"));
	SHOW(vwprint(f, L"%d\n", 34));
	SHOW(fwide(f, -1));
	SHOW(fputc('x', f));
	SHOW(fflush(f));
	rewind(f);
	SHOW(getwc(f));
	SHOW(fgetwc(f));
	SHOW(ungetwc(L'B', f));
	SHOW(getwc(f));
	say("%ls", fgetws(line, HIDDEN(20), f));
	SHOW(fwscanf(f, L"%d %ls", &a, line));
	say("%d %ls", a, line);
	SHOW(vwscan(f, L"%d", &b));
	say("%d", b);
	SHOW(getwc(f));
	SHOW(getwc(f));
	say("eof=%d", feof(f));
	SHOW(ftell(f));
	SHOW(fclose(f));
}

CASE(standard_input)
{
	FILE *was = stdin;
	char line[20], *got = NULL;
	int a = 0;

	stdin = text_file("cstring\n 12 34\nrest\n", "r");
	SHOW(getchar());
	say("%s", fgets(line, sizeof(line), stdin));
	SHOW(scanf("%d", &a));
	SHOW(getchar());
	SHOW(scanf("%d\n", &a));
	say("%d", a);
	SHOW(getchar());
	free(got);
	fclose(stdin);
	stdin = text_file("wide 5\n", "r");
	SHOW(getwchar());
	SHOW(wscanf(L"%*ls %d", &a));
	say("%d", a);
	fclose(stdin);
	stdin = was;
}

static FILE *locked;

static void try_lock(long unused)
{
	(void)unused;
	notes[1].ret = ftrylockfile(locked) != 0;
	notes[1].done = true;
}

static void want_lock(long unused)
{
	(void)unused;
	flockfile(locked);
	notes[2].ret = 1;
	funlockfile(locked);
}

CASE(locks)
{
	locked = text_file("", "w");
	flockfile(locked);
	SHOW(ftrylockfile(locked)); /* again */
	funlockfile(locked);
	later(0, try_lock, 0);
	later(0, want_lock, 0);
	settle();
	say("refused=%lld waits=%d", notes[1].ret, !notes[2].ret);
	funlockfile(locked);
	finish();
	say("got=%lld", notes[2].ret);
	SHOW(ftrylockfile(locked));
	funlockfile(locked);
	fclose(locked);
}

CASE(opened_again)
{
	FILE *f = text_file("first", "r"), *g;
	int fd = fileno(f);

	SHOW(fgetc(f));
	g = freopen("/dev/null", "r", f);
	say("same=%d number=%d", g == f, fileno(g) == fd);
	SHOW(fgetc(f));
	SHOW(fclose(f));
	f = text_file("x", "r");
	say("null=%d", freopen("/does/not/exist", "r", f) == NULL);
	say("null=%d errno=%s", fopen("/does/not/exist", "r") == NULL, errname(errno));
	say("null=%d errno=%s", fopen("/dev/null", "z") == NULL, errname(errno));
}

CASE(on_memory)
{
	char room[20] = "";
	char *grown = NULL;
	size_t size = 0;
	FILE *f = fmemopen(room, sizeof(room), "w");

	SHOW(fprintf(f, "%s", "into memory, more than fits"));
	SHOW(fclose(f));
	say("%.20s", room);
	f = open_memstream(&grown, &size);
	SHOW(fputs("it grows", f));
	SHOW(fflush(f));
	say("%s %zu", grown, size);
	SHOW(fclose(f));
	free(grown);
}

static ssize_t slow_read(void *cookie, char *p, size_t n)
{
	(void)cookie;
	pause_ms(5);
	memset(p, 'k', n < 3 ? n : 3);
	return 3;
}

static void read_cookie(long slot)
{
	notes[slot].ret = getc(locked);
}

/* A FILE of the program's own functions, which wait. */
CASE(cookies)
{
	locked = fopencookie(NULL, "r", (cookie_io_functions_t){ .read = slow_read });
	for (long i = 0; i < 4; i++)
		later(0, read_cookie, i);
	finish();
	say("%lld %lld %lld %lld", notes[0].ret, notes[1].ret, notes[2].ret, notes[3].ret);
	fclose(locked);
}

CASE(messages)
{
	char *text = NULL;
	size_t size = 0;
	FILE *was = stderr, *f = open_memstream(&text, &size);

	stderr = f;
	errno = ENOENT;
	perror("perror");
	psignal(SIGTERM, "psignal");
	errno = EACCES;
	warn("%s %d", "warn", 1);
	warnx("warnx %d", 2);
	stderr = was;
	fclose(f);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		say("%s", strchr(line, ':') && strstr(line, "warn") ? strchr(line, ':') : line);
	free(text);
}

CASE(pipes_to_programs)
{
	char line[40] = "";
	FILE *f = popen("read x; echo got $x; exit 3", "r+"), *g;

	say("null=%d errno=%s", f == NULL, errname(errno));
	f = popen("echo out; exit 4", "r");
	g = popen("cat >/dev/null; exit 5", "we");
	say("%s", fgets(line, sizeof(line), f));
	SHOW(fputs("in", g));
	SHOW(WEXITSTATUS(pclose(g)));
	SHOW(WEXITSTATUS(pclose(f)));
	SHOW(WEXITSTATUS(system("exit 6")));
	SHOW(WTERMSIG(system("kill -TERM $$")));
	SHOW(WEXITSTATUS(system("/does/not/exist 2>/dev/null")));
	SHOW(system(nil) != 0);
}
