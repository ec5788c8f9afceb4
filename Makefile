# A thin door: each line calls a preset of CMakePresets.json.
PREFIX ?= /usr/local
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
CTEST = ctest --output-on-failure -j $(JOBS)
SOURCES = $(shell find include src programs tests bench fuzz -name '*.[ch]' 2>/dev/null)

.PHONY: all test ops http parity bench fuzz asan tsan check-arm64 fmt lint install clean help

all: build/release/build.ninja   ## build (release)
	cmake --build --preset release

build/%/build.ninja:
	cmake --preset $*

test: all                        ## every test, release build
	cd build/release && $(CTEST)

ops: all                         ## each op on each backend
	cd build/release && $(CTEST) -L ops

http: all                        ## the services and run.sh
	cd build/release && $(CTEST) -L 'http|gateway|hub|run'

parity: all                      ## against the golden arrays (IDEOGRAM4_GOLDEN=DIR for others)
	cd build/release && $(CTEST) -L parity

bench: all                       ## speed figures
	cd build/release && $(CTEST) -V -L bench

asan: build/dev/build.ninja      ## tests under AddressSanitizer and UBSan
	cmake --build --preset dev
	cd build/dev && $(CTEST) -LE 'slow|demo|bench|install|checks'

tsan: build/tsan/build.ninja     ## unit tests and services under ThreadSanitizer
	cmake --build --preset tsan
	cd build/tsan && $(CTEST) -L 'unit|http'

fuzz: build/fuzz/build.ninja     ## build the fuzzers (clang): build/fuzz/fuzz/
	cmake --build --preset fuzz

check-arm64:                     ## the library's tests for 64-bit ARM, cross-built and emulated
	scripts/check_arm64

fmt:                             ## format every source
	clang-format -i $(SOURCES)

lint: all                        ## formatting, clang-tidy and our own checks
	clang-format --dry-run -Werror $(SOURCES)
	cd build/release && $(CTEST) -L checks
	clang-tidy -p build/release --quiet $(filter src/% programs/%,$(filter %.c,$(SOURCES)))

install: all                     ## to PREFIX (/usr/local); DESTDIR is honoured
	DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

clean:                           ## remove build/
	rm -rf build

help:                            ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1 /p' Makefile | while read -r name text; do \
	    printf '  make %-11s %s\n' "$$name" "$$text"; done
