#pragma once
#include <attnscope/report/metrics.hpp>

#include <algorithm>

namespace attnscope {

namespace detail {

/// A field of RFC 4180.
inline std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string quoted;
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return fmt::format("\"{}\"", quoted);
}
/// The shortest form that reads back exactly; empty for an undefined number.
inline std::string csv_field(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

}  // namespace detail

/// heads.csv: one row a stack, layer and head, a column a metric, over the whole batch, then the head's
/// pattern and its score. RFC 4180 with "\r\n"; a metric that a stack has not, and an undefined number, is an
/// empty field.
inline std::string heads_csv(const Analysis& analysis) {
  std::vector<std::string> columns;
  for (const StackAnalysis& stack : analysis.stacks)
    for (const LayerAnalysis& layer : stack.layers)
      for (const HeadMetric& metric : table_metrics(layer.pooled))
        if (std::ranges::find(columns, metric.name) == columns.end()) columns.push_back(metric.name);
  std::string csv = "stack,layer,head";
  for (const std::string& column : columns) csv += fmt::format(",{}", column);
  csv += ",pattern,pattern_score\r\n";
  for (const StackAnalysis& stack : analysis.stacks)
    for (const LayerAnalysis& layer : stack.layers) {
      const std::vector<HeadMetric> metrics = table_metrics(layer.pooled);
      for (std::size_t h = 0; h < layer.heads.size(); ++h) {
        csv += fmt::format("{},{},{}", detail::csv_field(stack.name), layer.layer, layer.heads[h]);
        for (const std::string& column : columns) {
          const auto found = std::find_if(metrics.begin(), metrics.end(),
                                          [&](const HeadMetric& m) { return m.name == column; });
          csv += ',';
          if (found != metrics.end()) csv += detail::csv_field(found->values(static_cast<Index>(h)));
        }
        const HeadPattern& pattern = layer.patterns[h];
        csv += fmt::format(",{},{}\r\n", detail::csv_field(pattern.label), detail::csv_field(pattern.score));
      }
    }
  return csv;
}

/// metrics.csv, tidy: a row a batch element (`example`), stack, layer, head and metric; the head of a number
/// of the whole layer is empty. RFC 4180 with "\r\n"; an undefined value is empty.
inline std::string metrics_csv(const Analysis& analysis) {
  std::string csv = "example,stack,layer,head,metric,value\r\n";
  for (Index b = 0; b < analysis.batch; ++b)
    for (const StackAnalysis& stack : analysis.stacks)
      for (const LayerAnalysis& layer : stack.layers) {
        const LayerMetrics& element = layer.elements[static_cast<std::size_t>(b)];
        const auto row = [&](const std::string& head, const std::string& metric, double value) {
          csv += fmt::format("{},{},{},{},{},{}\r\n", b, detail::csv_field(stack.name), layer.layer, head,
                             metric, detail::csv_field(value));
        };
        for (const HeadMetric& metric : table_metrics(element))
          for (std::size_t h = 0; h < layer.heads.size(); ++h)
            row(fmt::format("{}", layer.heads[h]), metric.name, metric.values(static_cast<Index>(h)));
        for (const LayerMetric& metric : layer_metrics(element)) row("", metric.name, metric.value);
        for (const LayerMetric& metric : attribution_metrics(stack, layer.layer, b))
          row("", metric.name, metric.value);
      }
  return csv;
}

}  // namespace attnscope
