/* regress/alarm_jumps_out_of_read.c, ten thousand times. */
#define ROUNDS 10000
#include "../regress/alarm_jumps_out_of_read.c"
