/* regress/vfork_and_exec.c, a thousand children. */
#define CHILDREN 1000
#include "../regress/vfork_and_exec.c"
