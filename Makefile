# run-traced: `make help` lists the targets.
VERSION := 0.1.0
Q := $(if $(V),,@)
PREFIX ?= /usr/local
CC ?= gcc
PKG_CONFIG ?= pkg-config
BUILD ?= build$(if $(SAN),-san)

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS ?= $(if $(DEBUG),-O0 -g3,-O2 -g)
# The hot path runs through four folders: the library is optimised across files, for a tenth fewer
# instructions. The objects hold ordinary code as well, for what is linked without.
LTO = $(if $(DEBUG)$(SAN),,-flto=auto -ffat-lto-objects -frandom-seed=$@)
# Of fences ThreadSanitizer knows nothing: what goes by them is in tests/harmless/races.supp, or in other processes' memory.
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer) \
            $(if $(filter thread,$(SAN)),-Wno-tsan)
COMPILE = $(CC) -std=gnu11 -D_GNU_SOURCE -DRUN_TRACED_VERSION='"$(VERSION)"' -Isrc -Itests/unit $(WARNINGS) \
          $(CFLAGS) $(SANITIZE) -fPIC -fvisibility=hidden -fno-semantic-interposition -ffunction-sections -MMD -MP

# The packages of Debian 12 that this needs: to build and run, and beyond that to test.
BUILD_PACKAGES := gcc libc6-dev make pkgconf libcjson-dev libcurl4-openssl-dev curl \
                  zlib1g-dev libmsgpack-dev libdw-dev libdw1
TEST_PACKAGES := g++ libcriterion-dev python3 wget nginx-light apache2-utils git strace php-cli \
                 php-curl openssl libssl-dev libgnutls28-dev ca-certificates libcurl3-gnutls python3-requests python3-httpx \
                 python3-aiohttp liblwp-protocol-https-perl ruby lua-sec lua5.4 links w3m socat haproxy \
                 lighttpd lighttpd-mod-openssl apache2-bin stunnel4 gunicorn python3-uvicorn puma \
                 ruby-webrick php-fpm python3-pytest python3-pytest-xdist bats
# Without these a few tests are skipped: they are tried, and missed by nobody.
OPTIONAL_TEST_PACKAGES := chromium chromium-driver python3-uvloop python3-trio python3-gevent python3-eventlet
FUZZ_PACKAGES := clang libclang-rt-dev python3
BENCH_PACKAGES := python3 python3-venv nginx-light wrk valgrind strace ltrace

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(addsuffix /*.c,$(1))))
SHARED_OBJECTS := $(call objects,src/base src/trace src/export)
SHIM_OBJECTS := $(SHARED_OBJECTS) $(call objects,src/wire src/shim)
LAUNCHER_OBJECTS := $(SHARED_OBJECTS) $(call objects,src/view src/backend src/launcher)
LAUNCHER_LIBS = $$($(PKG_CONFIG) --libs libcjson zlib) -lm -lpthread
# Unit tests link everything but the interposed calls and main().
UNIT_OBJECTS := $(call objects,src/base src/trace src/wire src/export src/view src/backend) \
                $(filter-out %/main.o,$(call objects,src/launcher)) \
                $(addprefix $(BUILD)/src/shim/,python_lines.o python_plumbing.o ctest_file.o exports.o libtest_line.o tap_line.o \
                surefire_event.o)
BENCH := $(addprefix $(BUILD)/bench/,empty.so client responder calls spawn suite producer)
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
FORMAT_ENCODER := $(BUILD)/tests/formats/encode
FUZZ_TARGETS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 10
TESTAPPS := $(patsubst testapps/%/,$(BUILD)/testapps/%,$(wildcard testapps/*/))

SHIM := $(BUILD)/librun-traced.so
LAUNCHER := $(BUILD)/run-traced
NODE_BRIDGE := $(BUILD)/run-traced-node.cjs

all: check-packages $(SHIM) $(NODE_BRIDGE) $(LAUNCHER) ## build the library and the launcher
	@touch $(BUILD)/.built # run-traced.sh looks for it

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(COMPILE) $(LTO) -c $< -o $@

# What ends in exec leaves its frames behind in a vfork child, on a stack that is the parent's as well: the
# sanitizers take that for an overflow.
$(BUILD)/src/shim/exec.o $(BUILD)/src/shim/exec_environment.o $(BUILD)/src/shim/exec_target.o: SANITIZE =

# A sanitizer's runtime asks for its functions by dlsym before it can check anything.
$(BUILD)/src/shim/dlsym.o $(BUILD)/src/shim/deepbind.o: SANITIZE =

# Optimised across files, the linker would not see what its assembler code names.
$(BUILD)/src/shim/dlsym.o $(BUILD)/src/shim/library_entry.o: LTO =

# symbols.def is the one list of interposed calls, offered.def that of our own; the version script is made from them.
$(BUILD)/librun-traced.map: src/shim/symbols.def src/shim/offered.def
	@mkdir -p $(@D)
	$(Q){ echo '{ global:'; sed -n 's/^\(INTERPOSE[A-Z_]*\|OFFER\)(\([A-Za-z0-9_]*\).*/    \2;/p' $^; \
	  echo '  local: *; };'; } > $@

# In every process that starts, each segment, each page that is changed and each change of protection costs a microsecond or
# more: hence two segments, a layout of our own, and nothing made read-only afterwards.
SHIM_LAYOUT := -ffunction-sections -Wl,-T,src/shim/layout.ld -Wl,-z,norelro -Wl,-z,noseparate-code

$(SHIM): $(SHIM_OBJECTS) $(BUILD)/librun-traced.map src/shim/layout.ld
	@echo "  LINK  $@"
	$(Q)$(CC) -shared $(CFLAGS) $(LTO) $(SANITIZE) -Wl,--version-script=$(BUILD)/librun-traced.map \
	  $(if $(LTO),-flto-partition=one) $(SHIM_LAYOUT) -Wl,-z,defs -Wl,-z,now -Wl,-Bsymbolic-functions \
	  -Wl,-soname,librun-traced.so -o $@ $(SHIM_OBJECTS)

# The library looks for it under its own name.
$(NODE_BRIDGE): src/shim/node_bridge.cjs
	@mkdir -p $(@D)
	$(Q)cp $< $@

# The page that --html writes: its style and script within it, each allowed by its hash alone, parted where the spans go.
PAGE := $(BUILD)/page
$(PAGE)/head.html $(PAGE)/tail.html &: src/view/page/join.sh $(wildcard src/view/page/*.html src/view/page/*.css src/view/page/*.js)
	@mkdir -p $(PAGE)
	$(Q)src/view/page/join.sh src/view/page $(PAGE)

$(BUILD)/src/view/html_page.o: $(PAGE)/head.html $(PAGE)/tail.html
$(BUILD)/src/view/html_page.o: COMPILE += -DHTML_PAGE='"$(PAGE)"'
$(BUILD)/src/view/html_page.o: LTO =

$(LAUNCHER): $(LAUNCHER_OBJECTS)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -Wl,--export-dynamic-symbol=run_traced_launcher -o $@ $^ $(LAUNCHER_LIBS)

$(BUILD)/tests/unit/%: tests/unit/%.c $(UNIT_OBJECTS)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(COMPILE) -MF $@.d -o $@ $< $(UNIT_OBJECTS) \
	  $$($(PKG_CONFIG) --libs criterion) $(LAUNCHER_LIBS)

$(FORMAT_ENCODER): tests/formats/encode.c $(UNIT_OBJECTS)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(COMPILE) -MF $@.d -o $@ $< $(UNIT_OBJECTS) $(LAUNCHER_LIBS)

.SECONDEXPANSION:
$(TESTAPPS): $(BUILD)/testapps/%: $$(wildcard testapps/%/*.c) $$(wildcard testapps/%/*.h)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror $(CFLAGS) $(SANITIZE) -o $@ \
	  $(filter %.c,$^) -lcurl -lpthread

testapps: $(TESTAPPS) ## build the programs to be traced in the demo and the tests

demo: deps ## start the shop of seven services, send checkouts, show one as a waterfall
	@$(MAKE) --no-print-directory -s all testapps
	@testapps/shop/demo.sh

test: test-deps ## run all tests (SAN=address,undefined for sanitizers)
	@$(MAKE) --no-print-directory -s all testapps unit-tests
	@BUILD=$(BUILD) tests/run

test-harmless: test-deps ## small programs and random socket operations: the same bare and traced
	@$(MAKE) --no-print-directory -s all
	@BUILD=$(BUILD) tests/harmless/run $(HARMLESS_FLAGS)

test-races: test-deps ## several threads under ThreadSanitizer
	@$(MAKE) --no-print-directory -s BUILD=build-tsan SAN=thread all
	@BUILD=build-tsan tests/harmless/run --races

accuracy: test-deps ## are parents right under load, in threads, processes, event loops (ACCURACY_FLAGS=...)
	@$(MAKE) --no-print-directory -s all
	@BUILD=$(BUILD) tests/accuracy/run $(ACCURACY_FLAGS)

test-backends: test-deps ## send spans to real backends and ask for them again (BACKENDS_FLAGS=...)
	@$(MAKE) --no-print-directory -s all testapps
	@BUILD=$(BUILD) tests/backends/run --fetch $(BACKENDS_FLAGS)

unit-tests: $(UNIT_TESTS) $(FORMAT_ENCODER)

fuzz: deps ## fuzz the parsers and the viewer (FUZZ_SECONDS=10 a target; without clang, the seeds alone)
	@tests/fuzz/run --seconds $(FUZZ_SECONDS) $(FUZZ_FLAGS)

test-formats: deps ## the formats of backends against the official decoders, which come from PyPI
	@$(MAKE) --no-print-directory -s $(FORMAT_ENCODER)
	@BUILD=$(BUILD) tests/run e2e/test_formats

# Made by tests/fuzz/run: by clang with libFuzzer, or by gcc with a main() that replays files.
fuzz-targets: $(FUZZ_TARGETS) $(FUZZ_MAIN)

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(FUZZ_MAIN) $(UNIT_OBJECTS)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(COMPILE) -Itests/fuzz -MF $@.d $(FUZZ_LINK) $(FUZZ_WRAP) -o $@ $< $(FUZZ_MAIN) $(UNIT_OBJECTS) \
	  $(LAUNCHER_LIBS)

# Counts what is held of our own memory, and refuses some.
$(BUILD)/tests/fuzz/fuzz_connection: FUZZ_WRAP := -Wl,--wrap=slab_alloc,--wrap=slab_free

strangers: all ## compare other people's test suites, bare and traced (half an hour; STRANGERS_FLAGS=...)
	@BUILD=$(BUILD) tests/strangers/run --fetch $(STRANGERS_FLAGS)

bench: bench-deps ## measure what tracing costs (BENCH_FLAGS="-o FILE": as JSON too)
	@$(MAKE) --no-print-directory -s all bench-programs
	@BUILD=$(BUILD) tests/bench/bench $(BENCH_FLAGS)

bench-programs: $(BENCH)

$(BUILD)/bench/empty.so: tests/bench/empty.c
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(COMPILE) -shared -Wl,-z,now -MF $@.d -o $@ $<

$(BUILD)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(COMPILE) -MF $@.d -o $@ $(filter %.c %.o,$^)

$(BUILD)/bench/producer: $(SHARED_OBJECTS)

install: all ## install into $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/run-traced
	install -m 755 run-traced.sh $(DESTDIR)$(PREFIX)/bin/run-traced.sh
	install -m 755 $(LAUNCHER) $(DESTDIR)$(PREFIX)/lib/run-traced/run-traced
	install -d $(DESTDIR)$(PREFIX)/include
	install -m 644 src/shim/run_traced.h $(DESTDIR)$(PREFIX)/include/run_traced.h
	install -m 644 $(SHIM) $(DESTDIR)$(PREFIX)/lib/run-traced/librun-traced.so
	install -m 644 $(NODE_BRIDGE) $(DESTDIR)$(PREFIX)/lib/run-traced/run-traced-node.cjs

# Installs by root or passwordless sudo what dpkg does not know of; else prints the line to run.
define install_packages_script
	missing=$$(for p in $(1); do \
	    dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	[ -z "$$missing" ] && exit 0; \
	set -- $$missing; \
	install="apt-get install -y --no-install-recommends $$*"; \
	if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as=sudo; else \
	    echo "make: some packages are missing; run this line, then try again:" >&2; \
	    echo "  su -c 'apt-get update && $$install'" >&2; exit 1; fi; \
	echo "make: installing $$*" >&2; \
	log=$$(mktemp); \
	if ! { $$as apt-get update && DEBIAN_FRONTEND=noninteractive $$as $$install; } >$$log 2>&1; then \
	    cat $$log >&2; rm -f $$log; exit 1; fi; rm -f $$log
endef
install_packages = @$(install_packages_script)

deps: ## install the packages that building needs
	$(call install_packages,$(BUILD_PACKAGES))

fuzz-deps: deps ## install the packages that fuzzing needs
	$(call install_packages,$(FUZZ_PACKAGES))

bench-deps: deps ## install the packages that the bench needs
	$(call install_packages,$(BENCH_PACKAGES))

test-deps: deps ## install the packages that the tests need as well
	$(call install_packages,$(TEST_PACKAGES))
	@($(call install_packages_script,$(OPTIONAL_TEST_PACKAGES))) >/dev/null 2>&1 || true

check-packages:
	@$(PKG_CONFIG) --exists libcjson libcurl zlib msgpack libdw 2>/dev/null || { \
	    echo "make: libcjson, libcurl, zlib, msgpack and libdw are needed to build; run: make deps" >&2; exit 1; }

clean: ## remove what was built
	rm -rf build build-san build-tsan build-fuzz build-fuzz-replay

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'
	@echo
	@echo "  V=1 shows the commands, DEBUG=1 builds without optimisation, SAN=address,undefined with sanitizers,"
	@echo "  PREFIX=/usr/local and DESTDIR= say where to install."

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all testapps demo test test-formats test-harmless test-races test-backends accuracy strangers bench bench-programs unit-tests fuzz fuzz-targets install deps \
        fuzz-deps bench-deps test-deps check-packages clean help
.DELETE_ON_ERROR:
