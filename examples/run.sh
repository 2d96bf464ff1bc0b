#!/bin/sh
# sh examples/run.sh [ARGUMENT...]: installs what is missing, builds and runs `analyze ARGUMENT...`;
# without arguments it analyses the dump that ships with the repository into build/report.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=examples/support/setup.sh
. "$root/examples/support/setup.sh"

configure() {
  # Tests that were configured before stay: switching them off would throw their objects away.
  grep -qs '^Catch2_DIR:PATH=/' "$root/build/release/CMakeCache.txt" || set -- -DATTNSCOPE_BUILD_TESTS=OFF
  in_root cmake --preset release "$@"
}

need_to_build
install_missing
step "configuring" configure-release configure
step "building (minutes the first time)" build-examples in_root cmake --build --preset release --target analyze

[ $# -gt 0 ] || set -- --out "$root/build/report"
say "attnscope: running analyze $*"
exec "$root/build/release/examples/analyze" "$@"
