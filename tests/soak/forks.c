/* regress/forks_beside_connections.c, a thousand children. */
#define FORKS 1000
#include "../regress/forks_beside_connections.c"
