#include <attnscope/core/simd/instruction_set.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("no more instructions are used than asked for, and than the machine has") {
  const InstructionSet best = instruction_set();
  CHECK(use_instruction_set(InstructionSet::portable) == InstructionSet::portable);
  CHECK(instruction_set() == InstructionSet::portable);
  CHECK(use_instruction_set(InstructionSet::avx2) <= InstructionSet::avx2);
  CHECK(use_instruction_set(InstructionSet::avx512) == best);
}
