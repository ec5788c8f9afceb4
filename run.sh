#!/usr/bin/env bash
# run.sh: the user's door. Installs what is missing, builds, and runs.
#
#   ./run.sh                              daemon, gateway and page, until Ctrl-C
#   ./run.sh generate                     draw an example and print the picture's path
#   ./run.sh generate --prompt "a red circle on a white background"
#   ./run.sh doctor                       is everything in place?
#   ./run.sh help
#
# Settings come from .env beside this file (see .env.example); they override the environment.
# Messages go to stderr; standard output has results only. Works with bash 3.2.
set -u

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# Programs that are built already: nothing is built then.
programs=${IDEOGRAM4_PROGRAMS:-$root/build/release/programs}
program=$programs/ideogram4
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}

say() { printf 'run.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

usage() {
    cat <<'TEXT'
usage: ./run.sh [MODE]

  full               model daemon, gateway and page (the default); also: all
  backend            the gateway, and the daemon unless one runs; also: server, api
  client             the page's development server; also: webui, frontend
  doctor             look whether everything is in place; also: check
  generate [flags]   draw a picture; without flags, the first of examples/
                     flags: see ./run.sh generate --help
  download [flags]   get the real model; flags: see ./run.sh download --help
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
    say "installing what is missing"
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

# What the tests use beside: another compiler, formatting, tools that a person would use, a browser,
# and what clients of the API are written for.
need_test_tools() {
    if ! { has_clang && has clang-format && has curl && has perl && has_browser; }; then
        install "clang clang-format libclang-rt-dev curl ca-certificates perl bsdutils chromium" \
            "llvm clang-format"
    fi
    has_clang || fail "clang with its sanitizers is still missing"
    use_node || fail "there is no Node.js of at least version 20.19"
}

has_browser() { has chromium || [ -d "/Applications/Google Chrome.app" ]; }

# Puts a Node.js that builds the page onto the path, fetched once if there is none.
use_node() {
    local folder
    [ -n "${PNPM:-}" ] && has "$PNPM" && return
    if ! has curl && ! has node && has apt-get; then
        install "curl ca-certificates" curl
    fi
    folder=$("$root/scripts/node_path") || return 1
    case :$PATH: in
    *:"$folder":*) ;;
    *) PATH=$folder:$PATH ;;
    esac
}

# --- building ---------------------------------------------------------------------------------

configure() {
    local log=$root/build/$1.log
    mkdir -p "$root/build" || fail "cannot write in $root"
    [ ! -f "$root/build/$1/build.ninja" ] || return 0
    say "building ($1), once"
    (cd "$root" && cmake --preset "$1") >"$log" 2>&1 || { cat "$log" >&2; fail "cmake failed"; }
}

# build PRESET [TARGETS]: silent unless it fails.
build() {
    local preset=$1 log=$root/build/$1.log
    shift
    configure "$preset"
    [ $# = 0 ] || set -- --target "$@"
    if ! (cd "$root" && cmake --build --preset "$preset" ${1+"$@"}) >"$log" 2>&1; then
        grep -v '^\[' "$log" | tail -n 60 >&2
        fail "the $preset build failed; all of it: $log"
    fi
}

# need_programs NAMES
need_programs() {
    local name
    if [ -z "${IDEOGRAM4_PROGRAMS:-}" ]; then
        need_tools
        for name in "$@"; do
            [ -x "$programs/$name" ] || { say "building the programs, once"; break; }
        done
        build release "$@"
    fi
    for name in "$@"; do
        [ -x "$programs/$name" ] || fail "there is no program $programs/$name"
    done
}

# --- the page ---------------------------------------------------------------------------------

has_page_sources() { [ -f "$root/web/package.json" ]; }

is_page_fresh() {
    [ -f "$root/web/dist/index.html" ] &&
        [ -z "$(find "$root/web" \( -name node_modules -o -name dist \) -prune -o \
            -type f -newer "$root/web/dist/index.html" -print 2>/dev/null | head -n 1)" ]
}

# Everything that the page is made of and with, as the lock file has it.
page_packages() {
    local manager=${PNPM:-npm} install=install
    [ "$manager" = npm ] && [ -f "$root/web/package-lock.json" ] && install=ci
    [ "$root/web/node_modules/.package-lock.json" -nt "$root/web/package.json" ] ||
        (cd "$root/web" && "$manager" "$install")
}

# In web/dist, from where the gateway serves it. Returns 1 where there is no package manager.
build_page() {
    local manager=${PNPM:-npm} log=$root/build/web.log
    is_page_fresh && return 0
    use_node || return 1
    mkdir -p "$root/build" || fail "cannot write in $root"
    say "building the page, once"
    if ! { page_packages && (cd "$root/web" && "$manager" run build); } >"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        fail "the page's build failed; all of it: $log"
    fi
}

# --- settings ---------------------------------------------------------------------------------

load_env() {
    if [ -f "$root/.env" ]; then
        set +u -a
        # shellcheck disable=SC1091
        . "$root/.env" || fail "$root/.env cannot be read as a shell file"
        set -u +a
    fi
    export IDEOGRAM4_ROOT=${IDEOGRAM4_ROOT:-$root}
}

# setting NAME DEFAULT: without the prefix
setting() {
    local value
    eval "value=\${IDEOGRAM4_$1:-}"
    printf '%s' "${value:-$2}"
}

is_on() {
    case $(setting "$1" '' | tr -d '[:blank:]' | tr '[:upper:]' '[:lower:]') in
    1 | true | yes | on) return 0 ;;
    esac
    return 1
}

# port NAME DEFAULT
port() {
    local value
    value=$(setting "$1" "$2")
    case $value in
    *[!0-9]*) fail "IDEOGRAM4_$1 is '$value': it must be a port number" ;;
    esac
    printf '%s' "$value"
}

# Where a host that a program binds can be reached, as a URL has it.
reachable() {
    case $1 in
    0.0.0.0) echo 127.0.0.1 ;;
    ::) echo '[::1]' ;;
    *:*) printf '[%s]\n' "$1" ;;
    *) echo "$1" ;;
    esac
}

in_root() {
    case $1 in
    /*) printf '%s' "$1" ;;
    \~/*) printf '%s' "$HOME/${1#??}" ;;
    *) printf '%s' "$IDEOGRAM4_ROOT/$1" ;;
    esac
}

read_settings() {
    local host
    load_env
    gateway_port=$(port SERVER_PORT 8000) || exit 1
    daemon_port=$(port MODEL_DAEMON_PORT 8001) || exit 1
    page_port=$(port WEBUI_PORT 5173) || exit 1
    llm_port=$(port MAGIC_PROMPT_LOCAL_LLAMA_PORT 18082) || exit 1
    host=$(reachable "$(setting SERVER_HOST 127.0.0.1)")
    gateway_url=http://$host:$gateway_port
    host=$(reachable "$(setting WEBUI_HOST 127.0.0.1)")
    page_url=http://$host:$page_port
    host=$(reachable "$(setting MODEL_DAEMON_HOST 127.0.0.1)")
    daemon_url=$(setting MODEL_DAEMON_URL "http://$host:$daemon_port")
    log_dir=$(in_root "$(setting LOG_DIR logs)")
}

# The newest ten of each kind stay; nine, because one is about to begin.
prune_logs() {
    local kind name
    for kind in server model magic-llm ideogram4_mlx; do
        for name in "$log_dir/$kind"-[0-9]*.log; do
            printf '%s\n' "$name"
        done | sort | awk '{ line[NR] = $0 } END { for (i = 1; i <= NR - 9; i++) print line[i] }' |
            while IFS= read -r name; do
                rm -f "$name" "$name.1"
            done
    done
}

# --- ports ------------------------------------------------------------------------------------

# Process ids that listen on a TCP port; clients of it are none.
listeners() {
    if has ss; then
        ss -ltnp "sport = :$1" 2>/dev/null | grep -o 'pid=[0-9]*' | cut -d= -f2
    elif has lsof; then
        lsof -nP -iTCP:"$1" -sTCP:LISTEN -t 2>/dev/null
    elif [ -r /proc/net/tcp ]; then
        proc_listeners "$1"
    fi | sort -u
}

proc_listeners() {
    local end inode
    end=$(printf ':%04X' "$1")
    awk -v end="$end" '$4 == "0A" && substr($2, length($2) - 4) == end { print $10 }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        while read -r inode; do
            find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\\[$inode\\]" 2>/dev/null
        done | cut -d/ -f3
}

# is_free_within SECONDS PORT
is_free_within() {
    local tries=$(($1 * 10))
    while [ -n "$(listeners "$2")" ]; do
        [ $tries -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.1
    done
}

# free_port PORT WHAT: whoever listens there is asked to end, and made to after a second.
free_port() {
    local pid pids
    pids=$(listeners "$1")
    [ -n "$pids" ] || return 0
    for pid in $pids; do
        say "port $1 ($2) is taken by process $pid, $(ps -o comm= -p "$pid"): ending it"
        kill "$pid" 2>/dev/null
    done
    is_free_within 1 "$1" && return 0
    for pid in $pids; do
        kill -9 "$pid" 2>/dev/null
    done
    is_free_within 2 "$1" || fail "port $1 ($2) stays taken: choose another one in .env"
}

# --- what this run starts ---------------------------------------------------------------------

gateway_pid="" daemon_pid="" llm_pid=""
asked=0 # the signal that came last, until it is dealt with

is_running() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }

signal_all() {
    local pid
    for pid in $gateway_pid $daemon_pid $llm_pid; do
        kill -s "$1" "$pid" 2>/dev/null
    done
}

are_any_running() { is_running "$gateway_pid" || is_running "$daemon_pid" || is_running "$llm_pid"; }

# At every exit: ends and awaits what this run started. A further signal is passed on, which ends
# the programs at once; they have fifteen seconds.
stop_all() {
    local code=$? tries=150
    trap - EXIT
    signal_all TERM
    asked=0
    while are_any_running; do
        if [ $asked != 0 ]; then
            asked=0
            signal_all TERM
        fi
        [ $tries -gt 0 ] || signal_all KILL
        tries=$((tries - 1))
        sleep 0.1
    done
    wait 2>/dev/null
    exit $code
}

listen_to_signals() {
    trap 'asked=2' INT
    trap 'asked=15' TERM
    trap 'asked=1' HUP
    trap stop_all EXIT
}

end_if_asked() { [ $asked = 0 ] || exit $((128 + asked)); }

# start COMMAND: leaves started. A process group of its own keeps the terminal's Ctrl-C from it:
# signals come from here, in order.
start() {
    set -m
    "$@" </dev/null &
    started=$!
    set +m
}

# await WHAT SECONDS PID PROBE…
await() {
    local what=$1 tries=$(($2 * 10)) pid=$3
    shift 3
    until "$@"; do
        end_if_asked
        is_running "$pid" || fail "$what ended at its start; the reason is above or in $log_dir"
        [ $tries -gt 0 ] || fail "$what does not answer; see $log_dir"
        tries=$((tries - 1))
        sleep 0.1
    done
}

# Both services answer /model/status; a URL of the gateway ends in /api.
answers() { "$program" status --quiet --daemon-url "$1" >/dev/null 2>&1; }

start_daemon() {
    start "$programs/ideogram4d"
    daemon_pid=$started
    await "the model daemon" 60 "$daemon_pid" answers "$daemon_url"
}

start_gateway() {
    start "$programs/ideogram4-gateway"
    gateway_pid=$started
    await "the gateway" 60 "$gateway_pid" answers "$gateway_url/api"
}

# A model that fails to load is told and not fatal: the page shows it too.
await_model() {
    local tries=300 status
    is_on MODEL_DAEMON_AUTOLOAD || return 0
    while [ $tries -gt 0 ]; do
        end_if_asked
        status=$("$program" status --quiet --json --daemon-url "$daemon_url" 2>/dev/null)
        case $status in
        *'"state":"loaded"'*) return 0 ;;
        *'"state":"idle","msg":"",'*) ;;
        *'"state":"idle"'*) break ;;
        esac
        tries=$((tries - 1))
        sleep 1
    done
    say "the model is not loaded: see \`ideogram4 status\`"
}

# --- the managed language model ---------------------------------------------------------------

wants_llm() {
    is_on MAGIC_PROMPT_MANAGED_LLAMA ||
        { is_on MAGIC_PROMPT_LOCAL_LLAMA && [ -n "$(setting MAGIC_PROMPT_LOCAL_LLAMA_MODEL '')" ]; }
}

llm_answers() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$llm_port" || exit 1
        printf 'GET /health HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$llm_port" >&3
        IFS= read -r -t 3 line <&3
        case $line in
        HTTP/1.?' 200'*) exit 0 ;;
        esac
        exit 1
    ) 2>/dev/null
}

# need_file VARIABLE: prints its path
need_file() {
    local path
    path=$(setting "$1" '')
    path=$(in_root "$path")
    [ -f "$path" ] || fail "there is no file '$path': set IDEOGRAM4_$1 to a GGUF file"
    printf '%s' "$path"
}

start_llm() {
    local model projector help args log
    wants_llm || return 0
    has llama-server || fail "Magic Prompt: llama-server is not in PATH; install llama.cpp"
    model=$(need_file MAGIC_PROMPT_LOCAL_LLAMA_MODEL) || exit 1
    if llm_answers; then
        say "a language model answers on port $llm_port already: using it"
        return 0
    fi
    args=(--model "$model" --host 127.0.0.1 --port "$llm_port" --parallel 1
        --ctx-size "$(setting MAGIC_PROMPT_LOCAL_LLAMA_CTX 8192)"
        --alias "$(setting MAGIC_PROMPT_MODEL local-gemma4)" --reasoning-format none)
    # These two were renamed over time.
    help=$(llama-server --help 2>&1 </dev/null)
    case $help in
    *'--reasoning '*) args+=(--reasoning off) ;;
    *) args+=(--reasoning-budget 0) ;;
    esac
    case $help in
    *--no-ui*) args+=(--no-ui) ;;
    *) args+=(--no-webui) ;;
    esac
    if [ -n "$(setting MAGIC_PROMPT_LOCAL_LLAMA_MMPROJ '')" ]; then
        projector=$(need_file MAGIC_PROMPT_LOCAL_LLAMA_MMPROJ) || exit 1
        args+=(--mmproj "$projector")
    fi
    log=$log_dir/magic-llm-$(date +%Y%m%d-%H%M%S).log
    say "starting the language model; its log is $log"
    start llama-server "${args[@]}" >"$log" 2>&1
    llm_pid=$started
    await "the language model" 180 "$llm_pid" llm_answers
}

# --- modes ------------------------------------------------------------------------------------

prepare() {
    read_settings
    need_programs ideogram4 ideogram4d ideogram4-gateway
    mkdir -p "$log_dir" || fail "cannot make the log folder $log_dir"
    prune_logs
    listen_to_signals
}

# Until a signal, or until one of the programs ends by itself.
stay() {
    say "Ctrl-C stops it"
    while :; do
        end_if_asked
        [ -z "$gateway_pid" ] || is_running "$gateway_pid" || fail "the gateway has ended"
        [ -z "$daemon_pid" ] || is_running "$daemon_pid" || fail "the model daemon has ended"
        [ -z "$llm_pid" ] || is_running "$llm_pid" || fail "the language model has ended"
        sleep 0.5
    done
}

run_full() {
    prepare
    if has_page_sources && ! build_page; then
        say "the page is not built: there is no Node.js; the API works without it"
    fi
    free_port "$gateway_port" gateway
    free_port "$daemon_port" "model daemon"
    free_port "$page_port" page
    end_if_asked
    start_llm
    start_daemon
    start_gateway
    await_model
    say "ready: the API is at $gateway_url/api"
    [ ! -d "$root/web/dist" ] || say "the page is at $page_url and $gateway_url"
    stay
}

run_backend() {
    prepare
    if answers "$daemon_url"; then
        say "a model daemon answers at $daemon_url: using it"
    else
        start_daemon
    fi
    free_port "$gateway_port" gateway
    start_gateway
    say "ready: the API is at $gateway_url/api"
    stay
}

run_client() {
    if ! has_page_sources; then
        say "this version has no page yet: it comes later; ./run.sh starts the API"
        exit 2
    fi
    load_env
    use_node || fail "there is no Node.js of at least version 20.19"
    page_packages >&2 || fail "the page's packages cannot be installed"
    cd "$root/web" && exec "${PNPM:-npm}" run dev
}

run_doctor() {
    load_env
    if [ -z "${IDEOGRAM4_PROGRAMS:-}" ] && [ ! -x "$program" ] && ! has_tools; then
        printf '[FAIL] not built, and to build it is missing: a C compiler, cmake, ninja, pkg-config or one of'
        # shellcheck disable=SC2086
        printf ' %s' $libraries
        printf '\n       any other mode of ./run.sh installs them\n'
        exit 1
    fi
    need_programs ideogram4 ideogram4d ideogram4-gateway
    exec "$program" doctor
}

run_download() {
    load_env
    need_programs ideogram4
    exec "$program" download "$@"
}

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

run_generate() {
    load_env
    need_programs ideogram4
    if [ $# = 0 ]; then
        generate_example
    elif has_out "$@"; then
        exec "$program" generate "$@"
    else
        exec "$program" generate "$@" --out "$root/output/picture-$(date +%Y%m%d-%H%M%S).png"
    fi
}

# --- tests ------------------------------------------------------------------------------------

failures=0 runs=0

# run_tests PRESET [CTEST OPTIONS]: the runner's closing lines are the report.
run_tests() {
    local preset=$1 log=$root/build/$1-test.log
    shift
    runs=$((runs + 1))
    if ! (cd "$root/build/$preset" && ctest --output-on-failure -j "$CMAKE_BUILD_PARALLEL_LEVEL" "$@") \
        >"$log" 2>&1; then
        cat "$log"
        failures=$((failures + 1))
    fi
    printf '%-8s %s\n' "$preset" "$(grep 'tests passed' "$log" | tail -n 1)"
}

# Test programs of a label, as far as they are built in C, and what the others run.
targets_of() {
    printf '%s\n' ideogram4 ideogram4d ideogram4-gateway
    (cd "$root/build/$1" && ctest -N -L "$2" && ninja -t targets all) |
        sed -n -e 's/^ *Test *#[0-9]*: \(.*\)$/\1/p' -e 's/^test_\([a-z0-9_]*\): phony$/\1/p' |
        sort | uniq -d | sed 's/^/test_/'
}

# The page: types and lint, units, its weight, and what people do with it in a browser.
run_page_tests() {
    local log=$root/build/page-test.log
    runs=$((runs + 1))
    # A browser and three programs on a busy machine may miss a moment: once, and it is told below.
    export IDEOGRAM4_SEED_LIBRARY=$root/build/release/tests/seed_library IDEOGRAM4_TRIES=2
    if ! { page_packages && cd "$root/web" && npm run check && npm test && npm run build &&
        npm run e2e; } >"$log" 2>&1 </dev/null; then
        cat "$log"
        failures=$((failures + 1))
    fi
    cd "$root" || exit 1
    printf '%-8s %s\n' page "$(grep -E '^# (tests|pass|fail) ' "$log" | tr -d '#' | tr '\n' ' ')"
    grep -o 'tried again: .*' "$log" || :
}

run_all_tests() {
    unset IDEOGRAM4_ROOT IDEOGRAM4_PROGRAMS
    need_tools
    need_test_tools
    build release
    run_tests release
    run_page_tests
    build clang
    printf '%-8s %s\n' clang "builds without a warning"
    # The sanitizers make the slow tests too slow; everything that reads bytes stays in.
    build dev
    run_tests dev -LE 'slow|demo|bench|install|checks|client'
    # Threads meet in the services.
    configure tsan
    # shellcheck disable=SC2046
    build tsan $(targets_of tsan http)
    run_tests tsan -L http
    if [ "$failures" -gt 0 ]; then
        printf 'FAILED: %d of %d test runs\n' "$failures" "$runs"
        exit 1
    fi
    printf 'all tests passed\n'
}

# --- the command line -------------------------------------------------------------------------

mode=${1:-full}
[ $# -gt 0 ] && shift
case ${mode#--} in
generate) run_generate "$@" ;;
download) run_download "$@" ;;
full | all | backend | server | api | client | webui | frontend | doctor | check | test | help | -h)
    if [ $# -gt 0 ]; then
        say "the mode '$mode' takes no arguments"
        usage >&2
        exit 1
    fi
    ;;
*)
    say "there is no mode '$mode'"
    usage >&2
    exit 1
    ;;
esac
case ${mode#--} in
full | all) run_full ;;
backend | server | api) run_backend ;;
client | webui | frontend) run_client ;;
doctor | check) run_doctor ;;
test) run_all_tests ;;
help | -h) usage ;;
esac
