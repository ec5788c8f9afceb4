#!/usr/bin/env bash
# Drawing in the model daemon, and the commands that steer it, with the real daemon.
. "$(dirname "$0")/lib.sh"
p=$work/pictures
mkdir "$p"
export IDEOGRAM4_SPOOL_DIR=$work/spool IDEOGRAM4_LORA_DIR=$source_dir/tests/golden/tiny-a
daemon=""

# start NAME=VALUE…: a daemon of this environment on a free port, which the variable url names
start() {
    env IDEOGRAM4_MODEL_DAEMON_PORT=0 "$@" "${program}d" >"$work/daemon" 2>&1 &
    daemon=$!
    local tries=0
    url=""
    while [ -z "$url" ] && [ $tries -lt 300 ] && kill -0 $daemon 2>/dev/null; do
        sleep 0.1
        url=$(sed -n 's/^.* on \(http:[^ ]*\)$/\1/p' "$work/daemon")
        tries=$((tries + 1))
    done
    export IDEOGRAM4_MODEL_DAEMON_URL=$url
    [ -n "$url" ] || complain "the daemon does not start: $(cat "$work/daemon")"
}

stop() {
    kill "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
    daemon=""
}
trap '[ -z "$daemon" ] || stop; rm -rf "$work"' EXIT

# The compressed pixels of a PNG file: the rest of two pictures may differ.
pixels() {
    perl -0777 -ne 'for (my $i = 8; $i + 8 <= length; $i += $n + 12) {
        ($n, $kind) = unpack("Na4", substr($_, $i, 8));
        print substr($_, $i + 8, $n) if $kind eq "IDAT" }' "$1"
}

# await FILE PATTERN: until a file says something
await() {
    local tries=0
    while ! grep -q -- "$2" "$1" && [ $tries -lt 600 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}

# --- looking and loading ----------------------------------------------------------------------
start
run status
expect_code 0
expect_out '^state  *idle'
run status --json
expect_code 0
expect_out '^{"state":"idle",'
run load
expect_code 0
expect_err 'loaded: .*demo'
run status
expect_out '^state  *loaded'
expect_out '(8 bits)'
run unload
expect_code 0

# --- drawing ----------------------------------------------------------------------------------
draw="--preset V4_TURBO_12 --seed 7"
# shellcheck disable=SC2086
{
    run --prompt "$caption" $draw --out "$p/there.tmp" --daemon require --json
    expect_code 0
    expect_err 'in the daemon at http'
    expect_out "^{\"path\": \"$p/there.png\", \"seed\": 7, .*\"model\": \"demo\", \"size\": \[256, 256\], \"steps\": 12, "
    run --prompt "$caption" $draw --out "$p/here" --daemon off
    expect_code 0
    expect_err 'drawing 256x256, V4_TURBO_12, seed 7$'
}
pixels "$p/here.png" >"$work/here"
pixels "$p/there.png" | cmp -s - "$work/here" || complain "the daemon draws another picture"
[ -s "$work/here" ] || complain "the picture has no pixels"
run recipe "$p/there.png"
expect_code 0
expect_out '"seed": 7'
ls "$work/spool" | grep -q taken || complain "the spool was not told that the picture is stored"

keys='preset resolution steps seed generation_seconds output format backend daemon_url daemon_task_id prompt cmd '
found=$(sed -n 's/^  "\([a-z_]*\)": .*/\1/p' "$p/there.log" | tr '\n' ' ')
[ "$found" = "$keys" ] || complain "keys of the .log file: $found"
for line in '  "steps": 12,' '  "backend": "mlx-daemon",' "  \"daemon_url\": \"$url\","; do
    grep -qF -- "$line" "$p/there.log" || complain "the .log file lacks: $line"
done

run --from "$p/there.png" --format webp --quality 80 --out "$p/again" # auto finds the daemon
expect_code 0
expect_err 'in the daemon at http'
expect_file "$p/again.webp"
run --prompt 'a red circle' --preset V4_TURBO_12 --out "$p/plain" --quiet --json
expect_code 0
expect_out '"warnings": \["caption: plain prompt'

# --- what only works here ---------------------------------------------------------------------
# shellcheck disable=SC2086
{
    run --prompt "$caption" $quick --out "$p/steps" -v
    expect_code 0
    expect_err '--steps does not work in a daemon: drawing here'
    run --from "$p/steps.png" --out "$p/steps-again" -v
    expect_code 0
    expect_err 'a recipe with steps'
    cmp -s "$p/steps.png" "$p/steps-again.png" || complain "--from drew another picture"
    rm -rf "$p"
    refused 2 '--steps does not work in a daemon' --prompt "$caption" $quick --out "$p/a" \
        --daemon require
}
IDEOGRAM4_CLI_DAEMON_MODE=require run --prompt "$caption" --threads 1 --out "$p/a"
expect_code 2

# --- being stopped ----------------------------------------------------------------------------
# draw_long: begins a picture that takes a while; leaves child and task
draw_long() {
    what="a long picture"
    : >"$work/err"
    "$program" --prompt "$caption" --resolution 512 --out "$p/long" >"$work/out" 2>"$work/err" &
    child=$!
    await "$work/err" ', task '
    task=$(sed -n 's/.*, task \([0-9a-f]*\)$/\1/p' "$work/err")
}

draw_long
kill -INT $child
wait $child
status=$?
expect_code 130
expect_err 'the daemon stops drawing'
expect_empty "$p"
tries=0
while "$program" status | grep -q '^doing' && [ $tries -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
"$program" status | grep -q '^doing' && complain "the interrupted picture goes on in the daemon"

draw_long
run cancel "$task"
expect_code 0
wait $child
status=$?
expect_code 1
run cancel 00000000000000000000000000000000
expect_code 1
expect_one_sentence

# A daemon that dies takes the picture with it: no drawing here instead.
draw_long
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
wait $child
status=$?
expect_code 1
expect_err 'cannot reach'
expect_empty "$p"

# --- models that cannot be --------------------------------------------------------------------
start IDEOGRAM4_MODEL_PATH="$work/nowhere"
run load
expect_code 1
expect_err 'nowhere'
refused 1 'not loaded: .*nowhere' --prompt "$caption" --quiet --out "$p/a"
stop
start IDEOGRAM4_BACKEND=abacus
refused 1 'cannot be loaded: .*abacus' --prompt "$caption" --out "$p/a"
stop

# --- LoRA -------------------------------------------------------------------------------------
tiny=$work/tiny
mkdir "$tiny"
ln -s "$source_dir"/tests/golden/tiny-a/mlx-q8/* "$source_dir/tests/golden/tiny-a/tokenizer" "$tiny"
start IDEOGRAM4_MODEL_PATH="$tiny"
run lora
expect_code 0
expect_out '^applied: none'
expect_out '^  lora.safetensors '
run lora apply nothing.safetensors
expect_code 1
run lora apply lora.safetensors=0.5 --json
expect_code 0
expect_out '"ok":true'
run status
expect_out '^LoRA  *lora.safetensors at 0.5$'
# shellcheck disable=SC2086
{
    run --prompt x $draw --resolution 256 --out "$p/on"
    expect_code 0
    expect_err 'LoRAs that are applied there'
    run --prompt x $draw --resolution 256 --lora any/where/lora.safetensors --lora-strength 0.25 \
        --out "$p/weak"
    expect_code 0
}
run lora list
expect_out '^applied: lora.safetensors at 0.25$'
run lora remove
expect_code 0
# shellcheck disable=SC2086
run --prompt x $draw --resolution 256 --out "$p/bare"
cmp -s "$p/on.png" "$p/bare.png" && complain "the adapter changed nothing"
run --from "$p/on.png" --out "$p/again"
expect_code 0
pixels "$p/on.png" >"$work/on"
pixels "$p/again.png" | cmp -s - "$work/on" || complain "--from with an adapter drew another picture"
run --from "$p/bare.png" --out "$p/again"
pixels "$p/bare.png" >"$work/bare"
pixels "$p/again.png" | cmp -s - "$work/bare" || complain "--from left the adapter of another picture"
stop
finish
