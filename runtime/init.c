/* What happens when the library is loaded, and at exit. Nothing here makes a greenlet, a loop or a descriptor. */
#include "children.h"
#include "config.h"
#include "fork.h"
#include "real.h"
#include "stats.h"

__attribute__((constructor)) static void load(void)
{
	gp_real_init();
	gp_config_init();
	gp_children_init();
	gp_fork_init();
}

__attribute__((destructor)) static void unload(void)
{
	gp_stats_report();
}
