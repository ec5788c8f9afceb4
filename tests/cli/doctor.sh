#!/usr/bin/env bash
# doctor: what it finds in order, what it misses, and its exit code.
. "$(dirname "$0")/lib.sh"
export IDEOGRAM4_ROOT=$work/project IDEOGRAM4_DEMO_MODEL=$model
mkdir "$IDEOGRAM4_ROOT"

run doctor
expect_code 0
for line in "^project: $IDEOGRAM4_ROOT$" '^\[OK\] ideogram4 [0-9]' '^\[OK\] ideogram4d .* libraries' \
    '^\[OK\] ideogram4-gateway .* libraries' "^\[OK\] model $model: .*every tensor in place.*demo" \
    '^\[OK\] memory: a 256x256 picture takes' '^\[WARN\] LoRA folder .*does not exist' \
    '^\[OK\] Magic Prompt: not configured' '^\[OK\] port 8001 (model daemon): ' \
    "^\[OK\] database: $IDEOGRAM4_ROOT/server/data/ideogram4.db$" '^0 failures, [0-9]* warning'; do
    expect_out "$line"
done
grep -q '^\[FAIL\]' "$work/out" && complain "a failure is not counted"
[ "$(tail -n 1 "$work/out" | grep -c failures)" -eq 1 ] || complain "the summary is not the last line"
expect_empty "$IDEOGRAM4_ROOT" # it only looks

run doctor --json
expect_code 0
expect_out '"failures": 0,'
expect_out '"state": "WARN",'

# sick PATTERN NAME=VALUE…: one failure
sick() {
    local pattern=$1
    shift
    what="$* ideogram4 doctor"
    env "$@" "$program" doctor >"$work/out" 2>"$work/err"
    status=$?
    expect_code 1
    expect_out "^\[FAIL\] $pattern"
    expect_out '^1 failure,'
}
sick 'model: .*nowhere' IDEOGRAM4_MODEL_PATH=/nowhere
link_model "$work/short"
rm "$work/short/vae.safetensors"
head -c 1000000 "$model/vae.safetensors" >"$work/short/vae.safetensors"
sick 'model: .*vae' IDEOGRAM4_MODEL_PATH="$work/short"
sick 'settings: .*IDEOGRAM4_WEBUI_PORT' IDEOGRAM4_WEBUI_PORT=all
sick 'Magic Prompt: the provider some needs' IDEOGRAM4_MAGIC_PROMPT_PROVIDER=some \
    IDEOGRAM4_MAGIC_PROMPT_BASE_URL=https://example.invalid/v1
sick 'pictures .*cannot write' IDEOGRAM4_OUTPUT_DIR=/dev/null/pictures

what="doctor with a model that is not fetched yet"
HF_HUB_CACHE=$work/hub IDEOGRAM4_MODEL_REPO=Me/Tiny "$program" doctor >"$work/out" 2>"$work/err"
status=$?
expect_code 0
expect_out '^\[WARN\] model Me/Tiny is not here yet'

# A program that is alone.
mkdir "$work/alone"
cp "$program" "$work/alone"
what="doctor of a program alone"
"$work/alone/ideogram4" doctor >"$work/out" 2>"$work/err"
status=$?
expect_code 1
expect_out '^\[FAIL\] ideogram4d is not beside'
printf '#!/bin/sh\nexit 127\n' >"$work/alone/ideogram4d"
chmod +x "$work/alone/ideogram4d"
"$work/alone/ideogram4" doctor >"$work/out" 2>"$work/err"
expect_out '^\[FAIL\] .*ideogram4d does not start'
finish
