/* <time.h>: timers that call a function. All else of them is the kernel's and libc's. */
#include "shim.h"
#include "../runtime/notify.h"
#include "../runtime/wishes.h"

#include <time.h>

GP_EXPORT int timer_create(clockid_t clock, struct sigevent *restrict event, timer_t *restrict timer)
{
	struct sigevent ours;
	uintptr_t id;
	int r;

	if (!gp_notice(event, &ours, GP_NOTICE_TIMER, &id)) {
		if (gp_self && event && !gp_copy_in(&ours, event, sizeof(ours)) && ours.sigev_notify == SIGEV_THREAD_ID) {
			ours._sigev_un._tid = gp_kernel_tid(ours._sigev_un._tid);
			event = &ours;
		}
		return real_timer_create(clock, event, timer);
	}
	r = real_timer_create(clock, &ours, timer);
	if (r)
		gp_notice_drop(id);
	else
		gp_notice_belongs(id, (long)*timer);
	return r;
}

GP_EXPORT int timer_delete(timer_t timer)
{
	int r = real_timer_delete(timer);

	if (!r)
		gp_notice_drop_all(GP_NOTICE_TIMER, (long)timer);
	return r;
}
