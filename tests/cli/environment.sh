#!/usr/bin/env bash
# Variables of the environment: the model, folders, the daemon mode, malformed numbers.
. "$(dirname "$0")/lib.sh"
out=$work/pictures/a.png

# with NAME=VALUE… -- ARGUMENTS
with() {
    local settings=()
    while [ "$1" != -- ]; do
        settings+=("$1")
        shift
    done
    shift
    what="${settings[*]} ideogram4 $*"
    env "${settings[@]}" "$program" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

# --- numbers ----------------------------------------------------------------------------------
for setting in IDEOGRAM4_SERVER_PORT=http IDEOGRAM4_DEFAULT_SEED=1.5 IDEOGRAM4_MLX_CACHE_LIMIT_GB=all \
    IDEOGRAM4_LORA_STRENGTH=strong IDEOGRAM4_CLI_DAEMON_MODE=nonsense IDEOGRAM4_MODEL_DAEMON_URL=here; do
    with "$setting" -- --prompt "$caption" --out "$out"
    expect_code 2
    expect_one_sentence
    expect_err "${setting%%=*}"
done
# shellcheck disable=SC2086
with IDEOGRAM4_MLX_CACHE_LIMIT_GB= IDEOGRAM4_SERVER_PORT=8000 IDEOGRAM4_CLI_DAEMON_MODE= -- \
    --prompt "$caption" $quick --out "$out"
expect_code 0
with IDEOGRAM4_CLI_DAEMON_MODE=require -- --prompt "$caption" --out "$out"
expect_code 1
expect_one_sentence

# --- the model --------------------------------------------------------------------------------
link_model "$work/named"
with IDEOGRAM4_MODEL_PATH="$work/named" -- inspect
expect_code 0
expect_out "^model  *named"
with IDEOGRAM4_MODEL_PATH="$work/nowhere" -- inspect
expect_code 1
expect_one_sentence
with IDEOGRAM4_MODEL_PATH="$work/nowhere" -- inspect --model-path "$work/named"
expect_code 0
with IDEOGRAM4_DEMO_MODEL="$work/nowhere" -- inspect
expect_code 1
expect_one_sentence

commit=0123456789abcdef0123456789abcdef01234567
snapshot=$work/hub/models--Me--Tiny/snapshots/$commit
mkdir -p "$work/hub/models--Me--Tiny/refs"
printf '%s' $commit >"$work/hub/models--Me--Tiny/refs/main"
with HF_HUB_CACHE="$work/hub" IDEOGRAM4_MODEL_REPO=Me/Tiny -- inspect
expect_code 1
expect_one_sentence
expect_err 'ideogram4 download'
link_model "$snapshot"
with HF_HUB_CACHE="$work/hub" IDEOGRAM4_MODEL_REPO=Me/Tiny -- inspect
expect_code 0
expect_out "$commit"
with HF_HUB_CACHE="$work/hub" IDEOGRAM4_MODEL_REVISION=$commit -- inspect --model-repo Me/Tiny
expect_code 0
with HF_HUB_CACHE="$work/hub" IDEOGRAM4_MODEL_REVISION=other -- inspect --model-repo Me/Tiny
expect_code 1
expect_err 'other'
with HF_HUB_CACHE="$work/hub" -- inspect --model-repo ../Me
expect_code 1
expect_one_sentence

# --- instructions of the processor ------------------------------------------------------------
# shellcheck disable=SC2086
{
    with IDEOGRAM4_ISA=scalar -- --prompt "$caption" $quick --out "$out"
    expect_code 0
    expect_err 'on scalar,'
    with IDEOGRAM4_ISA=sse -- --prompt "$caption" $quick --out "$out"
    expect_code 1
    expect_err 'unknown instruction set "sse"'
}

# --- folders ----------------------------------------------------------------------------------
ls "$work/logs"/ideogram4_mlx-*.log >/dev/null 2>&1 || complain "there is no log file"
# shellcheck disable=SC2086
with IDEOGRAM4_LOG_DIR=/proc/nowhere -- --prompt "$caption" $quick --out "$out"
expect_code 0
with IDEOGRAM4_LORA_DIR="$work/adapters" -- --prompt "$caption" --lora x/y.safetensors --out "$out"
expect_code 1
expect_err "y.safetensors in $work/adapters"

# No colour, no control characters, where nobody asked for them.
LC_ALL=C grep -q "$(printf '\033')" "$work/err" && complain "control characters without a terminal"
finish
