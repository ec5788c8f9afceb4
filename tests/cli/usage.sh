#!/usr/bin/env bash
# Help, version, and command lines that are wrong: exit code 2 and one sentence.
. "$(dirname "$0")/lib.sh"
out="--out $work/pictures/a.png"

run help
expect_code 0
expect_out '^Commands'
for command in generate inspect verify recipe tokens doctor status load unload lora cancel; do
    run help "$command"
    expect_code 0
    expect_out "^ideogram4 $command"
    run "$command" --help
    expect_code 0
    expect_out '^Options'
done
run --help
expect_code 0
expect_out '--prompt-file'
run help download
expect_code 0
expect_out '^ideogram4 download'
run --version
expect_code 0
expect_out '^ideogram4 [0-9]'
expect_out '^scalar: '

refused 2 '--out is missing'
refused 2 'unknown command' draw
refused 2 'unknown option' --colour red
refused 2 'unknown option' -x
refused 2 'unexpected argument' generate circle
refused 2 '--prompt, --prompt-file' --pro x
refused 2 'needs a value' --prompt
refused 2 'needs a value' --prompt --strict
refused 2 'no value' --strict=1
refused 2 'there is no command' help draw
refused 2 'needs an argument' verify
refused 2 'too many' verify a b
refused 2 'unexpected argument' status x
refused 2 'lora list, apply or remove' lora use
refused 2 'names of files' lora apply
refused 2 'strength of a LoRA' lora apply a=much
refused 2 'too many' lora remove a
refused 2 'needs an argument' cancel
refused 2 '32 hexadecimal digits' cancel ../health
refused 2 'needs an address' status --daemon-url 127.0.0.1:8001
refused 1 'cannot reach' status
refused 1 'cannot reach' load
# shellcheck disable=SC2086
{
    refused 2 '--preset is V4_QUALITY_48, V4_DEFAULT_20 or V4_TURBO_12' --prompt x --preset FAST $out
    refused 2 '--format is png, webp or jpeg' --prompt x --format gif $out
    refused 2 '--daemon is auto, require or off' --prompt x --daemon on $out
    refused 2 '--backend is' --prompt x --backend gpu $out
    refused 2 '--isa is' --prompt x --isa sse $out
    refused 2 'whole number' --prompt x --seed one $out
    refused 2 'at least 0' --prompt x --seed -1 $out
    refused 2 'at most 100' --prompt x --quality 101 $out
    refused 2 'at least 1' --prompt x --steps 0 $out
    refused 2 'number between' --prompt x --guidance nan $out
    refused 2 'size like 8G' --prompt x --memory-budget much $out
    refused 2 'go together' --prompt x --width 256 $out
    refused 2 'out of range' --prompt x --width 250 --height 250 $out
    refused 2 'out of range' --prompt x --resolution 4096 $out
    refused 2 'out of range' --prompt x --resolution=0016 $out
    refused 2 'use 992 or 1008' --prompt x --width 1000 --height 512 $out
    refused 2 'more --lora-strength' --prompt x --lora a --lora-strength 1 --lora-strength 2 $out

    # Beginnings of options, and both ways to give a value.
    run --see=1 --prompt-f /nowhere --resol 256 $out
}
expect_code 1
expect_err 'prompt file /nowhere'
finish
