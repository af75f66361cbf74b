/* make SAN=address: what ASan must know to bear with the tests. */
#include "unit.h"

#include <dlfcn.h>

const char *__asan_default_options(void);

/* Tests that expect a signal want the signal, not a report; and Criterion itself leaks. */
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
	return "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_abort=0:use_sigaltstack=0:detect_stack_use_after_return=0";
}

/* ASan asks for the stack before each call that does not return; libc's own answer would ask the kernel about the greenlet's tid. */
__attribute__((visibility("default"))) int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
	struct greenlet *g = gp_self;
	int err;

	if (!g || g->main || thread != pthread_self())
		return ((int (*)(pthread_t, pthread_attr_t *))dlsym(RTLD_NEXT, "pthread_getattr_np"))(thread, attr);
	err = pthread_attr_init(attr);
	return err ? err : pthread_attr_setstack(attr, g->stack_map, g->stack_size);
}
