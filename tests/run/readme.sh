#!/usr/bin/env bash
# The API examples of README.md, run as they stand there (but for the port).
. "$(dirname "$0")/lib.sh"
if ! command -v curl >/dev/null; then
    skip "there is no curl"
    finish
fi
cd "$work" || exit 1
launch
await_ready

# One example per line: continued lines are joined.
sed -n '/^## The stack/,/^## The library/p' "$source_dir/README.md" |
    awk '/^    curl / { if (line) print line; line = $0; next }
         /^      / && line { line = line " " $0; next }
         { if (line) print line; line = "" }' >examples
[ "$(wc -l <examples)" -ge 6 ] || complain "only $(wc -l <examples) examples were found"

is_done() { curl -sS "http://127.0.0.1:$gateway/api/status/$task" | grep -q '"image":{'; }
is_loaded() { curl -sS "http://127.0.0.1:$gateway/api/model/status" | grep -q '"state":"loaded"'; }

task=none
while IFS= read -r example; do
    what=$(printf '%s' "$example" | sed "s/:8000/:$gateway/; s/TASK/$task/; s/curl /curl -fsS -m 30 /; s/  #.*//")
    eval "$what" >answer 2>err </dev/null || complain "it fails: $(cat answer)"
    case $example in
    *model/load*) await 30 is_loaded || complain "the model is not loaded" ;;
    *api/generate*)
        task=$(sed -n 's/.*"task_id":"\([0-9a-f]*\)".*/\1/p' answer)
        await 120 is_done || complain "the picture is not drawn"
        ;;
    *api/status*) grep -q '"state":"done"' answer || complain "the task is not done: $(cat answer)" ;;
    *api/images) grep -q '"id":1' answer || complain "no picture in the list: $(cat answer)" ;;
    esac
done <examples
expect_file "$work/circle.png"
head -c 4 circle.png | grep -q PNG || complain "circle.png is no PNG file"
end INT 130
finish
