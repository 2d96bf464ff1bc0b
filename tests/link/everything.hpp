#pragma once
// What both translation units include: all of the library.
#include <attnscope/attnscope.hpp>
#include <attnscope/io/write_safetensors.hpp>
#include <attnscope/report/analyze.hpp>
#include <attnscope/report/csv.hpp>
#include <attnscope/report/figures.hpp>
#include <attnscope/report/json.hpp>

/// The report and a figure of one small dump, as text.
inline std::string everything() {
  using namespace attnscope;
  AttentionTensor<float> attention(1, 2, 3, 3);
  attention.setConstant(1 / 3.f);
  const Dump dump = make_dump("in memory", {{"self.0.attention", raw_tensor(attention)}}, {});
  return report_json(analyze(dump)) + metrics_csv(analyze(dump)) + figures(dump).drawn[0].svg;
}

std::string everything_elsewhere();
