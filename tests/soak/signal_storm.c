/* regress/signal_storm.c for a minute. */
#define COUNT 60000
#include "../regress/signal_storm.c"
