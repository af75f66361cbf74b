/* slow_load_too.so - another one, since a library is loaded once. */
#include <unistd.h>

__attribute__((constructor)) static void load(void)
{
	usleep(100000);
}
