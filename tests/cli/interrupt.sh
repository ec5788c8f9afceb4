#!/usr/bin/env bash
# Interrupting a picture: exit code 130 (143 for TERM), nothing written.
. "$(dirname "$0")/lib.sh"
mkdir "$work/pictures"

# stop SIGNAL CODE: sends it as soon as denoising is under way
stop() {
    what="ideogram4, then $1"
    "$program" --prompt "$caption" --steps 1000 --resolution 256 --out "$work/pictures/a" \
        >"$work/out" 2>"$work/err" &
    local child=$! tries=0
    while ! grep -q denoise "$work/err" && [ $tries -lt 600 ] && kill -0 $child 2>/dev/null; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -s "$1" $child
    wait $child
    status=$?
    expect_code "$2"
    expect_err 'interrupted'
    expect_empty "$work/pictures"
}
stop INT 130
stop TERM 143
finish
