#!/bin/sh
# sh tests/coverage.sh [CTEST OPTION...]: see usage below.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

usage() {
  cat <<'END'
usage: sh tests/coverage.sh [CTEST OPTION...]

What of include/ the tests reach: builds tests and programs with clang++'s source-based coverage in build/coverage, runs them
(ctest's options choose which), and prints the lines that were not run, the texts of errors that no test saw, and the shares of
each room. A line of a template counts as run where one of its instances runs it.

Needs clang++, the llvm tools of its version (Debian: clang, llvm) and python3. The exit code is 0 when 95 % of the lines were
run and 95 % of the texts seen.
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
rm -rf "$build/profiles" "$build/errors"
: >"$build/errors"
# What ThreadSanitizer watches is seen elsewhere.
ATTNSCOPE_TEST_ERRORS=$build/errors LLVM_PROFILE_FILE=$build/profiles/%p-%m.profraw \
  ctest --preset coverage -E '^threads$' "$@" || echo "some tests failed: what they ran is counted"
python3 "$root/tests/coverage.py" "$root" "$build" "$profdata" "$cov"
