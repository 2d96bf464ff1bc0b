#pragma once
#include <attnscope/figure/names.hpp>
#include <attnscope/figure/plot.hpp>
#include <attnscope/figure/point_labels.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace attnscope {

/// How head_scatter() draws.
struct HeadScatterOptions {
  std::string title = {};            ///< above the figure; none where it is empty
  std::vector<std::string> names{};  ///< [head] such as "3.7", layer and head; none: no labels
  std::vector<std::string> roles{};  ///< [head] such as "previous token"; none: all of one colour
  /// The roles in the order of their colours, to keep these the same in several figures; those that are not
  /// among them follow in the order of the heads.
  std::vector<std::string> role_order{};
  std::string no_role = "none";  ///< the role that is drawn in grey
  double side = 380;             ///< of the longer side of the frame, 40 to 10000 px
  Theme theme = Theme::light;    ///< of paper or screen
};

namespace detail {

/// The roles that occur, in their order.
inline std::vector<std::string> roles_in_order(const HeadScatterOptions& options) {
  std::vector<std::string> order;
  const auto add = [&](const std::string& role) {
    if (std::find(order.begin(), order.end(), role) == order.end()) order.push_back(role);
  };
  for (const std::string& role : options.role_order) add(role);
  for (const std::string& role : options.roles)
    if (role != options.no_role) add(role);
  return order;
}

}  // namespace detail

/// Heads as points of a plane (SVG), such as head_map() makes of their distances: one px is the same distance
/// in both directions. A role has a colour and a shape of its own and stands in the legend, with the number
/// of its heads. Names stand beside their points where they fit; a note counts those that do not.
/// points: [head x 2].
/// @throws ShapeError no heads, points that are not pairs, names or roles that are not one a head; ValueError
/// a coordinate that is not finite or beyond 1e300, a side that is not 40 to 10000 px
inline std::string head_scatter(const Eigen::MatrixXd& points, const HeadScatterOptions& options = {}) {
  require<ShapeError>(points.rows() > 0 && points.cols() == 2, "a map of heads is [head x 2], not {} x {}",
                      points.rows(), points.cols());
  const auto heads = static_cast<std::size_t>(points.rows());
  detail::check_labels(options.names, points.rows(), "head names");
  detail::check_labels(options.roles, points.rows(), "roles");
  require<ValueError>(options.side >= 40 && options.side <= 10'000, "a side of {} px is not 40 to 10000",
                      options.side);
  AxisRange x, y;
  for (Eigen::Index h = 0; h < points.rows(); ++h) {
    require<ValueError>(points.row(h).allFinite(), "head {} lies at {}, {}", h, points(h, 0), points(h, 1));
    x.include(points(h, 0));
    y.include(points(h, 1));
  }
  x = x.widened(.08);
  y = y.widened(.08);
  const double longer = std::max(x.length(), y.length());
  // A map that is nearly a line would have no room for its labels.
  const auto at_least = [&](AxisRange& range) {
    const double more = std::max(0., .3 * longer - range.length()) / 2;
    range = {range.low - more, range.high + more};
  };
  at_least(x);
  at_least(y);

  const std::vector<std::string> order = detail::roles_in_order(options);
  const auto style = [&](const std::string& role) {
    const auto place = static_cast<std::size_t>(std::find(order.begin(), order.end(), role) - order.begin());
    return place < order.size() ? category_style(place, options.theme)
                                : CategoryStyle{theme_colours(options.theme).line, 0};
  };
  const auto role_of = [&](std::size_t head) {
    return options.roles.empty() ? std::string() : options.roles[head];
  };
  std::vector<LegendEntry> legend;
  std::vector<std::string> in_legend = order;
  if (!options.roles.empty()) in_legend.push_back(options.no_role);
  for (const std::string& role : in_legend)
    if (const auto count = std::count(options.roles.begin(), options.roles.end(), role); count > 0)
      legend.push_back({fmt::format("{} ({})", role, count), {style(role).colour}, style(role).shape});

  std::vector<std::string> names = options.names;
  names.resize(heads);
  for (std::string& name : names) name = readable_line(name, 16);
  Plot plot({.title = options.title,
             .x = x,
             .y = y,
             .width = options.side * (x.length() / longer),
             .height = options.side * (y.length() / longer),
             .theme = options.theme});
  std::vector<Point> places;
  for (Eigen::Index h = 0; h < points.rows(); ++h) places.push_back(plot.at(points(h, 0), points(h, 1)));
  const std::vector<PointLabel> labels = place_labels(places, names, plot.box());
  const auto named = static_cast<std::size_t>(
      std::count_if(names.begin(), names.end(), [](const std::string& name) { return !name.empty(); }));
  for (std::size_t h = 0; h < heads; ++h) {
    const std::string role = role_of(h);
    const std::string name = names[h].empty() ? fmt::format("head {}", h) : names[h];
    draw_mark(plot.svg(), places[h], options.roles.empty() ? category_style(0, options.theme) : style(role),
              4, .9, role.empty() ? name : name + ": " + readable_line(role));
  }
  for (const PointLabel& label : labels) plot.svg().text(label.at, label.words, {.size = 10});
  const std::size_t left_out = named - labels.size();
  return plot.document(
      Legend(legend),
      left_out > 0 ? fmt::format("{} of {} heads have no room for their names", left_out, heads) : "",
      "map of heads", fmt::format("{} heads as points of a plane.", heads));
}

}  // namespace attnscope
