/* http.h - the answer that httpd gives and fetch expects. */
#ifndef HTTP_H
#define HTTP_H

#include "bench.h"

enum { HTTP_DELAY_MS = 50, HTTP_BODY = 1000, HTTP_TEXT = 1200 };

static inline size_t http_answer(char text[HTTP_TEXT], long number)
{
	int len = snprintf(text, HTTP_TEXT, "HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n", HTTP_BODY);

	for (long i = 0; i < HTTP_BODY; i++)
		text[len++] = (char)('a' + (i + number) % 26);
	return (size_t)len;
}

#endif
