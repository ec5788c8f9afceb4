#!/usr/bin/env bash
# inspect, verify and tokens.
. "$(dirname "$0")/lib.sh"

# --- inspect ----------------------------------------------------------------------------------
run inspect "$model"
expect_code 0
expect_out '^layout  *mlx-forge split'
expect_out '^format  *q8'
expect_out '2048x2048'
expect_out '^  scalar '
grep -v '^folder' "$work/out" >"$work/named"
run inspect
expect_code 0
grep -v '^folder' "$work/out" | cmp -s - "$work/named" || complain "the demo model is not the default"
for format in q4 bf16 fp8; do
    folder=$work/$format
    mkdir "$folder"
    ln -s "$source_dir"/tests/golden/tiny-a/*"$format"/* "$source_dir/tests/golden/tiny-a/tokenizer" \
        "$folder"
    run inspect --json "$folder"
    expect_code 0
    expect_out "\"format\": \"$format\""
    expect_out '"activation_bytes": [1-9]'
done

# --- verify -----------------------------------------------------------------------------------
count=0
for file in "$source_dir"/examples/*.json; do
    run verify "$file"
    expect_code 0
    expect_no_out
    count=$((count + 1))
done
[ $count -ge 8 ] || complain "there are only $count examples"
run verify '{"compositional_deconstruction":{"background":"x","elements":[{"desc":"d","type":"obj"}]}}'
expect_code 1
expect_out '^elements\[0\]: '
[ "$(wc -l <"$work/out")" -eq 1 ] || complain "not one finding"
run verify '{}'
expect_code 1
expect_out '^root: '
printf '{"compositional_deconstruction":{"background":"x","elements":[]}}' >"$work/good"
what="verify -"
"$program" verify - <"$work/good" >"$work/out" 2>"$work/err"
status=$?
expect_code 0
printf '{"a":' | "$program" verify --json - >"$work/out" 2>"$work/err"
status=$?
expect_code 1
expect_out '"path": '
run verify "$work/nowhere"
expect_code 1
expect_one_sentence

# --- tokens -----------------------------------------------------------------------------------
run tokens 'a red circle on a white background'
expect_code 0
expect_out '^15 of at most 2048 tokens$'
run tokens --json 'a red circle on a white background'
expect_code 0
expect_out '^{"count": 15, "limit": 2048, "ids": \[[0-9, ]*\]}$'
what="tokens -"
printf 'a red circle on a white background\n' | "$program" tokens - --ids >"$work/out" 2>"$work/err"
status=$?
expect_code 0
[ "$(sed -n 2p "$work/out" | wc -w)" -eq 15 ] || complain "--ids does not print fifteen ids"
# shellcheck disable=SC2046
run tokens "$(printf 'red circle %.0s' $(seq 1500))"
expect_code 1
expect_err '2048'
finish
