#!/usr/bin/env bash
# verify_unit.sh BINARY UNIT: systemd's own check accepts the unit, with the built agent in the
# place of the installed one, and its socket, and says nothing against any of their lines.
set -euo pipefail
binary="$1" unit="$2"
directory="$(mktemp -d)"
trap 'rm -rf "$directory"' EXIT
sed "s|^ExecStart=/usr/bin/restored|ExecStart=$binary|" "$unit" >"$directory/restored.service"
grep -q "^ExecStart=$binary" "$directory/restored.service"
cp "${unit%.service}.socket" "$directory"
if ! said="$(systemd-analyze verify "$directory/restored.service" "$directory/restored.socket" 2>&1)"; then
  printf 'systemd-analyze verify refuses a unit:\n%s\n' "$said" >&2
  exit 1
fi
if grep -F "$directory/restored." <<<"$said" >&2; then
  echo "systemd-analyze verify complains about a line" >&2
  exit 1
fi
