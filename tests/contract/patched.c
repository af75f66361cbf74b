/* patched.c - what waits inside libc where no symbol and no stream passes: without patched entries it stops everybody */
#include "streams.h"

#include <wordexp.h>

WAITS(wordexp)
{
	wordexp_t w;

	by_itself();
	SHOW(wordexp("$(sleep 0.1; echo two words)", &w, 0));
	say("%zu %s", w.we_wordc, w.we_wordc ? w.we_wordv[0] : "");
	wordfree(&w);
}

WAITS_FD2(psiginfo, (psiginfo(&(siginfo_t){ .si_signo = SIGUSR1 }, "text"), 0))

LAST_CASE
