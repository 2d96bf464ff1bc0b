#pragma once
#include <attnscope/core/simd/instruction_set.hpp>

#include "support/catch.hpp"

/// check() on every set of instructions that this machine has; the best one is in use again afterwards.
template <typename Check>
void with_each_set(const Check& check) {
  using attnscope::InstructionSet;
  for (const InstructionSet set : {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    if (attnscope::use_instruction_set(set) != set) continue;
    INFO("instruction set " << static_cast<int>(set));
    check();
  }
  attnscope::use_instruction_set(InstructionSet::avx512);
}
