#include "analysis.hpp"

#include <attnscope/report/analyze.hpp>

attnscope::Analysis analysis_of(const attnscope::Dump& dump, const attnscope::AnalyzeOptions& options) {
  return attnscope::analyze(dump, options);
}
