#!/bin/sh
# sh tests/coverage.sh [CTEST OPTION...]: see usage below.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

usage() {
  cat <<'END'
usage: sh tests/coverage.sh [CTEST OPTION...]

Which lines of include/ the tests run: builds tests and programs with clang++'s source-based coverage in build/coverage, runs
them (ctest's options choose which), and prints lines by room, the files below 90 %, and the whole. A line of a template counts
as run where one of its instances runs it. build/coverage/html shows every line.

Needs clang++ and the llvm tools of its version (Debian: clang, llvm). The exit code is 0 when 95 % of the lines were run.
END
}
case ${1-} in --help | -h) usage; exit ;; esac

version=$(clang++ -dumpversion)
tool() { command -v "$1-${version%%.*}" || command -v "$1"; }
profdata=$(tool llvm-profdata) cov=$(tool llvm-cov)
build=$root/build/coverage
cd "$root"
cmake --preset coverage
cmake --build --preset coverage
rm -rf "$build/profiles"
LLVM_PROFILE_FILE=$build/profiles/%p-%m.profraw ctest --preset coverage -E "^threads$" "$@" ||
  echo "some tests failed: what they ran is counted"
"$profdata" merge -sparse -o "$build/all.profdata" "$build"/profiles/*.profraw

set --
for program in "$build"/tests/test_* "$build"/examples/*; do
  if [ -f "$program" ] && [ -x "$program" ]; then set -- "$@" -object "$program"; fi
done
shift  # llvm-cov wants the first program without its option
"$cov" show "$@" -instr-profile "$build/all.profdata" -format html -output-dir "$build/html" "$root/include" >/dev/null
"$cov" export "$@" -instr-profile "$build/all.profdata" -summary-only "$root/include" >"$build/coverage.json"
python3 - "$build/coverage.json" <<'END'
import collections
import json
import sys

rooms = collections.defaultdict(lambda: [0, 0])
files = json.load(open(sys.argv[1]))["data"][0]["files"]
for file in files:
    name = file["filename"].split("/include/attnscope/")[1]
    lines = file["summary"]["lines"]
    for room in {name.split("/")[0], "all"}:
        rooms[room][0] += lines["covered"]
        rooms[room][1] += lines["count"]
    if lines["percent"] < 90:
        print(f'{lines["percent"]:6.1f} %  {name}: {lines["count"] - lines["covered"]} lines were not run')
print()
for room, (run, there) in sorted(rooms.items(), key=lambda item: item[0] == "all"):
    print(f"{100 * run / there:6.1f} %  of {there:6} lines: {room}")
run, there = rooms["all"]
sys.exit(run < 0.95 * there)
END
