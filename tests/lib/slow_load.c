/* slow_load.so - takes its time to load, as a plug-in may that asks a server. */
#include <unistd.h>

__attribute__((constructor)) static void load(void)
{
	usleep(100000);
}
