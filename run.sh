#!/usr/bin/env bash
# run.sh: the user's door. Installs what is missing, builds, and runs.
#
#   ./run.sh generate                     draw an example and print the picture's path
#   ./run.sh generate --prompt "a red circle on a white background"
#   ./run.sh test                         build three ways and run every test
#   ./run.sh help
#
# Messages go to stderr; standard output has results only. Works with bash 3.2.
set -u

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
program=$root/build/release/programs/ideogram4
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}

say() { printf '%s\n' "$*" >&2; }
fail() { say "run.sh: $*"; exit 1; }

usage() {
    cat <<'TEXT'
usage: ./run.sh MODE

  generate [flags]   draw a picture; without flags, the first of examples/
                     flags: see ./run.sh generate --help
  test               build with gcc, clang and sanitizers, and run every test
  help               this page
TEXT
}

# --- installing -------------------------------------------------------------------------------

libraries="jansson libpcre2-8 libutf8proc libpng libjpeg libwebp libwebpmux libwebpdemux
    libmicrohttpd libcurl sqlite3 cmocka"
debian_packages="build-essential cmake ninja-build pkg-config libjansson-dev libpcre2-dev
    libutf8proc-dev libpng-dev libjpeg-dev libwebp-dev libmicrohttpd-dev
    libcurl4-openssl-dev libsqlite3-dev libcmocka-dev"
brew_packages="cmake ninja pkg-config jansson pcre2 utf8proc libpng jpeg-turbo webp
    libmicrohttpd curl sqlite cmocka"

has() { command -v "$1" >/dev/null 2>&1; }

has_tools() {
    # shellcheck disable=SC2086
    has cc && has cmake && has ninja && has pkg-config && pkg-config --exists $libraries
}

# The sanitizers' library is a package of its own: ask the compiler itself.
has_clang() {
    has clang && printf 'int main(void){return 0;}\n' |
        clang -fsanitize=address,undefined -x c - -o /dev/null 2>/dev/null
}

apt_install() {
    local sudo='' log
    if [ "$(id -u)" != 0 ]; then
        has sudo || fail "packages are missing and there is no sudo; as root, run: apt-get install $*"
        sudo="sudo --preserve-env=DEBIAN_FRONTEND"
    fi
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp) || fail "cannot make a temporary file"
    if ! { $sudo apt-get update && $sudo apt-get install -y --no-install-recommends "$@"; } \
        >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "installing failed: apt-get install $*"
    fi
    rm -f "$log"
}

# install APT_PACKAGES BREW_PACKAGES
install() {
    say "run.sh: installing what is missing"
    # shellcheck disable=SC2086
    if has apt-get; then
        apt_install $1
    elif has brew; then
        brew install --quiet $2 >&2 || fail "installing failed: brew install $2"
    else
        fail "install these first: a C compiler, cmake, ninja, pkg-config, $libraries"
    fi
}

need_tools() {
    has_tools && return
    install "$debian_packages" "$brew_packages"
    has_tools || fail "something is still missing: cc, cmake, ninja, pkg-config, $libraries"
}

need_clang() {
    has_clang && return
    install "clang libclang-rt-dev" "llvm"
    has_clang || fail "clang with its sanitizers is still missing"
}

# --- building ---------------------------------------------------------------------------------

# build PRESET [TARGET]: silent unless it fails.
build() {
    local log=$root/build/$1.log
    mkdir -p "$root/build" || fail "cannot write in $root"
    if [ ! -f "$root/build/$1/build.ninja" ]; then
        say "run.sh: building ($1), once"
        (cd "$root" && cmake --preset "$1") >"$log" 2>&1 || { cat "$log" >&2; fail "cmake failed"; }
    fi
    if ! (cd "$root" && cmake --build --preset "$1" ${2:+--target "$2"}) >"$log" 2>&1; then
        grep -v '^\[' "$log" | tail -n 60 >&2
        fail "the $1 build failed; all of it: $log"
    fi
}

# --- modes ------------------------------------------------------------------------------------

# Whether one of the flags is --out, as the program would understand it.
has_out() {
    local flag
    for flag in "$@"; do
        case $flag in
        --o | --ou | --out | --o=* | --ou=* | --out=* | --help | -h | --version) return 0 ;;
        esac
    done
    return 1
}

generate_example() {
    local example name
    example=$(printf '%s\n' "$root"/examples/*.json | head -n 1)
    [ -f "$example" ] || fail "there is no example in $root/examples"
    name=$root/output/$(basename "$example" .json).png
    "$program" generate --prompt-file "$example" --preset V4_TURBO_12 --seed 3 --out "$name" ||
        exit $?
    printf '%s\n' "$name"
}

generate() {
    need_tools
    build release ideogram4
    if [ $# = 0 ]; then
        generate_example
    elif has_out "$@"; then
        exec "$program" generate "$@"
    else
        exec "$program" generate "$@" --out "$root/output/picture-$(date +%Y%m%d-%H%M%S).png"
    fi
}

failures=0

# run_tests PRESET [CTEST OPTIONS]: the runner's closing lines are the report.
run_tests() {
    local preset=$1 log=$root/build/$1-test.log
    shift
    if (cd "$root/build/$preset" && ctest --output-on-failure -j "$CMAKE_BUILD_PARALLEL_LEVEL" "$@") \
        >"$log" 2>&1; then
        printf '%-8s %s\n' "$preset" "$(grep 'tests passed' "$log" | tail -n 1)"
    else
        cat "$log"
        printf '%-8s %s\n' "$preset" "$(grep 'tests passed' "$log" | tail -n 1)"
        failures=$((failures + 1))
    fi
}

run_all_tests() {
    need_tools
    need_clang
    build release
    run_tests release
    build clang
    printf '%-8s %s\n' clang "builds without a warning"
    # The sanitizers make the slow tests too slow; everything that reads bytes stays in.
    build dev
    run_tests dev -LE 'slow|bench|install|checks'
    if [ "$failures" -gt 0 ]; then
        printf 'FAILED: %d of 2 test runs\n' "$failures"
        exit 1
    fi
    printf 'all tests passed\n'
}

later() {
    say "run.sh: $1 comes with $2; this version has: generate, test, help"
    exit 2
}

mode=${1:-}
[ $# -gt 0 ] && shift
case $mode in
generate | --generate) generate "$@" ;;
test | --test) run_all_tests ;;
help | --help | -h) usage ;;
'' | full | all | --full | --all) later "the whole application (mode '${mode:-none}')" "the services" ;;
backend | server | api | --backend | --server | --api) later "mode '$mode'" "the services" ;;
model | daemon | --model | --daemon) later "mode '$mode'" "the services" ;;
client | webui | frontend | --client | --webui | --frontend) later "mode '$mode'" "the page" ;;
setup | doctor | check | download | --setup | --doctor | --check) later "mode '$mode'" "a later version" ;;
*)
    say "run.sh: there is no mode '$mode'"
    usage >&2
    exit 1
    ;;
esac
