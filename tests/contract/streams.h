/* streams.h - streams that make their callers wait: an empty pipe that another process feeds, a full one that it empties */
#ifndef STREAMS_H
#define STREAMS_H

#include "waits.h"

#include <wchar.h>

static const char *feed_text;
static char line[4096];
static wchar_t wide[1024];

static void feed(long fd)
{
	(void)!write((int)fd, feed_text, strlen(feed_text));
}

/* At its end after the text. */
MAYBE FILE *fed(const char *text)
{
	int p[2];

	pipes(p);
	feed_text = text;
	elsewhere(feed, p[1]);
	close(p[1]);
	return fdopen(p[0], "r");
}

/* Until the end: the writer may write more than it waits for. */
MAYBE void swallow(long fd)
{
	char piece[4096];

	while (read((int)fd, piece, sizeof(piece)) > 0)
		;
}

/* Unbuffered, with no room left. */
MAYBE FILE *full(void)
{
	FILE *f;
	int p[2];

	pipes(p);
	stuff(p[1]);
	f = fdopen(p[1], "w");
	setvbuf(f, NULL, _IONBF, 0);
	not_theirs = p[1];
	elsewhere(swallow, p[0]);
	close(p[0]);
	return f;
}

/* The same with something in its buffer. */
MAYBE FILE *full_buffered(void)
{
	static char buffer[8192];
	FILE *f = full();

	setvbuf(f, buffer, _IOFBF, sizeof(buffer));
	fwrite(buf, 1, 100, f);
	return f;
}

/* What is said while a standard stream is another one would go there: results are kept until it is back. */
static long long kept;
static int kept_error;
#define KEEP(call) (errno = 0, line[0] = 0, wide[0] = 0, kept = (long long)(call), kept_error = errno, RETURNED)

MAYBE void tell_kept(void)
{
	show(kept, kept_error, NULL);
	if (line[0] || wide[0])
		say("[%s][%ls]", line, wide);
}

/* The call reads from f, or writes to it. */
#define CALL_WITH(make, call)                                                                                                  \
	{                                                                                                                      \
		FILE *f = make;                                                                                                \
		KEEP(call);                                                                                                    \
		tell_kept();                                                                                                   \
		fclose(f);                                                                                                     \
	}
#define WAITS_IN(name, text, call)       WAITS(name) CALL_WITH(fed(text), call)
#define WAITS_OUT(name, call)            WAITS(name) CALL_WITH(full(), call)
#define WAITS_FLUSH(name, call)          WAITS(name) CALL_WITH(full_buffered(), call)

/* The call uses one of the standard streams. */
#define CALL_AS(standard, make, call)                                                                                          \
	{                                                                                                                      \
		FILE *f = make, *saved_ = standard;                                                                            \
		standard = f;                                                                                                  \
		KEEP(call);                                                                                                    \
		standard = saved_;                                                                                             \
		tell_kept();                                                                                                   \
		fclose(f);                                                                                                     \
	}
#define WAITS_STDIN(name, text, call)    WAITS(name) CALL_AS(stdin, fed(text), call)
#define WAITS_STDOUT(name, call)         WAITS(name) CALL_AS(stdout, full(), call)
#define WAITS_STDERR(name, call)         WAITS(name) CALL_AS(stderr, full(), call)

/* Past stdio, to descriptor 2. */
#define WAITS_FD2(name, call)                                                                                                  \
	WAITS(name)                                                                                                            \
	{                                                                                                                      \
		FILE *f = full();                                                                                              \
		int saved = dup(2);                                                                                            \
		dup2(fileno(f), 2);                                                                                            \
		KEEP(call);                                                                                                    \
		dup2(saved, 2);                                                                                                \
		close(saved);                                                                                                  \
		tell_kept();                                                                                                   \
		fclose(f);                                                                                                     \
	}

#endif
