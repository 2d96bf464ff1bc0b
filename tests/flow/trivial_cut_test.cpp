#include <attnscope/flow/trivial_cut.hpp>

#include "flow_stacks.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using namespace attnscope::detail;
using flow_stacks::Stack;

TEST_CASE("reach follows arcs of the grid, both ways") {
  const Stack stack = flow_stacks::stack("sparse", 4, 9, 11);
  const CapacityGrid grid(stack);
  const BitMatrix down = reach_down(grid, 4, 1), up = reach_up(grid, 1, 4);
  const Eigen::MatrixXd ways = stack[3] * stack[2] * stack[1];
  for (Index i = 0; i < 9; ++i)
    for (Index k = 0; k < 9; ++k) {
      CHECK(down.test(i, k) == (ways(i, k) > 0));
      CHECK(up.test(k, i) == (ways(i, k) > 0));
      CHECK(reach_down(grid, 2, 2).test(i, k) == (i == k));
      CHECK(reach_up(grid, 0, 0).test(i, k) == (i == k));
    }
}

TEST_CASE("the trivial cut counts only nodes between the two tokens") {
  for (const std::string kind : {"sparse", "causal", "dense", "zero rows", "window"})
    for (const Index depth : {1, 2, 3, 5}) {
      const Stack stack = flow_stacks::stack(kind, 5, 9, 11);
      const CapacityGrid grid(stack);
      const Eigen::MatrixXd cuts = trivial_cuts(grid, depth);
      Eigen::MatrixXd above = Eigen::MatrixXd::Identity(9, 9),
                      below = above;  // ways to level 1; from level depth - 1
      for (Index l = depth - 1; l > 0; --l) above = above * stack[static_cast<std::size_t>(l)];
      for (Index l = depth - 2; l >= 0; --l) below = below * stack[static_cast<std::size_t>(l)];
      for (Index i = 0; i < 9; ++i)
        for (Index j = 0; j < 9; ++j) {
          INFO(kind << ", depth " << depth << ": " << i << " to " << j);
          double leaves = 0, enters = 0;
          for (Index k = 0; k < 9; ++k) {
            if (below(k, j) > 0) leaves += stack[static_cast<std::size_t>(depth - 1)](i, k);
            if (above(i, k) > 0) enters += stack[0](k, j);
          }
          CHECK(cuts(i, j) * grid.unit() == Approx(std::min(leaves, enters)).margin(1e-12));
        }
    }
}
