#!/usr/bin/env bash
# The show: a database that clients are using is replaced by a backup, and taken back, on real data
# (Debian's own package index), with clients that stay connected throughout. Installs what is
# missing, builds, runs everything in a temporary directory, and leaves nothing running.
#   --keep   keep the temporary directory (state, repository, log)
set -euo pipefail
cd "$(dirname "$0")/.."

keep=0
case "${1-}" in
  "") ;;
  --keep) keep=1 ;;
  *)
    sed -n '2,5s/^# \{0,1\}//p' "$0"
    [ "$1" = --help ] && exit 0 || exit 64
    ;;
esac

began=$SECONDS
work=""
agent_pid=""
clients_pid=""

if [ -t 1 ]; then
  say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
else
  say() { printf '\n== %s\n' "$*"; }
fi
fail() {
  echo "error: $1" >&2
  [ -z "${2-}" ] || echo "hint: $2" >&2
  exit 1
}
# Shows a command as a person would type it, then runs it.
show() {
  echo "\$ restorectl $*"
  build/bin/restorectl "$@"
}

# Stops a child by its id; one that does not stop in time is killed.
stop() {
  local pid="$1"
  kill -TERM "$pid" 2>/dev/null || return 0
  for _ in $(seq 300); do
    kill -0 "$pid" 2>/dev/null || { wait "$pid" 2>/dev/null || true; return 0; }
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

finish() {
  local status=$?
  trap - EXIT
  [ -z "$clients_pid" ] || stop "$clients_pid"
  [ -z "$agent_pid" ] || stop "$agent_pid"
  if [ "$status" -ne 0 ] && [ -s "$work/agent.log" ]; then
    echo "-- the agent's last lines" >&2
    tail -n 20 "$work/agent.log" >&2
  fi
  if [ -n "$work" ] && [ "$keep" = 0 ]; then
    rm -rf "$work"
  elif [ -n "$work" ]; then
    echo "kept: $work"
  fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The clients answer each command with one line.
ask_clients() {
  echo "$1" >&"${CLIENTS[1]}"
  read -r -t 600 answer <&"${CLIENTS[0]}" || fail "the clients do not answer"
}
content() {
  ask_clients hash
  [ "$(jq -r .agree <<<"$answer")" = true ] || fail "the clients see different contents: $answer"
  printf '%s keys, sha256 %s' "$(jq -r .keys <<<"$answer")" "$(jq -r .hash <<<"$answer")"
}
same() {
  [ "$1" = "$2" ] || fail "the content differs" "expected $1, seen $2"
}
# Keeps what the agent says about the operation that just ended, under the step's name.
declare -A operations
remember() {
  operations["$1"]="$(build/bin/restorectl --json operation list | jq -c '.data[0]')"
}
# pour ACTION: package records as Redis commands through redis-cli.
pour() {
  python3 tools/quickstart/records.py "$1" <"$work/packages" |
    redis-cli -u "${urls[0]}" --no-auth-warning --pipe >"$work/pipe" 2>&1 ||
    { cat "$work/pipe" >&2; fail "redis-cli --pipe failed"; }
  tail -n 1 "$work/pipe"
}

say "1. Packages"
tools/install-packages.sh build run

say "2. Build"
if [ ! -f build/CMakeCache.txt ]; then
  configured="$(cmake --preset release -DRESTORED_TESTS=OFF -DRESTORED_BENCH=OFF 2>&1)" ||
    fail "cmake failed: $configured"
fi
ninja -C build restored restorectl
echo "built after $((SECONDS - began)) s"

say "3. A daemon, a database, four connections"
work="$(mktemp -d "${TMPDIR:-/var/tmp}/restored-show.XXXXXX")"
free_kib="$(df --output=avail -k "$work" | tail -n 1)"
[ "$free_kib" -ge $((2 * 1024 * 1024)) ] ||
  fail "$work has less than 2 GiB free" "Set TMPDIR to a directory with more room."
export RESTORED_CONTROL="unix:$work/control.sock"
export RESTORED_TOKEN_FILE="$work/state/admin.token"
build/bin/restored --state "$work/state" --repository "file://$work/repository" \
  --control "$RESTORED_CONTROL" --listen 127.0.0.1:0 2>"$work/agent.log" &
agent_pid=$!
for _ in $(seq 300); do
  kill -0 "$agent_pid" 2>/dev/null || fail "the daemon ended early"
  curl -sf -o "$work/ready" --unix-socket "$work/control.sock" http://localhost/readyz 2>/dev/null &&
    break
  sleep 0.2
done
[ -s "$work/ready" ] || fail "the daemon was not ready within 60 s"

created="$(build/bin/restorectl --json database create packages)"
urls=("$(jq -r '.data.connections[0].endpoints.direct.connectionString' <<<"$created")")
for name in website worker reports; do
  connection="$(build/bin/restorectl --json connection create packages "$name")"
  urls+=("$(jq -r '.data.endpoints.direct.connectionString' <<<"$connection")")
done
show database list
show connection list packages

say "4. Load Debian's package index with redis-cli --pipe"
apt-cache dumpavail >"$work/packages"
if [ ! -s "$work/packages" ]; then
  echo "no package lists here: fetching them"
  if [ "$(id -u)" -eq 0 ]; then apt-get -q update; else sudo apt-get -q update; fi
  apt-cache dumpavail >"$work/packages"
fi
[ -s "$work/packages" ] ||
  fail "apt-cache dumpavail has no packages" "Run apt-get update with a working source."
load_began=$SECONDS
pour load
loaded_bytes="$(stat -c %s "$work/packages")"
echo "$((loaded_bytes / 1000000)) MB of records in $((SECONDS - load_began)) s"

coproc CLIENTS { exec python3 tools/quickstart/clients.py "${urls[@]}"; }
clients_pid=$CLIENTS_PID
read -r -t 120 answer <&"${CLIENTS[0]}" || fail "the clients did not connect"
backup_content="$(content)"
echo "from now on 4 clients read and write over connections that they opened once"
echo "content: $backup_content"
ask_clients "step idle"
sleep 5

say "5. Back up"
ask_clients "step backup"
show backup create packages --name before --wait
remember backup
ask_clients "step between"
backup="$(build/bin/restorectl --json backup list packages | jq -r '.data[0].id')"
show backup list packages
objects="$(find "$work/repository/objects" -type f | wc -l)"
find "$work/repository/objects" -type f -print0 | xargs -0 zstd -tq ||
  fail "zstd cannot read the repository's objects"
echo "the stock zstd reads all $objects objects of the repository"

say "6. Overwrite, delete and add keys"
ask_clients "step change"
pour change
changed_content="$(content)"
echo "content: $changed_content"
[ "$changed_content" != "$backup_content" ] || fail "the content did not change"

say "7. Restore, while the clients work"
show restore packages --backup "$backup" --validate
ask_clients "step restore"
show restore packages --backup "$backup" --confirm packages --wait
remember restore
ask_clients "step between"
restored_content="$(content)"
echo "content: $restored_content"
same "$backup_content" "$restored_content"
echo "the same connections, with the same passwords, see exactly the backup"
echo "(what the backup's files still had on this host was hashed and linked instead of fetched)"

say "8. Undo"
ask_clients "step undo"
show undo packages --confirm packages --wait
remember undo
ask_clients "step between"
undone_content="$(content)"
echo "content: $undone_content"
same "$changed_content" "$undone_content"
echo "and exactly what the restore had replaced"

say "9. The same backup into a new database: every byte is fetched"
ask_clients "step new"
created="$(build/bin/restorectl --json database create copy --from-backup "$backup" --wait)"
echo "\$ restorectl database create copy --from-backup $backup --wait"
remember new
ask_clients "step between"
show database list
url="$(jq -r '.data.connections[0].endpoints.direct.connectionString' <<<"$created")"
# As many clients again, since each deletes the key that one of the others had in the backup.
copied_content="$(python3 tools/quickstart/clients.py "$url" "$url" "$url" "$url" <<<hash | tail -n 1 |
  jq -r '"\(.keys) keys, sha256 \(.hash)"')"
echo "content: $copied_content"
same "$backup_content" "$copied_content"

ask_clients report
report="$answer"

seconds_of() {
  local begin end
  begin="$(date -d "$(jq -r .createdAt <<<"$1")" +%s.%N)"
  end="$(date -d "$(jq -r .endedAt <<<"$1")" +%s.%N)"
  awk -v begin="$begin" -v end="$end" 'BEGIN {printf "%.3f", end - begin}'
}
row() {
  local label="$1" step="$2" seconds="-" bytes=0 fetched=0 rate="-" stall
  if [ -n "${operations[$step]-}" ]; then
    seconds="$(seconds_of "${operations[$step]}")"
    bytes="$(jq -r .bytesDone <<<"${operations[$step]}")"
    fetched="$(jq -r .bytesTransferred <<<"${operations[$step]}")"
    rate="$(awk -v b="$bytes" -v s="$seconds" \
      'BEGIN {if (b > 0 && s > 0) printf "%.0f", b / s / 1e6; else printf "-"}')"
  fi
  stall="$(printf '%.1f' "$(jq -r --arg step "$step" '.stalls[$step] // 0' <<<"$report")")"
  printf '%-22s %12s %12s %9s %6s %14s\n' "$label" "${bytes/#0/-}" "${fetched/#0/-}" "$seconds" \
    "$rate" "$stall ms"
}
say "What happened"
printf '%-22s %12s %12s %9s %6s %14s\n' "" bytes transferred seconds MB/s "longest stall"
row "nothing" idle
row "backup" backup
row "load and change" change
row "restore" restore
row "undo" undo
row "into a new database" new
echo
echo "connections kept  $(jq -r '"\(.kept) of \(.clients)"' <<<"$report")"
echo "client errors     $(jq -r .errors <<<"$report") in $(jq -r .commands <<<"$report") commands"
echo "mixed contents    $(jq -r .mixed <<<"$report")"
echo "whole show        $((SECONDS - began)) s"
jq -e '.kept == .clients and .errors == 0 and .mixed == 0' <<<"$report" >/dev/null ||
  fail "clients noticed: $(jq -r .last_error <<<"$report")"

cat <<'NEXT'

Try next:
  tools/quickstart.sh --keep        the same, and look at the state and the repository afterwards
  build/bin/restorectl --help       the operator's command line
  tools/test.sh                     every test (--asan, --tsan: under sanitizers)
  build/bin/restore-bench --help    (after tools/test.sh) a larger restore beside its ceilings
  README.md                         how it works, what it promises, and what is not there yet
NEXT
