/* stream.h - the bytes of a bulk transfer, the same at both ends. Pieces that are swapped, lost or doubled do not go unnoticed. */
#ifndef STREAM_H
#define STREAM_H

#include "bench.h"

/* The pattern's length is prime: no shift by whole pieces or pages goes unnoticed. */
enum { STREAM_PIECE = 64 << 10, STREAM_PERIOD = 65521 };

static char stream_pattern[STREAM_PERIOD + STREAM_PIECE];

static inline void stream_init(void)
{
	for (size_t i = 0; i < sizeof(stream_pattern); i++)
		stream_pattern[i] = (char)((uint32_t)(i % STREAM_PERIOD) * 2654435761u >> 21);
}

static inline const char *stream_at(long offset)
{
	return stream_pattern + offset % STREAM_PERIOD;
}

static inline bool stream_is(long offset, const char *data, size_t len)
{
	return !memcmp(stream_at(offset), data, len);
}

#endif
