#!/usr/bin/env bash
# Builds and runs the tests. Without options: what CI runs, every test of the release build, then the
# unit tests under ASan and UBSan, then each fuzzer for ten seconds.
#   --release  every test of the release build; with the next two, several builds after each other
#   --asan     ASan and UBSan, every test
#   --tsan     ThreadSanitizer (clang), every test
#   --fuzz     each fuzzer for ten seconds; tests/fuzz/run.sh --seconds 3600 for an hour each
#   --long     the long form of the tests that have one (RESTORED_TEST_LONG=1)
#   --label L  only tests with this ctest label: unit, system, crash, store, bench-smoke
set -euo pipefail
cd "$(dirname "$0")/.."

steps=()
label=""
fuzz=""
everything=""
while [ $# -gt 0 ]; do
  case "$1" in
    --release) steps+=(release) ;;
    --asan) steps+=(asan-ubsan) ;;
    --tsan) steps+=(tsan) ;;
    --fuzz) fuzz=1 ;;
    --long) export RESTORED_TEST_LONG=1 ;;
    --label)
      [ $# -ge 2 ] || { echo "error: --label wants a label" >&2; exit 64; }
      label="$2"
      shift
      ;;
    -h | --help)
      sed -n '2,10s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *)
      echo "error: unknown option $1" >&2
      echo "hint: tools/test.sh --help" >&2
      exit 64
      ;;
  esac
  shift
done

[ ${#steps[@]} -gt 0 ] || [ -n "$label" ] || [ -n "$fuzz" ] || everything=1
sections=(build run test)
[ -z "$fuzz$everything" ] || sections+=(fuzz)
case " ${steps[*]} " in *" tsan "*) sections+=(clang) ;; esac
tools/install-packages.sh "${sections[@]}"

# What one clone has compiled serves the others on this machine.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1

logs="$(mktemp -d)"
trap 'rm -rf "$logs"' EXIT
failed=0

# test_with PRESET LABELS [TARGET]: configures, builds, runs; the log is kept for the closing lines.
test_with() {
  local preset="$1" labels="$2" target="${3:-all}" directory="build-$1"
  [ "$preset" = release ] && directory=build
  local options=(-DRESTORED_TESTS=ON)
  [ "$preset" = release ] && options+=(-DRESTORED_BENCH=ON)
  echo "== $preset: build"
  cmake --preset "$preset" "${options[@]}" >"$logs/configure" 2>&1 || { cat "$logs/configure"; exit 1; }
  ninja -C "$directory" "$target"
  echo "== $preset: tests"
  # Two at a time; those that measure times are alone (RUN_SERIAL).
  local run=(ctest --preset "$preset" --output-on-failure --timeout 900 --parallel 2)
  [ -z "$labels" ] || run+=(-L "$labels")
  "${run[@]}" 2>&1 | tee "$logs/$preset" || failed=1
}

if [ ${#steps[@]} -gt 0 ]; then
  for step in "${steps[@]}"; do test_with "$step" "$label"; done
elif [ -n "$label" ]; then
  steps=(release)
  test_with release "$label"
elif [ -n "$everything" ]; then
  steps=(release asan-ubsan)
  test_with release ""
  test_with asan-ubsan unit tests_unit
fi
if [ -n "$fuzz$everything" ]; then
  echo "== fuzz"
  # One seed: what is found is by this change. Other seeds are for the hour by hand.
  tests/fuzz/run.sh --seconds 10 --seed 1 || failed=1
fi

echo
for step in "${steps[@]}"; do
  echo "== $step"
  sed -n '/tests passed/,$p' "$logs/$step"
done
exit "$failed"
