/*
 * aiocopy.h - requests of <aio.h> that end with a call in a thread. Libc reads the event from the request when that is done, so it gets a
 * copy with an event of ours; what becomes of the copy is told to the program's own, by libc's thread or by whoever waits for it.
 */
#ifndef GP_AIOCOPY_H
#define GP_AIOCOPY_H

#include "rt.h"
#include <aio.h>

/* What libc is given for cb: cb itself, unless its event asks for a thread. */
struct aiocb *gp_aio_request(struct aiocb *cb);
/* It was never begun: libc has noted the error in it. */
void gp_aio_failed(struct aiocb *cb, struct aiocb *theirs);
/* What libc was given for a request that has not been told its end. */
const struct aiocb *gp_aio_theirs(const struct aiocb *cb);
/* Tells all that are done. */
void gp_aio_tell(void);
/* Are there copies? */
extern bool gp_aio_any;

void gp_aio_forget(void); /* child of fork: their threads are gone */

#endif
