#!/usr/bin/env bash
# The modes that end by themselves, .env, and command lines that are wrong.
. "$(dirname "$0")/lib.sh"

for help in help --help -h; do
    run_mode $help
    expect_code 0
    expect_out '^usage: '
    for mode in full backend client doctor generate download test; do
        expect_out "^  $mode"
    done
done

for mode in nothing --nothing x; do
    run_mode $mode
    expect_code 1
    expect_no_out
    expect_err 'there is no mode'
    expect_err '^usage: '
done
for mode in full backend client doctor test; do
    run_mode $mode more
    expect_code 1
    expect_err 'takes no arguments'
done

# --- doctor -----------------------------------------------------------------------------------
run_mode doctor
expect_code 0
expect_out "^project: $project"
expect_out "^\[OK\] port $daemon (model daemon): free"
expect_out '^0 failures'
write_env IDEOGRAM4_MODEL_PATH="$work/nowhere"
IDEOGRAM4_MODEL_PATH=$project/models/demo run_mode check # .env overrides
expect_code 1
expect_out '^\[FAIL\] model: .*nowhere'
write_env IDEOGRAM4_DEFAULT_SEED=much
run_mode --doctor
expect_code 1
expect_out '^\[FAIL\] settings: .*IDEOGRAM4_DEFAULT_SEED'
write_env IDEOGRAM4_SERVER_PORT=http
run_mode
expect_code 1
expect_err 'IDEOGRAM4_SERVER_PORT'
printf 'IDEOGRAM4_MODEL_PATH=(\n' >"$project/.env"
run_mode doctor
expect_code 1

# --- generate, download -----------------------------------------------------------------------
write_env
run_mode generate
expect_code 0
expect_out "^$project/output/01-.*\.png$"
[ "$(wc -l <"$work/out")" -eq 1 ] || complain "more than the path on standard output"
expect_file "$(cat "$work/out")"
run_mode generate --prompt "$caption" --steps 1 --guidance 1
expect_code 0
ls "$project"/output/picture-*.png >/dev/null 2>&1 || complain "there is no picture in output"
run_mode generate --prompt "$caption" --width 250 --out "$work/a"
expect_code 2
run_mode download --help
expect_code 0
expect_out '^ideogram4 download'

# --- client -----------------------------------------------------------------------------------
run_mode client
expect_code 2
expect_err 'no page yet'
make_page
run_mode client
expect_code 0
run_mode webui
expect_code 0
calls=$(tr '\n' ' ' <"$project/web/npm.calls")
[ "$calls" = 'install run dev run dev ' ] || complain "npm was called so: $calls"
PNPM=true run_mode frontend
expect_code 0
rm "$project/web/node_modules/.package-lock.json"
printf '#!/bin/sh\necho broken; exit 1\n' >"$work/bin/npm"
run_mode client
expect_code 1
expect_err 'broken'
finish
