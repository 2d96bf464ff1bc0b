#include "report/analyze_once.hpp"

namespace attnscope::test {
Analysis analyze(const Dump& dump, const AnalyzeOptions& options) {
  return attnscope::analyze(dump, options);
}
}  // namespace attnscope::test
