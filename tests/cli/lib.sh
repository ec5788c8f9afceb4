# shellcheck shell=bash disable=SC2034,SC2012
# lib.sh: what the tests of the program share. A test sources this with its own arguments:
#   $1 the built program, $2 the root of the repository
# and then says what it runs and expects. Every unmet expectation is printed; one is enough to fail.
set -u

program=$1
source_dir=$2
model=$source_dir/models/demo
work=$(mktemp -d "${TMPDIR:-/tmp}/ideogram4-cli.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

# Nothing from the caller's environment may change what is tested.
for name in $(env | sed -n 's/^\([A-Z0-9_]*\)=.*/\1/p'); do
    case $name in
    IDEOGRAM4_* | HF_* | HUGGINGFACE_* | XDG_CACHE_HOME | NO_COLOR) unset "$name" ;;
    esac
done
export IDEOGRAM4_LOG_DIR=$work/logs HOME=$work
# Nobody listens there: a daemon of the caller's must not draw for a test.
export IDEOGRAM4_MODEL_DAEMON_URL=http://127.0.0.1:1

# One step without guidance: a picture, as fast as they get.
quick="--steps 1 --guidance 1 --resolution 256"
caption='{"compositional_deconstruction":{"background":"plain white","elements":[{"type":"obj","bbox":[200,200,800,800],"desc":"a red circle"}]}}'

failures=0
skips=0
what="" # what ran last, for the messages

complain() {
    printf 'FAIL %s\n     after: %s\n' "$*" "$what"
    sed 's/^/     stderr: /' "$work/err"
    failures=$((failures + 1))
}

skip() {
    printf 'SKIP %s\n' "$*"
    skips=$((skips + 1))
}

# run ARGUMENTS: leaves status, and the files out and err in the work folder.
run() {
    what="ideogram4 $(printf '%s ' "$@" | cut -c 1-300)"
    "$program" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

expect_code() { [ "$status" = "$1" ] || complain "exit code $status instead of $1"; }
expect_err() { grep -q -- "$1" "$work/err" || complain "stderr does not say: $1"; }
expect_out() { grep -q -- "$1" "$work/out" || complain "stdout does not say: $1"; }
expect_no_out() { [ ! -s "$work/out" ] || complain "stdout is not empty"; }
expect_file() { [ -s "$1" ] || complain "there is no file $1"; }

# Exactly one line on stderr, with the program's prefix, that is not just the prefix.
expect_one_sentence() {
    if [ "$(wc -l <"$work/err")" -ne 1 ] || ! grep -q '^\[ideogram4_mlx\] ...' "$work/err"; then
        complain "stderr is not one sentence"
    fi
}

# Nothing was left in a folder.
expect_empty() {
    [ -z "$(ls -A "$1" 2>/dev/null)" ] || complain "files were left: $(ls -A "$1" | tr '\n' ' ')"
}

# refused CODE PATTERN ARGUMENTS: one sentence, the code, no output, no file in $work/pictures.
refused() {
    local code=$1 pattern=$2
    shift 2
    rm -rf "$work/pictures"
    mkdir -p "$work/pictures"
    run "$@"
    expect_code "$code"
    expect_one_sentence
    expect_err "$pattern"
    expect_no_out
    expect_empty "$work/pictures"
}

# A model folder of links to the demo model, so that single files can be exchanged.
link_model() {
    mkdir -p "$1"
    ln -s "$model"/* "$1/"
}

finish() {
    if [ "$failures" -gt 0 ]; then
        printf '%d failed\n' "$failures"
        exit 1
    fi
    printf 'passed (%d skipped)\n' "$skips"
    exit 0
}
