/* children.h - whether programs that this one starts run under us, too. */
#ifndef GP_CHILDREN_H
#define GP_CHILDREN_H

#include "rt.h"

/* Once, when the configuration has been read. */
void gp_children_init(void);

#endif
