#!/usr/bin/env bash
# What a picture carries and what stands beside it: recipe, --from, the .log file, --json.
. "$(dirname "$0")/lib.sh"
p=$work/pictures

# shellcheck disable=SC2086
run --prompt "$caption" $quick --seed 7 --out "$p/deep/a.tmp"
expect_code 0
expect_no_out
expect_err 'model: demo'
expect_err 'demo model'
expect_err 'licence'
expect_file "$p/deep/a.png"
expect_file "$p/deep/a.log"

# --- recipe -----------------------------------------------------------------------------------
run recipe "$p/deep/a.png"
expect_code 0
for key in caption width height preset seed model format; do
    expect_out "\"$key\": "
done
expect_out '"seed": 7'
expect_out '"width": 256'
run recipe --caption "$p/deep/a.png"
expect_code 0
[ "$(cat "$work/out")" = "$caption" ] || complain "the recipe's caption is not the caption drawn"

for format in png webp jpeg; do
    # shellcheck disable=SC2086
    run --prompt "$caption" $quick --seed 7 --format $format --out "$p/first"
    expect_code 0
    run --from "$p/first.$format" --out "$p/again" --format $format
    expect_code 0
    cmp -s "$p/first.$format" "$p/again.$format" || complain "--from a $format drew another picture"
done
cmp -s "$p/deep/a.png" "$p/first.png" || complain "the same command drew another picture"
run --from "$p/first.png" --seed 8 --out "$p/other"
expect_code 0
cmp -s "$p/first.png" "$p/other.png" && complain "another seed drew the same picture"
run recipe "$p/other.png"
expect_out '"seed": 8'
run --from "$p/first.png" --width 320 --height 256 --out "$p/wide"
expect_code 0
expect_err '320x256'

mkdir "$work/renamed"
link_model "$work/renamed/other-model"
run --from "$p/first.png" --model-path "$work/renamed/other-model" --out "$p/renamed"
expect_code 0
expect_err 'warning: .*demo.*other-model'

# --- the .log file ----------------------------------------------------------------------------
keys='preset resolution steps seed generation_seconds output format backend quantization_bits prompt cmd '
found=$(sed -n 's/^  "\([a-z_]*\)": .*/\1/p' "$p/deep/a.log" | tr '\n' ' ')
[ "$found" = "$keys" ] || complain "keys of the .log file: $found"
for line in '  "steps": 1,' '  "seed": 7,' '  "backend": "mlx-direct",' '  "format": "png",' \
    '  "quantization_bits": 8,' "  \"output\": \"$p/deep/a.png\","; do
    grep -qF -- "$line" "$p/deep/a.log" || complain "the .log file lacks: $line"
done
grep -q '"generation_seconds": [0-9]*\.[0-9],$' "$p/deep/a.log" || complain "seconds: one decimal"
[ "$(tail -c 1 "$p/deep/a.log")" = '}' ] || complain "the .log file ends with a newline"

# --- prompt files -----------------------------------------------------------------------------
printf '\n  %s \n\n' "$caption" >"$work/caption.json"
# shellcheck disable=SC2086
run --prompt ignored --prompt-file "$work/caption.json" $quick --seed 7 --out "$p/file" --json
expect_code 0
cmp -s "$p/first.png" "$p/file.png" || complain "a prompt file drew another picture"

# --- json -------------------------------------------------------------------------------------
expect_out "^{\"path\": \"$p/file.png\", \"seed\": 7, \"seconds\": [0-9.e-]*, \"model\": \"demo\", \"size\": \[256, 256\], \"steps\": 1, \"warnings\": \[\]}$"
[ "$(wc -l <"$work/out")" -eq 1 ] || complain "--json is not one line"
# shellcheck disable=SC2086
run --prompt 'a red circle' $quick --out "$p/plain" --json --quiet
expect_code 0
expect_out '"warnings": \["caption: plain prompt'
grep -q . "$work/err" && complain "--quiet is not quiet"

# --- profile ----------------------------------------------------------------------------------
# shellcheck disable=SC2086
run --prompt "$caption" $quick --seed 7 --profile --out "$p/profile"
expect_code 0
expect_err '^stage '
expect_err 'all ops'

# --- adapters ---------------------------------------------------------------------------------
# adapted NAME ARGUMENTS: with the tiny model, which has an adapter
tiny=$work/tiny
mkdir "$tiny"
ln -s "$source_dir"/tests/golden/tiny-a/mlx-q8/* "$source_dir/tests/golden/tiny-a/tokenizer" "$tiny"
adapted() {
    local name=$1
    shift
    run --model-path "$tiny" --out "$p/$name" "$@"
    expect_code 0
}
export IDEOGRAM4_LORA_DIR=$source_dir/tests/golden/tiny-a
# shellcheck disable=SC2086
{
    adapted bare --prompt x $quick --seed 1
    adapted off --prompt x $quick --seed 1 --lora any/where/lora.safetensors --lora-strength 0
    adapted on --prompt x $quick --seed 1 --lora lora.safetensors
}
expect_err 'LoRA lora.safetensors at 0.6'
cmp -s "$p/bare.png" "$p/on.png" && complain "the adapter changed nothing"
run recipe "$p/on.png"
expect_out '"name": "lora.safetensors"'
adapted again --from "$p/on.png"
cmp -s "$p/on.png" "$p/again.png" || complain "--from with an adapter drew another picture"
adapted weaker --from "$p/on.png" --lora lora.safetensors --lora-strength 0.1
cmp -s "$p/on.png" "$p/weaker.png" && complain "another strength drew the same picture"
finish
