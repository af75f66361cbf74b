#include "unit.h"

#include <dlfcn.h>
#include <stdio.h>

TestSuite(real, .timeout = 10);

/* Before any other constructor: nothing has filled the slots, and every argument must survive that. */
static ssize_t early[3];
static int early_errno;

__attribute__((constructor(101))) static void call_early(void)
{
	int s[2];
	char buf[16] = "";

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, s))
		return;
	errno = 61;
	early[0] = real_sendto(s[0], "0123456789", 10, MSG_DONTWAIT, NULL, 0);
	early[1] = real_recvfrom(s[1], buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK, NULL, NULL);
	early_errno = errno;
	early[2] = real_syscall(SYS_pwrite64, s[0], buf, 0x10l, 0l, 0l, 0l); /* variadic; ESPIPE */
	close(s[0]);
	close(s[1]);
}

Test(real, an_original_may_be_called_before_any_constructor)
{
	cr_assert_eq(early[0], 10);
	cr_assert_eq(early[1], 10);
	cr_assert_eq(early_errno, 61);
	cr_assert_eq(early[2], -1);
}

static const struct { const char *name, *version; } names[] = {
#define GP_ALIAS(name)
#define GP_SHIM(name)           { #name, NULL },
#define GP_SHIMV(name, version) { #name, version },
#include "../../runtime/real.def"
#undef GP_ALIAS
#undef GP_SHIM
#undef GP_SHIMV
};

Test(real, originals_are_what_dlsym_finds)
{
	unsigned missing = 0;

	gp_real_init();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *name = names[i].name;
		void *p = names[i].version ? dlvsym(RTLD_NEXT, name, names[i].version) : dlsym(RTLD_NEXT, name);

		missing += !p;
		cr_expect(!p || gp_real_is(name, p), "%s", name);
		cr_expect(!gp_real_is(name, NULL), "%s", name);
	}
	cr_assert_leq(missing, 3u, "this libc lacks %u", missing);
	cr_assert(!gp_real_is("no_such_function", (void *)getpid));
}

static int ours(void)
{
	return 4711;
}

Test(real, redirect)
{
	gp_real_redirect("sched_yield", (void *)ours);
	cr_assert_eq(real_sched_yield(), 4711);
	cr_assert(gp_real_is("sched_yield", (void *)ours));
	gp_real_redirect("no_such_function", (void *)ours);
	gp_real_init(); /* does not take it back */
	cr_assert_eq(real_sched_yield(), 4711);
}

static const char *object_of(void *p)
{
	Dl_info info = { 0 };

	return p && dladdr(p, &info) && strrchr(info.dli_fname, '/') ? strrchr(info.dli_fname, '/') + 1 : "nowhere";
}

Test(real, lookup)
{
	cr_assert(!strncmp(object_of(gp_real_lookup("_dl_allocate_tls")), "ld-linux", 8));
	cr_assert_str_eq(object_of(gp_real_lookup("__call_tls_dtors")), "libc.so.6"); /* GLIBC_PRIVATE */
	cr_assert_eq(gp_real_lookup("getpid"), dlsym(RTLD_DEFAULT, "getpid"));
	cr_assert_null(gp_real_lookup("no_such_function_anywhere"));
	cr_assert_null(gp_real_lookup(""));
	cr_assert_not_null(gp_real_lookup("memcpy"), "an indirect function is resolved");
	cr_assert_not_null(gp_real_lookup("criterion_run_all_tests"), "any loaded object");
}

Test(real, lookup_in_libc)
{
	cr_assert_str_eq(object_of(gp_real_lookup_in_libc("__libc_single_threaded")), "libc.so.6");
	cr_assert_str_eq(object_of(gp_real_lookup_in_libc("read")), "libc.so.6");
	cr_assert_null(gp_real_lookup_in_libc("_dl_allocate_tls"), "that is ld.so's");
	cr_assert_null(gp_real_lookup_in_libc("criterion_run_all_tests"));
}

Test(real, results_and_errno_are_libcs)
{
	cr_assert_eq(real_close(-1), -1);
	cr_assert_eq(errno, EBADF);
	cr_assert_eq(real_syscall(SYS_getpid), getpid());
	cr_assert_eq(real_fcntl(1, F_DUPFD_CLOEXEC, 100), 100);
}
