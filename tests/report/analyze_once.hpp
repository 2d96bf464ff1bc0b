#pragma once
// analyze(), compiled once for all tests of this room: it is every measure for every precision.
#include <attnscope/report/analyze.hpp>

namespace attnscope::test {
Analysis analyze(const Dump& dump, const AnalyzeOptions& options = {});
}
