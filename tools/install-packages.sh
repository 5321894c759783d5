#!/usr/bin/env bash
# Installs what is missing of the named sections of packages.txt:
#   tools/install-packages.sh build run test
set -euo pipefail
list="$(cd "$(dirname "$0")" && pwd)/packages.txt"
[ $# -gt 0 ] || { echo "usage: $0 SECTION..." >&2; exit 64; }

section_of() {
  awk -v section="[$1]" '/^#/ || NF == 0 {next} /^\[/ {inside = ($0 == section); next} inside' "$list"
}

wanted=()
for section in "$@"; do
  mapfile -t packages < <(section_of "$section")
  [ ${#packages[@]} -gt 0 ] || { echo "$list has no section [$section]" >&2; exit 64; }
  wanted+=("${packages[@]}")
done

# One that another source's package brings along (npm, with nodejs from its makers) is there, too.
provided="$(dpkg-query -W -f='${db:Status-Status} ${Provides},\n' | sed -n 's/^installed / /p')"
missing=()
for package in "${wanted[@]}"; do
  state="$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)"
  [ "$state" = installed ] || grep -Eq "[ ,]$package( \([^)]*\))?," <<<"$provided" ||
    missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all ${#wanted[@]} are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "error: ${#missing[@]} packages are missing, and you are neither root nor have sudo." >&2
    echo "hint: as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 77
  fi
  as_root=(sudo)
fi
echo "packages: installing ${#missing[@]}: ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \
  "${missing[@]}"
