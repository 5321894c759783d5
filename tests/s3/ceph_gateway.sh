#!/usr/bin/env bash
# A real S3 server for tests: Ceph's RADOS Gateway with one monitor and one in-memory OSD, on
# loopback, as whoever runs this. Objects live in memory (about twice their size) and end with it.
#
#   ceph_gateway.sh run             starts everything in a new directory, prints what it is, and keeps
#                                   it until standard input ends: so it never outlives its user
#   ceph_gateway.sh start-gateway D (again) with the options below; the objects stay
#   ceph_gateway.sh kill-gateway D  SIGKILL to the gateway alone, in the middle of what it does
#   ceph_gateway.sh stop D          ends the daemons of D
#
#   CEPH_GATEWAY_REQUESTS_MAX  more requests at once are answered with 503 SlowDown (default 1024)
#   CEPH_GATEWAY_STALL_MILLIS  a client that moves no byte for this long is cut (default 65000)
#   CEPH_GATEWAY_ACCESS_KEY, CEPH_GATEWAY_SECRET_KEY
set -euo pipefail

: "${CEPH_GATEWAY_REQUESTS_MAX:=1024}" "${CEPH_GATEWAY_STALL_MILLIS:=65000}"
: "${CEPH_GATEWAY_ACCESS_KEY:=RESTOREDTESTKEY00001}"
: "${CEPH_GATEWAY_SECRET_KEY:=testsecret/with+odd/characters0000000001}"

block_ports=16 # gateway, gateway with TLS, monitor, the rest for the OSD's messengers
block_first=20000
block_count=768 # up to 32287: below the ports that the kernel gives to clients

fail() {
  echo "ceph_gateway: $*" >&2
  exit 1
}

# A dead child may stay as a zombie, whose command line is empty, and a pid may be somebody else's by
# now: only a process that was started with this directory's configuration counts.
runs() {
  local pid
  [ -s "$D/$1.pid" ] || return 1
  pid="$(cat "$D/$1.pid")"
  { tr '\0' '\n' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qxF -- "$D/ceph.conf"
}

# end NAME: SIGKILL: nothing here is worth an orderly end, and the OSD would save its objects.
end() {
  runs "$1" && kill -KILL "$(cat "$D/$1.pid")" 2>/dev/null || true
  for _ in $(seq 100); do
    runs "$1" || break
    sleep 0.02
  done
  rm -f "$D/$1.pid"
}

# spawn NAME COMMAND...: in a session of its own, with its output in the log directory.
spawn() {
  local name="$1"
  shift
  setsid "$@" </dev/null >>"$D/log/$name.out" 2>&1 &
  echo $! >"$D/$name.pid"
  disown # no word about its end
  # Until it has become the command; one that ended at once is found out by who asks next.
  for _ in $(seq 100); do
    runs "$name" && return 0
    sleep 0.01
  done
}

# Errors are kept in one file, to be shown when the start fails.
step() { timeout 60 "$@" >>"$D/log/steps.out" 2>&1; }

# listens PORT: somebody does, on any address.
listens() { awk -v port=":$(printf %04X "$1")" '$4 == "0A" && $2 ~ port "$" {found = 1} END {exit !found}' /proc/net/tcp /proc/net/tcp6; }

# Takes a block of ports that no other gateway of this user has and that nobody listens on. The claim
# is a directory with the owner's pid: making one is atomic.
take_ports() {
  local claims="${TMPDIR:-/tmp}/restored-ceph-ports-$(id -u)" base claim port taken
  mkdir -p "$claims"
  for _ in $(seq 200); do
    base=$((block_first + RANDOM % block_count * block_ports))
    claim="$claims/$base"
    if ! mkdir "$claim" 2>/dev/null; then
      [ -d "/proc/$(cat "$claim/pid" 2>/dev/null || echo self)" ] || rm -rf "$claim"
      continue
    fi
    echo $$ >"$claim/pid"
    taken=""
    for port in $(seq "$base" $((base + block_ports - 1))); do
      if listens "$port"; then taken="$port"; break; fi
    done
    if [ -z "$taken" ]; then
      echo "$claim" >"$D/claim"
      echo "$base" >"$D/port"
      return 0
    fi
    rm -rf "$claim"
  done
  fail "no $block_ports free ports in a row"
}

release_ports() {
  [ -s "$D/claim" ] && rm -rf "$(cat "$D/claim")"
  rm -f "$D/claim"
}

write_configuration() {
  local port
  port="$(cat "$D/port")"
  cat >"$D/ceph.conf" <<CONF
[global]
fsid = $(cat "$D/fsid")
keyring = $D/keyring
run dir = $D
admin socket =
crash dir = $D/log
log file = $D/log/\$name.log
mon cluster log file = $D/log/cluster.log
log to stderr = false
err to stderr = true
mon host = [v2:127.0.0.1:$((port + 2))]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
ms bind port min = $((port + 3))
ms bind port max = $((port + block_ports - 1))
# one copy on one OSD is all there is
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
# a nearly full disk of the machine is not this test's business
mon data avail crit = 1
mon data avail warn = 2
# agree at once: there is nobody to wait for
paxos propose interval = 0.05
paxos min wait = 0.01
[mon]
mon data = $D/mon
[osd]
osd data = $D/osd
osd objectstore = memstore
memstore device bytes = 4294967296
# a new bucket is told to every gateway that watches, and a killed one does so until this is over
osd client watch timeout = 2
[client.rgw]
rgw data = $D/rgw
objecter tick interval = 0.5
rgw dns name = localhost
rgw thread pool size = 64
rgw enable usage log = false
rgw enable ops log = false
rgw max concurrent requests = $CEPH_GATEWAY_REQUESTS_MAX
rgw frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1 request_timeout_ms=$CEPH_GATEWAY_STALL_MILLIS ssl_endpoint=127.0.0.1:$((port + 1)) ssl_certificate=$D/tls.crt ssl_private_key=$D/tls.key
CONF
}

start_gateway() {
  local port
  port="$(cat "$D/port")"
  end rgw
  write_configuration
  spawn rgw radosgw -c "$D/ceph.conf" -n client.rgw -f
  for _ in $(seq 600); do
    curl -s -o "$D/log/answer" --max-time 5 "http://127.0.0.1:$port/" && return 0
    runs rgw || return 1
    sleep 0.05
  done
  return 1
}

make_keys() {
  step ceph-authtool "$D/keyring" --create-keyring --gen-key -n mon. --cap mon 'allow *' &&
    step ceph-authtool "$D/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' &&
    step ceph-authtool "$D/keyring" --gen-key -n client.rgw --cap mon 'allow rw' --cap osd 'allow rwx' &&
    step ceph-authtool "$D/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' &&
    step openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
      -addext 'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1' \
      -keyout "$D/tls.key" -out "$D/tls.crt"
}

start_monitor() {
  step monmaptool --create --clobber --fsid "$(cat "$D/fsid")" --enable-all-features \
    --addv a "[v2:127.0.0.1:$(($(cat "$D/port") + 2))]" "$D/monmap" &&
    step ceph-mon -c "$D/ceph.conf" -i a --mkfs --monmap "$D/monmap" --keyring "$D/keyring" || return 1
  spawn mon ceph-mon -c "$D/ceph.conf" -i a -f
  step ceph -c "$D/ceph.conf" --connect-timeout 20 mon stat
}

start_osd() {
  local id
  id="$(cat /proc/sys/kernel/random/uuid)"
  step ceph -c "$D/ceph.conf" osd new "$id" 0 &&
    step ceph-osd -c "$D/ceph.conf" -i 0 --mkfs --osd-uuid "$id" || return 1
  spawn osd ceph-osd -c "$D/ceph.conf" -i 0 -f
  # Waits for the OSD by itself, and makes the gateway's pools.
  step radosgw-admin -c "$D/ceph.conf" -n client.rgw user create --uid=restored --display-name=restored \
    --access-key="$CEPH_GATEWAY_ACCESS_KEY" --secret-key="$CEPH_GATEWAY_SECRET_KEY"
}

# One attempt; a port that somebody else took in the meantime makes it fail.
start_all() {
  rm -rf "$D"/{mon,osd,rgw,log,keyring}
  mkdir -p "$D"/{mon,osd,rgw,log}
  cat /proc/sys/kernel/random/uuid >"$D/fsid"
  take_ports
  write_configuration
  make_keys && start_monitor && start_osd && start_gateway
}

stop_all() {
  for name in rgw osd mon; do end "$name"; done
  release_ports
}

run() {
  D="$(mktemp -d "${TMPDIR:-/tmp}/restored-ceph-XXXXXX")"
  trap 'stop_all; rm -rf "$D"' EXIT
  trap 'exit 143' TERM INT HUP
  local attempt started=""
  for attempt in 1 2 3; do
    if start_all; then started=1; break; fi
    echo "ceph_gateway: attempt $attempt of 3 failed:" >&2
    tail -n 5 "$D"/log/*.out >&2 || true
    stop_all
  done
  [ -n "$started" ] || fail "the gateway does not start"
  local port
  port="$(cat "$D/port")"
  echo "directory=$D"
  echo "endpoint=http://127.0.0.1:$port"
  echo "tls_endpoint=https://localhost:$((port + 1))"
  echo "tls_ca=$D/tls.crt"
  echo "access_key=$CEPH_GATEWAY_ACCESS_KEY"
  echo "secret_key=$CEPH_GATEWAY_SECRET_KEY"
  echo "ready"
  # A trap runs when `read` ends or is interrupted, at the latest with the next line.
  while read -r _; do :; done
}

verb="${1:-}"
case "$verb" in
  run)
    [ $# -eq 1 ] || fail "run takes no directory"
    for command in radosgw ceph-mon ceph-osd ceph radosgw-admin; do
      command -v "$command" >/dev/null || fail "$command is missing: tools/install-packages.sh test"
    done
    run
    ;;
  start-gateway | kill-gateway | stop)
    [ $# -eq 2 ] && [ -s "$2/ceph.conf" ] || fail "$verb wants the directory that run printed"
    D="$2"
    case "$verb" in
      start-gateway) start_gateway || fail "the gateway does not start: $D/log" ;;
      kill-gateway) end rgw ;;
      stop) stop_all ;;
    esac
    ;;
  *)
    sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac
