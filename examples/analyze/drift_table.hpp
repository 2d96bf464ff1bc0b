#pragma once
// What analyze prints of the drift between two dumps.
#include <attnscope/report/drift_report.hpp>

#include "tables.hpp"

namespace tables {

/// The largest of the numbers that are defined, and where it stands; -1: nowhere.
struct Largest {
  Index head = -1;
  double value = undefined;
};
inline Largest largest_of(const Eigen::VectorXd& values) {
  Largest largest;
  for (Index h = 0; h < values.size(); ++h)
    if (!std::isnan(values(h)) && !(values(h) <= largest.value)) largest = {h, values(h)};
  return largest;
}

/// "0>2 2>0": the heads whose like has another number in the other dump.
inline std::string moved_heads(const LayerDrift& layer) {
  std::vector<std::string> moves;
  for (std::size_t h = 0; h < layer.heads.size(); ++h) {
    const Index partner = layer.drift.matched.partner[h];
    if (partner >= 0 && partner != static_cast<Index>(h))
      moves.push_back(fmt::format("{}>{}", layer.heads[h], layer.other[static_cast<std::size_t>(partner)]));
  }
  return moves.empty() ? "-" : fmt::format("{}", fmt::join(moves, " "));
}

/// A row a layer: how far its heads are from those of the same number.
inline std::string drift_table(const Terminal& terminal, const DriftReport& report) {
  Table table({{"stack", false},
               {"layer"},
               {"heads"},
               {"variation"},
               {"largest"},
               {"divergence"},
               {"largest"},
               {"most changed"},
               {"entropy change"},
               {"moved heads", false}});
  for (const StackDrift& stack : report.stacks)
    for (const LayerDrift& layer : stack.layers) {
      const HeadDrift& drift = layer.drift.in_place;
      const auto variation = [&](double value) {
        return Table::Cell{std::isnan(value) ? "-" : fmt::format("{:.4f}", value), value};
      };
      const auto divergence = [&](double value) {
        return Table::Cell{std::isnan(value) ? "-" : fmt::format("{:.4f}", value), value / std::log(2)};
      };
      const Index most = largest_of(drift.total_variation).head;
      const double change = mean_of(drift.change.entropies);
      table.add({{stack.name},
                 {fmt::format("{}", layer.layer)},
                 {fmt::format("{}", layer.heads.size())},
                 variation(mean_of(drift.total_variation)),
                 variation(largest_of(drift.max_total_variation).value),
                 divergence(mean_of(drift.jensen_shannon)),
                 divergence(largest_of(drift.max_jensen_shannon).value),
                 {most < 0 ? "-" : fmt::format("head {}", layer.heads[static_cast<std::size_t>(most)])},
                 {std::isnan(change) ? "-" : fmt::format("{:+.4f}", change)},
                 {moved_heads(layer)}});
    }
  return fmt::format(
      "Drift from {} to {}: total variation (0 to 1) and Jensen-Shannon divergence (nats, 0 to 0.69) between "
      "heads of one number, mean and largest query; the head with the most variation; the mean change of "
      "entropy; heads that are most like one of another number\n\n{}",
      shown(report.source), shown(report.other), table.text(terminal));
}

}  // namespace tables
