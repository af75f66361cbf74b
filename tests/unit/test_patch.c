#include "unit.h"
#include "../../runtime/patch.h"

#include <stdio.h>
#include <sys/mman.h>

#ifdef __x86_64__
#include "../../runtime/arch/x86_64/raw.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

TestSuite(patch, .timeout = 10);

static unsigned reads, writes;

static ssize_t errno_of(long r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

static ssize_t raw_read(int fd, void *buf, size_t n)
{
	return errno_of(gp_raw(SYS_read, fd, (long)buf, (long)n, 0, 0, 0));
}

static ssize_t our_read(int fd, void *buf, size_t n)
{
	reads++;
	return raw_read(fd, buf, n);
}

static ssize_t our_write(int fd, const void *buf, size_t n)
{
	writes++;
	return errno_of(gp_raw(SYS_write, fd, (long)buf, (long)n, 0, 0, 0));
}

static const struct gp_entry table[] = {
	{ "no_such_function", (void *)our_read, NULL, NULL },
	{ "read", (void *)our_read, (void *)raw_read, NULL },
	{ "write", (void *)our_write, NULL, NULL },
};

static const char *why = "untouched";

static bool patch(void)
{
	gp_patch_register(table, sizeof(table) / sizeof(table[0]));
	return gp_patch_libc(&why);
}

/* One line through libc's own read and write. */
static void use_stdio(void)
{
	int p[2];
	char line[64] = "";
	FILE *in, *out;

	cr_assert_eq(pipe(p), 0);
	in = fdopen(p[0], "r");
	out = fdopen(p[1], "w");
	reads = writes = 0;
	fputs("hello\n", out);
	fflush(out);
	cr_assert_not_null(fgets(line, sizeof(line), in));
	cr_assert_str_eq(line, "hello\n");
	fclose(in);
	fclose(out);
}

static void check_patched(void)
{
	char c;

	cr_assert(gp_patched);
	cr_assert_null(why);
	use_stdio();
	cr_assert_eq(reads, 1u);
	cr_assert_eq(writes, 1u);
	reads = 0;
	errno = 0;
	cr_assert_eq(read(-1, &c, 1), -1);
	cr_assert_eq(errno, EBADF);
	cr_assert_eq(reads, 1u, "the symbol leads there as well");
	cr_assert_eq(real_read(-1, &c, 1), -1);
	cr_assert_eq(reads, 1u, "the original does not");
}

static void check_unpatched(void)
{
	cr_assert(!gp_patched);
	cr_assert_not_null(why);
	use_stdio();
	cr_assert_eq(reads + writes, 0u);
}

static unsigned writable_code(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned n = 0;

	while (fgets(line, sizeof(line), f))
		n += strstr(line, " rwx") != NULL;
	fclose(f);
	return n;
}

Test(patch, libcs_own_calls_come_to_us)
{
	int low = dup(0);

	NOT_UNDER_ASAN();
	close(low);
	cr_assert(patch(), "%s", why);
	cr_assert_eq(dup(0), low, "a descriptor is left open");
	check_patched();
	cr_assert_eq(writable_code(), 0u);
	why = "again";
	cr_assert(gp_patch_libc(&why));
	check_patched();
}

/* Memory-deny-write-execute: code may not be changed in place, and we do not. */
Test(patch, under_mdwe)
{
	NOT_UNDER_ASAN();
	if (prctl(PR_SET_MDWE, 1, 0, 0, 0))
		cr_skip("a kernel without it");
	cr_assert_eq(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), MAP_FAILED);
	cr_assert(patch(), "%s", why);
	check_patched();
}

Test(patch, no_memfd)
{
	refuse(SYS_memfd_create, -1, 0, EPERM);
	cr_assert(!patch());
	check_unpatched();
}

Test(patch, an_older_kernel_without_the_exec_flag)
{
	NOT_UNDER_ASAN();
	refuse(SYS_memfd_create, 1, 0x10, EINVAL);
	cr_assert(patch(), "%s", why);
	check_patched();
}

Test(patch, no_executable_mappings)
{
	int low = dup(0);

	close(low);
	refuse(SYS_mmap, 2, PROT_EXEC, EACCES);
	cr_assert(!patch());
	check_unpatched();
	cr_assert_eq(dup(0), low, "a descriptor is left open");
}

Test(patch, nothing_to_patch)
{
	static const struct gp_entry none[] = { { "no_such_function", (void *)our_read, NULL, NULL } };

	cr_assert(!gp_patch_libc(&why));
	check_unpatched();
	gp_patch_register(none, 1);
	cr_assert(!gp_patch_libc(&why));
	check_unpatched();
}

/* Another preloaded shim has read, and its original must stay libc's. */
Test(patch, behind_another_shim)
{
	gp_real_redirect("read", (void *)our_write);
	cr_assert(patch(), "%s", why);
	use_stdio();
	cr_assert_eq(reads, 0u);
	cr_assert_eq(writes, 1u);
}

static bool unlike(const char *at)
{
	return !at;
}

/* The code at an entry is not what its original builds on. */
Test(patch, another_code_is_left_alone)
{
	static const struct gp_entry entries[] = {
		{ "read", (void *)our_read, (void *)raw_read, unlike },
		{ "write", (void *)our_write, NULL, NULL },
	};

	gp_patch_register(entries, 2);
	cr_assert(gp_patch_libc(&why), "%s", why);
	use_stdio();
	cr_assert_eq(reads, 0u);
	cr_assert_eq(writes, 1u);
}

/* Where the target is near enough the short jump serves. */
Test(patch, a_target_near_libc)
{
	char *libc = gp_real_lookup_in_libc("read"), *at = MAP_FAILED;
	static struct gp_entry near[1] = { { "read", NULL, (void *)raw_read, NULL } };
	void *to = (void *)our_read;

	NOT_UNDER_ASAN();
	for (long away = 16; away < 1024 && at == MAP_FAILED; away += 16) /* MiB under libc */
		at = mmap((char *)((uintptr_t)libc & ~4095ul) - (away << 20), 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (at == MAP_FAILED)
		cr_skip("no room near libc");
	memcpy(at, "\x48\xb8", 2); /* movabs to, %rax; jmp *%rax */
	memcpy(at + 2, &to, 8);
	memcpy(at + 10, "\xff\xe0", 2);
	mprotect(at, 4096, PROT_READ | PROT_EXEC);
	near[0].to = at;
	gp_patch_register(near, 1);
	cr_assert(gp_patch_libc(&why), "%s", why);
	cr_assert(libc[0] == (char)0xe9 || libc[4] == (char)0xe9);
	use_stdio();
	cr_assert_eq(reads, 1u);
}

/* With the first greenlet, unless the symbols are all that is wanted. */
Test(patch, with_the_first_greenlet)
{
	NOT_UNDER_ASAN();
	gp_patch_register(table, 3);
	cr_assert(!gp_patched);
	cr_assert_eq(gp_greenlets_start(), 0);
	why = NULL;
	check_patched();
}

Test(patch, symbols_only)
{
	gp_patch_register(table, 3);
	gp_config.symbols = true;
	cr_assert_eq(gp_greenlets_start(), 0);
	check_unpatched();
}
#endif
