#!/usr/bin/env perl
# scripted_daemon.pl SCRIPT LOG: a daemon that answers as a script says. Prints its port.
#
# SCRIPT has lines "METHOD PATH STATUS BODY". A request takes the first line that fits; a line is
# used up unless it is the last one that fits. LOG gets "METHOD PATH BODY" of every request.
use strict;
use warnings;
use IO::Socket::INET;

my ($script, $log) = @ARGV;
open(my $in, '<', $script) or die "$script: $!";
my @lines = map { [/^(\S+) (\S+) (\d+) (.*)$/] } grep { /\S/ } <$in>;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16) or die "listen: $!";
$| = 1;
print $server->sockport, "\n";
while (my $client = $server->accept) {
    my ($head, $body) = ('', '');
    while ($head !~ /\r\n\r\n/ && sysread($client, my $part, 4096)) { $head .= $part }
    ($head, $body) = split(/\r\n\r\n/, $head, 2);
    my ($method, $path) = ($head // '') =~ /^(\S+) (\S+)/ or next;
    my ($size) = $head =~ /^Content-Length: (\d+)/mi;
    while (length($body) < ($size // 0) && sysread($client, my $part, 4096)) { $body .= $part }
    open(my $out, '>>', $log) or die "$log: $!";
    print $out "$method $path $body\n";
    close $out;
    my @fits = grep { $lines[$_][0] eq $method && $lines[$_][1] eq $path } 0 .. $#lines;
    my ($status, $text) = @fits ? @{ $lines[$fits[0]] }[2, 3] : (404, '{"detail":"Not Found"}');
    splice(@lines, $fits[0], 1) if @fits > 1;
    print $client "HTTP/1.1 $status Scripted\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($text) . "\r\nConnection: close\r\n\r\n$text";
    close $client;
}
