/*
 * driver.c - whole programs under the shim, compared with what they are without it.
 *
 *   shimtests/NAME   native, then preloaded with both switch backends: same standard output, same exit status. The preloaded ones
 *                    are the same tables built otherwise: fortified with large files (other entries of libc), and not optimized
 *   contract/NAME    the same: one case for each function that waits, beside a ticker
 *   regress/NAME     native, then preloaded with both backends: exit status 0
 *   Those with the mark "libc: symbols" run preloaded once more, without the patching of libc.
 *   programs/NAME    in each mode that its source allows: exit status 0 and the output that stands beside the source
 *   soak/NAME        as regress, for minutes; only where GP_SOAK is set (make soak)
 *
 * All are found by wildcard: a new file is a new test. tests/programs/EXPECT.md tells which output is expected where.
 */
#include "run.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glob.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct subject {
	char path[400];
	char name[64];
	int how;
};

static const struct how *const hows[] = { &native, &async_asm, &async_ucontext, &async_symbols, &sync_mode, &threads_mode };
enum { NATIVE, ASYNC_ASM, ASYNC_UCONTEXT, ASYNC_SYMBOLS, SYNC, THREADS, HOWS };

/* Executables that match the pattern, in memory that Criterion hands over to the processes of the tests. */
static struct subject *find(const char *pattern, size_t *count)
{
	glob_t g;
	struct subject *all;

	if (glob(pattern, 0, NULL, &g))
		g.gl_pathc = 0;
	all = cr_malloc((g.gl_pathc * HOWS + 1) * sizeof(*all));
	*count = 0;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *base = strrchr(g.gl_pathv[i], '/') + 1;
		struct subject *s = &all[*count];

		if (access(g.gl_pathv[i], X_OK) || (strchr(base, '.') && !strstr(base, ".py")))
			continue;
		snprintf(s->path, sizeof(s->path), "%s", g.gl_pathv[i]);
		snprintf(s->name, sizeof(s->name), "%.*s", (int)strcspn(base, "."), base);
		s->how = 0;
		++*count;
	}
	if (g.gl_pathc)
		globfree(&g);
	return all;
}

static struct subject *find_built(const char *directory, size_t *count)
{
	char *pattern = text("%s/%s/*", build(), directory);
	struct subject *all = find(pattern, count);

	free(pattern);
	return all;
}

/* Once for each way to run it, so that a report names the way and the tests run side by side. */
static struct subject *times_hows(struct subject *all, size_t *count)
{
	size_t n = *count;

	for (size_t i = n; i-- > 0;)
		for (int h = HOWS; h-- > 0;) {
			all[i * HOWS + (size_t)h] = all[i];
			all[i * HOWS + (size_t)h].how = h;
		}
	*count = n * HOWS;
	return all;
}

static void fail_with(const char *name, char *what)
{
	if (what)
		cr_log_error("%s:\n%s", name, what);
	cr_expect(!what, "%s differs", name);
	free(what);
}

/* The source of a test, whatever its language. */
static FILE *open_source(const char *stem)
{
	static const char *const endings[] = { ".c", ".cc", ".py" };
	FILE *f = NULL;

	for (size_t i = 0; !f && i < sizeof(endings) / sizeof(endings[0]); i++) {
		char *path = text("%s%s", stem, endings[i]);

		f = fopen(path, "re");
		free(path);
	}
	return f;
}

/*
 * In the first lines of a source, with the reason beside it:
 *   backends: asm    not under ucontext
 *   libc: symbols    also without patching libc, GPATCH_LIBC=symbols
 */
static bool runs(const char *stem, int how)
{
	char head[512] = "";
	FILE *f = open_source(stem);

	if (f) {
		head[fread(head, 1, sizeof(head) - 1, f)] = '\0';
		fclose(f);
	}
	return how == ASYNC_SYMBOLS ? strstr(head, "libc: symbols") != NULL : how != ASYNC_UCONTEXT || !strstr(head, "backends: asm");
}

/* ---- shimtests */

ParameterizedTestParameters(shim, same_as_native)
{
	size_t n;
	struct subject *s = find_built("shimtests", &n);

	return cr_make_param_array(struct subject, s, n);
}

static void check_same(const struct subject *s, const char *directory)
{
	const char *argv[] = { s->path, NULL };
	struct result by_itself = run(&native, argv, LIMIT);
	char *source = text("tests/%s/%s", directory, s->name);

	cr_assert(by_itself.status == 0, "%s: native status %d\n%s", s->name, by_itself.status, by_itself.err);
	cr_assert(by_itself.out_size > 0, "%s prints nothing", s->name);
	for (int h = ASYNC_ASM; h <= ASYNC_SYMBOLS; h++) {
		char *other = text("%s.%s", s->path, h == ASYNC_UCONTEXT ? "O0" : "fortified"), *name;
		struct result r;

		if (!runs(source, h)) {
			free(other);
			continue;
		}
		r = run(hows[h], (const char *[]){ other, NULL }, LIMIT);
		name = text("%s/%s %s", directory, strrchr(other, '/') + 1, hows[h]->name);
		fail_with(name, difference("native", by_itself.status, by_itself.out, hows[h]->name, &r, false));
		free(name);
		free(other);
		forget(&r);
	}
	free(source);
	forget(&by_itself);
}

ParameterizedTest(struct subject *s, shim, same_as_native, .timeout = PATIENCE)
{
	check_same(s, "shim");
}

ParameterizedTestParameters(contract, same_as_native)
{
	size_t n;
	struct subject *s = find_built("contract", &n);

	return cr_make_param_array(struct subject, s, n);
}

ParameterizedTest(struct subject *s, contract, same_as_native, .timeout = PATIENCE)
{
	check_same(s, "contract");
}

/* ---- regress */

static bool allowed(const char *source_of, const char *mode, bool *api);

ParameterizedTestParameters(regress, succeeds)
{
	size_t n;
	struct subject *s = find_built("regress", &n);

	return cr_make_param_array(struct subject, s, n);
}

static void check_regress(const struct subject *s, const char *directory, int limit)
{
	const char *argv[] = { s->path, NULL };
	char *source = text("tests/%s/%s", directory, s->name);
	bool api;

	for (int h = NATIVE; h <= ASYNC_SYMBOLS; h++) {
		struct result r;

		if ((!allowed(source, h ? "async" : "native", &api) && !(api && !h)) || !runs(source, h))
			continue;
		r = run(hows[h], argv, limit);
		cr_expect(r.status == 0, "%s/%s %s: status %d%s\n%s%s", directory, s->name, hows[h]->name, r.status,
			  r.status == -1 ? " (too slow)" : "", r.out, r.err);
		forget(&r);
	}
	free(source);
}

ParameterizedTest(struct subject *s, regress, succeeds, .timeout = PATIENCE)
{
	check_regress(s, "regress", LIMIT);
}

ParameterizedTestParameters(soak, succeeds)
{
	size_t n;
	struct subject *s = find_built(getenv("GP_SOAK") ? "soak" : "none", &n);

	return cr_make_param_array(struct subject, s, n);
}

ParameterizedTest(struct subject *s, soak, succeeds, .timeout = 4 * SOAK_LIMIT)
{
	check_regress(s, "soak", SOAK_LIMIT);
}

/* ---- programs */

static bool has_word(const char *words, const char *word)
{
	for (size_t n; *words; words += n + strspn(words + n, " \t\n")) {
		n = strcspn(words, " \t\n");
		if (n == strlen(word) && !strncmp(words, word, n))
			return true;
	}
	return false;
}

/*
 * Does the source say "modes:" without this one? Without that line all are allowed; "threads" is as native. *api: the program
 * is linked with the library, and runs without the preload as it does with it.
 */
static bool allowed(const char *source_of, const char *mode, bool *api)
{
	char line[200], *modes = NULL;
	bool yes = true;
	FILE *f = open_source(source_of);

	*api = false;
	for (int i = 0; f && i < 5 && fgets(line, sizeof(line), f); i++) {
		if ((modes = strstr(line, "modes:")))
			yes = has_word(modes, mode);
		if (strstr(line, "link:") && strstr(line, "-lgpatch"))
			*api = true;
	}
	if (f)
		fclose(f);
	return yes;
}

/* The output that is expected of a program in a mode; *sorted: its lines in any order. NULL: none stands anywhere. */
static char *expected(const char *stem, const char *mode, bool *sorted)
{
	char *path = text("%s.%s.out", stem, mode), *out = slurp(path);

	*sorted = false;
	free(path);
	if (!out) {
		path = text("%s.out", stem);
		out = slurp(path);
		free(path);
	}
	if (!out) {
		path = text("%s.sorted.out", stem);
		out = slurp(path);
		free(path);
		*sorted = out != NULL;
	}
	return out;
}

static void check_program(const struct subject *s, const char *const *argv)
{
	const struct how *how = hows[s->how];
	char *stem = text("tests/programs/%s", s->name), *wanted, *name;
	const char *mode = how->mode && s->how != THREADS ? how->mode : "native";
	bool api, sorted, yes = allowed(stem, mode, &api);
	struct result r;

	if (api && s->how == NATIVE) {
		mode = "async";
		yes = true;
	}
	if (!yes || !runs(stem, s->how))
		cr_skip_test("%s does not run in mode %s", s->name, how->name);
	wanted = expected(stem, mode, &sorted);
	r = run(how, argv, LIMIT);
	name = text("programs/%s %s", s->name, how->name);
	fail_with(name, difference("expected", 0, wanted ? wanted : r.out, how->name, &r, sorted));
	cr_expect(!r.status || !r.err[0] || r.status == -1, "%s said: %s", name, r.err);
	free(wanted);
	free(name);
	free(stem);
	forget(&r);
}

ParameterizedTestParameters(programs, as_expected)
{
	size_t n;
	struct subject *s = times_hows(find_built("programs", &n), &n);

	return cr_make_param_array(struct subject, s, n);
}

ParameterizedTest(struct subject *s, programs, as_expected, .timeout = PATIENCE)
{
	check_program(s, (const char *[]){ s->path, NULL });
}

#define PYTHON "/usr/bin/python3"

ParameterizedTestParameters(programs, python_twins)
{
	size_t n;
	glob_t g;
	struct subject *all;

	if (glob("tests/programs/*.py", 0, NULL, &g))
		g.gl_pathc = 0;
	n = g.gl_pathc;
	all = cr_malloc((n * HOWS + 1) * sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		const char *base = strrchr(g.gl_pathv[i], '/') + 1;

		all[i] = (struct subject){ .how = 0 };
		snprintf(all[i].path, sizeof(all[i].path), "%s", g.gl_pathv[i]);
		snprintf(all[i].name, sizeof(all[i].name), "%.*s", (int)strcspn(base, "."), base);
	}
	if (n)
		globfree(&g);
	return cr_make_param_array(struct subject, times_hows(all, &n), n);
}

ParameterizedTest(struct subject *s, programs, python_twins, .timeout = PATIENCE)
{
	if (access(PYTHON, X_OK))
		cr_skip_test("no " PYTHON);
	check_program(s, (const char *[]){ PYTHON, s->path, NULL });
}

/* ---- fetch and time_server: the server preloaded, its clients in every mode */

static pid_t start_server(int *port, int *out)
{
	char *path = text("%s", built("programs/time_server")), line[100] = "";
	size_t n = 0;
	pid_t pid = start(&async_asm, (const char *[]){ path, "-p", "0", "-d", "200-200", NULL }, out);

	while (n < sizeof(line) - 1 && !strchr(line, '\n') && read(*out, line + n, 1) == 1)
		line[++n] = '\0';
	free(path);
	*port = 0;
	sscanf(line, "listening on 127.0.0.1:%d", port);
	return pid;
}

/*
 * Heading, then ten times "Process N: DATE": in order where `ordered`, else each number once. Returns what follows. Newlines may
 * gather: natively Python's print() writes them apart from their lines.
 */
static char *section(char *at, const char *heading, bool ordered, const char *who)
{
	unsigned seen = 0;
	regex_t re;
	regmatch_t m;

	if (regcomp(&re, "^\n*Process [0-9]+: [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z", REG_EXTENDED))
		abort();
	cr_expect(!strncmp(at, heading, strlen(heading)), "%s: wanted %s, got %s", who, heading, at);
	at += strcspn(at, "\n");
	for (int i = 1; i <= 10; i++) {
		int pid = regexec(&re, at, 1, &m, 0) ? 0 : atoi(strchr(at, ' '));

		cr_assert(pid && (!ordered || pid == i), "%s: line %d of %s is:%.60s", who, i, heading, at);
		seen |= 1u << (pid & 31);
		at += m.rm_eo;
	}
	regfree(&re);
	cr_expect(seen == 0x7fe, "%s: %s misses some: %#x", who, heading, seen);
	return at + strspn(at, "\n");
}

static void check_fetch(const struct how *how, const char *const *command, int port, bool overlaps)
{
	char *url = text("http://127.0.0.1:%d/time.json", port), *who = text("%s %s", command[1] ? command[1] : command[0], how->name);
	const char *argv[8] = { command[0], command[1] ? command[1] : "-n", command[1] ? "-n" : "10", command[1] ? "10" : url, command[1] ? url : NULL };
	struct result r = run(how, argv, LIMIT);
	char *rest;
	double both = r.seconds;

	cr_expect(r.status == 0, "%s: status %d: %s", who, r.status, r.err);
	rest = section(r.out, "Synchronous:", true, who);
	rest = section(rest, "Asynchronous:", false, who);
	cr_expect(!*rest, "%s: too much: %s", who, rest);
	/* Ten answers of 200 ms each: the first part takes two seconds in any mode, the second one only where all wait alone. */
	cr_expect(both >= 2.0, "%s: %.2f s for two seconds of waiting", who, both);
	cr_expect(overlaps ? both < 3.8 : both >= 4.0, "%s: %.2f s, fetches %s overlap", who, both, overlaps ? "do not" : "seem to");
	free(url);
	free(who);
	forget(&r);
}

ParameterizedTestParameters(programs, fetch)
{
	static int ways[HOWS + 2];

	for (int i = 0; i < HOWS + 2; i++)
		ways[i] = i;
	return cr_make_param_array(int, ways, HOWS + 2);
}

/* The program in every mode, then its twin in Python natively and preloaded. */
ParameterizedTest(int *way, programs, fetch, .timeout = PATIENCE)
{
	int port, out, h = *way % HOWS;
	bool python = *way >= HOWS;
	char *fetch = text("%s", built("programs/fetch"));
	pid_t server;

	if (python && access(PYTHON, X_OK))
		cr_skip_test("no " PYTHON);
	server = start_server(&port, &out);
	cr_assert(port > 0, "time_server does not tell its port");
	if (python)
		check_fetch(hows[h], (const char *[]){ PYTHON, "tests/programs/fetch_threads.py", NULL }, port, true);
	else
		check_fetch(hows[h], (const char *[]){ fetch, NULL }, port, h != SYNC);
	cr_expect(stop(server, SIGTERM, 5) == 0, "time_server did not end with status 0");
	free(fetch);
}

/* Visible, because Criterion looks for it in the processes of the tests. */
__attribute__((visibility("default"))) int main(int argc, char **argv)
{
	struct criterion_test_set *tests = criterion_initialize();
	int status = 0;

	criterion_options.jobs = 2; /* more would make times on small machines a matter of luck */
	if (criterion_handle_args(argc, argv, true))
		status = !criterion_run_all_tests(tests);
	criterion_finalize(tests);
	return status;
}
