#pragma once
#include <attnscope/corpus/corpus_run.hpp>
#include <attnscope/corpus/corpus_statistics.hpp>
#include <attnscope/report/csv.hpp>

#include <nlohmann/json.hpp>

namespace attnscope {

/// All that is known of a corpus, and of which run.
struct CorpusReport {
  CorpusRun run;                ///< which one
  CorpusStatistics statistics;  ///< by length bucket
  BucketStatistics total;       ///< of all examples

  /// Of a whole run: see total_of().
  CorpusReport(CorpusRun of_run, CorpusStatistics all)
      : run(std::move(of_run)), statistics(std::move(all)), total(statistics.total()) {}
};

namespace detail::corpus_report {

using Json = nlohmann::ordered_json;

/// The level of all intervals.
inline constexpr double confidence = .95;

/// visit(most tokens, statistics) of all examples, called "all", then of each length bucket.
template <typename Visit>
void each_bucket(const CorpusReport& report, const Visit& visit) {
  visit("all", report.total);
  for (const auto& [length, bucket] : report.statistics.buckets()) visit(fmt::format("{}", length), bucket);
}

/// Everything that tables and JSON say of one number, [layer x head] each, by name.
inline std::vector<std::pair<std::string, Eigen::ArrayXXd>> columns_of(const NumberStatistics& one) {
  Eigen::ArrayXXd lower(one.layers(), one.heads()), upper = lower;
  for (Index l = 0; l < one.layers(); ++l)
    for (Index h = 0; h < one.heads(); ++h) {
      const ConfidenceInterval interval = one.interval_of_mean(l, h, confidence);
      lower(l, h) = interval.lower;
      upper(l, h) = interval.upper;
    }
  return {{"count", one.counts()},
          {"mean", one.mean()},
          {"standard_deviation", one.standard_deviation()},
          {"standard_error", one.standard_error()},
          {"lower", lower},
          {"upper", upper},
          {"q05", one.quantile(.05)},
          {"q25", one.quantile(.25)},
          {"median", one.quantile(.5)},
          {"q75", one.quantile(.75)},
          {"q95", one.quantile(.95)},
          {"smallest", one.smallest()},
          {"largest", one.largest()}};
}

/// The categories of one table, the most frequent among all heads first.
inline std::vector<std::string> by_frequency(const CategoryStatistics& one) {
  std::vector<std::pair<double, std::string>> counted;
  for (const auto& [category, tally] : one.tallies()) counted.emplace_back(-tally.counts.sum(), category);
  std::sort(counted.begin(), counted.end());
  std::vector<std::string> names;
  for (const auto& [count, name] : counted) names.push_back(name);
  return names;
}

inline Json rows_of(const Eigen::ArrayXXd& table) {
  Json rows = Json::array();
  for (Index l = 0; l < table.rows(); ++l) {
    Json& row = rows.emplace_back(Json::array());
    for (Index h = 0; h < table.cols(); ++h) row.push_back(table(l, h));
  }
  return rows;
}
inline Json extremes_of(const CorpusStatistics& all, const NumberStatistics& one, bool largest) {
  const Eigen::ArrayXXd known = one.largest();
  Json rows = Json::array();
  for (Index l = 0; l < one.layers(); ++l) {
    Json& row = rows.emplace_back(Json::array());
    for (Index h = 0; h < one.heads(); ++h) {
      Json& name = row.emplace_back();
      if (!std::isnan(known(l, h)))
        name = all.name_of(largest ? one.largest_at(l, h) : one.smallest_at(l, h));
    }
  }
  return rows;
}
inline Json to_json(const CorpusStatistics& all, const NumberStatistics& one) {
  Json json = Json::object();
  for (const auto& [name, table] : columns_of(one)) json[name] = rows_of(table);
  json["smallest_example"] = extremes_of(all, one, false);
  json["largest_example"] = extremes_of(all, one, true);
  return json;
}
/// The share of each category in each layer, with its interval.
inline Json to_json(const CategoryStatistics& one) {
  Json json = Json::object();
  for (const std::string& category : by_frequency(one)) {
    const Eigen::ArrayXd share = one.layer_share(category);
    Json layers = Json::array();
    for (Index l = 0; l < one.layers(); ++l) {
      const ConfidenceInterval interval = one.interval_of_layer_share(category, l, confidence);
      layers.push_back({{"share", share(l)}, {"lower", interval.lower}, {"upper", interval.upper}});
    }
    json[category] = std::move(layers);
  }
  return json;
}

/// The role that most of a layer's heads have, but "none"; empty where no head has one.
inline std::string layer_finding(const std::string& stack, const CategoryStatistics& roles, Index layer) {
  std::string most;
  double share = 0;
  for (const auto& [role, tally] : roles.tallies())
    if (const double of_layer = roles.layer_share(role)(layer); role != "none" && of_layer > share) {
      most = role;
      share = of_layer;
    }
  if (most.empty()) return {};
  const ConfidenceInterval interval = roles.interval_of_layer_share(most, layer, confidence);
  const std::string range =
      std::isnan(interval.lower)
          ? ""
          : fmt::format(" ({:.0f} to {:.0f} %)", 100 * interval.lower, 100 * interval.upper);
  return fmt::format(
      "{} layer {}: {:.0f} %{} of the heads are \"{}\", more than anything else that is a role.", stack,
      layer, 100 * share, range, most);
}
/// How many heads keep to one role.
inline std::string steady_finding(const std::string& stack, const CategoryStatistics& roles) {
  Index heads = 0, steady = 0;
  const Eigen::ArrayXXd counts = roles.counts();
  for (Index l = 0; l < roles.layers(); ++l)
    for (Index h = 0; h < roles.heads(); ++h) {
      const std::string role = roles.most_frequent(l, h);
      heads += counts(l, h) > 0;
      steady += !role.empty() && role != "none" && roles.counts(role)(l, h) >= .9 * counts(l, h);
    }
  return fmt::format("{}: {} of {} heads have the same role in nine of ten examples, or more.", stack, steady,
                     heads);
}

}  // namespace detail::corpus_report

/// What a corpus says of roles, in sentences with their numbers and intervals.
inline std::vector<std::string> findings(const CorpusReport& report) {
  namespace here = detail::corpus_report;
  std::vector<std::string> all;
  for (const auto& [name, roles] : report.total.categories) {
    for (Index l = 0; l < roles.layers(); ++l)
      if (std::string sentence = here::layer_finding(name.stack, roles, l); !sentence.empty())
        all.push_back(std::move(sentence));
    all.push_back(here::steady_finding(name.stack, roles));
  }
  return all;
}

/// heads.csv: a row a stack, number, layer and head, over all examples ("all") and over those of each length
/// bucket (at most so many `tokens`): count, mean, standard deviation and error, the 95 % bootstrap interval
/// of the mean, quantiles, and the extremes with the example's name. The head of a number of a whole layer is
/// empty. RFC 4180 with "\r\n"; an undefined number is empty, and what no example defines has no row.
inline std::string corpus_heads_csv(const CorpusReport& report) {
  namespace here = detail::corpus_report;
  std::string csv = "stack,layer,head,number,tokens";
  for (const auto& [column, table] : here::columns_of(NumberStatistics({}, 1, 1, 0))) csv += "," + column;
  csv += ",smallest_example,largest_example\r\n";
  here::each_bucket(report, [&](const std::string& tokens, const BucketStatistics& bucket) {
    for (const auto& [name, one] : bucket.numbers) {
      const auto columns = here::columns_of(one);
      for (Index l = 0; l < one.layers(); ++l)
        for (Index h = 0; h < one.heads(); ++h) {
          if (columns.front().second(l, h) == 0) continue;
          csv +=
              fmt::format("{},{},{},{},{}", detail::csv_field(name.stack), l,
                          name.of_layers ? "" : fmt::format("{}", h), detail::csv_field(name.name), tokens);
          for (const auto& [column, table] : columns) csv += "," + detail::csv_field(table(l, h));
          csv +=
              fmt::format(",{},{}\r\n", detail::csv_field(report.statistics.name_of(one.smallest_at(l, h))),
                          detail::csv_field(report.statistics.name_of(one.largest_at(l, h))));
        }
    }
  });
  return csv;
}

/// roles.csv: in how many of the examples a head had a role, with Wilson's 95 % interval of the share, and
/// without a head the share of a layer's heads, with its bootstrap interval; over all examples and over those
/// of each length bucket.
inline std::string corpus_roles_csv(const CorpusReport& report) {
  namespace here = detail::corpus_report;
  std::string csv = "stack,layer,head,role,tokens,count,of,share,lower,upper\r\n";
  const auto row = [&](const std::string& place, const std::string& role, const std::string& tokens,
                       double count, double of, const ConfidenceInterval& interval) {
    csv += fmt::format("{},{},{},{},{},{},{},{}\r\n", place, detail::csv_field(role), tokens, count, of,
                       detail::csv_field(count / of), detail::csv_field(interval.lower),
                       detail::csv_field(interval.upper));
  };
  here::each_bucket(report, [&](const std::string& tokens, const BucketStatistics& bucket) {
    for (const auto& [name, one] : bucket.categories)
      for (const std::string& role : here::by_frequency(one)) {
        const Eigen::ArrayXXd counts = one.counts(role), all = one.counts();
        for (Index l = 0; l < one.layers(); ++l) {
          const std::string place = fmt::format("{},{}", detail::csv_field(name.stack), l);
          if (all.row(l).sum() == 0) continue;
          row(place + ",", role, tokens, counts.row(l).sum(), all.row(l).sum(),
              one.interval_of_layer_share(role, l, here::confidence));
          for (Index h = 0; h < one.heads(); ++h)
            if (counts(l, h) > 0)
              row(fmt::format("{},{}", place, h), role, tokens, counts(l, h), all(l, h),
                  wilson_interval(counts(l, h), all(l, h), here::confidence));
        }
      }
  });
  return csv;
}

/// report.json of a corpus: the run, what is counted and what is left out, findings, and of each stack every
/// number ([layer][head], or [layer][0] of whole layers) and the roles of its layers, over all examples and
/// by length. null for an undefined number; one trailing newline.
inline std::string corpus_report_json(const CorpusReport& report) {
  namespace here = detail::corpus_report;
  here::Json json{{"format", "attnscope-corpus/1"}, {"fingerprint", report.run.fingerprint()},
                  {"run", report.run.fields},       {"examples", report.total.examples},
                  {"tokens", report.total.tokens},  {"left_out", here::Json::array()},
                  {"findings", findings(report)},   {"lengths", here::Json::array()},
                  {"stacks", here::Json::object()}};
  for (const LeftOutExample& one : report.statistics.left_out())
    json["left_out"].push_back({{"file", one.name}, {"reason", one.reason}});
  for (const auto& [length, bucket] : report.statistics.buckets())
    json["lengths"].push_back(
        {{"most_tokens", length}, {"examples", bucket.examples}, {"tokens", bucket.tokens}});
  here::each_bucket(report, [&](const std::string& tokens, const BucketStatistics& bucket) {
    for (const auto& [name, one] : bucket.numbers)
      json["stacks"][name.stack]["numbers"][name.name][tokens] = here::to_json(report.statistics, one);
    for (const auto& [name, one] : bucket.categories)
      json["stacks"][name.stack][name.name + "s"][tokens] = here::to_json(one);
  });
  return json.dump(1, ' ', false, here::Json::error_handler_t::replace) + "\n";
}

}  // namespace attnscope
