#pragma once
#include <attnscope/report/analyze.hpp>

/// attnscope::analyze(), compiled by itself: every measure in every precision, while another core compiles the
/// rest of the program.
attnscope::Analysis analysis_of(const attnscope::Dump& dump, const attnscope::AnalyzeOptions& options);
