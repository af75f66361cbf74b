#!/bin/sh
# run.sh - the launcher: options, environment, programs that cannot be preloaded, compare. One line a case.
#
# Builds its own copy of the build tree and of an installed one around a dummy library that reports what reached it, so that
# it tests scripts/gpatch and scripts/measure.c alone. CC may name the compiler. Cases that need root skip without it.

here=$(cd "$(dirname "$0")/../.." && pwd -P)
cc=${CC:-cc}
unset GPATCH_MODE GPATCH_FAMILIES GPATCH_SWITCH GPATCH_STACK GPATCH_STATS GPATCH_VERBOSE GPATCH_LIBC GPATCH_CHILDREN GPATCH_LIB \
	GPATCH_FORCE LD_PRELOAD
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp" # for nobody
cd "$tmp" || exit 1
passed=0 failed=0

verdict() { # name ok|not, and the files out, err, status tell more
	if [ "$2" = ok ]; then
		passed=$((passed + 1))
		echo "ok   $1"
	else
		failed=$((failed + 1))
		echo "FAIL $1"
		sed 's/^/     | /' expected got 2>/dev/null
	fi
}

skip() { echo "skip $1: $2"; }

# Runs the command; its status, stdout and stderr become the file got.
run() {
	"$@" >out 2>err </dev/null
	echo "status $?" >got
	sed 's/^/out /' out >>got
	sed 's/^/err /' err >>got
}

# expect NAME: the file got must equal stdin.
expect() {
	cat >expected
	if cmp -s expected got; then verdict "$1" ok; else verdict "$1" not; fi
}

# expect_grep NAME PATTERN...: got must have a line for each.
expect_grep() {
	name=$1
	shift
	for pattern; do
		grep -qE -e "$pattern" got || {
			printf 'a line like: %s\n' "$pattern" >expected
			verdict "$name" not
			return
		}
	done
	verdict "$name" ok
}

# --- what is launched -------------------------------------------------------------------------------------------------------

cat >dummy.c <<'END'
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <unistd.h>

static const char *env(const char *name)
{
	return getenv(name) ? getenv(name) : "-";
}
__attribute__((constructor)) static void up(void)
{
	if (getenv("DUMMY"))
		fprintf(stderr, "dummy in %s: %s %s %s %s %s\n", program_invocation_short_name, env("GPATCH_MODE"),
			env("GPATCH_FAMILIES"), env("GPATCH_SWITCH"), env("GPATCH_STATS"), env("GPATCH_CHILDREN"));
}
__attribute__((destructor)) static void down(void)
{
	FILE *f = *env("GPATCH_STATS") == '/' ? fopen(getenv("GPATCH_STATS"), "w") : NULL;

	if (f) {
		fprintf(f, "greenlets 11\nswitches 2222\nlive_max 3\nkernel_threads_max %d\noffload_threads_max 0\n",
			*env("GPATCH_MODE") == 't' ? 7 : 1);
		fclose(f);
	}
}
END
cat >prog.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	printf("%s%s%s euid %d preload %s\n", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "", (int)geteuid(),
		getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "-");
	fflush(stdout);
	if (argc > 1 && !strcmp(argv[1], "kill"))
		raise(SIGTERM);
	return argc > 2 ? atoi(argv[2]) : 0;
}
END
# Differs with the mode as its first argument says; reads stdin; uses some CPU, memory and threads.
cat >modal.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *nap(void *arg)
{
	return usleep(20000), arg;
}
int main(int argc, char **argv)
{
	const char *mode = getenv("GPATCH_MODE"), *how = argc > 1 ? argv[1] : "same";
	pthread_t t[4];
	char line[100];
	size_t size = 40 << 20;
	char *volatile memory = malloc(size); /* volatile: to be there */

	memset(memory, 1, size);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, nap, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	while (fgets(line, sizeof line, stdin))
		fputs(line, stdout);
	puts(!strcmp(how, "differ") ? mode : "begin");
	puts(!strcmp(how, "order") && *mode == 'a' ? "two\none" : "one\ntwo");
	fprintf(stderr, "gpatch: warning\nnoise %s\n", mode);
	if (!strcmp(how, "crash") && *mode == 'a')
		abort();
	return 3 + memory[1] - 1;
}
END
cat >note.c <<'END'
__asm__(".section .note.go.buildid,\"a\",@note\n.balign 4\n.long 4,4,4\n.ascii \"Go\\0\\0\"\n.ascii \"abcd\"\n.previous");
END
mkdir -p tree/scripts tree/build usr/bin usr/lib/x86_64-linux-gnu usr/libexec/gpatch path 'a b/scripts' 'a b/build' || exit 1
set -e
$cc -O1 -fPIC -shared -o tree/build/libgpatch.so dummy.c
$cc -std=gnu11 -O2 -Wall -Wextra -Werror -o tree/build/measure "$here/scripts/measure.c"
$cc -O1 -o prog prog.c
$cc -O1 -o modal modal.c -pthread
$cc -O1 -static -o static prog.c
$cc -O1 -static-pie -o static-pie prog.c
$cc -O1 -o go prog.c note.c
$cc -O1 -static -o go-static prog.c note.c
ln -s "$(readlink -f /lib64/ld-linux-x86-64.so.2)" ld-musl-x86_64.so.1
cp ld-musl-x86_64.so.1 linker64
$cc -O1 -o musl prog.c -Wl,--dynamic-linker="$tmp/ld-musl-x86_64.so.1"
$cc -O1 -o other-linker prog.c -Wl,--dynamic-linker="$tmp/linker64"
$cc -O1 -o no-linker prog.c -Wl,--dynamic-linker=/no/ld-musl-x86_64.so.1
cp prog elf32
printf '\001' | dd of=elf32 bs=1 seek=4 conv=notrunc 2>/dev/null
cp prog arm
printf '\267' | dd of=arm bs=1 seek=18 conv=notrunc 2>/dev/null
cp prog path/qemu-x86_64
cp prog path/qemu-system-x86_64
cp prog path/found
cp prog plain
chmod 644 plain
printf '#!%s/prog  an-argument \n' "$tmp" >script
printf '#! %s/static\n' "$tmp" >static-script
printf '#!/usr/bin/env -S DUMMY=1 found x\n' >env-script
printf '#!/no/such/interpreter\n' >lost-script
printf 'echo text\n' >text
chmod 755 ./*script text
cp "$here/scripts/gpatch" tree/scripts/
echo 'VERSION := 7.8.9' >tree/Makefile
sed 's/@VERSION@/1.2.3/' "$here/scripts/gpatch" >usr/bin/gpatch
chmod 755 usr/bin/gpatch
cp tree/build/measure usr/libexec/gpatch/
cp tree/build/libgpatch.so usr/lib/
cp -r tree/scripts tree/build 'a b/'
ln -s ../tree/scripts/gpatch path/gp1
ln -s "$tmp/path/gp1" gp2
ln -s tree/scripts linked-scripts
set +e
gpatch=$tmp/tree/scripts/gpatch
lib=$tmp/tree/build/libgpatch.so
usr=$tmp/usr/lib/libgpatch.so
native='it runs native, unpatched'
export DUMMY=1

# --- options ----------------------------------------------------------------------------------------------------------------

run "$gpatch" ./prog a 5
expect 'dynamic program: preloaded, status kept' <<END
status 5
out ./prog a euid $(id -u) preload $lib
err dummy in prog: async all - - -
END
run "$gpatch" --mode sync --stats --switch=ucontext --no-children -- ./prog --mode
expect 'options reach the library; -- ends them' <<END
status 0
out ./prog --mode euid $(id -u) preload $lib
err dummy in prog: sync all ucontext 1 0
END
run "$gpatch" --mode=threads --switch asm --stats=figures ./prog
expect_grep 'both spellings of a value; --stats=FILE is absolute' "^err dummy in prog: threads all asm $tmp/figures -\$"
run "$gpatch" --no-dns --no-thread ./prog
expect_grep '--no-FAMILY: all but those' '^err dummy in prog: async sleep,select,poll,socket,io,sync - - -$'
run "$gpatch" --socket --sleep ./prog
expect_grep '--FAMILY: only those' '^err dummy in prog: async sleep,socket - - -$'
run "$gpatch" --socket --sleep --no-sleep ./prog
expect_grep '--FAMILY and --no-FAMILY' '^err dummy in prog: async socket - - -$'
run "$gpatch" --sleep --no-sleep ./prog
expect_grep 'no family left' '^err dummy in prog: async none - - -$'
run env GPATCH_MODE=threads GPATCH_FAMILIES=-dns "$gpatch" ./prog
expect_grep 'settings of the environment stay' '^err dummy in prog: threads -dns - - -$'
run env GPATCH_MODE=threads "$gpatch" --mode async ./prog
expect_grep 'an option beats the environment' '^err dummy in prog: async all - - -$'
run "$gpatch" --version
expect '--version in the build tree' <<END
status 0
out gpatch 7.8.9
END
run "$tmp/usr/bin/gpatch" --version
expect '--version installed' <<END
status 0
out gpatch 1.2.3
END
# shellcheck disable=SC2016 # the inner shell's
run "$gpatch" --watch=250 sh -c 'echo "$GPATCH_WATCH"'
expect_grep '--watch=MS' '^out 250$'
run "$gpatch" --help
expect_grep '--help' '^status 0$' '^out usage: gpatch '
run "$gpatch" --verbose ./prog
expect_grep '--verbose says what is loaded, and checks' "^err gpatch: ./prog: loads $lib, mode async, families all\$"
echo junk >junk.so
run env GPATCH_LIB="$tmp/junk.so" "$gpatch" --verbose ./prog
expect_grep 'a library that is none: native, one line' '^status 0$' '^out ./prog euid [0-9]+ preload -$' \
	"^err gpatch: $tmp/junk.so cannot be read .*the program runs native, unpatched\$"
cp "$lib" strange.so # ld.so refuses an ABI that it does not know
printf '\011' | dd of=strange.so bs=1 seek=7 conv=notrunc 2>/dev/null
run env GPATCH_LIB="$tmp/strange.so" "$gpatch" --verbose ./prog
expect_grep '--verbose notices that ld.so refused it' "^err gpatch: ./prog: DOES NOT LOAD $tmp/strange.so, " '^status 0$'

# --- bad use ----------------------------------------------------------------------------------------------------------------

bad() { # name, line, command
	name=$1 line=$2
	shift 2
	run "$gpatch" "$@"
	expect "$name" <<END
status 2
err gpatch: $line
END
}
bad 'no program' 'no program given (gpatch --help shows the use)'
bad 'no program after --' 'no program given (gpatch --help shows the use)' --mode sync --
bad 'unknown option' 'unknown option --frob (gpatch --help lists them)' --frob ./prog
bad 'unknown short option' 'unknown option -x (gpatch --help lists them)' -x ./prog
bad 'unknown family' 'unknown option --no-disk (gpatch --help lists them)' --no-disk ./prog
bad 'empty family' 'unknown option --no- (gpatch --help lists them)' --no- ./prog
bad 'unknown mode' 'unknown mode turbo: async, sync or threads' --mode turbo ./prog
bad 'mode without value' '--mode needs a value' --mode
bad 'unknown switch' 'unknown switch jump: asm or ucontext' --switch jump ./prog
bad '-n without compare' 'unknown option -n (it belongs to gpatch compare)' -n 3 ./prog
bad 'compare: runs' "-n needs a number of runs, not 'many'" compare -n many ./prog
bad 'compare: no runs' "-n needs a number of runs, not ''" compare -n
bad 'compare: no program' 'no program given (gpatch --help shows the use)' compare -n 2
bad 'compare: --mode' 'compare runs all modes: --mode does not go with it' compare --mode sync ./prog
run env GPATCH_MODE=warp "$gpatch" ./prog
expect 'unknown mode in the environment' <<END
status 2
err gpatch: unknown mode warp: async, sync or threads
END

# --- LD_PRELOAD and places --------------------------------------------------------------------------------------------------

cp "$lib" other.so # a second library in the list: reports as well, so only its place is looked at
run env LD_PRELOAD="$tmp/other.so /no/lib.so" "$gpatch" ./prog
expect_grep 'LD_PRELOAD: in front of the others' "^out ./prog euid [0-9]+ preload $lib:$tmp/other.so:/no/lib.so\$"
run env LD_PRELOAD="$tmp/other.so:$lib" "$gpatch" ./prog
expect_grep 'LD_PRELOAD: not twice' "^out ./prog euid [0-9]+ preload $lib:$tmp/other.so\$"
for way in "$tmp/path/gp1" "$tmp/gp2" ./gp2 path/gp1 linked-scripts/gpatch ./tree/../tree/scripts/gpatch; do
	run "$way" ./prog
	expect_grep "finds the library from $way" "^out ./prog euid [0-9]+ preload $lib\$"
done
run sh -c 'cd tree/scripts && exec sh gpatch ../../prog'
expect_grep 'finds the library as sh gpatch' "^out ../../prog euid [0-9]+ preload $lib\$"
run env PATH="$tmp/usr/bin:$PATH" gpatch ./prog
expect_grep 'finds the library installed' "^out ./prog euid [0-9]+ preload $usr\$"
mv usr/lib/libgpatch.so usr/lib/x86_64-linux-gnu/
run usr/bin/gpatch ./prog
expect_grep 'finds it in the multiarch directory' "preload $tmp/usr/lib/x86_64-linux-gnu/libgpatch.so\$"
rm usr/lib/x86_64-linux-gnu/libgpatch.so
run usr/bin/gpatch ./prog
expect_grep 'library missing: native, one line' '^status 0$' '^out ./prog euid [0-9]+ preload -$' \
	'^err gpatch: .*libgpatch.so cannot be read \(No such file or directory\): the program runs native, unpatched$'
rm usr/libexec/gpatch/measure
run usr/bin/gpatch ./prog a 4
expect_grep 'helper missing: native, one line' '^status 4$' '^out ./prog a euid [0-9]+ preload -$' \
	'^err gpatch: .*/measure is missing: ./prog runs native, unpatched$'
run 'a b/scripts/gpatch' ./prog
expect 'a place that LD_PRELOAD cannot name' <<END
status 0
out ./prog euid $(id -u) preload -
err gpatch: LD_PRELOAD cannot name "$tmp/a b/build/libgpatch.so" (a space or a colon): the program runs native, unpatched
END

# --- what cannot be preloaded -----------------------------------------------------------------------------------------------

unpatched() { # name, program, why
	run "$gpatch" "$2" a 6
	expect "$1" <<END
status 6
out $2 a euid $(id -u) preload -
err gpatch: $2: $3; $native
END
}
unpatched 'static' ./static 'is statically linked'
unpatched 'static-pie' ./static-pie 'is statically linked'
unpatched 'Go, static' ./go-static 'is a Go program, which makes its system calls without libc'
unpatched 'Go, dynamic' ./go 'is a Go program, which makes its system calls without libc'
unpatched 'musl' ./musl 'is linked with musl, not glibc'
unpatched 'another dynamic linker' ./other-linker "has the dynamic linker $tmp/linker64, which is not glibc's"
unpatched '32-bit' ./elf32 'is a 32-bit program'
unpatched 'an emulator' path/qemu-x86_64 "is an emulator, which makes its guest's system calls without libc (--force tries it)"
run "$gpatch" path/qemu-system-x86_64
expect_grep 'no emulator of that kind' '^err dummy in qemu-system-x86_64: async all - - -$' '^status 0$'
run "$gpatch" --force path/qemu-x86_64
expect_grep '--force' '^err dummy in qemu-x86_64: async all - - -$' '^status 0$'
run "$gpatch" --force ./go
expect_grep '--force, Go' '^err dummy in go: async all - - -$' '^status 0$'
run "$gpatch" ./static-script 7
expect 'script of a static interpreter' <<END
status 7
out $tmp/static ./static-script euid $(id -u) preload -
err gpatch: ./static-script: its interpreter $tmp/static is statically linked; $native
END
run "$gpatch" ./arm
expect 'another machine' <<END
status 126
err gpatch: ./arm: is for another machine (ELF machine 183)
END
run "$gpatch" ./no-linker
expect 'its dynamic linker is missing' <<END
status 127
err gpatch: ./no-linker: needs the dynamic linker /no/ld-musl-x86_64.so.1, which is not here
END
run "$gpatch" ./lost-script
expect 'script without its interpreter' <<END
status 127
err gpatch: ./lost-script: its interpreter /no/such/interpreter is not found
END
for program in ./nothing nothing-in-path ./prog/x ''; do
	run "$gpatch" "$program"
	line='not found'
	[ "$program" != ./prog/x ] || line='Not a directory'
	expect "not found: '$program'" <<END
status 127
err gpatch: $program: $line
END
done
run "$gpatch" ./plain
expect 'not executable' <<END
status 126
err gpatch: ./plain: not executable
END
mkdir path/first
cp plain path/first/found
cp plain path/first/plain
run env PATH="$tmp/path/first:$tmp/path:$PATH" "$gpatch" plain
expect 'not executable in PATH' <<END
status 126
err gpatch: plain: not executable
END
run env PATH="$tmp/path/first:$tmp/path:$PATH" "$gpatch" found
expect_grep 'a later one in PATH that is' '^status 0$' '^out found euid'
run "$gpatch" "$tmp"
expect 'a directory' <<END
status 126
err gpatch: $tmp: Is a directory
END

nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
if [ "$(id -u)" != 0 ]; then
	skip 'set-user-ID, set-group-ID, file capabilities' 'needs root'
elif ! nobody true; then
	skip 'set-user-ID, set-group-ID, file capabilities' 'needs setpriv'
elif findmnt -n -o OPTIONS -T "$tmp" | grep -q nosuid; then
	skip 'set-user-ID, set-group-ID, file capabilities' 'the file system is mounted nosuid'
else
	cp prog suid && chmod 4755 suid
	cp prog sgid && chmod 2755 sgid
	cp prog capable
	run nobody "$gpatch" ./suid a 6
	expect 'set-user-ID for another user' <<END
status 6
out ./suid a euid 0 preload -
err gpatch: ./suid: is set-user-ID, so the dynamic linker ignores LD_PRELOAD; $native
END
	run nobody "$gpatch" ./sgid a 6
	expect 'set-group-ID for another group' <<END
status 6
out ./sgid a euid 65534 preload -
err gpatch: ./sgid: is set-group-ID, so the dynamic linker ignores LD_PRELOAD; $native
END
	run "$gpatch" ./suid
	expect_grep 'set-user-ID for its owner is nothing special' '^err dummy in suid: ' '^status 0$'
	run nobody setpriv --no-new-privs "$gpatch" ./suid
	expect_grep 'set-user-ID without new privileges likewise' '^err dummy in suid: ' '^out ./suid euid 65534 '
	if setcap cap_net_raw+ep capable 2>/dev/null; then
		run nobody "$gpatch" ./capable a 6
		expect 'file capabilities' <<END
status 6
out ./capable a euid 65534 preload -
err gpatch: ./capable: has file capabilities, so the dynamic linker ignores LD_PRELOAD; $native
END
	else
		skip 'file capabilities' 'no setcap, or the file system has none'
	fi
fi

# --- what is fine -----------------------------------------------------------------------------------------------------------

run "$gpatch" ./script
expect 'script: its interpreter is preloaded' <<END
status 0
out $tmp/prog an-argument euid $(id -u) preload $lib
err dummy in prog: async all - - -
END
run env PATH="$tmp/path:$PATH" "$gpatch" ./env-script
expect_grep 'script through env -S' '^err dummy in found: async all - - -$' '^out found x euid'
run "$gpatch" ./text
expect_grep 'script without #!' '^status 0$' '^out text$' '^err dummy in sh: '
run env PATH="$tmp/nowhere:$tmp/path:$PATH" "$gpatch" found a 9
expect_grep 'PATH is searched, argv[0] is as typed' '^status 9$' '^out found a euid'
run "$gpatch" echo builtin
expect_grep 'echo is the program, not the shell'"'"'s' '^out builtin$' '^err dummy in echo: '
mkdir odd && cp prog odd/-n
run env PATH="$tmp/odd:$PATH" "$gpatch" -- -n x
expect_grep 'a program whose name looks like an option' '^out -n x euid'
run "$gpatch" /lib64/ld-linux-x86-64.so.2 ./prog
expect_grep 'the dynamic linker called by hand' '^err dummy in prog: async' '^status 0$'
run "$gpatch" ./prog kill
expect_grep 'ended by a signal' '^status 143$'
got=$("$gpatch" sh -c 'echo $$' 2>/dev/null & echo $!; wait)
# shellcheck disable=SC2086
set -- $got
echo "pids $got" >got
: >expected
if [ "$1" = "$2" ]; then verdict 'the process id stays the same' ok; else verdict 'the process id stays the same' not; fi
if $cc -fsanitize=address -o asan prog.c 2>/dev/null && ./asan >/dev/null 2>&1; then
	run "$gpatch" ./asan a 2
	expect_grep 'ASan comes first' '^status 2$' \
		"^out ./asan a euid [0-9]+ preload libasan\\.so\\.[0-9]+:$lib\$" '^err dummy in asan: async'
	run env LD_PRELOAD="$lib" ./asan a 2
	expect_grep 'ASan does abort where it does not' '^err .*ASan runtime does not come first'
else
	skip 'ASan comes first' 'no libasan'
fi
if $cc -fsanitize=thread -o tsan prog.c 2>/dev/null && ./tsan >/dev/null 2>&1; then
	run "$gpatch" ./tsan a 2
	expect_grep 'TSan comes first' '^status 2$' "preload libtsan\\.so\\.[0-9]+:$lib\$"
else
	skip 'TSan comes first' 'no libtsan'
fi

# --- compare ----------------------------------------------------------------------------------------------------------------

unset DUMMY
above_20_ms='(0\.0[2-9]|0\.[1-9][0-9]|[1-9][0-9]*\.[0-9]{2})[0-9]'
run "$gpatch" compare ./modal
expect_grep 'compare: the table' '^status 0$' '^out gpatch compare: ./modal$' '^out mode +threads +sync +async$' \
	"^out wall time, s( +$above_20_ms){3}\$" '^out user time, s( +0\.[0-9]{3}){3}$' \
	'^out system time, s( +0\.[0-9]{3}){3}$' '^out peak RSS, KiB( +4[0-9]{4}){3}$' \
	'^out context switches, voluntary( +[0-9]+){3}$' '^out context switches, involuntary( +[0-9]+){3}$' \
	'^out greenlets made( +11){3}$' '^out greenlet switches( +2222){3}$' '^out exit status( +3){3}$' \
	'^out standard output +reference +same +same$'
expect_grep 'compare: most kernel threads, sampled or as the library says' '^out kernel threads, most +7 +5 +5$'
expect_grep 'compare: stderr of the first run, then only our own lines' '^err noise threads$' '^err gpatch: sync run: warning$' \
	'^err gpatch: async run: warning$'
if grep -q '^err noise [sa]' got; then verdict 'compare: no stderr thrice' not; else verdict 'compare: no stderr thrice' ok; fi
run "$gpatch" compare -n3 --no-dns -- ./modal order
expect_grep 'compare: another order, medians' '^status 0$' '^out gpatch compare: ./modal order \(medians of 3 runs\)$' \
	'^out standard output +same +same +reordered$' '^out reordered: the same lines '
run "$gpatch" compare ./modal differ
expect_grep 'compare: another output' '^status 0$' '^out standard output +reference +differs +differs$'
run "$gpatch" compare ./modal crash
expect_grep 'compare: another status' '^status 1$' '^out exit status +3 +3 +134$' '^err noise async$' \
	'^err gpatch: the async run ended with status 134, not 3; the end of its stderr:$'
run sh -c 'printf "from stdin\n" | "$1" compare -n 2 cat' sh "$gpatch"
expect_grep 'compare: every run gets the stdin' '^status 0$' '^out standard output +same +same +same$'
run sh -c 'printf "from stdin\n" | "$1" compare sh -c "read x; test \"\$x\" = \"from stdin\""' sh "$gpatch"
expect_grep 'compare: and the right one' '^status 0$' '^out exit status( +0){3}$'
run "$gpatch" compare sh -c '[ ! -t 1 ] && [ ! -t 2 ] && [ -f /dev/stderr ] && exit 5'
expect_grep 'compare: all runs are alike' '^out exit status( +5){3}$'
run "$gpatch" compare ./static
expect_grep 'compare: native in all modes, one line' '^status 0$' '^out greenlets made( +-){3}$' \
	'^out standard output +reference +same +same$' \
	"^err gpatch: ./static: is statically linked; $native\$"
if [ "$(grep -c '^err' got)" = 1 ]; then verdict 'compare: says it once' ok; else verdict 'compare: says it once' not; fi
run "$gpatch" compare ./nothing
expect 'compare: not found' <<END
status 127
err gpatch: ./nothing: not found
END
cp prog path/compare # there may be another
run env PATH="$tmp/path:$PATH" "$gpatch" -- compare
expect_grep 'a program named compare: after --' '^status 0$' '^out compare euid'
mkdir scratch
run env TMPDIR="$tmp/scratch" "$gpatch" compare ./modal
run ls -A scratch
expect 'compare leaves nothing behind' <<END
status 0
END

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
