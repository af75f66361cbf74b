/* eintr_restart.c - eintr.c with a handler that lets calls go on */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#define HANDLER_FLAGS SA_RESTART
#include "eintr.c"
