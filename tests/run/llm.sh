#!/usr/bin/env bash
# The managed language model: started, waited for, ended; and log files, which do not pile up.
. "$(dirname "$0")/lib.sh"
llm=$(free_port)
mkdir "$work/bin"
cat >"$work/bin/llama-server" <<'TEXT'
#!/usr/bin/env perl
use IO::Socket::INET;
if ("@ARGV" =~ /--help/) { print "--no-webui --reasoning-budget N\n"; exit }
open(my $out, '>', "$ENV{HOME}/llama.args"); print $out join("\n", @ARGV), "\n"; close $out;
my ($port) = "@ARGV" =~ /--port (\d+)/;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5, ReuseAddr => 1) or die;
my $asked = 0;
while (my $c = $s->accept) {
    my $line = <$c>;
    my $status = $asked++ ? '200 OK' : '503 Loading';
    print $c "HTTP/1.0 $status\r\nContent-Length: 2\r\n\r\nok";
    close $c;
}
TEXT
chmod +x "$work/bin/llama-server"
if ! perl -MIO::Socket::INET -e 1 2>/dev/null; then
    skip "there is no perl with sockets"
    finish
fi
touch "$work/model.gguf" "$work/eyes.gguf"
settings="IDEOGRAM4_MAGIC_PROMPT_MANAGED_LLAMA=yes
IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA_PORT=$llm
IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA_MODEL=$work/model.gguf"

# Old log files, and ones that are not ours.
mkdir "$project/logs"
for kind in server model magic-llm ideogram4_mlx; do
    for day in 01 02 03 04 05 06 07 08 09 10 11 12; do
        touch "$project/logs/$kind-202601$day-000000.log" "$project/logs/$kind-202601$day-000000.log.1"
    done
done
touch "$project/logs/server-notes.txt" "$project/logs/mine.log"

write_env "$settings" "IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA_MMPROJ=$work/eyes.gguf"
PATH=$work/bin:$PATH launch
await_ready
[ "$(printf '%s\n' "$children" | wc -l)" -eq 3 ] || complain "there are not three children"
tr '\n' ' ' <"$work/llama.args" >"$work/args"
for part in "--model $work/model.gguf" '--host 127.0.0.1' "--port $llm" '--parallel 1' \
    '--ctx-size 8192' '--alias local-gemma4' '--reasoning-format none' '--reasoning-budget 0' \
    '--no-webui' "--mmproj $work/eyes.gguf"; do
    grep -qF -- "$part" "$work/args" || complain "llama-server was not given: $part"
done
for kind in server model magic-llm; do
    count=$(ls "$project/logs" | grep -c "^$kind-[0-9-]*\.log$")
    [ "$count" -eq 10 ] || complain "$count log files of $kind instead of 10"
    [ ! -f "$project/logs/$kind-20260103-000000.log" ] || complain "the old ones of $kind are not gone"
    [ -f "$project/logs/$kind-20260104-000000.log" ] || complain "too many of $kind are gone"
    [ ! -f "$project/logs/$kind-20260103-000000.log.1" ] || complain "a rotated part is left"
done
[ -f "$project/logs/server-notes.txt" ] && [ -f "$project/logs/mine.log" ] ||
    complain "a file that is not ours is gone"
PATH=$work/bin:$PATH run_mode doctor
expect_code 0
expect_out '^\[OK\] Magic Prompt: .*/llama-server'
expect_out "^\[OK\] port $llm (language model): listening"
end INT 130
is_listening "$llm" && complain "the language model is left"

# --- what is missing --------------------------------------------------------------------------
write_env "$settings"
rm "$work/model.gguf"
PATH=$work/bin:$PATH run_mode
expect_code 1
expect_err 'model.gguf'
PATH=$work/bin:$PATH run_mode doctor
expect_code 1
expect_out '^\[FAIL\] Magic Prompt: there is no file'
rm "$work/bin/llama-server"
if ! command -v llama-server >/dev/null; then
    run_mode
    expect_code 1
    expect_err 'llama-server is not in PATH'
fi
children=""
expect_nothing_left

# LOCAL_LLAMA alone, without a model, is somebody else's server: nothing to start.
write_env IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA=1
launch
await_ready
[ "$(printf '%s\n' "$children" | wc -l)" -eq 2 ] || complain "a language model was started"
end INT 130
finish
