#!/bin/sh
# run.sh [few]: programs beside what else sits in a process or looks at it. One line each: its name, then how it went with the neighbour
# before us in LD_PRELOAD (or around us), and after: pass, or the reason. The same run without us is the oracle; where that one fails, we
# are not asked. `few`: only what needs nothing installed. Status 1: something failed.
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}
us=$PWD/$build/libgpatch.so
out=$build/neighbours
talk=$out/talk
status=0
mkdir -p "$out"

compile() { # NAME SOURCE flags...
	name=$1 source=$2
	shift 2
	case $source in *.cc) cc=${CXX:-g++} ;; *) cc=${CC:-gcc} ;; esac
	"$cc" -g -O1 -w -pthread -o "$out/$name" "tests/neighbours/$source" "$@" 2>"$out/$name.log"
}

# PRELOADS command...: what it says and its status.
result() {
	preload=$1
	shift
	env ${preload:+LD_PRELOAD="$preload"} timeout -k 1 60 "$@" 2>"$out/err" </dev/null
	echo "status $?"
}

verdict() { # ORACLE RESULT
	if [ "$1" = "$2" ]; then
		echo pass
	else
		reason=$(grep -v '^$' "$out/err" | head -n 1 | cut -c 1-60)
		echo "FAIL: $(echo "$2" | tail -n 1)${reason:+ ($reason)}"
	fi
}

line() { # NAME BEFORE AFTER
	printf '%-24s %-12s %s\n' "$1" "$2" "$3"
	case $2$3 in *FAIL*) status=1 ;; esac
}

# Another object in LD_PRELOAD: NAME FILE command...
preloaded() {
	name=$1 file=$(ls /usr/lib/*-linux-gnu/$2 /usr/lib/$2 2>/dev/null | head -n 1)
	shift 2
	[ -n "$file" ] || { line "$name" 'not here' ''; return; }
	oracle=$(result "$file" "$@")
	case $oracle in *'status 0') ;; *) line "$name" 'fails alone' ''; return ;; esac
	before=$(verdict "$oracle" "$(result "$file:$us" "$@")")
	after=$(verdict "$oracle" "$(result "$us:$file" "$@")")
	line "$name" "$before" "$after"
}

# Something around the program: NAME command...
around() {
	name=$1
	shift
	oracle=$(result '' "$@")
	case $oracle in *'status 0') ;; *) line "$name" 'fails alone' ''; return ;; esac
	line "$name" "$(verdict "$oracle" "$(result "$us" "$@")")" ''
}

# A program that stays native, and says so once: NAME command...
refused() {
	name=$1
	shift
	oracle=$(result '' "$@")
	case $oracle in *'status 0') ;; *) line "$name" 'fails alone' ''; return ;; esac
	alone=$(verdict "$oracle" "$(result "$us" "$@")")
	[ "$alone/$(grep -c '^gpatch: ' "$out/err")" != pass/1 ] || alone=native
	launched=$(verdict "$oracle" "$(result '' scripts/gpatch "$@")")
	[ "$launched/$(grep -c '^gpatch: ' "$out/err")" != pass/1 ] || launched=native
	line "$name" "$alone" "$launched"
	[ "$alone$launched" = nativenative ] || status=1
}

# A program whose threads stay native, as it says once: NAME command...
stays() {
	name=$1
	shift
	oracle=$(result '' "$@")
	case $oracle in *'status 0') ;; *) line "$name" 'fails alone' ''; return ;; esac
	alone=$(verdict "$oracle" "$(result "$us" "$@")")
	[ "$alone/$(grep -c '^gpatch: ' "$out/err")" = pass/1 ] && line "$name" native '' || line "$name" "FAIL: $alone" ''
}

# Runtimes with stacks, signals and spins of their own: threads, sockets, timers and children in each.
runtimes() {
	if command -v java >/dev/null && command -v javac >/dev/null && javac -d "$out" tests/neighbours/Talk.java; then
		for gc in Serial Parallel G1 Z; do around "java-$gc" java -XX:+Use${gc}GC -cp "$out" Talk; done
	fi
	! command -v node >/dev/null || around node node tests/neighbours/talk.js
	! command -v erl >/dev/null || around erlang erl -noshell -eval "$(cat tests/neighbours/talk.erl)"
	if command -v mcs >/dev/null && mcs -out:"$out/talk.exe" tests/neighbours/talk.cs; then around mono mono "$out/talk.exe"; fi
	! command -v chromium >/dev/null || around chromium chromium --headless --no-sandbox --disable-gpu --user-data-dir="$out/chromium" \
		--dump-dom 'data:text/html,<p>hi<script>document.write(6*7)</script>'
	# Its guest says a line of its own, as the program that it is.
	! command -v qemu-x86_64 >/dev/null || around qemu-user qemu-x86_64 "$talk"
	command -v go >/dev/null || return
	export GOCACHE="$PWD/$out/gocache"
	go build -o "$out/talk-net" tests/neighbours/talk.go
	go build -o "$out/talk-cgo" tests/neighbours/cgo.go
	go build -buildmode=c-shared -o "$out/libgo.so" tests/neighbours/golib.go
	refused go-net "$out/talk-net"
	refused go-cgo "$out/talk-cgo"
	around go-library python3 tests/neighbours/golib.py "$out/libgo.so"
}

# In the program itself. ASan insists on being the first: it is named in front of us, as scripts/gpatch does.
sanitized() {
	lib=$(readlink -f "$(${CC:-gcc} -print-file-name="lib$2.so")")
	compile "$2" talk.c "-fsanitize=$1" || { line "$2" 'not here' ''; return; }
	oracle=$(result '' "$out/$2")
	case $oracle in *'status 0') ;; *) line "$2" 'fails alone' ''; return ;; esac
	before=$(verdict "$oracle" "$(result "$lib:$us" "$out/$2")") after=
	[ "$2" = asan ] || after=$(verdict "$oracle" "$(result "$us" "$out/$2")")
	line "$2" "$before" "$after"
}

debugger() {
	gdb -q -nx -batch -p "$1" -ex bt -ex detach >/dev/null 2>&1
}

tracer() {
	env -u LD_PRELOAD timeout -s INT 0.3 strace -f -o /dev/null -p "$1" 2>/dev/null
}

attached() { # while one of these comes and goes
	"$talk" 40 >"$out/talked" &
	pid=$!
	for _ in 1 2 3; do
		sleep 0.1
		"$1" $pid
	done
	wait $pid
	echo "$(cat "$out/talked") status $?"
}

dumped() { # what a debugger's call of gp_dump() tells: main, who echoes, ten who work
	LD_PRELOAD="$us" "$talk" 100000 2>"$out/dump" >"$out/talked" &
	pid=$!
	sleep 0.1
	gdb -q -nx -batch -p $pid -ex 'call (void)gp_dump()' -ex detach >/dev/null 2>"$out/err"
	kill $pid # it would talk for longer than a slow debugger takes
	wait $pid
	echo "$(grep -c '^gpatch: #.* \(parked in\|ready\|running\)' "$out/dump") named"
}

compile talk talk.c || { cat "$out/talk.log" >&2; exit 1; }
compile chroot chroot.cc
compile spin spin.c
printf '%-24s %-12s %s\n' neighbour before after
around 'RLIMIT_AS' sh -c "ulimit -v 2000000; exec $talk"
around 'RLIMIT_NOFILE' sh -c "ulimit -n 12; exec $talk"
[ "$(id -u)" != 0 ] || around chroot "$out/chroot"
sanitized undefined ubsan
sanitized address asan
sanitized thread tsan
if compile own_uv own_uv.c -luv; then around own-libuv "$out/own_uv"; fi
if compile exports_uv own_uv.c -rdynamic -Wl,--whole-archive -l:libuv_a.a -Wl,--no-whole-archive -ldl -lrt; then
	around exports-libuv "$out/exports_uv"
fi
[ "${1-}" != few ] || exit $status
preloaded jemalloc libjemalloc.so.2 "$talk"
preloaded mimalloc libmimalloc.so.2 "$talk"
preloaded tcmalloc libtcmalloc_minimal.so.4 "$talk"
preloaded eatmydata libeatmydata.so "$talk"
for object in libfaketime libfaketimeMT; do
	export FAKETIME=+10d
	preloaded "$object" "faketime/$object.so.1" "$talk"
	preloaded "$object-x2" "faketime/$object.so.1" env FAKETIME='+0 x2' "$talk"
	preloaded "$object-python3" "faketime/$object.so.1" sh -c "python3 tests/programs/tasks_threads.py | sort"
	unset FAKETIME
done
for allocator in jemalloc.so.2 mimalloc.so.2 tcmalloc_minimal.so.4; do
	preloaded "${allocator%%.*}-python3" "lib$allocator" sh -c "python3 tests/programs/tasks_threads.py | sort"
done
around strace strace -f -o /dev/null "$talk"
around valgrind sh -c "valgrind -q --error-exitcode=9 $talk 2>&1"
around valgrind-spin sh -c "valgrind -q --error-exitcode=9 $out/spin 2>&1"
for tool in helgrind drd; do stays $tool valgrind -q --tool=$tool --error-exitcode=9 "$talk"; done
around gdb sh -c "gdb -q -nx -batch -ex 'set startup-with-shell off' -ex run -ex 'info threads' $talk | grep done"
for who in debugger tracer; do
	oracle=$(attached $who)
	export LD_PRELOAD="$us"
	got=$(attached $who)
	unset LD_PRELOAD
	line "$who-attach" "$(verdict "$oracle" "$got")" ''
done
line gdb-dump "$(verdict '12 named' "$(dumped)")" ''
runtimes
exit $status
