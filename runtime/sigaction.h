/* sigaction.h - what the program has installed for each signal. For the files of signal.h. */
#ifndef GP_SIGACTION_H
#define GP_SIGACTION_H

#include "signal.h"

#define GP_SIGNALS 64

extern struct sigaction gp_sigaction[GP_SIGNALS + 1];

static inline bool gp_sigaction_handles(const struct sigaction *act)
{
	return act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN;
}

/* The program's handlers go behind gp_signal_wrapper, which is what the kernel calls. */
void gp_sigaction_start(void);
void gp_signal_wrapper(int sig, siginfo_t *info, void *context);

/* The handler is about to be called: with SA_RESETHAND it was the last time. */
void gp_sigaction_called(int sig, const struct sigaction *act);

#endif
