# shellcheck shell=bash disable=SC2034
# lib.sh: what the tests of run.sh share. As for the tests of the program, the arguments are
#   $1 the built program, $2 the root of the repository
# Each test has a project folder of its own: run.sh, links to models and examples, a .env with free
# ports. Nothing is built.
. "$(dirname "$0")/../cli/lib.sh"
unset IDEOGRAM4_MODEL_DAEMON_URL IDEOGRAM4_LOG_DIR
export IDEOGRAM4_PROGRAMS
IDEOGRAM4_PROGRAMS=$(cd "$(dirname "$program")" && pwd -P)

project=$work/project
mkdir "$project"
cp "$source_dir/run.sh" "$project"
ln -s "$source_dir/models" "$source_dir/examples" "$source_dir/prompts" "$source_dir/scripts" "$project"

# A page whose tools are made up: npm writes down how it is called, and its build is one file.
make_page() {
    mkdir -p "$project/web/src" "$work/bin"
    printf '{}' >"$project/web/package.json"
    printf '#!/bin/sh\nexit 0\n' >"$work/bin/node"
    cat >"$work/bin/npm" <<'TEXT'
#!/bin/sh
echo "$*" >>npm.calls
case $* in
install) mkdir -p node_modules && : >node_modules/.package-lock.json ;;
"run build") mkdir -p dist && echo "the page" >dist/index.html ;;
esac
TEXT
    chmod +x "$work/bin/node" "$work/bin/npm"
    PATH=$work/bin:$PATH
}

started="" # processes of this test, ended at its exit
trap 'for pid in $started; do kill -9 "$pid" 2>/dev/null; done; rm -rf "$work"' EXIT

is_listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A port that nobody uses now.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        is_listening $port || break
    done
    echo $port
}

gateway=$(free_port) daemon=$(free_port) page=$(free_port)
write_env() {
    {
        printf 'IDEOGRAM4_SERVER_PORT=%s\nIDEOGRAM4_MODEL_DAEMON_PORT=%s\n' "$gateway" "$daemon"
        printf 'IDEOGRAM4_WEBUI_PORT=%s\n' "$page"
        printf '%s\n' "$@"
    } >"$project/.env"
}
write_env

# await SECONDS COMMAND…
await() {
    local tries=$(($1 * 10))
    shift
    until "$@"; do
        [ $tries -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.1
    done
}

# launch ARGUMENTS: run.sh in the background, with signals as a terminal would give them
launch() {
    what="run.sh $*"
    : >"$work/err"
    set -m
    "$project/run.sh" "$@" >"$work/out" 2>"$work/err" </dev/null &
    launched=$!
    set +m
    started="$started $launched"
}

is_ready_or_gone() { grep -q 'Ctrl-C stops it' "$work/err" || ! kill -0 "$launched" 2>/dev/null; }

# Until it is ready; children: what it started.
await_ready() {
    await 60 is_ready_or_gone && grep -q 'Ctrl-C stops it' "$work/err" || complain "it is not ready"
    children=$(ps -e -o pid=,ppid=,comm= | awk -v parent="$launched" '$2 == parent && $3 != "sleep" { print $1 }')
    started="$started $children"
}

# end SIGNAL CODE: and nothing is left
end() {
    local pid
    kill -s "$1" "$launched"
    wait "$launched" 2>/dev/null
    status=$?
    what="$what, then $1"
    expect_code "$2"
    expect_nothing_left
}

expect_nothing_left() {
    local pid
    for pid in $children; do
        kill -0 "$pid" 2>/dev/null && complain "process $pid is left"
    done
    for port in $gateway $daemon $page; do
        is_listening "$port" && complain "somebody listens on port $port still"
    done
}

# run_mode ARGUMENTS: run.sh to its end, like run
run_mode() {
    what="run.sh $*"
    "$project/run.sh" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}
