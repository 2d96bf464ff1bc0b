#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/heatmap.hpp>

#include <fmt/format.h>
#include <Eigen/Core>

#include <string>
#include <vector>

namespace attnscope {

/// What a decoder sees of its source (SVG): the map [target x source] of one head, or the mean over several,
/// with axes titled Target and Source.
///
/// heads: all heads of a layer, of one shape; `heads` of the options chooses those whose mean is drawn, by
/// default all. The map is titled "head 3", "mean over 12 heads" or "mean over 4 of 12 heads" unless
/// `map_titles` names it. A cell that is undefined in one of them is undefined in the mean.
/// @throws what `heatmap` throws; ShapeError no heads, heads of different shapes, a head that is not there
inline std::string cross_attention(const std::vector<Eigen::MatrixXd>& heads,
                                   const MapOptions& options = {}) {
  require<ShapeError>(!heads.empty(), "cross-attention of no heads");
  const auto shown = kept(options.heads, static_cast<Eigen::Index>(heads.size()), "head");
  Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(heads[0].rows(), heads[0].cols());
  for (const Eigen::Index head : shown) {
    const Eigen::MatrixXd& map = heads[static_cast<std::size_t>(head)];
    require<ShapeError>(map.rows() == mean.rows() && map.cols() == mean.cols(),
                        "head {} is {} x {}, head 0 is {} x {}", head, map.rows(), map.cols(), mean.rows(),
                        mean.cols());
    mean += map;
  }
  mean /= static_cast<double>(shown.size());

  const auto names =
      detail::names_of(options.head_names, static_cast<Eigen::Index>(heads.size()), "head names");
  detail::PanelStyle style{.name = "cross-attention",
                           .row_title = "Target",
                           .column_title = "Source",
                           .map_titles = options.map_titles};
  if (style.map_titles.empty())
    style.map_titles = {shown.size() == 1 ? fmt::format("head {}", names[static_cast<std::size_t>(shown[0])])
                        : shown.size() == heads.size()
                            ? fmt::format("mean over {} heads", heads.size())
                            : fmt::format("mean over {} of {} heads", shown.size(), heads.size())};
  return detail::map_grid({{&mean, "weights"}}, {.side = 640}, std::move(style), options);
}

}  // namespace attnscope
