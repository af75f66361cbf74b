/* fork.h - the child of fork has the caller only, and a hub of its own when it needs one. */
#ifndef GP_FORK_H
#define GP_FORK_H

/* In the child, before any of the program's atfork handlers: registered first, so that it runs first. */
void gp_fork_init(void);

#endif
