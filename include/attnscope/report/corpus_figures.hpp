#pragma once
#include <attnscope/figure/interval_curves.hpp>
#include <attnscope/figure/metric_map.hpp>
#include <attnscope/report/corpus_numbers.hpp>
#include <attnscope/report/corpus_report.hpp>
#include <attnscope/report/figures.hpp>

namespace attnscope {

namespace detail::corpus_report {

/// "normalized entropies".
inline std::string in_words(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}
/// [layer][head] what each head does most often; empty where no roles are known.
inline std::vector<std::vector<std::string>> frequent_roles(const BucketStatistics& total,
                                                            const std::string& stack) {
  const auto found = total.categories.find({stack, "role"});
  if (found == total.categories.end()) return {};
  std::vector<std::vector<std::string>> roles;
  for (Index l = 0; l < found->second.layers(); ++l) {
    roles.emplace_back();
    for (Index h = 0; h < found->second.heads(); ++h)
      roles.back().push_back(found->second.most_frequent(l, h));
  }
  return roles;
}
/// The mean of a number over the corpus, a cell a head, and below it what the head does most often.
inline std::string mean_map(const CorpusReport& report, const TableName& name, const NumberStatistics& one) {
  MetricMapOptions options{.roles = frequent_roles(report.total, name.stack)};
  options.map.title =
      fmt::format("{}: {}, mean over {} examples", name.stack, in_words(name.name), one.counts().maxCoeff());
  return metric_map(one.mean().matrix(), options);
}
/// The share of the heads of each layer in the eight most frequent roles.
inline std::string role_curves(const TableName& name, const CategoryStatistics& roles) {
  constexpr std::size_t most = 8;
  std::vector<std::string> shown = by_frequency(roles);
  IntervalCurvesOptions options{.title = name.stack + ": roles by layer",
                                .x_title = "layer",
                                .y_title = "share of the heads of a layer",
                                .x_numbers = AxisNumbers::whole,
                                .low = 0};
  if (shown.size() > most) options.note = fmt::format("{} rarer roles are not shown", shown.size() - most);
  shown.resize(std::min(shown.size(), most));
  std::vector<IntervalSeries> series;
  for (const std::string& role : shown) {
    const Eigen::ArrayXd share = roles.layer_share(role);
    series.push_back({role, {}});
    for (Index l = 0; l < roles.layers(); ++l) {
      const ConfidenceInterval interval = roles.interval_of_layer_share(role, l, confidence);
      series.back().points.push_back({static_cast<double>(l), share(l), interval.lower, interval.upper});
    }
  }
  return interval_curves(series, options);
}
/// At most `most` of the layers, the first and the last among them, evenly apart.
inline std::vector<Index> some_layers(Index layers, Index most = 8) {
  std::vector<Index> some;
  const Index count = std::min(layers, most);
  for (Index i = 0; i < count; ++i) some.push_back(count == 1 ? 0 : i * (layers - 1) / (count - 1));
  return some;
}
/// A number of some layers by the length of the examples.
inline std::string length_curves(const CorpusReport& report, const TableName& name,
                                 const std::string& number) {
  const NumberStatistics& total = report.total.numbers.at(name);
  IntervalCurvesOptions options{.title = fmt::format("{}: {} by length", name.stack, in_words(number)),
                                .x_title = "tokens of an example, mean of a length bucket",
                                .y_title = in_words(number) + ", mean of a layer",
                                .x_numbers = AxisNumbers::whole};
  const std::vector<Index> layers = some_layers(total.layers());
  if (std::ssize(layers) < total.layers())
    options.note = fmt::format("{} of {} layers", layers.size(), total.layers());
  std::vector<IntervalSeries> series;
  for (const Index l : layers) {
    series.push_back({fmt::format("layer {}", l), {}});
    for (const auto& [length, bucket] : report.statistics.buckets()) {
      const auto found = bucket.numbers.find(name);
      if (found == bucket.numbers.end()) continue;
      const ConfidenceInterval interval = found->second.interval_of_mean(l, 0, confidence);
      series.back().points.push_back(
          {static_cast<double>(bucket.tokens) / static_cast<double>(bucket.examples),
           found->second.mean()(l, 0), interval.lower, interval.upper});
    }
  }
  return interval_curves(series, options);
}

}  // namespace detail::corpus_report

/// The figures of a corpus: of every number of heads a map of its mean (self.entropies), of every stack the
/// shares of roles by layer (self.roles), and of entropy by length (self.entropies_by_length), each with its
/// 95 % intervals.
inline std::vector<Figure> figures(const CorpusReport& report) {
  namespace here = detail::corpus_report;
  std::vector<Figure> all;
  for (const auto& [name, one] : report.total.numbers)
    if (!name.of_layers)
      all.push_back({fmt::format("{}.{}", name.stack, name.name), here::mean_map(report, name, one)});
  for (const auto& [name, one] : report.total.categories)
    all.push_back({name.stack + ".roles", here::role_curves(name, one)});
  for (const auto& [name, one] : report.total.numbers)
    for (const std::string number : {"entropies", "normalized_entropies"})
      if (name.of_layers && name.name == of_layer_mean(number))
        all.push_back(
            {fmt::format("{}.{}_by_length", name.stack, number), here::length_curves(report, name, number)});
  return all;
}

}  // namespace attnscope
