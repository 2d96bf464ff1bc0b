#pragma once
// The picture of the heads of a long text.
#include <attnscope/figure/head_grid.hpp>
#include <attnscope/heads/pooled_maps.hpp>

#include <string>
#include <vector>

inline constexpr attnscope::PooledMapsOptions long_figure_cells{.most_rows = 96, .most_columns = 96};

/// Maps of means become shares: what all keys of a cell get of a query, mean over its queries; 0 where
/// nothing may be seen.
inline std::vector<Eigen::MatrixXd> attention_shares(const attnscope::ExamplePooledMaps& maps,
                                                     const attnscope::Layout& layout,
                                                     attnscope::Index element) {
  using namespace attnscope;
  std::vector<Eigen::MatrixXd> shares = maps.heads;
  for (std::size_t row = 0; row < maps.rows.size(); ++row)
    for (std::size_t column = 0; column < maps.columns.size(); ++column) {
      const auto& [first, last] = maps.columns[column];
      Index pairs = 0;
      for (Index query = maps.rows[row].first; query < maps.rows[row].last; ++query) {
        const Range seen = layout.visible(element, query);
        const Index begin = std::max(first, seen.first);
        pairs += layout.count_keys(element, {begin, std::max(begin, std::min(last, seen.last))});
      }
      const double mean_keys = static_cast<double>(pairs) / static_cast<double>(maps.rows[row].size());
      for (Eigen::MatrixXd& map : shares) {
        double& cell = map(static_cast<Index>(row), static_cast<Index>(column));
        cell = pairs == 0 ? 0 : std::min(1., cell * mean_keys);  // rounding may leave it above 1
      }
    }
  return shares;
}

/// A label for the cells that hold a round number of tokens, some four of them.
inline std::vector<std::string> round_labels(const std::vector<attnscope::Range>& cells) {
  using attnscope::Index, attnscope::Range;
  Index step = 1, ten = 1;  // 1, 2, 5, 10, 20, ...
  while (4 * step < cells.back().last)
    if (step == ten)
      step = 2 * ten;
    else if (step == 2 * ten)
      step = 5 * ten;
    else
      step = ten = 10 * ten;
  std::vector<std::string> labels;
  for (const Range& tokens : cells) {
    const Index round = (tokens.first + step - 1) / step * step;
    labels.push_back(round < tokens.last ? fmt::format("{}", round) : "");
  }
  return labels;
}

/// All heads side by side (SVG). maps: means, as pooled_maps() makes them with long_figure_cells; names: what
/// each head is, or none.
inline std::string long_figure(const attnscope::ExamplePooledMaps& maps, const attnscope::Layout& layout,
                               attnscope::Index element, const std::string& title,
                               const std::vector<std::string>& names) {
  attnscope::MapOptions options{.title = title + ": share of the attention of each query",
                                .row_labels = round_labels(maps.rows),
                                .column_labels = round_labels(maps.columns),
                                .low = 1e-4,
                                .high = 1,
                                .scale = attnscope::Scale::logarithmic,
                                .cell_size = 2};
  for (std::size_t head = 0; head < names.size(); ++head)
    options.map_titles.push_back(fmt::format("{}: {}", head, names[head]));
  return attnscope::head_grid(attention_shares(maps, layout, element), options);
}
