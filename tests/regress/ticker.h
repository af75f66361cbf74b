/* ticker.h - a thread that counts `ticks` for ever, TICK_US apart at the least: where they stand still, something stops all. */
#ifndef REGRESS_TICKER_H
#define REGRESS_TICKER_H

#include "must.h"

#ifndef TICK_US
#define TICK_US 300
#endif

static atomic_int ticks;

static void *ticker(void *arg)
{
	for (;;) {
		pause_us(TICK_US);
		ticks++;
	}
	return arg;
}

#endif
