#!/usr/bin/env bash
# Ports that are taken: who listens has to go, who is connected elsewhere stays. And backend mode.
. "$(dirname "$0")/lib.sh"

# listen PORT [IGNORING]: leaves listener
listen() {
    perl -MIO::Socket::INET -e '
        $SIG{TERM} = "IGNORE" if $ARGV[1];
        my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 5,
            ReuseAddr => 1) or die;
        my @kept; while (my $c = $s->accept) { push @kept, $c }' "$@" &
    listener=$!
    started="$started $listener"
    await 10 is_listening "$1" || complain "the listener does not listen"
}

# connect PORT: leaves client
connect() {
    perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die; sleep 600' "$1" &
    client=$!
    started="$started $client"
}

if ! perl -MIO::Socket::INET -e 1 2>/dev/null; then
    skip "there is no perl with sockets"
    finish
fi

# --- listeners and clients --------------------------------------------------------------------
listen "$gateway"
connect "$gateway"
polite=$listener
listen "$daemon" stubborn
stubborn=$listener
other=$(free_port)
listen "$other"
launch
await_ready
expect_err "port $gateway (gateway) is taken by process $polite, perl: ending it"
expect_err "port $daemon (model daemon) is taken by process $stubborn, perl: ending it"
kill -0 "$polite" 2>/dev/null && complain "the listener is still there"
wait "$stubborn" 2>/dev/null
kill -0 "$stubborn" 2>/dev/null && complain "the stubborn listener is still there"
kill -0 "$client" 2>/dev/null || complain "a client was ended"
kill -0 "$listener" 2>/dev/null || complain "the listener of another port was ended"
end INT 130
kill "$client" "$listener"

# --- without ss and lsof ----------------------------------------------------------------------
if [ -r /proc/net/tcp ]; then
    mkdir "$work/bin"
    ln -s /usr/bin/* /bin/* "$work/bin" 2>/dev/null
    rm -f "$work/bin/ss" "$work/bin/lsof"
    listen "$gateway"
    connect "$gateway"
    PATH=$work/bin launch
    await_ready
    expect_err "port $gateway (gateway) is taken by process $listener, perl: ending it"
    kill -0 "$client" 2>/dev/null || complain "a client was ended"
    end INT 130
    kill "$client"
else
    skip "ports without ss and lsof: there is no /proc/net/tcp"
fi

# --- backend ----------------------------------------------------------------------------------
launch backend
await_ready
expect_err 'ready: the API'
[ "$(printf '%s\n' "$children" | wc -l)" -eq 2 ] || complain "backend did not start the daemon"
end TERM 143

IDEOGRAM4_ROOT=$project IDEOGRAM4_MODEL_DAEMON_PORT=$daemon "${program}d" 2>/dev/null &
own=$!
started="$started $own"
await 10 is_listening "$daemon"
launch server
await_ready
expect_err 'using it'
[ "$(printf '%s\n' "$children" | wc -l)" -eq 1 ] || complain "backend started another daemon"
kill -INT "$launched"
wait "$launched" 2>/dev/null
kill -0 "$own" 2>/dev/null || complain "backend ended a daemon that was not its own"
is_listening "$gateway" && complain "the gateway is left"
kill "$own"
wait "$own" 2>/dev/null

# --- a port that cannot be had ----------------------------------------------------------------
write_env IDEOGRAM4_SERVER_HOST=192.0.2.1
launch
wait "$launched"
status=$?
expect_code 1
expect_err 'the gateway ended at its start'
children=""
expect_nothing_left
finish
