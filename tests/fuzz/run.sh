#!/usr/bin/env bash
# Builds the fuzzers and runs them, as many at a time as there are cores.
#   tests/fuzz/run.sh [--seconds N] [--seed N] [--jobs N] [--minimise] [--seeds] [TARGET...]
#   --seconds N  each target, 10 if not said; 3600 by hand
#   --seed N     of the choices, the same inputs in the same order each time; 0: another each time
#   --jobs N     at a time
#   --minimise   afterwards the corpora of the tree become the fewest inputs that reach as much
#   --seeds      first writes the seeds anew, from our encoders
# Without a target: all. New inputs are kept in build-fuzz/corpus, findings in build-fuzz/findings.
# The exit status is 1 when something was found.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/fuzz
build=build-fuzz

seconds=10
seed=0
jobs="$(nproc)"
minimise=""
seeds=""
targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds | --seed | --jobs)
      [ $# -ge 2 ] || { echo "error: $1 wants a number" >&2; exit 64; }
      declare "${1#--}=$2"
      shift
      ;;
    --minimise) minimise=1 ;;
    --seeds) seeds=1 ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "error: unknown option $1" >&2; echo "hint: $0 --help" >&2; exit 64 ;;
    *)
      [ -f "$here/targets/$1.cc" ] || { echo "error: there is no target $1" >&2; exit 64; }
      targets+=("$1")
      ;;
  esac
  shift
done
if [ ${#targets[@]} -eq 0 ]; then
  for source in "$here"/targets/*.cc; do targets+=("$(basename "$source" .cc)"); done
fi

wanted=(all)
[ -z "$seeds" ] || wanted+=(fuzz_seeds)
cmake --preset fuzz >"/tmp/fuzz-configure.$$" 2>&1 || { cat "/tmp/fuzz-configure.$$"; exit 1; }
rm -f "/tmp/fuzz-configure.$$"
ninja -C "$build" "${wanted[@]}"
[ -z "$seeds" ] || "$build/bin/fuzz_seeds" "$here/corpus"
mkdir -p "$build/findings" "$build/logs"

# The inputs of the tree come first, so a run of a second is a test of them, too.
fuzz() {
  local target="$1" kept="$build/corpus/$1" options=()
  mkdir -p "$kept" "$here/corpus/$target"
  local known=("$here/corpus/$target")
  [ ! -d "$here/regressions/$target" ] || known+=("$here/regressions/$target")
  [ ! -f "$here/dictionaries/$target.dict" ] || options+=("-dict=$here/dictionaries/$target.dict")
  local log="$build/logs/$target" status=0
  "$build/fuzz/fuzz_$target" -max_total_time="$seconds" -seed="$seed" -timeout=20 -rss_limit_mb=2048 \
    -malloc_limit_mb=512 -print_final_stats=1 "${options[@]}" \
    -artifact_prefix="$build/findings/$target-" "$kept" "${known[@]}" >"$log" 2>&1 || status=$?
  if [ "$status" -eq 0 ]; then
    printf '%-14s %s inputs, %s\n' "$target" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
      "$(grep -a 'cov:' "$log" | tail -1 | grep -ao 'cov: [0-9]* ft: [0-9]* corp: [0-9]*')"
    return 0
  fi
  printf '%-14s FOUND SOMETHING (status %s)\n' "$target" "$status"
  grep -av '^#' "$log" | tail -60
  return 1
}

failed=0
running=0
for target in "${targets[@]}"; do
  if [ "$running" -ge "$jobs" ]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
  fuzz "$target" &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done

if [ -n "$minimise" ] && [ "$failed" -eq 0 ]; then
  for target in "${targets[@]}"; do
    fewest="$(mktemp -d)"
    "$build/fuzz/fuzz_$target" -merge=1 "$fewest" "$here/corpus/$target" "$build/corpus/$target" \
      >>"$build/logs/$target" 2>&1
    # What a person wrote or an encoder made stays: its name says what it is for.
    for input in "$fewest"/*; do
      [ "$(stat -c %s "$input")" -le 1024 ] || continue
      cmp -s "$input" "$here/corpus/$target/$(basename "$input")" || cp "$input" "$here/corpus/$target/"
    done
    rm -rf "$fewest" "$build/corpus/$target"
    echo "$target: $(find "$here/corpus/$target" -type f | wc -l) inputs in the tree"
  done
fi
exit "$failed"
