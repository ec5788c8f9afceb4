#!/usr/bin/env bash
# The command line against a daemon that answers oddly: waiting, refusals, broken answers.
. "$(dirname "$0")/lib.sh"
p=$work/pictures
here=$(dirname "$0")
server=""
if ! perl -MIO::Socket::INET -e 1 2>/dev/null; then
    skip "there is no perl with sockets"
    finish
fi
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

task=0123456789abcdef0123456789abcdef
loaded='{"state":"loaded","msg":"","model_repo":"a/b","model_path":"","applied_loras":[]}'
# What a good daemon says; each case adds lines before these.
good="GET /health 200 {}
GET /model/status 200 $loaded
POST /generate 200 {\"task_id\":\"$task\"}
GET /status/$task 200 {\"state\":\"done\",\"msg\":\"done\",\"progress\":100,\"total_steps\":12,\"image_meta\":{\"generation_seconds\":1.5},\"has_artifact\":true,\"error\":null,\"cancelled\":false}
GET /artifact/$task 200 bytes"

# against LINES ARGUMENTS: draws in a daemon that answers so
against() {
    [ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
    rm -rf "$p" "$work/requests" "$work/port"
    mkdir "$p"
    printf '%s\n%s\n' "$1" "$good" >"$work/script"
    shift
    perl "$here/scripted_daemon.pl" "$work/script" "$work/requests" >"$work/port" &
    server=$!
    while [ ! -s "$work/port" ]; do sleep 0.05; done
    run --prompt "$caption" --out "$p/a" --daemon-url "http://127.0.0.1:$(cat "$work/port")/" "$@"
}

fails() {
    local pattern=$1
    shift
    against "$@" --quiet
    expect_code 1
    expect_one_sentence
    expect_err "$pattern"
    expect_empty "$p"
}

# --- as it should be --------------------------------------------------------------------------
against ""
expect_code 0
[ "$(cat "$p/a.png")" = bytes ] || complain "the artifact was not stored as it came"
grep -q '"generation_seconds": 1.5,' "$p/a.log" || complain "the daemon's seconds are not told"
grep -q '"resolution": \[' "$p/a.log" || complain "no resolution"
grep -q '^POST /model/load' "$work/requests" && complain "a loaded model was loaded again"
grep -q '^POST /generate {"caption":{"compositional_deconstruction":{"background":.*},"width":1024,"height":1024,"preset":"V4_QUALITY_48","seed":[0-9]*,"format":"png","quality":null}$' \
    "$work/requests" || complain "the request: $(grep generate "$work/requests")"
grep -q "^DELETE /spool/$task" "$work/requests" || complain "the spool was not told"

# --- waiting ----------------------------------------------------------------------------------
against 'GET /model/status 200 {"state":"loading","msg":"downloading, 1 %"}
GET /model/status 200 {"state":"loading","msg":"downloading, 2 %"}'
expect_code 0
expect_err 'downloading, 2 %'
grep -q '^POST /model/load' "$work/requests" && complain "a load under way was begun again"
against 'GET /model/status 200 {"state":"idle","msg":"the last load failed"}
POST /model/load 200 {"ok":true,"msg":""}
GET /model/status 200 {"state":"loading","msg":"","operation":"loading (1s)"}'
expect_code 0
expect_err 'loading (1s)'

# --- refusals ---------------------------------------------------------------------------------
idle='GET /model/status 200 {"state":"idle","msg":""}'
fails 'cannot be loaded: no memory' "$idle
POST /model/load 200 {\"ok\":false,\"msg\":\"no memory\"}"
[ "$(grep -c model "$work/requests")" -eq 2 ] || complain "a refused load was waited for"
fails 'refuses: busy' "$idle
POST /model/load 409 {\"error\":\"busy\"}"
fails 'not loaded: broken file' "$idle
POST /model/load 200 {\"ok\":true}
GET /model/status 200 {\"state\":\"idle\",\"msg\":\"broken file\"}"
fails 'refuses: another image' 'POST /generate 409 {"error":"another image"}'
fails 'refuses: too odd' 'POST /generate 422 {"detail":[{"msg":"too odd"}]}'
fails 'with 500' 'POST /generate 500 oh'
fails 'no task' 'POST /generate 200 {}'
fails 'no JSON object' 'POST /generate 200 []'
fails 'no JSON object' 'GET /model/status 200 <html>'
fails 'no picture: out of memory' "GET /status/$task 200 {\"state\":\"done\",\"msg\":\"x\",\"error\":\"out of memory\"}"
fails 'no picture: not found' "GET /status/$task 200 {\"state\":\"done\",\"msg\":\"not found\",\"progress\":0,\"total_steps\":0}"
fails 'refuses: gone' "GET /artifact/$task 404 {\"error\":\"gone\"}"
fails 'LoRA: no such file' 'POST /lora/apply 200 {"ok":false,"msg":"no such file"}' --lora a/b
fails 'LoRA: wrong shape' "POST /lora/apply 200 {\"ok\":true,\"task_id\":\"$task\"}
GET /lora/operation/$task 200 {\"state\":\"running\",\"msg\":\"waiting\"}
GET /lora/operation/$task 200 {\"state\":\"done\",\"msg\":\"\",\"error\":\"wrong shape\"}" --lora a/b
grep -q '^POST /lora/apply {"name":"b","strength":0.6}$' "$work/requests" ||
    complain "the LoRA request: $(grep apply "$work/requests")"

# What is no daemon is none: auto draws here, require fails.
fails 'no model daemon' 'GET /health 503 {}' --daemon require
# shellcheck disable=SC2086
against 'GET /health 503 {}' --resolution 256 --preset V4_TURBO_12 -v
expect_code 0
expect_err 'no model daemon'
finish
