#!/usr/bin/env bash
# Models, prompts and places that cannot be: exit code 1, one sentence, nothing half done.
. "$(dirname "$0")/lib.sh"
out=$work/pictures/a.png
mkdir -p "$work/pictures"

# draw MODEL…: refused with the demo caption and this model folder
draw_refused() {
    local pattern=$1 folder=$2
    # shellcheck disable=SC2086
    refused 1 "$pattern" --prompt "$caption" --model-path "$folder" --quiet $quick --out "$out"
    run inspect "$folder"
    expect_code 1
    expect_one_sentence
    expect_no_out
}

# --- models -----------------------------------------------------------------------------------
draw_refused "nowhere" "$work/nowhere"
mkdir "$work/empty"
draw_refused "empty" "$work/empty"

link_model "$work/unsplit"
rm "$work/unsplit/split_model.json"
draw_refused '.' "$work/unsplit"

link_model "$work/short"
rm "$work/short/vae.safetensors"
head -c 1000000 "$model/vae.safetensors" >"$work/short/vae.safetensors"
draw_refused 'vae' "$work/short"

link_model "$work/without"
rm "$work/without/text_encoder.safetensors"
draw_refused 'text_encoder' "$work/without"

# edit FOLDER FILE PERL: the same file with one edit in its header
edit() {
    link_model "$1"
    rm "$1/$2"
    perl -0777 -pe "$3" "$model/$2" >"$1/$2"
    cmp -s "$model/$2" "$1/$2" && complain "the edit of $2 changed nothing"
}
edit "$work/dtype" conditional_transformer.safetensors 's/"dtype":"U32"/"dtype":"F32"/'
draw_refused 'conditional_transformer.adaln_proj.weight' "$work/dtype"
edit "$work/shape" text_encoder.safetensors 's/"shape":\[128,96\]/"shape":[96,128]/'
draw_refused 'down_proj.weight' "$work/shape"
edit "$work/config" conditional_transformer_config.json 's/\{/[/'
draw_refused 'conditional_transformer_config.json' "$work/config"

refused 1 'no LoRA file some.safetensors in' --prompt "$caption" --lora some.safetensors --out "$out"
printf 'not a LoRA' >"$work/bad.safetensors"
refused 1 'bad.safetensors' --prompt "$caption" --lora "$work/bad.safetensors" --quiet --out "$out"

# --- prompts ----------------------------------------------------------------------------------
refused 1 'no prompt' --out "$out"
refused 1 'prompt is empty' --prompt '' --out "$out"
refused 1 'prompt file /nowhere' --prompt-file /nowhere --out "$out"
refused 1 'UTF-8' --prompt "$(printf 'caf\351')" --out "$out"
printf 'a\0b' >"$work/zero.txt"
refused 1 'zero byte' --prompt-file "$work/zero.txt" --out "$out"
long=$(printf 'red circle %.0s' $(seq 1500))
refused 1 '2048' --prompt "$long" --quiet --out "$out"
refused 1 'plain prompt' --prompt 'a red circle' --strict --quiet --out "$out"
refused 1 'not a PNG' --from "$source_dir/README.md" --out "$out"

# --- places -----------------------------------------------------------------------------------
printf 'file' >"$work/file"
refused 1 'cannot write in the folder' --prompt "$caption" --out "$work/file/a.png"
refused 1 'names no file' --prompt "$caption" --out /
mkdir -p "$work/taken.png"
refused 1 'names no file' --prompt "$caption" --out "$work/taken"
if [ "$(id -u)" = 0 ]; then
    skip "a folder without write permission: root may write anywhere"
else
    mkdir "$work/closed"
    chmod 555 "$work/closed"
    refused 1 'cannot write in the folder' --prompt "$caption" --out "$work/closed/a.png"
    expect_empty "$work/closed"
fi

# --- daemon -----------------------------------------------------------------------------------
refused 1 'daemon' --prompt "$caption" --daemon require --out "$out"
finish
