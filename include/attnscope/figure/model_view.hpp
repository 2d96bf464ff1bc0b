#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/map_grid.hpp>

#include <fmt/format.h>
#include <Eigen/Core>

#include <algorithm>
#include <string>
#include <vector>

namespace attnscope {

/// All heads of all layers as small maps (SVG): a row of maps a layer, a column a head, one colour scale; the
/// model view of BertViz (Vig, 2019).
///
/// maps: [layer][head], matrices [query x key] of one shape. Layers may have fewer heads than others, and a
/// matrix without cells is a head that is not there, such as one that was pruned: its place stays empty.
/// `layers` and `heads` choose, `layer_names` and `head_names` name them; `rows` and `columns` choose tokens,
/// whose labels are not drawn: head_grid and heatmap have room for them. A map has no title of its own.
///
/// A map is about 90 px long. Where it has more cells than that, or all maps together more than `most_cells`,
/// the largest of each square of cells is drawn, and a note says so: 24 x 16 heads of 512 tokens take less
/// than 3 MB. The maps have 52 colours of the palette, 1/51 of the scale apart.
/// @throws what `heatmap` throws, with layer and head in the text; ShapeError no maps, maps of different
/// shapes; ValueError `map_titles`
inline std::string model_view(const std::vector<std::vector<Eigen::MatrixXd>>& maps,
                              const MapOptions& options = {}) {
  std::size_t most_heads = 0;
  for (const auto& heads : maps) most_heads = std::max(most_heads, heads.size());
  const auto count = static_cast<Eigen::Index>(maps.size()), width = static_cast<Eigen::Index>(most_heads);
  require<ShapeError>(count > 0 && width > 0, "a model view of {} layers and {} heads", count, width);
  require<ValueError>(options.map_titles.empty(),
                      "a model view has no map titles: layer_names and head_names name its maps");
  const auto layers = kept(options.layers, count, "layer"), heads = kept(options.heads, width, "head");
  std::vector<detail::GivenMap> places;
  for (const Eigen::Index layer : layers)
    for (const Eigen::Index head : heads) {
      const auto& of_layer = maps[static_cast<std::size_t>(layer)];
      const auto h = static_cast<std::size_t>(head);
      const bool is_there = h < of_layer.size() && of_layer[h].size() > 0;
      places.push_back({is_there ? &of_layer[h] : nullptr, fmt::format("layer {}, head {}", layer, head)});
    }
  detail::PanelStyle style{
      .name = "model view",
      .columns = heads.size(),
      .gap = 6,
      .level_step = 5,  // each colour is a path of its own, in each map
      .row_title = "layer",
      .column_title = "head",
      .row_headings = kept_of(detail::names_of(options.layer_names, count, "layer names"), layers),
      .column_headings = kept_of(detail::names_of(options.head_names, width, "head names"), heads)};
  return detail::map_grid(places, {.side = 90, .most_a_side = 90}, std::move(style), options);
}

}  // namespace attnscope
