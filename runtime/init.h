#ifndef GP_INIT_H
#define GP_INIT_H

/* Idempotent: our constructor calls it, and whoever makes a thread. */
void gp_load(void);

/* What shim/ tells the runtime: fn() runs in gp_load. */
#define GP_SETUP(fn) static void (*const fn##_setup)(void) __attribute__((section("gp_setup"), used)) = fn

#endif
