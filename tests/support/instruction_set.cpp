// Part of every test program: ATTNSCOPE_TEST_INSTRUCTIONS=portable or avx2 in its environment keeps the
// kernels to these.
#include <attnscope/core/simd/instruction_set.hpp>

#include <cstdlib>
#include <string_view>

namespace {

[[maybe_unused]] const attnscope::InstructionSet used = [] {
  using attnscope::InstructionSet;
  const char* asked = std::getenv("ATTNSCOPE_TEST_INSTRUCTIONS");
  const std::string_view most = asked ? asked : "";
  return attnscope::use_instruction_set(most == "portable" ? InstructionSet::portable
                                        : most == "avx2"   ? InstructionSet::avx2
                                                           : InstructionSet::avx512);
}();

}  // namespace
