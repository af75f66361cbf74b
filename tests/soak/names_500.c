/*
 * modes: native async
 * libc: symbols
 */
#define NAMES 500
#include "../programs/names.c"
