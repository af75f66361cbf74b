/* link: -lgpatch */
/* modes: async */
/*
 * switch_api.c - the twin of switch.c on the greenlet API.
 */
#include "greenlet.h"
#include <stdio.h>

static void *foo(void *arg)
{
	printf("Running in foo\n");
	greenlet_sleep(0);
	printf("Explicit context switch to foo again\n");
	return arg;
}

static void *bar(void *arg)
{
	printf("Explicit context to bar\n");
	greenlet_sleep(0);
	printf("Implicit context switch back to bar\n");
	return arg;
}

int main(void)
{
	greenlet_t *greenlets[2] = { greenlet_spawn(foo, NULL), greenlet_spawn(bar, NULL) };

	if (!greenlets[0] || !greenlets[1]) {
		fprintf(stderr, "switch_api: cannot spawn a greenlet\n");
		return 1;
	}
	if (greenlet_joinall(greenlets, 2, GREENLET_FOREVER) != 2)
		return 1;
	greenlet_release(greenlets[0]);
	greenlet_release(greenlets[1]);
	return 0;
}
