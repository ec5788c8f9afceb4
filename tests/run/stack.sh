#!/usr/bin/env bash
# The whole stack: it comes up, draws through the API, and goes without a trace.
. "$(dirname "$0")/lib.sh"

api() {
    local path=$1
    shift
    curl -sS -m 30 "$@" "http://127.0.0.1:$gateway/api/$path"
}

is_drawn() { api "status/$task" >"$work/status" && grep -q '"state":"done"' "$work/status"; }
is_loaded() { api model/status | grep -q '"state":"loaded"'; }

make_page
launch
await_ready
[ "$(tr '\n' ' ' <"$project/web/npm.calls")" = 'install run build ' ] ||
    complain "npm was called so: $(cat "$project/web/npm.calls")"
expect_err "ready: the API is at http://127.0.0.1:$gateway/api"
expect_no_out
[ "$(printf '%s\n' "$children" | wc -l)" -eq 2 ] || complain "there are not two children: $children"
for name in server model; do
    ls "$project/logs/$name"-*.log >/dev/null 2>&1 || complain "there is no log file of $name"
done
"$program" status --daemon-url "http://127.0.0.1:$daemon" >"$work/out" || complain "no daemon"
expect_out '^state  *idle'

if command -v curl >/dev/null; then
    what="the page"
    for port in $gateway $page; do
        curl -sS -m 30 "http://127.0.0.1:$port/library" | grep -q 'the page' || complain "it is not on $port"
    done
    what="the API"
    api model/load -X POST | grep -q '"ok":true' || complain "the model cannot be loaded"
    await 30 is_loaded || complain "the model is not loaded"
    api generate -H 'Content-Type: application/json' -d "{\"caption\":$caption,\"width\":256,\"height\":256,\"preset\":\"V4_TURBO_12\",\"format\":\"png\"}" >"$work/task"
    task=$(sed -n 's/.*"task_id":"\([0-9a-f]*\)".*/\1/p' "$work/task")
    [ -n "$task" ] || complain "there is no task: $(cat "$work/task")"
    await 60 is_drawn || complain "the picture is not drawn: $(cat "$work/status")"
    image=$(sed -n 's/.*"image":{"id":\([0-9]*\).*/\1/p' "$work/status")
    api "images/$image/file" >"$work/picture"
    head -c 4 "$work/picture" | grep -q PNG || complain "the picture is none: $(cat "$work/status")"
    ls "$project"/server/output/*.png >/dev/null || complain "the picture is not in server/output"
else
    skip "the API: there is no curl"
fi

# The command line finds the daemon of the same .env.
run_mode generate --prompt "$caption" --preset V4_TURBO_12 --seed 3 --out "$work/a"
expect_code 0
expect_err "in the daemon at http://127.0.0.1:$daemon"
end INT 130

launch all
await_ready
end TERM 143

# A program that dies takes the others along.
launch --full
await_ready
set -- $children
kill -9 "$1"
wait "$launched" 2>/dev/null
status=$?
expect_code 1
expect_err 'has ended'
expect_nothing_left

# The real key on a real terminal: the programs are not hit twice.
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    what="run.sh on a terminal, then Ctrl-C"
    : >"$work/err"
    press() {
        await 60 grep -q 'Ctrl-C stops it' "$work/err"
        printf '\003'
        await 20 grep -q COMMAND_EXIT_CODE "$work/err"
    }
    press | script -qefc "$project/run.sh" "$work/err" >/dev/null 2>&1
    expect_err '\[model\] stopping'
    expect_err '\[server\] stopping'
    expect_nothing_left
else
    skip "Ctrl-C on a terminal: there is no util-linux script"
fi
finish
