#include "analysis.hpp"

attnscope::Analysis analysis_of(const attnscope::Dump& dump, const attnscope::AnalyzeOptions& options) {
  return attnscope::analyze(dump, options);
}
