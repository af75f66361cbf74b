/* <sys/prctl.h>: the name of a thread is its own; in ps stands main's. All else of prctl is the kernel's. */
#include "shim.h"
#include "../runtime/thread.h"

#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>

/* As the kernel: the first 15 bytes, and not a byte beyond the end of a shorter one. */
static int set_name(struct greenlet *g, const char *from)
{
	char name[sizeof(g->name)] = "";

	for (size_t i = 0; i < sizeof(name) - 1; i++)
		if (gp_copy_in(&name[i], from + i, 1))
			return -EFAULT;
		else if (!name[i])
			break;
	memcpy(g->name, name, sizeof(name));
	g->named = 1;
	return 0;
}

GP_EXPORT int prctl(int op, ...)
{
	struct greenlet *g = gp_self;
	unsigned long a[4];
	va_list ap;

	va_start(ap, op);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (g && !gp_carries(g) && op == PR_SET_NAME)
		return (int)gp_ret(set_name(g, (const char *)a[0]));
	if (g && !gp_carries(g) && op == PR_GET_NAME && g->named)
		return (int)gp_ret(gp_copy_out((void *)a[0], g->name, sizeof(g->name)));
	return real_prctl(op, a[0], a[1], a[2], a[3]);
}
