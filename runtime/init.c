/* What happens when the library is loaded, and at exit. Nothing here makes a greenlet, a loop or a descriptor. */
#include "children.h"
#include "config.h"
#include "fork.h"
#include "init.h"
#include "real.h"
#include "stats.h"

extern void (*const __start_gp_setup[])(void) __attribute__((weak, visibility("hidden")));
extern void (*const __stop_gp_setup[])(void) __attribute__((weak, visibility("hidden")));

/* The loader runs the constructors of the program's libraries before ours, and one of them may make the first thread. */
__attribute__((constructor)) void gp_load(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	gp_real_init();
	gp_config_init();
	gp_children_init();
	gp_fork_init();
	for (void (*const *setup)(void) = __start_gp_setup; setup < __stop_gp_setup; setup++)
		(*setup)();
}

__attribute__((destructor)) static void unload(void)
{
	gp_stats_report();
}
