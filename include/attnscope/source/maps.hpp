#pragma once
#include <attnscope/source/stored.hpp>

#include <vector>

namespace attnscope {

/// [head] of [query x key]: all weights of one example as matrices, hidden ones 0, for figures and for
/// looking. example: batch element. @throws ShapeError it is not there. Cost: heads x queries x keys doubles.
template <Attention A>
std::vector<Eigen::MatrixXd> head_maps(const A& attention, Index example = 0) {
  const auto source = source_of(attention);
  const Layout& layout = source.layout();
  detail::require_example(layout, example);
  auto reader = source.reader();
  const auto block = reader.read(example, {0, layout.queries(example)});
  std::vector<Eigen::MatrixXd> maps;
  for (Index h = 0; h < block.heads(); ++h) {
    maps.emplace_back(Eigen::MatrixXd::Zero(block.size(), layout.keys(example)));
    maps.back().leftCols(block.keys()) = block.head(h).matrix().template cast<double>();
  }
  return maps;
}

}  // namespace attnscope
