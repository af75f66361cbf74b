/*
 * GPATCH_CHILDREN=0: our entry leaves LD_PRELOAD, and GPATCH_* the environment, before the program sees it. So whatever starts
 * another program, libc's own callers included, starts it native; what the program itself puts there stays.
 */
#include "children.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_ours(const char *entry, size_t len)
{
	static const char name[] = "libgpatch.so";

	return len >= sizeof(name) - 1 && !memcmp(entry + len - (sizeof(name) - 1), name, sizeof(name) - 1) &&
	       (len == sizeof(name) - 1 || entry[len - sizeof(name)] == '/');
}

/* True if something is left. Other people's entries keep their order. */
static bool strip_preload(char *value)
{
	char *to = value;

	for (char *from = value; *from;) {
		size_t len = strcspn(from, " :");
		char *next = from + len + !!from[len];

		if (len && !is_ours(from, len)) {
			if (to != value)
				*to++ = ':';
			memmove(to, from, len);
			to += len;
		}
		from = next;
	}
	*to = 0;
	return to != value;
}

void gp_children_init(void)
{
	const char *children = getenv("GPATCH_CHILDREN");
	char **to = environ;

	if (!children || strcmp(children, "0"))
		return;
	for (char **from = environ; *from; from++)
		if (strncmp(*from, "GPATCH_", 7) && (strncmp(*from, "LD_PRELOAD=", 11) || strip_preload(*from + 11)))
			*to++ = *from;
	*to = NULL;
}
