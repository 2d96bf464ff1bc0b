#pragma once
// analyze(), compiled once for the program and all tests of this room: it is every measure for every precision.
#include "../examples/analysis.hpp"

namespace attnscope::test {
inline Analysis analyze(const Dump& dump, const AnalyzeOptions& options = {}) {
  return analysis_of(dump, options);
}
}  // namespace attnscope::test
