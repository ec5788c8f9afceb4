#!/usr/bin/env bash
# `ideogram4-gateway check`: what it says, its exit codes, and that a look changes nothing.
. "$(dirname "$0")/lib.sh"
gateway=$program-gateway
data=$work/data
export IDEOGRAM4_ROOT=$work IDEOGRAM4_DB_PATH=$data/library.db IDEOGRAM4_OUTPUT_DIR=$data/output
export IDEOGRAM4_SPOOL_DIR=$data/spool IDEOGRAM4_SERVER_PORT=0 IDEOGRAM4_WEBUI_PORT=0
mkdir -p "$data/spool"
pid=""
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT

run_gateway() {
    what="ideogram4-gateway $*"
    "$gateway" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

start_gateway() {
    "$gateway" >"$work/log" 2>&1 </dev/null &
    pid=$!
    local tries=0
    until grep -q ' on http' "$work/log" || [ $tries -ge 300 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    grep -q ' on http' "$work/log" || complain "the gateway does not start: $(cat "$work/log")"
}

stop_gateway() {
    kill "$pid"
    wait "$pid" 2>/dev/null
    pid=""
}

# Command lines
run_gateway --help
expect_code 0
expect_out 'check \[--dry-run\] \[--json\]'
for option in --delete-orphans --jsn x; do
    run_gateway check "$option"
    expect_code 2
    expect_err 'is not understood'
    expect_no_out
done
IDEOGRAM4_TRASH_DAYS=never run_gateway check
expect_code 2
expect_err 'IDEOGRAM4_TRASH_DAYS'

# Nothing is there yet, and nothing is made.
run_gateway check
expect_code 0
expect_out '^note .*there is no database'
expect_out '^check: 0 mended, 0 left to do$'
[ ! -e "$data/library.db" ] || complain "a database was made"

# Beside a running gateway
start_gateway
run_gateway check
expect_code 0
expect_out '^ok .*the database is whole'
expect_out '^check: .*the gateway is running: nothing was changed$'
stop_gateway

# A picture of ours without a row: drawn, laid there, found.
picture=$data/output/0123456789abcdef0123456789abcdef.png
# shellcheck disable=SC2086
run generate --prompt "$caption" --model-path "$model" $quick --daemon off --out "$work/a.png"
expect_code 0
cp "$work/a.png" "$picture"
touch "$data/output/.ideogram4-0123456789abcdef.tmp"
run_gateway check --dry-run
expect_code 1
expect_out '^todo .*pictures of ours without a row: 1.*--dry-run'
expect_out '^check: 0 mended, 2 left to do; --dry-run'
[ -e "$data/output/.ideogram4-0123456789abcdef.tmp" ] || complain "a dry run removed a file"
run_gateway check --json
expect_code 0
[ "$(wc -l <"$work/out")" -eq 1 ] || complain "the JSON is not one line"
expect_out '^{"ok":true,"only_looked":null,"findings":\[{"area":'
expect_out '"mended":2,"left":0}$'
run_gateway check
expect_code 0
expect_out 'pictures with their files: 1$'
expect_out '^check: 0 mended, 0 left to do$'
run_gateway maintain
expect_out '^total: 1$'

# Its file is gone: said, and the row stays.
mv "$picture" "$work"
run_gateway check
expect_code 1
expect_out '^todo .*missing or empty: 1.*(such as: 0123456789abcdef0123456789abcdef.png)$'
run_gateway maintain
expect_out '^total: 1$'

# Damage
printf 'this is no database' >"$data/library.db"
run_gateway check
expect_code 1
expect_out '^todo .*is damaged .*was not touched'
[ "$(cat "$data/library.db")" = 'this is no database' ] || complain "the file was touched"
finish
