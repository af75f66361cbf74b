/* ticker.h - a thread that sleeps a millisecond at a time until `stop`: whoever stops the others shows in `largest_gap`. */
#ifndef TICKER_H
#define TICKER_H

#include "check.h"

static volatile int stop;
static uint64_t largest_gap;

static void *ticker(void *arg)
{
	uint64_t last = now_ns();

	while (!stop) {
		usleep(1000);
		if (now_ns() - last > largest_gap)
			largest_gap = now_ns() - last;
		last = now_ns();
	}
	return arg;
}

#endif
