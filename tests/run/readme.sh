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
[ "$(wc -l <examples)" -ge 11 ] || complain "only $(wc -l <examples) examples were found"

is_done() { curl -sS "http://127.0.0.1:$gateway/api/status/$task" | grep -q '"image":{'; }
has_preview() { curl -sS "http://127.0.0.1:$gateway/api/queue/$job" | grep -q '"preview_step":[1-9]'; }
is_drawn() { curl -sS "http://127.0.0.1:$gateway/api/queue/$job" | grep -q '"state":"done"'; }
is_loaded() { curl -sS "http://127.0.0.1:$gateway/api/model/status" | grep -q '"state":"loaded"'; }

task=none job=none
while IFS= read -r example; do
    what=$(printf '%s' "$example" | sed "s/:8000/:$gateway/; s/TASK/$task/; s/JOB/$job/; s/curl /curl -fsS -m 30 /; s/  #.*//")
    eval "$what" >answer 2>err </dev/null || complain "it fails: $(cat answer)"
    case $example in
    *model/load*) await 30 is_loaded || complain "the model is not loaded" ;;
    *api/generate*)
        task=$(sed -n 's/.*"task_id":"\([0-9a-f]*\)".*/\1/p' answer)
        await 120 is_done || complain "the picture is not drawn"
        ;;
    *api/status*) grep -q '"state":"done"' answer || complain "the task is not done: $(cat answer)" ;;
    *api/queue\ *)
        job=$(sed -n 's/.*"jobs":\[{"id":\([0-9]*\).*/\1/p' answer)
        await 120 has_preview || complain "the job has no preview"
        ;;
    */preview*)
        head -c 10 preview.jpg | grep -q JFIF || complain "preview.jpg is no JPEG file"
        await 300 is_drawn || complain "the job is not drawn"
        ;;
    *api/queue/*) grep -q '"origin":"queue"' answer || complain "that is no job: $(cat answer)" ;;
    *api/library*) grep -q '"total":1' answer || complain "the picture is not found: $(cat answer)" ;;
    *v1/images*) grep -q '"b64_json":"iVBOR' answer.json || complain "no PNG file: $(head -c 500 answer.json)" ;;
    *api/images) grep -q '"id":1' answer || complain "no picture in the list: $(cat answer)" ;;
    esac
done <examples
expect_file "$work/circle.png"
head -c 4 circle.png | grep -q PNG || complain "circle.png is no PNG file"
end INT 130
finish
