/*
 * A thread that writes more than a terminal takes waits for its reader, here another thread of the same process. poll calls a
 * terminal writable as long as one byte fits, so the write that followed it stopped everybody, the reader too.
 */
#include "must.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

enum { BYTES = 100000 };

static void *writer(void *arg)
{
	static char text[BYTES];

	memset(text, 'x', sizeof(text));
	MUST(write((int)(intptr_t)arg, text, BYTES) == BYTES);
	return NULL;
}

int main(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct termios raw;
	pthread_t t;
	char buf[4096];
	size_t all = 0;

	MUST(master >= 0 && !grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	MUST(slave >= 0 && !tcgetattr(slave, &raw));
	cfmakeraw(&raw);
	MUST(!tcsetattr(slave, TCSANOW, &raw));
	t = start(writer, (void *)(intptr_t)slave);
	usleep(20000);
	while (all < BYTES) {
		ssize_t n = read(master, buf, sizeof(buf));

		MUST(n > 0);
		all += (size_t)n;
	}
	pthread_join(t, NULL);
	return 0;
}
