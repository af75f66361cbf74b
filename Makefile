# gpatch. `make help` lists the targets; config.mak, where there is one, overrides the variables.
VERSION := 0.1.0
PREFIX = /usr/local
CC ?= gcc
CFLAGS = -O2 -g
SAN =
WERROR =
-include config.mak

ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
BUILD := build$(if $(SAN),/san-$(SAN))
BASE = -std=gnu11 -U_FORTIFY_SOURCE -Wall -Wextra $(if $(WERROR),-Werror) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) -MMD -MP
# Greenlets find themselves through %fs with one load (initial-exec); libc is called through the GOT, which is read-only.
OURS = $(BASE) -D_GNU_SOURCE -fPIC -fvisibility=hidden -fno-plt -ftls-model=initial-exec -iquote runtime \
	-DGP_VERSION='"$(VERSION)"' $(CFLAGS)
# No -z initfirst: it runs our constructor before libc's own, where environ is still NULL, and only one object of a process can
# have it. Another object's constructor may therefore call our hooks before ours has run; the hooks start us then.
# Calls among ours stay ours, whatever else the process preloads.
LINK = -shared -pthread -Wl,-Bsymbolic-functions -Wl,-z,now -Wl,-z,relro -Wl,-z,text -Wl,--no-undefined \
	-Wl,--version-script=$(BUILD)/exports.map

RUNTIME := $(patsubst %,$(BUILD)/%.o,$(wildcard runtime/*.c runtime/arch/$(ARCH)/*.S))
SHIM := $(patsubst %,$(BUILD)/%.o,$(wildcard shim/*.c))
UNIT := $(patsubst %,$(BUILD)/%.o,$(wildcard tests/unit/*.c))
RUN := $(patsubst %,$(BUILD)/%.o,$(wildcard tests/run/*.c))
PROGRAMS := $(patsubst tests/%,$(BUILD)/%,$(basename $(wildcard tests/programs/*.c tests/programs/*.cc)))
SHIMTESTS := $(foreach build,% %.O0 %.fortified,$(patsubst tests/shim/%.c,$(BUILD)/shimtests/$(build),$(wildcard tests/shim/*.c)))
CONTRACT := $(foreach build,% %.O0 %.fortified,$(patsubst tests/%.c,$(BUILD)/$(build),$(wildcard tests/contract/*.c)))
REGRESS := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/regress/*.c))
SOAK := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/soak/*.c))
LIBS := $(patsubst tests/%.c,$(BUILD)/%.so,$(wildcard tests/lib/*.c))
BENCH := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/bench/*.c))

## all               the library and its helpers (the default)
all: $(BUILD)/libgpatch.so $(BUILD)/measure

$(BUILD)/libgpatch.so: $(RUNTIME) $(SHIM) $(BUILD)/uv-private.o $(BUILD)/exports.map
	$(CC) $(OURS) $(LINK) -o $@ $(RUNTIME) $(SHIM) $(BUILD)/uv-private.o

$(BUILD)/uv-private.o: scripts/uv-private runtime/real.def
	@mkdir -p $(@D)
	CC="$(CC)" scripts/uv-private $@

# What has no version answers references to every version of its name, old and new, but not a dlvsym. By that libfaketime and the
# sanitizers find the condition variables, of which glibc has two kinds: without theirs they would go past us, to waits that stop all.
$(BUILD)/exports.map: runtime/real.def Makefile
	@mkdir -p $(@D)
	{ echo 'GLIBC_2.3.2 { global:'; sed -n 's/^GP_SHIMV(\(pthread_cond_[a-z]*\),.*/\1;/p' $<; echo 'local: uv_*; gp_*; __st*_gp_setup; };'; } > $@

$(BUILD)/%.c.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(OURS) -c -o $@ $<

$(BUILD)/%.S.o: %.S Makefile
	@mkdir -p $(@D)
	$(CC) $(OURS) -c -o $@ $<

# Tests. A program names its libraries in a comment in its first lines, as in "link: -lcurl -ljansson".
link = $(shell sed -n '1,5s|.*link: *\([-a-zA-Z0-9_. ]*\).*|\1|p' $<)
built := $(abspath $(BUILD))
program = @mkdir -p $(@D); set -x; $(if $(filter %.cc,$<),$(CXX) $(filter-out -std=%,$(BASE)) -std=gnu++20,$(CC) $(BASE)) \
	$(CFLAGS) -pthread -iquote runtime -iquote tests -iquote tests/shim -MF $@.d -o $@ $< -L$(BUILD) -Wl,-rpath,$(built) $(link)
$(BUILD)/programs/%: tests/programs/%.c $(BUILD)/libgpatch.so Makefile ; $(program)
$(BUILD)/programs/%: tests/programs/%.cc Makefile ; $(program)
$(BUILD)/shimtests/%: tests/shim/%.c Makefile ; $(program)
$(BUILD)/shimtests/%.O0: CFLAGS = -g -O0
$(BUILD)/shimtests/%.O0: tests/shim/%.c Makefile ; $(program)
$(BUILD)/shimtests/%.fortified: CFLAGS = -g -O2 -D_FORTIFY_SOURCE=3 -D_FILE_OFFSET_BITS=64
$(BUILD)/shimtests/%.fortified: tests/shim/%.c Makefile ; $(program)
$(BUILD)/contract/%: tests/contract/%.c Makefile ; $(program)
$(BUILD)/contract/%.O0: CFLAGS = -g -O0
$(BUILD)/contract/%.O0: tests/contract/%.c Makefile ; $(program)
$(BUILD)/contract/%.fortified: CFLAGS = -g -O2 -D_FORTIFY_SOURCE=3 -D_FILE_OFFSET_BITS=64
$(BUILD)/contract/%.fortified: tests/contract/%.c Makefile ; $(program)
$(BUILD)/regress/%: tests/regress/%.c Makefile ; $(program)
$(BUILD)/soak/%: tests/soak/%.c Makefile ; $(program)
$(BUILD)/bench/%: tests/bench/%.c Makefile ; $(program)
# libc takes a module of the name service switch by its soname, where the process has it loaded already.
$(BUILD)/lib/%.so: tests/lib/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) -fPIC -shared -Wl,-soname,lib$*.so.2 -o $@ $<
$(BUILD)/measure: scripts/measure.c Makefile ; $(program)

$(BUILD)/unit: $(UNIT) $(RUNTIME) $(BUILD)/uv-private.o
	$(CC) $(OURS) -pthread -o $@ $^ -lcriterion

$(BUILD)/run: $(RUN)
	$(CC) $(OURS) -pthread -o $@ $^ -lcriterion

## programs          the programs that the tests and the demo run
programs: all $(PROGRAMS) $(LIBS)
## tests             everything that check runs
tests: all $(PROGRAMS) $(LIBS) $(SHIMTESTS) $(CONTRACT) $(REGRESS) $(BENCH) $(BUILD)/unit $(BUILD)/run

## check             sets up what is missing, builds, and runs all tests and checks
check:
	scripts/setup
	$(MAKE) tests
	$(MAKE) lint
	$(BUILD)/unit
	tests/launcher/run.sh
	BUILD=$(BUILD) $(BUILD)/run
	BUILD=$(BUILD) tests/neighbours/run.sh few
	GP_BUILD=$(BUILD) scripts/bench --verify

## lint              check-layers, check-exports, check-fortify, check-contract
lint: all
	BUILD=$(BUILD) scripts/check-layers
	BUILD=$(BUILD) scripts/check-exports
	BUILD=$(BUILD) scripts/check-fortify
	CC="$(CC)" scripts/check-contract

## soak              what takes minutes: storms, churn, thousands of children
soak: tests $(SOAK)
	GP_SOAK=1 BUILD=$(BUILD) $(BUILD)/run --filter 'soak/*'

## check-programs    larger real programs: installs them, runs them natively and under the shim
check-programs:
	scripts/setup programs
	$(MAKE) programs
	scripts/check-programs

## check-neighbours  other preloads, sanitizers, tracers: installs them, runs beside each
check-neighbours: all
	scripts/setup neighbours
	BUILD=$(BUILD) tests/neighbours/run.sh

## check-cpython     CPython's own tests, natively and under the shim, case by case
check-cpython: all ; scripts/check-cpython

## demo              the programs of tests/programs side by side in every mode
demo:
	scripts/setup
	$(MAKE) programs
	scripts/demo

## bench             figures, no verdict
bench: all $(BENCH)
	scripts/bench

## bench-programs    real programs under load, natively and under the shim: installs them, one table of ratios
bench-programs: all
	scripts/setup bench-programs
	scripts/bench-programs

## install           to $(DESTDIR)$(PREFIX); uninstall takes it away again
D = $(DESTDIR)$(PREFIX)
install: all
	install -D -m 755 $(BUILD)/libgpatch.so $(D)/lib/libgpatch.so
	install -D -m 755 $(BUILD)/measure $(D)/libexec/gpatch/measure
	install -D -m 644 runtime/greenlet.h $(D)/include/gpatch/greenlet.h
	install -D -m 644 scripts/gpatch.1 $(D)/share/man/man1/gpatch.1
	install -d $(D)/bin $(D)/lib/pkgconfig
	sed -e 's|@VERSION@|$(VERSION)|' scripts/gpatch > $(D)/bin/gpatch && chmod 755 $(D)/bin/gpatch
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' scripts/gpatch.pc.in > $(D)/lib/pkgconfig/gpatch.pc

uninstall:
	rm -f $(D)/lib/libgpatch.so $(D)/bin/gpatch $(D)/share/man/man1/gpatch.1 $(D)/lib/pkgconfig/gpatch.pc
	rm -rf $(D)/libexec/gpatch $(D)/include/gpatch

## clean             removes build/
clean:
	rm -rf build

## help              this list; variables: SAN=address|undefined WERROR=1 CC CFLAGS DESTDIR PREFIX
help:
	@sed -n 's/^## /  /p' Makefile

.PHONY: all programs tests check lint soak check-programs check-neighbours check-cpython demo bench bench-programs install uninstall clean help
.DELETE_ON_ERROR:
.SECONDARY:
-include $(wildcard $(BUILD)/*.d $(BUILD)/*/*.d $(BUILD)/*/*/*.d $(BUILD)/*/*/*/*.d)
