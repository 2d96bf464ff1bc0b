# Sourced by examples/run.sh and tests/run.sh, which set `root`: packages, logged steps, parallel jobs.
# shellcheck shell=sh disable=SC2154

logs=$root/build/logs
mkdir -p "$logs"

say() { printf '%s\n' "$*" >&2; }
in_root() (cd "$root" && "$@")

# step TEXT LOG COMMAND...: says TEXT and runs the command, whose output is shown only when it fails.
step() {
  say "attnscope: $1"
  log=$logs/$2.log
  shift 2
  "$@" </dev/null >"$log" 2>&1 && return
  tail -n 60 "$log" >&2
  say "attnscope: this step failed; all of its output is in $log"
  return 1
}

has_command() { command -v "$1" >/dev/null 2>&1; }

# Whether CMake would find this config file, or include/header: below CMAKE_PREFIX_PATH, or beside a folder of PATH.
has_config() (
  IFS=:
  for prefix in ${CMAKE_PREFIX_PATH-} $PATH; do
    prefix=${prefix%/*bin}
    for file in "$prefix/$1" "$prefix"/share/*/cmake/"$1" "$prefix"/share/cmake/*/"$1" \
      "$prefix"/lib*/cmake/*/"$1" "$prefix"/lib/*/cmake/*/"$1"; do
      [ ! -e "$file" ] || return 0
    done
  done
  return 1
)

missing=

# need PACKAGE CHECK...: the package, by its name in Debian and Ubuntu, is missing unless the check succeeds.
need() {
  package=$1
  shift
  "$@" || missing="$missing $package"
}

need_to_build() {
  compiler=${CXX:-c++}
  need g++ has_command "${compiler%% *}"
  need cmake has_command cmake
  need ninja-build has_command ninja
  need libeigen3-dev has_config Eigen3Config.cmake
  need libfmt-dev has_config fmt-config.cmake
  need nlohmann-json3-dev has_config nlohmann_jsonConfig.cmake
  need zlib1g-dev has_config include/zlib.h
  need libcli11-dev has_config CLI11Config.cmake
}

# Lists out of date may still do, so that the verdict is install's alone; a fresh machine updates itself, so wait.
apt_install() {
  "$@" apt-get update || true
  # shellcheck disable=SC2086
  "$@" apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 $missing
}

# Installs what `need` found missing; without the means to, says what it is and ends the script.
install_missing() {
  [ -n "$missing" ] || return 0
  set -- env DEBIAN_FRONTEND=noninteractive
  [ "$(id -u)" -eq 0 ] || set -- sudo "$@"
  if has_command apt-get && has_command "$1" && step "installing$missing" packages apt_install "$@"; then
    missing=
    return
  fi
  say "attnscope: missing, by their names in Debian and Ubuntu:$missing"
  say "Install them as root: apt-get update && apt-get install -y --no-install-recommends$missing"
  exit 1
}

# As many jobs as there are cores, and as memory holds at 1.2 GB a compiler.
parallel_jobs() {
  awk -v cores="$(nproc)" '
    /^MemAvailable:/ { fit = int($2 / 1200000) }
    END { print fit < 1 ? 1 : fit < cores ? fit : cores }' /proc/meminfo
}

CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(parallel_jobs)}
export CMAKE_BUILD_PARALLEL_LEVEL
