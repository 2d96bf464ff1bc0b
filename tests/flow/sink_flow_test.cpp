#include <attnscope/flow/sink_flow.hpp>

#include "flow_stacks.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using namespace attnscope::detail;
using flow_stacks::Stack;

namespace {

/// The flow from one token of the top to the sink j, by the textbook.
double expected(const Stack& stack, Index i, Index j) { return flow_stacks::textbook_flow(stack, i, j); }

}  // namespace

TEST_CASE("whatever was solved before, the flow is the same") {
  for (const std::string kind : {"peaked", "sharp causal", "sparse", "equal", "padding", "identity"}) {
    const Stack stack = flow_stacks::stack(kind, 5, 9, 12);
    const CapacityGrid grid(stack);
    SinkFlow flow(layers_down(grid, 1, 4), 9);
    for (const Index j : {8, 0, 3}) {
      flow.open(grid.up(0).capacity.row(j));
      for (const Index i : {0, 8, 3, 8, 1, 1, 0, 7, 2}) {
        INFO(kind << ": from " << i << " to " << j);
        CHECK(flow.solve(grid.down(4).capacity.row(i)) * grid.unit() ==
              Approx(expected(stack, i, j)).margin(1e-11));
      }
    }
  }
}

TEST_CASE(
    "at every node as much goes out as comes in, whatever was solved before, and no arc holds too much") {
  for (const std::string kind :
       {"peaked", "sharp causal", "sparse", "equal", "residual", "one-hot", "no sums"}) {
    const Stack stack = flow_stacks::stack(kind, 6, 12, 21);
    const CapacityGrid grid(stack);
    SinkFlow solver(layers_down(grid, 1, 5), 12);
    for (const Index j : {11, 0, 4}) {
      const Eigen::RowVectorXd sink = grid.up(0).capacity.row(j);
      solver.open(sink);
      for (const Index i : {0, 11, 5, 11, 3, 4, 0, 10}) {
        INFO(kind << ": from " << i << " to " << j);
        const double value = solver.solve(grid.down(5).capacity.row(i));
        Eigen::RowVectorXd come = solver.supply() + solver.deficit();
        for (Index h = 4; h > 0; --h) {
          const Rows& flow = solver.flow(h - 1);
          CHECK(come == solver.stays().row(h) + flow.rowwise().sum().transpose());
          CHECK(flow.minCoeff() >= 0);
          CHECK((flow.array() <= grid.down(h).capacity.array()).all());
          come = flow.colwise().sum();
        }
        const Eigen::RowVectorXd taken = sink - solver.sink_room();
        CHECK(come == solver.stays().row(0) + taken);
        CHECK(taken.minCoeff() >= 0);
        CHECK(solver.sink_room().minCoeff() >= 0);
        CHECK(solver.stays().minCoeff() >= 0);
        CHECK(solver.deficit().minCoeff() >= 0);
        CHECK((solver.supply().array() <= grid.down(5).capacity.row(i).array()).all());
        CHECK(value == taken.sum() - solver.deficit().sum());
      }
    }
  }
}

TEST_CASE("sent upwards as much arrives as downwards, to the unit") {
  for (const std::string kind : {"peaked", "window", "residual"}) {
    const Stack stack = flow_stacks::stack(kind, 6, 14, 2);
    const CapacityGrid grid(stack);
    SinkFlow down(layers_down(grid, 1, 5), 14), up(layers_up(grid, 1, 5), 14);
    for (Index j = 0; j < 14; ++j) {
      down.open(grid.up(0).capacity.row(j));
      for (Index i = 0; i < 14; ++i) {
        up.open(grid.down(5).capacity.row(i));
        CHECK(down.solve(grid.down(5).capacity.row(i)) == up.solve(grid.up(0).capacity.row(j)));
      }
    }
  }
}

TEST_CASE("without layers the sink takes what its nodes are given") {
  SinkFlow flow({}, 3);
  flow.open(Eigen::RowVector3d(4, 0, 2));
  CHECK(flow.solve(Eigen::RowVector3d(3, 5, 3)) == 5);
  CHECK(flow.solve(Eigen::RowVector3d(9, 0, 0)) == 4);
  CHECK(flow.solve(Eigen::RowVector3d(0, 0, 0)) == 0);
  CHECK(flow.solve(Eigen::RowVector3d(1, 1, 1)) == 2);
}

TEST_CASE("limits are what a node alone can deliver, at most") {
  const Stack stack = flow_stacks::stack("sparse", 4, 8, 3);
  const CapacityGrid grid(stack);
  const SinkFlow flow(layers_down(grid, 1, 4), 8);
  const Rows limits = flow.limits(grid.up(0).capacity.row(2));
  for (Index k = 0; k < 8; ++k) {
    CHECK(limits(0, k) * grid.unit() == Approx(stack[0](k, 2)).margin(1e-12));
    CHECK(limits(1, k) * grid.unit() == Approx(expected({stack[0], stack[1]}, k, 2)).margin(1e-11));
    for (const Index h : {2, 3}) {
      const double most = expected(Stack(stack.begin(), stack.begin() + h + 1), k, 2);
      CHECK(limits(h, k) * grid.unit() >= most - 1e-11);
      CHECK((limits(h, k) > 0) == (most > 0));
    }
  }
}

TEST_CASE("a bound that is reached ends the search, and the next solve goes on from there") {
  const Stack stack = flow_stacks::stack("peaked", 5, 10, 7);
  const CapacityGrid grid(stack);
  SinkFlow bounded(layers_down(grid, 1, 4), 10);
  bounded.open(grid.up(0).capacity.row(4));
  for (Index i = 0; i < 10; ++i) {
    const double value = std::nearbyint(expected(stack, i, 4) / grid.unit());
    CHECK(bounded.solve(grid.down(4).capacity.row(i), value / 2) >= value / 2);
    CHECK(bounded.solve(grid.down(4).capacity.row(i)) == Approx(value).epsilon(1e-10));
  }
}

TEST_CASE("the sink's side holds the sink's nodes that still take something") {
  // Two levels of two nodes: node 0 is fed more than its arc of 1 holds, the sink would take 5.
  const std::vector<Eigen::MatrixXd> stack{Eigen::Matrix2d{{1, 0}, {0, 4}}};
  const CapacityGrid grid(stack);
  const double one = 1 / grid.unit();
  SinkFlow flow(layers_down(grid, 0, 1), 2);
  flow.open(Eigen::RowVector2d(5 * one, 5 * one));
  CHECK(flow.solve(Eigen::RowVector2d(3 * one, 2 * one)) == 3 * one);
  const BitMatrix side = flow.sink_side();
  CHECK(side.test(0, 0));
  CHECK(side.test(0, 1));
  CHECK(side.test(1, 1));
  CHECK_FALSE(side.test(1, 0));
}
