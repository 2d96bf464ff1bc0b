#!/bin/sh
#SBATCH --job-name=corpus
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --requeue
# sh slurm.sh SHARDS LIST OUT [OPTION...]: submits a Slurm array of SHARDS tasks, a shard of the files in LIST each, and
# the job that merges them once all have succeeded. What Slurm asks of a cluster stands above, or in SBATCH_* variables.
#
# CORPUS names the program where it is not in PATH. Options are those of corpus, such as --block 64; they must be the
# same for every shard. The same command goes on after a failure: finished shards are skipped. One shard alone:
#
#     sbatch --array=3 slurm.sh SHARDS LIST OUT [OPTION...]
set -eu
corpus=${CORPUS:-corpus}

if [ "${1-}" = merge ]; then
  exec "$corpus" merge "$2"
fi
if [ $# -lt 3 ]; then
  echo "usage: sh slurm.sh SHARDS LIST OUT [OPTION...]" >&2
  exit 2
fi
shards=$1 list=$2 out=$3
if [ -n "${SLURM_ARRAY_TASK_ID-}" ]; then
  shift 3
  exec "$corpus" --list "$list" --out "$out" --shard "$SLURM_ARRAY_TASK_ID/$shards" --threads "${SLURM_CPUS_PER_TASK:-1}" "$@"
fi

mkdir -p "$out"
array=$(sbatch --parsable --output="$out/slurm-%a.log" --array="1-$shards" "$0" "$@")
array=${array%%;*}
merge=$(sbatch --parsable --output="$out/slurm-merge.log" --dependency="afterok:$array" --cpus-per-task=1 "$0" merge "$out")
echo "array $array, then merge ${merge%%;*}: $out/report.json"
