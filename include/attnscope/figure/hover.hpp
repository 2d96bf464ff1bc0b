#pragma once
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/svg.hpp>

#include <Eigen/Core>

#include <cstddef>
#include <string>
#include <vector>

namespace attnscope {

/// Lays a transparent rectangle over each cell of a map that fills `box`, whose title viewers show beside the
/// pointer: "cat – sat: 0.123". `rows`, `columns`: one name each. About 90 bytes a cell, hence for small
/// maps.
inline void draw_hover(Svg& svg, const Eigen::MatrixXd& map, const Box& box,
                       const std::vector<std::string>& rows, const std::vector<std::string>& columns) {
  const auto name = [](const std::vector<std::string>& names, Eigen::Index i) {
    return xml_text(readable_token(names[static_cast<std::size_t>(i)], 40));
  };
  svg.markup("<g fill=\"none\" pointer-events=\"all\" transform=\"translate({} {}) scale({} {})\">\n",
             svg_number(box.left), svg_number(box.top), box.width / static_cast<double>(map.cols()),
             box.height / static_cast<double>(map.rows()));
  for (Eigen::Index row = 0; row < map.rows(); ++row)
    for (Eigen::Index column = 0; column < map.cols(); ++column)
      svg.markup("<path d=\"M{} {}h1v1h-1z\"><title>{} \u2013 {}: {:.3g}</title></path>\n", column, row,
                 name(rows, row), name(columns, column), map(row, column) + 0.0);
  svg.markup("</g>\n");
}

}  // namespace attnscope
