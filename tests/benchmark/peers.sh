#!/bin/sh
# sh tests/benchmark/peers.sh BUILD [--quick] [--repetitions N] [--openblas LIBRARY]: see usage below.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

usage() {
  cat <<'USAGE'
usage: sh tests/benchmark/peers.sh BUILD [--quick] [--repetitions N] [--openblas LIBRARY]

Everything that is compared with something, in one session: what the machine does at most, the benchmarks of the build
folder BUILD (configured with -DATTNSCOPE_BUILD_BENCHMARKS=ON), PyTorch with the BLAS that it is linked to and with
OpenBLAS preloaded, LEMON, networkx and igraph. Prints a table of ratios, larger is better, with how fast memory was read
and how many multiply-adds one core made beside them; then curves of the cost of one weight. What is missing is skipped
and named.

  --quick               one short run of each, to see that all of them work
  --repetitions N       of each, whose median counts (7)
  --openblas LIBRARY    the OpenBLAS to preload; looked for where distributions put it by default

The exit code is 0 when all that ran agreed.
USAGE
}

build= quick= openblas= repetitions=7
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit ;;
    --quick) quick=yes ;;
    --repetitions) [ $# -gt 1 ] || { usage >&2; exit 2; }; repetitions=$2; shift ;;
    --openblas) [ $# -gt 1 ] || { usage >&2; exit 2; }; openblas=$2; shift ;;
    -*) usage >&2; exit 2 ;;
    *) [ -z "$build" ] || { usage >&2; exit 2; }; build=$1 ;;
  esac
  shift
done
[ -d "$build" ] || { usage >&2; exit 2; }
programs=$build/tests/benchmark
[ -d "$programs" ] || programs=$build
if [ -n "$quick" ]; then repetitions=1; fi
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
failed=

fail() { echo "FAILED: $*"; failed=yes; }
has_program() { [ -x "$programs/bench_$1" ] || { echo "skipped: no bench_$1 in $build"; return 1; }; }
# The first python that has these modules.
python_with() {
  for candidate in python3 /usr/bin/python3; do
    "$candidate" -c "import importlib.util as u, sys; sys.exit(None in map(u.find_spec, sys.argv[1:]))" "$@" 2>/dev/null &&
      { echo "$candidate"; return; }
  done
  return 1
}

# limits: sets read and peak, what the machine does now.
read=- peak=-
limits() {
  [ -x "$programs/bench_sweep" ] || return 0
  text=$("$programs/bench_sweep" --machine)
  number() { echo "$text" | sed "s|.*\"$1\": \([0-9.]*\).*|\1|"; }
  read=$(number read_GB/s) peak=$(number peak_GFLOP/s)
  echo "machine: $text"
}

# benchmark NAME FILTER [--heavy...]: medians as JSON in $work/NAME.json; fails where a peer gives other numbers.
benchmark() {
  name=$1 filter=$2
  shift 2
  "$programs/bench_$name" "$@" --benchmark_filter="$filter" --benchmark_repetitions=$repetitions \
    --benchmark_enable_random_interleaving=true --benchmark_format=json ${quick:+--benchmark_min_time=0.001} \
    >"$work/$name.json" 2>"$work/$name.log" || fail "bench_$name: $(tail -n 1 "$work/$name.log")"
  if grep -q '"error_occurred": true' "$work/$name.json"; then
    fail "bench_$name: $(grep '"error_message"' "$work/$name.json" | sort -u)"
  fi
}
# values NAME COUNTER: "case<tab>median<tab>read<tab>peak" of what has this counter; of one repetition, itself.
values() {
  awk -F '"' -v counter="$2" -v read="$read" -v peak="$peak" -v single="$repetitions" '
    function value(text) { gsub(/[:, ]/, "", text); return text }
    function flush() {
      if (found != "" && (single == 1 || kind == "median")) printf "%s\t%s\t%s\t%s\n", run, found, r, p
      found = kind = ""; r = read; p = peak
    }
    $2 == "name" { flush() }
    $2 == "run_name" { run = $4; sub(/\/iterations:.*|\/manual_time|\/real_time/, "", run) }
    $2 == "aggregate_name" { kind = $4 }
    $2 == counter { found = value($3) }
    $2 == "read_GB/s" { r = value($3) }
    $2 == "peak_GFLOP/s" { p = value($3) }
    END { flush() }' "$work/$1.json"
}
table=$work/table
: >"$table"
# row NAME COUNTER PEER [PATTERN [inverse]]: adds medians to the table.
row() {
  values "$1" "$2" | grep -E -- "${4-.}" | awk -F '\t' -v name="$1" -v peer="$3" -v inverse="${5-}" '
    { printf "%s %s\t%s\t%s\t%s\t%s\n", name, $1, peer, inverse ? 1 / $2 : $2, $3, $4 }' >>"$table"
}
# rows NAME: from lines "case: ours ...; PEER TIME, ratio R; ...".
rows() {
  awk -v name="$1" -v read="$read" -v peak="$peak" '
    { count = split($0, parts, "; "); split(parts[1], first, ": ") }
    { for (i = 2; i <= count; ++i)
        if (parts[i] ~ /ratio/) {
          peer = ratio = parts[i]
          sub(/ [0-9.e+-]+ m?s.*/, "", peer); sub(/.*ratio /, "", ratio)
          printf "%s %s\t%s\t%s\t%s\t%s\n", name, first[1], peer, ratio, read, peak
        } }' >>"$table"
}
# script NAME PYTHON ARGUMENT...: a peer's script, shown and added to the table.
script() {
  name=$1 python=$2
  shift 2
  "$python" -B "$here/$name.py" "$@" >"$work/script" 2>&1 || fail "$name.py: $(tail -n 1 "$work/script")"
  cat "$work/script"
  rows "$name" <"$work/script"
}

limits
if has_program sweep; then
  benchmark sweep "${quick:+^(entropy/512|distance|bfloat16/entropy|strided/long_rows)}"
  row sweep of_read 'reading once' '^(entropy|statistics|everything|alignment|importance)'
  row sweep G_terms/s 'G terms/s (no ratio)'
  row sweep of_float 'the same in float'
  row sweep of_dense 'dense'
fi
if has_program query_key; then
  limits
  benchmark query_key "${quick:+statistics/full/512}" 
  row query_key of_peak 'the peak'
  row query_key speedup 'one thread'
fi
if has_program rollout; then
  limits
  benchmark rollout "${quick:+row/mean}"
  row rollout ratio 'reading once' '^row'
  row rollout ratio "Eigen's products" '^matrix' inverse
fi
if has_program attention_flow; then
  limits
  benchmark attention_flow "${quick:+12x128/diffuse/}"
  row attention_flow ratio LEMON
else
  echo "skipped: LEMON (Debian: liblemon-dev)"
fi
if torch=$(python_with torch numpy); then
  limits
  if has_program sweep; then
    script sweep_torch "$torch" "$programs/bench_sweep" --repeats $repetitions ${openblas:+--openblas "$openblas"} \
      ${quick:+--tokens 64 128}
  fi
  if has_program query_key; then
    script query_key_torch "$torch" "$programs/bench_query_key" --repeats $repetitions ${openblas:+--openblas "$openblas"} \
      ${quick:+--tokens 512}
  fi
else
  echo "skipped: PyTorch (Debian: python3-torch)"
fi
if flow=$(python_with numpy networkx) || flow=$(python_with numpy igraph); then
  if has_program attention_flow; then
    limits
    script flow_peers "$flow" "$programs/bench_attention_flow"
  fi
else
  echo "skipped: networkx and igraph (Debian: python3-networkx, python3-igraph)"
fi

echo
awk -F '\t' 'BEGIN { format = "%-44s %-24s %10s %10s %12s\n"; printf format, "what", "against", "ratio", "read GB/s", "peak GFLOP/s" }
  { printf format, $1, $2, sprintf("%.3g", $3), sprintf($4 == "-" ? "-" : "%.1f", $4), sprintf($5 == "-" ? "-" : "%.0f", $5) }' "$table"

if has_program sweep; then
  benchmark sweep "${quick:+/(64|1|2)/}" --curves
  for axis in tokens heads layers; do
    echo
    echo "ns a weight along $axis ($(case $axis in tokens) echo 12 heads ;; heads) echo 512 tokens ;; *) echo 12 heads, 512 tokens ;; esac))"
    values sweep ns_a_weight | awk -F '[/\t]' -v axis=$axis '
      $2 == axis { if (!($3 in seen)) { seen[$3]; order[++count] = $3 } cost[$1, $3] = $4 }
      END {
        printf "%8s %12s %12s %12s\n", axis, "statistics", "everything", "distance"
        for (i = 2; i <= count; ++i)
          for (k = i; k > 1 && order[k] + 0 < order[k - 1] + 0; --k) { size = order[k]; order[k] = order[k - 1]; order[k - 1] = size }
        for (i = 1; i <= count; ++i)
          printf "%8s %12.3f %12.3f %12.3f\n", order[i], cost["statistics", order[i]], cost["everything", order[i]], cost["distance", order[i]]
      }'
  done
fi
[ -z "$failed" ]
