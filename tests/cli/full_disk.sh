#!/usr/bin/env bash
# A disk that fills up while the picture is written: a sentence, and the old file untouched.
. "$(dirname "$0")/lib.sh"
mkdir "$work/pictures"
export IDEOGRAM4_LOG_DIR=/nowhere/at/all

# shellcheck disable=SC2086
draw() { run --prompt "$caption" --quiet $quick --out "$1"; }

check_refusal() {
    expect_code 1
    expect_one_sentence
    expect_no_out
}

# A limit on the size of files stands for the full disk; its signal must not kill the program.
for old in none some; do
    rm -f "$work/pictures/a.png"
    [ $old = some ] && printf 'old' >"$work/pictures/a.png"
    what="ideogram4 under ulimit -f"
    # shellcheck disable=SC2086
    (ulimit -f 4 && exec "$program" --prompt "$caption" --quiet $quick --out "$work/pictures/a.png") \
        >"$work/out" 2>"$work/err"
    status=$?
    check_refusal
    if [ $old = none ]; then
        expect_empty "$work/pictures"
    else
        [ "$(cat "$work/pictures/a.png")" = old ] || complain "the old picture was damaged"
        [ "$(ls -A "$work/pictures")" = a.png ] || complain "files were left beside the old picture"
    fi
done

# A real one, where this test may make it.
mkdir "$work/disk"
if mount -t tmpfs -o size=16k tmpfs "$work/disk" 2>/dev/null; then
    trap 'umount "$work/disk"; rm -rf "$work"' EXIT
    draw "$work/disk/a.png"
    check_refusal
    expect_empty "$work/disk"
    umount "$work/disk"
    trap 'rm -rf "$work"' EXIT
else
    skip "a full file system: mounting is not permitted"
fi

if [ -w /dev/full ]; then
    what="ideogram4 help > /dev/full"
    "$program" help >/dev/full 2>"$work/err"
    status=$?
    expect_code 1
    expect_one_sentence
fi
finish
