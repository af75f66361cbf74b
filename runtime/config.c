#include "config.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_MIN (16ul << 10) /* PTHREAD_STACK_MIN as programs know it */

enum { WATCH_DEFAULT = 100, WATCH_MIN = 10, WATCH_MAX = 60000 }; /* ms */

struct gp_config gp_config = { .families = GP_F_ALL };

static const struct {
	const char *name;
	unsigned bits;
} families[] = {
	{ "sleep", GP_F_SLEEP }, { "select", GP_F_SELECT }, { "poll", GP_F_POLL }, { "socket", GP_F_SOCKET }, { "io", GP_F_IO },
	{ "thread", GP_F_THREAD }, { "sync", GP_F_SYNC }, { "dns", GP_F_DNS }, { "all", GP_F_ALL },
};

static const char *value(const char *name)
{
	const char *v = secure_getenv(name); /* a setuid program does not take orders from its user */

	return v && *v ? v : NULL;
}

_Noreturn static void refuse(const char *name, const char *v, const char *allowed)
{
	gp_say("%s=%s: must be %s", name, v, allowed);
	_exit(2);
}

/* The index of the variable's value among `words` (separated by |), 0 where it is not set. */
static int choice(const char *name, const char *words)
{
	const char *v = value(name), *w = words;
	size_t len = v ? strlen(v) : 0;

	if (!v)
		return 0;
	for (int i = 0;; i++) {
		size_t n = strcspn(w, "|");

		if (n == len && !memcmp(w, v, n))
			return i;
		if (!w[n])
			refuse(name, v, words);
		w += n + 1;
	}
}

static unsigned family(const char *s, size_t len)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strlen(families[i].name) == len && !memcmp(families[i].name, s, len))
			return families[i].bits;
	return 0;
}

/* A list that begins by taking away starts from all, any other from none; later words win. */
static unsigned parse_families(const char *name)
{
	const char *v = value(name), *s = v;
	unsigned set = !v || *v == '-' ? GP_F_ALL : 0, bits;

	for (size_t len; v; s += len + 1) {
		bool minus = *s == '-';

		s += minus;
		len = strcspn(s, ",");
		bits = family(s, len);
		if (len == 4 && !memcmp(s, "none", 4) && !minus)
			set = 0;
		else if (!bits)
			refuse(name, v, "all, none, or a list of [-]sleep,select,poll,socket,io,thread,sync,dns");
		else
			set = minus ? set & ~bits : set | bits;
		if (!s[len])
			break;
	}
	return set;
}

static size_t parse_size(const char *name)
{
	const char *v = value(name);
	unsigned long n = 0;
	char *end = NULL;
	int shift = 0;

	if (!v)
		return 0;
	errno = 0;
	if (isdigit((unsigned char)*v))
		n = strtoul(v, &end, 10);
	if (end && *end && !end[1]) {
		const char *unit = strchr("kmg", tolower((unsigned char)*end));

		shift = unit ? 10 * (int)(unit - "kmg" + 1) : 0;
		end += !!unit;
	}
	if (!end || *end || errno || n > SIZE_MAX / 2 >> shift || n << shift < STACK_MIN)
		refuse(name, v, "a number of bytes from 16k up, with k, m or g for KiB, MiB or GiB");
	return n << shift;
}

static unsigned parse_watch(const char *name)
{
	const char *v = value(name);
	unsigned long n = 0;
	char *end = NULL;

	if (!v || !strcmp(v, "0"))
		return 0;
	if (!strcmp(v, "1"))
		return WATCH_DEFAULT;
	if (isdigit((unsigned char)*v))
		n = strtoul(v, &end, 10);
	if (!end || *end || n < WATCH_MIN || n > WATCH_MAX)
		refuse(name, v, "0, 1 (100 ms), or a number of milliseconds from 10 to 60000");
	return (unsigned)n;
}

static uint32_t parse_chaos(const char *name)
{
	const char *v = value(name);
	unsigned long n = 0;
	char *end = NULL;

	if (!v)
		return 0;
	if (isdigit((unsigned char)*v))
		n = strtoul(v, &end, 10);
	if (!end || *end || n > UINT32_MAX)
		refuse(name, v, "a number below 2^32: a seed, or 0 for none");
	return (uint32_t)n;
}

/* A copy: programs write over their environment (setproctitle). */
static const char *parse_stats(const char *name)
{
	static char path[PATH_MAX];
	const char *v = value(name);

	if (!v || !strcmp(v, "0"))
		return NULL;
	if (strlen(v) >= sizeof(path))
		refuse(name, v, "1 or the path of a file");
	return strcpy(path, v);
}

void gp_config_init(void)
{
	const char *preloads = getenv("LD_PRELOAD") ?: "";
	int saved = errno;

	gp_config.mode = (enum gp_mode)choice("GPATCH_MODE", "async|sync|threads");
	gp_config.families = parse_families("GPATCH_FAMILIES");
#ifdef __x86_64__
	gp_config.ucontext = choice("GPATCH_SWITCH", "asm|ucontext") == 1;
#else
	choice("GPATCH_SWITCH", "ucontext");
	gp_config.ucontext = true;
#endif
	gp_config.symbols = choice("GPATCH_LIBC", "patch|symbols") == 1;
	gp_config.verbose = choice("GPATCH_VERBOSE", "0|1") == 1;
	gp_config.preempt = choice("GPATCH_PREEMPT", "1|0") == 0;
	gp_config.stack = parse_size("GPATCH_STACK");
	gp_config.watch = parse_watch("GPATCH_WATCH");
	gp_config.chaos = parse_chaos("GPATCH_CHAOS");
	gp_config.stats = parse_stats("GPATCH_STATS");
	gp_config.valgrind = strstr(preloads, "/vgpreload_core");
	gp_config.helgrind = strstr(preloads, "/vgpreload_helgrind") || strstr(preloads, "/vgpreload_drd");
	errno = saved;
}
