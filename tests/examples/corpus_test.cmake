# cmake -DCORPUS=... -DDATA=tests/data -P corpus_test.cmake: the program corpus as its users run it.
cmake_minimum_required(VERSION 3.23)
include(${CMAKE_CURRENT_LIST_DIR}/expect.cmake)
function(expect_file file content)
  file(READ ${folder}/${file} text)
  if(NOT text MATCHES "${content}")
    message(SEND_ERROR "${file} does not hold ${content}")
  endif()
endfunction()

# A corpus of 22 files: three texts again and again, one of another model, one that is no dump.
make_corpus()
configure_file(${DATA}/induction_batch.safetensors ${folder}/dumps/20x.safetensors COPYONLY)
file(WRITE ${folder}/dumps/15x.safetensors "no dump")
set(all "dumps/*.safetensors" --block 4)

# In one go: what is counted, what is left out, and what is written.
expect(0 "^20 examples of 1422 tokens in 22 files, 2 left out\n  up to 16 tokens: 6 examples\n.*\nself layer 0: 32 % .27 to 38 %. of the heads are \"same token\".*\n\none/report.json\none/heads.csv\none/roles.csv\none/figures/self.confidence.svg\n.*by_length.svg\n$"
  "^corpus: left out: dumps/15x.safetensors: 7 bytes are too few[^\n]*\ncorpus: left out: dumps/20x.safetensors: model is [^\n]* in this file and Universal Sentence Encoder Lite v1 in dumps/10.safetensors\n$"
  ${CORPUS} ${all} --out one)
expect_file(one/report.json "^{\n \"format\": \"attnscope-corpus/1\",\n \"fingerprint\": \"[0-9a-f]+\",")
expect_file(one/heads.csv "^stack,layer,head,number,tokens,count,mean,")
expect_file(one/roles.csv "self,1,,broad,all,")
# Any number of threads; a list; again.
expect(0 "" "" ${CORPUS} ${all} --out threads --threads 5 --no-figures)
if(EXISTS ${folder}/threads/figures/self.roles.svg)
  message(SEND_ERROR "--no-figures draws figures")
endif()
file(GLOB files RELATIVE ${folder} ${folder}/dumps/*.safetensors)
list(JOIN files "\n" list)
file(WRITE ${folder}/list.txt "${list}\n")
expect(0 "" "" ${CORPUS} --list list.txt --block 4 --out listed --no-figures)
expect(0 "" "" sh -c "\"$0\" --list - --block 4 --out piped --no-figures < list.txt" ${CORPUS})
expect(0 "^20 examples" "^$" ${CORPUS} ${all} --out threads --no-figures)
foreach(other threads listed piped)
  expect_same(one/report.json ${other}/report.json)
  expect_same(one/heads.csv ${other}/heads.csv)
endforeach()

# Shards, in any order, and their merger: the same to the last bit. What is finished is not read again.
expect(0 "^shard 3/3: 6 files read, run/shard-3-of-3.safetensors\n$" "^$" ${CORPUS} ${all} --out run --shard 3/3)
expect(0 "^shard 1/3: 8 files read" "left out" ${CORPUS} ${all} --out run --shard 1/3)
expect(1 "^$" "^corpus: incomplete: shard 2 of 3: files 9 to 16 of 22 are missing\n$" ${CORPUS} merge run)
expect(0 "^shard 2/3: 8 files read" "left out" ${CORPUS} ${all} --out run --shard 2/3)
expect(0 "^shard 2/3: 0 files read" "^$" ${CORPUS} ${all} --out run --shard 2/3)
expect(0 "^20 examples.*\nrun/report.json\n" "^$" ${CORPUS} merge run)
expect_same(one/report.json run/report.json)
expect_same(one/roles.csv run/roles.csv)
expect_same(one/figures/self.roles.svg run/figures/self.roles.svg)
expect(0 "\nelsewhere/report.json\n" "^$" ${CORPUS} merge run/shard-3-of-3.safetensors run/shard-1-of-3.safetensors run/shard-2-of-3.safetensors --out elsewhere)
expect_same(one/report.json elsewhere/report.json)
expect(1 "^$" "^corpus: run/shard-1-of-3.safetensors and run/shard-1-of-3.safetensors both have block 0\n$"
  ${CORPUS} merge run/shard-1-of-3.safetensors run/shard-1-of-3.safetensors --out never)
# Unlike runs do not mix.
expect(1 "^$" "^corpus: parts of unlike runs do not pool: window is 5 in this run and 3 in run/shard-2-of-3.safetensors\n$"
  ${CORPUS} ${all} --out run --shard 2/3 --window 5)
expect(0 "" "" ${CORPUS} ${all} --out other --shard 2/3 --replicates 9)
expect(1 "^$" "^corpus: parts of unlike runs do not pool: replicates is 200 in run/shard-1-of-3.safetensors and 9 in other/shard-2-of-3.safetensors\n$"
  ${CORPUS} merge run/shard-1-of-3.safetensors other --out never)

# --strict ends at the first file that cannot be read; once it can be, the run goes on after its last whole block.
expect(1 "^$" "^corpus: dumps/15x.safetensors: 7 bytes are too few" ${CORPUS} "dumps/1*.safetensors" --block 4 --out strict --strict --threads 1)
if(NOT EXISTS ${folder}/strict/shard-1-of-1.running.safetensors OR EXISTS ${folder}/strict/shard-1-of-1.safetensors)
  message(SEND_ERROR "a run that ended leaves no shard that goes on")
endif()
configure_file(${DATA}/use_lite_cat.safetensors ${folder}/dumps/15x.safetensors COPYONLY)
expect(0 "^shard 1/1: 0 files|^11 examples" "^$" ${CORPUS} "dumps/1*.safetensors" --block 4 --out strict --strict)
expect(0 "^11 examples" "^$" ${CORPUS} "dumps/1*.safetensors" --block 4 --out strict2)
expect_same(strict/report.json strict2/report.json)

# Usage.
expect(2 "^$" "^corpus: --out DIR is required\n$" ${CORPUS} dumps/10.safetensors)
expect(2 "^$" "--bogus" ${CORPUS} --bogus)
expect(1 "^$" "^corpus: no files: name some, or give a --list\n$" ${CORPUS} --out x)
expect(1 "^$" "^corpus: no file matches none/\\*\n$" ${CORPUS} "none/*" --out x)
expect(1 "^$" "^corpus: none of 1 files can be read: cannot read missing.npz: " ${CORPUS} missing.npz --out x)
expect(1 "^$" "^corpus: --shard 9/8: should be such as 2/8\n$" ${CORPUS} dumps/10.safetensors --out x --shard 9/8)
expect(1 "^$" "^corpus: --shard 1: should be such as 2/8\n$" ${CORPUS} dumps/10.safetensors --out x --shard 1)
expect(1 "^$" "^corpus: cannot read no.txt\n$" ${CORPUS} --list no.txt --out x)
expect(0 "corpus merge run" "^$" ${CORPUS} --help)

# The Slurm script, with a sbatch that runs what it is given at once.
file(WRITE ${folder}/bin/sbatch [[#!/bin/sh
set -eu
echo "sbatch $*" >> sbatch.log
array=none
while :; do
  case $1 in
    --array=1-*) array=${1#--array=1-} ;;
    --*) ;;
    *) break ;;
  esac
  shift
done
if [ "$array" = none ]; then
  sh "$@" > merged.txt
  echo "78;cluster"
  exit
fi
task=$array
while [ "$task" -gt 0 ]; do
  SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=1 SLURM_CPUS_PER_TASK=2 sh "$@" >> tasks.txt
  task=$((task - 1))
done
echo "77;cluster"
]])
file(CHMOD ${folder}/bin/sbatch PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
set(script ${CMAKE_CURRENT_LIST_DIR}/../../examples/corpus/slurm.sh)
set(ENV{PATH} "${folder}/bin:$ENV{PATH}")
set(ENV{CORPUS} ${CORPUS})
expect(0 "^20 examples|^21 examples" "" ${CORPUS} --list list.txt --block 4 --out plain --no-figures)
expect(0 "^array 77, then merge 78: slurm/report.json\n$" "left out" sh ${script} 3 list.txt slurm --block 4)
expect_same(plain/report.json slurm/report.json)
file(READ ${folder}/tasks.txt tasks)
if(NOT tasks MATCHES "^shard 3/3: 6 files read[^\n]*\nshard 2/3: 8 files read[^\n]*\nshard 1/3: 8 files read[^\n]*\n$")
  message(SEND_ERROR "the tasks of the array said:\n${tasks}")
endif()
file(READ ${folder}/sbatch.log asked)
if(NOT asked MATCHES "^sbatch --parsable --output=slurm/slurm-%a.log --array=1-3 [^\n]*slurm.sh 3 list.txt slurm --block 4\nsbatch --parsable --output=slurm/slurm-merge.log --dependency=afterok:77 --cpus-per-task=1 [^\n]*slurm.sh merge slurm\n$")
  message(SEND_ERROR "sbatch was asked:\n${asked}")
endif()
expect(2 "^$" "^usage: " sh ${script} 3 list.txt)
# A task that is tried again finds its shard made.
set(ENV{SLURM_ARRAY_TASK_ID} 2)
expect(0 "^shard 2/3: 0 files read" "^$" sh ${script} 3 list.txt slurm --block 4)
