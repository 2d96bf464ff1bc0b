#!/bin/sh
# sh tests/fuzz/run.sh [SECONDS [TARGET...]]: see usage below.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
home=$root/build/fuzz fuzz=$root/build/fuzz/build/tests/fuzz/fuzz

usage() {
  cat <<'END'
usage: sh tests/fuzz/run.sh [SECONDS [TARGET...]]

Fuzzes every reader and every writer, or these targets, for so many seconds each (180), two at a time. What was
found in earlier runs and widens the coverage is kept in build/fuzz/corpus, and where the next run begins. An input
that breaks the rule of docs/fuzzing.md is made small and kept in build/fuzz/found; the exit code is then 1.
END
}
case ${1-} in
  --help | -h) usage; exit ;;
  *[!0-9]*) usage >&2; exit 2 ;;
esac
seconds=${1:-180}
[ $# -eq 0 ] || shift

mkdir -p "$home/corpus" "$home/found" "$home/logs"
cd "$root"
build() {
  cmake --preset clang-sanitize -B "$home/build" -DATTNSCOPE_BUILD_TESTS=ON \
    '-DATTNSCOPE_FUZZ_FLAGS=-O1;-fsanitize=fuzzer-no-link' && cmake --build "$home/build" --target fuzz
}
if ! build >"$home/logs/build.log" 2>&1; then
  tail -n 40 "$home/logs/build.log" >&2
  exit 2
fi
"$fuzz" --seeds "$home/seeds"
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $("$fuzz" --list)

limits="-timeout=20 -rss_limit_mb=1024 -dict=$root/tests/fuzz/words.dict -verbosity=1"

# one TARGET: its run, and one line of what it did.
one() {
  log=$home/logs/$1.log corpus=$home/corpus/$1
  mkdir -p "$corpus"
  # shellcheck disable=SC2086
  if ! nice "$fuzz" "$1" $limits -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$home/found/$1-" \
    "$corpus" "$home/seeds/$1" >"$log" 2>&1; then
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    # shellcheck disable=SC2086
    [ -z "$input" ] || "$fuzz" "$1" $limits -minimize_crash=1 -max_total_time=30 -exact_artifact_path="$input.small" \
      "$input" >"$log.small" 2>&1 || true
    echo "$1: FOUND" "$(grep -E -m 1 'FOUND:|runtime error:|ERROR: |what\(\)' "$log")"
    echo "  input: ${input:-none}, and small: ${input:+$input.small}"
    echo "  again: $fuzz $1 ${input:-...}"
    touch "$home/found/.failed"
    return
  fi
  rm -rf "$corpus.new"
  mkdir "$corpus.new"
  # shellcheck disable=SC2086
  nice "$fuzz" "$1" $limits -merge=1 "$corpus.new" "$corpus" "$home/seeds/$1" >"$log.merge" 2>&1 && rm -r "$corpus" && mv "$corpus.new" "$corpus"
  echo "$1:" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
    "$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -d' ' -f2) edges," "$(find "$corpus" -type f | wc -l) kept"
}

rm -f "$home/found/.failed"
while [ $# -gt 0 ]; do
  one "$1" &
  shift
  [ $# -eq 0 ] || { one "$1"; shift; }
  wait
done
[ ! -e "$home/found/.failed" ] || {
  echo "A finding becomes a test in the folder and of the stem of what it is in (tests/io/npy_test.cpp for io/npy.hpp):"
  echo "print the small input by xxd, make it there by means of tests/support, and check the error's text."
  exit 1
}
