#pragma once
#include <attnscope/io/dump.hpp>
#include <attnscope/report/analysis.hpp>

/// attnscope::analyze(), compiled by itself: every measure in every precision, while another core compiles the
/// rest of the program.
attnscope::Analysis analysis_of(const attnscope::Dump& dump, const attnscope::AnalyzeOptions& options);
