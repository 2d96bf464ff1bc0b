#pragma once
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/svg.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace attnscope {

/// A label beside its point.
struct PointLabel {
  std::size_t point = 0;   ///< its number
  std::string words = {};  ///< what it says
  Point at = {};           ///< the middle of its left edge
};

namespace detail {

inline bool overlap(const Box& a, const Box& b) {
  return a.left < b.right() && b.left < a.right() && a.top < b.bottom() && b.top < a.bottom();
}

/// The places around a point where a label of this size may stand, the best first.
inline std::array<Box, 8> label_places(Point at, double radius, double width, double height) {
  const double beside = radius + 2, low = at.y - height / 2;
  const double right = at.x + beside, left = at.x - beside - width, middle = at.x - width / 2;
  const double above = at.y - beside - height, below = at.y + beside;
  return {{{right, low, width, height},
           {left, low, width, height},
           {middle, above, width, height},
           {middle, below, width, height},
           {right, above + beside / 2, width, height},
           {left, above + beside / 2, width, height},
           {right, below - beside / 2, width, height},
           {left, below - beside / 2, width, height}}};
}

}  // namespace detail

/// The labels of points that fit into `within` without touching a mark or one another, each beside its point.
/// The first points choose first: give those that matter most a low index. Points whose label is empty have
/// none, and those without room are left out. Cost: 8 points^2 comparisons.
inline std::vector<PointLabel> place_labels(const std::vector<Point>& points,
                                            const std::vector<std::string>& labels, const Box& within,
                                            double size = 10, double radius = 4) {
  std::vector<Box> taken;
  for (const Point& point : points)
    taken.push_back({point.x - radius, point.y - radius, 2 * radius, 2 * radius});
  const auto free = [&](const Box& box) {
    const bool inside = box.left >= within.left && box.top >= within.top && box.right() <= within.right() &&
                        box.bottom() <= within.bottom();
    return inside && std::none_of(taken.begin(), taken.end(),
                                  [&](const Box& other) { return detail::overlap(box, other); });
  };
  std::vector<PointLabel> placed;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (labels[i].empty()) continue;
    const double width = text_width(labels[i], size) + 1, height = 1.1 * size;
    for (const Box& box : detail::label_places(points[i], radius, width, height)) {
      if (!free(box)) continue;
      taken.push_back(box);
      placed.push_back({i, labels[i], {box.left, box.top + height / 2}});
      break;
    }
  }
  return placed;
}

}  // namespace attnscope
