#!/usr/bin/env bash
# activation.sh AGENT: the control socket is opened by systemd's own tool before the agent is there;
# who asks first waits until the agent answers, and the socket's file stays when it stops.
set -euo pipefail
agent="$1"
directory="$(mktemp -d)"
pid=""
finish() {
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
  rm -rf "$directory"
}
trap finish EXIT
fail() {
  echo "$1" >&2
  cat "$directory/log" >&2
  exit 1
}

start() {
  systemd-socket-activate --listen="$1" --fdname="$2" "$agent" --state "$directory/state" \
    --repository "file://$directory/repository" --control "unix:$directory/control.sock" \
    --listen 127.0.0.1:0 2>"$directory/log" &
  pid=$!
  for _ in $(seq 600); do
    [ -S "$directory/control.sock" ] && return
    sleep 0.1
  done
  fail "systemd-socket-activate does not listen"
}

start "$directory/control.sock" control
answer="$(curl -sS --max-time 60 --unix-socket "$directory/control.sock" http://agent/healthz)"
[ "$answer" = '{"status":"ok"}' ] || fail "the first request was answered: $answer"
kill -TERM "$pid"
wait "$pid" || fail "the agent ended with status $?"
[ -S "$directory/control.sock" ] || fail "the socket's file is the service manager's"
[ "$(grep -c 'listening on unix:' "$directory/log")" = 1 ] || fail "it listens there once"
rm "$directory/control.sock"

start "$directory/control.sock" data
curl -sS --max-time 60 --unix-socket "$directory/control.sock" http://agent/healthz 2>/dev/null || true
wait "$pid" && fail "a socket that is not for control is taken"
grep -q 'FileDescriptorName=control' "$directory/log" || fail "the error says what to do"
pid=""
