#include <attnscope/flow/waist.hpp>

#include "flow_stacks.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using namespace attnscope::detail;
using flow_stacks::Stack;

TEST_CASE("every waist's bounds hold, and most meet in deep dense stacks") {
  for (const std::string& kind : flow_stacks::kinds) {
    const Stack stack = flow_stacks::stack(kind, 7, 8, 21);
    const CapacityGrid grid(stack);
    const Eigen::MatrixXd flow = flow_stacks::textbook_flows(stack) / grid.unit();
    const double slack = 1e-10 / grid.unit();
    for (const auto& [top, bottom] : {std::pair{2, 2}, {4, 3}, {5, 2}, {5, 5}, {3, 3}}) {
      INFO(kind << ", waist from level " << top << " to " << bottom);
      FlowBounds bounds{Eigen::MatrixXd::Zero(8, 8), trivial_cuts(grid, 7)};
      if (!Waist(grid, 7, top, bottom).tighten(bounds, 2)) continue;
      CHECK((bounds.lower - flow).maxCoeff() <= slack);
      CHECK((flow - bounds.upper).maxCoeff() <= slack);
    }
  }
  const Stack deep = flow_stacks::stack("residual", 12, 30, 2);
  const CapacityGrid grid(deep);
  FlowBounds bounds{Eigen::MatrixXd::Zero(30, 30), trivial_cuts(grid, 12)};
  tighten_by_waists(grid, 12, bounds, 1);
  CHECK(bounds.open() == 0);
}

TEST_CASE("an input that the waist cannot fill is bounded by what it takes") {
  // Token 0 of the inputs takes 1 from each of two nodes, which get at most .1 and .2 from all others.
  Eigen::MatrixXd narrow = Eigen::MatrixXd::Constant(4, 4, .25), wide = narrow, bottom = narrow;
  narrow.col(0).setConstant(.025);
  narrow.col(1).setConstant(.05);
  bottom.col(0) << 1, 1, 0, 0;
  const Stack stack{bottom, narrow, wide, wide, wide, wide, wide, wide};
  const CapacityGrid grid(stack);
  FlowBounds bounds{Eigen::MatrixXd::Zero(4, 4), trivial_cuts(grid, 8)};
  CHECK(bounds.upper(2, 0) * grid.unit() == Approx(1));
  tighten_by_waists(grid, 8, bounds, 1);
  CHECK(bounds.upper(2, 0) * grid.unit() == Approx(.3));
  CHECK(bounds.meet(2, 0));
}

TEST_CASE("sources that do not share the waist leave the bounds alone") {
  const Stack stack(6, Eigen::MatrixXd::Identity(20, 20));
  const CapacityGrid grid(stack);
  FlowBounds bounds{Eigen::MatrixXd::Zero(20, 20), trivial_cuts(grid, 6)};
  CHECK_FALSE(Waist(grid, 6, 3, 3).tighten(bounds, 1));
  CHECK(bounds.lower.isZero());
}

TEST_CASE("bounds meet relative to the upper one, and at nothing") {
  const FlowBounds bounds{Eigen::RowVector3d(1, 1, 0), Eigen::RowVector3d(1, 1 + 1e-9, 0)};
  CHECK(bounds.meet(0, 0));
  CHECK_FALSE(bounds.meet(0, 1));
  CHECK(bounds.meet(0, 2));
  CHECK(bounds.open() == 1);
}

TEST_CASE("what is spread keeps its sum, up to what the arcs hold") {
  const Stack stack{Eigen::Matrix2d{{.5, .25}, {0, 0}}};
  const CapacityGrid grid(stack);
  const Eigen::RowVector2d flow(1.5, .5);
  const Eigen::RowVectorXd some = spread_down(flow * .25 / grid.unit(), grid.down(0)) * grid.unit();
  CHECK(some.isApprox(Eigen::RowVector2d(.25, .125)));
  const Eigen::RowVectorXd most = spread_down(flow / grid.unit(), grid.down(0)) * grid.unit();
  CHECK(most.isApprox(Eigen::RowVector2d(.5, .25)));
}
