# cmake -DTORCH_EXPLAIN=... -DANALYZE=... -P torch_explain_test.cmake: the live model as its users run it.
cmake_minimum_required(VERSION 3.23)
include(${CMAKE_CURRENT_LIST_DIR}/expect.cmake)

# The models that ship are right nearly always; the same report every time; a curve with a line for every head that goes.
expect(0 "reads its first token, .CLS. +(1.000|0.9[5-9].)\n +reads the mean of its tokens +(1.000|0.9[5-9].)\n" "^$"
  ${TORCH_EXPLAIN} --only models,heads)
set(once "${printed}")
expect(0 "" "^$" ${TORCH_EXPLAIN} --only heads,models)
if(NOT printed STREQUAL once)
  message(SEND_ERROR "Two runs differ:\n${once}\n${printed}")
endif()
string(REGEX MATCHALL "\n +[0-8] +[01][.][0-9][0-9][0-9] +(-|[01][.][0-3]) +[01][.][0-9][0-9][0-9]" curve "${once}")
list(LENGTH curve lines)
if(NOT lines EQUAL 9)
  message(SEND_ERROR "the curve of pruning has ${lines} lines, not 9:\n${once}")
endif()
# With every head it is right, without any it guesses; important heads first is worse than last.
if(NOT once MATCHES "\n +0 +(1.000|0.9..) +- .*\n +8 +0.[456].. ")
  message(SEND_ERROR "the curve does not fall from right to guessing:\n${once}")
endif()

# The whole report on a few reviews: every part says what it found.
expect(0 "P.praise. = [01].*input gradient +0.*=> The model needs the words of .*leave one out.*=> .CLS.: permuting layer 1's attention moves the prediction by [01].[0-9][0-9] .median.: .*another seed .2..*=> The adversary .*every word alike +0[.].*=> The first model's attention knows which words count" "^$"
  ${TORCH_EXPLAIN} --reviews 6 --accuracy-reviews 200)

# What it hands over, analyze reads.
expect(0 "^live.safetensors\n$" "^$" ${TORCH_EXPLAIN} --dump live.safetensors --dump-model mean --reviews 12)
expect(0 "live.safetensors .film reviews, mean.*self +1 +4 " "" ${ANALYZE} live.safetensors --out report)

# Training writes what the program reads; a few steps are enough to see that.
expect(0 "reads its first token.*mine.safetensors\n$" "training an adversary of strength 1" ${TORCH_EXPLAIN} --train mine.safetensors --steps 3 --accuracy-reviews 20)
expect(0 "reads its first token" "^$" ${TORCH_EXPLAIN} --weights mine.safetensors --only models)

expect(0 "--train.*Examples:.*Exit code: 0 done, 1 bad input, 2 bad usage" "^$" ${TORCH_EXPLAIN} --help)
expect(1 "^$" "torch_explain: .*missing.safetensors.*No such file" ${TORCH_EXPLAIN} --weights missing.safetensors)
expect(1 "^$" "torch_explain: .*live.safetensors: tensor .first.classifier.bias.: it is missing" ${TORCH_EXPLAIN} --weights live.safetensors)
expect(1 "^$" "torch_explain: review 6 of 6" ${TORCH_EXPLAIN} --reviews 6 --review 6)
expect(2 "^$" "--only" ${TORCH_EXPLAIN} --only everything)
expect(2 "^$" "--reviews" ${TORCH_EXPLAIN} --reviews 0)
