#include <attnscope/flow/minimum_cut.hpp>

#include "flow_stacks.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using flow_stacks::Stack;

namespace {

double sum_of(const std::vector<CutEdge>& edges) {
  double sum = 0;
  for (const CutEdge& edge : edges) sum += edge.capacity;
  return sum;
}
Stack without(Stack stack, const std::vector<CutEdge>& edges) {
  for (const CutEdge& edge : edges) stack[static_cast<std::size_t>(edge.layer)](edge.from, edge.to) = 0;
  return stack;
}

}  // namespace

TEST_CASE("the minimum cut sums to the flow and separates the two tokens") {
  for (const std::string& kind : flow_stacks::kinds)
    for (const Index layers : {1, 2, 3, 6}) {
      const Stack stack = flow_stacks::stack(kind, layers, 6, 17);
      for (const auto& [i, j] : {std::pair{5, 0}, {0, 5}, {3, 3}, {4, 1}}) {
        INFO(kind << ", " << layers << " layers, " << i << " to " << j);
        const MinimumCut cut = minimum_cut(stack, i, j);
        CHECK(cut.flow == Approx(flow_stacks::textbook_flow(stack, i, j)).margin(1e-10));
        CHECK(sum_of(cut.edges) == Approx(cut.flow).margin(1e-10));
        CHECK(flow_stacks::textbook_flow(without(stack, cut.edges), i, j) < 1e-10);
        CHECK(cut.query_side(layers, i));
        CHECK_FALSE(cut.query_side(0, j));
        for (const CutEdge& edge : cut.edges) {
          CHECK(cut.query_side(edge.layer + 1, edge.from));
          CHECK_FALSE(cut.query_side(edge.layer, edge.to));
          CHECK(edge.capacity == stack[static_cast<std::size_t>(edge.layer)](edge.from, edge.to));
        }
      }
    }
}

TEST_CASE("the minimum cuts of networkx, see make_flow.py") {
  const MinimumCut three = minimum_cut(flow_stacks::formula_stack(3, 5, false), 4, 1);
  CHECK(three.flow == 39 / 64.);
  CHECK(three.edges == std::vector<CutEdge>{{2, 4, 2, 25 / 64.}, {1, 4, 1, 10 / 64.}, {1, 4, 3, 4 / 64.}});
  const MinimumCut six = minimum_cut(flow_stacks::formula_stack(6, 5, false), 4, 1);
  CHECK(six.edges == std::vector<CutEdge>{{5, 4, 1, 3 / 64.}, {5, 4, 4, 27 / 64.}});
  const MinimumCut causal = minimum_cut(flow_stacks::formula_stack(5, 6, true), 5, 1);
  CHECK(causal.flow == 15 / 64.);
  // networkx finds another one, as it may.
  CHECK(causal.edges == std::vector<CutEdge>{{4, 5, 3, 2 / 64.}, {4, 5, 4, 10 / 64.}, {2, 1, 1, 3 / 64.}});
  CHECK_FALSE(causal.unique);
}

TEST_CASE("a cut is unique where every wider edge lets more through") {
  int unique = 0, others = 0;
  for (const Index layers : {2, 3, 5})
    for (const bool causal : {false, true})
      for (Index pair = 0; pair < 36; ++pair) {
        const Index i = pair / 6, j = pair % 6;
        const Stack stack = flow_stacks::formula_stack(layers, 6, causal);
        const MinimumCut cut = minimum_cut(stack, i, j);
        bool all_count = true;
        for (const CutEdge& edge : cut.edges) {
          Stack wider = stack;
          wider[static_cast<std::size_t>(edge.layer)](edge.from, edge.to) += 1;
          all_count = all_count && flow_stacks::textbook_flow(wider, i, j) > cut.flow;
        }
        INFO(layers << " layers, " << i << " to " << j);
        CHECK(cut.unique == all_count);
        ++(cut.unique ? unique : others);
      }
  CHECK(unique > 5);
  CHECK(others > 2);
}

TEST_CASE("a bottleneck of one edge, and a chain of equal ones") {
  // 1 -> 0 -> 1 -> 0 with capacities .5, .2, .5; nothing else.
  const auto chain = [](double top, double middle, double bottom) {
    Stack stack(3, Eigen::MatrixXd::Zero(2, 2));
    stack[2](1, 0) = top;
    stack[1](0, 1) = middle;
    stack[0](1, 0) = bottom;
    return stack;
  };
  const MinimumCut cut = minimum_cut(chain(.5, .2, .5), 1, 0);
  CHECK(cut.edges == std::vector<CutEdge>{{1, 0, 1, .2}});
  CHECK(cut.unique);
  CHECK(cut.query_side(3, 1));
  CHECK(cut.query_side(2, 0));
  CHECK_FALSE(cut.query_side(1, 1));
  CHECK_FALSE(cut.query_side(3, 0));
  const MinimumCut first = minimum_cut(chain(.5, .5, .5), 1, 0);
  CHECK(first.edges == std::vector<CutEdge>{{2, 1, 0, .5}});  // nearest to the query
  CHECK_FALSE(first.unique);
  const MinimumCut none = minimum_cut(chain(.5, .5, .5), 0, 0);
  CHECK(none.flow == 0);
  CHECK(none.edges.empty());
  CHECK(none.unique);
}

TEST_CASE("edges wider than all of another layer are in no cut") {
  // 0 -> 0 -> 0 -> 0 holds .25 in the middle alone; 1 is fed the same way.
  const Eigen::Matrix2d wide{{1e20, 1e20}, {0, 1e20}}, narrow{{.25, 0}, {.5, 0}};
  const MinimumCut cut = minimum_cut(Stack{wide, narrow, wide}, 0, 0);
  CHECK(cut.flow == .75);
  CHECK(cut.edges == std::vector<CutEdge>{{1, 0, 0, .25}, {1, 1, 0, .5}});
  CHECK(cut.unique);
  // One edge is all of its layer.
  const Eigen::Matrix2d single{{.25, 0}, {0, 0}};
  const MinimumCut only = minimum_cut(Stack{wide, single, wide}, 0, 1);
  CHECK(only.edges == std::vector<CutEdge>{{1, 0, 0, .25}});
  CHECK(only.unique);
  CHECK(minimum_cut(Stack{wide, 0 * wide}, 0, 0).edges.empty());
}

TEST_CASE("a cut of tokens that there are not") {
  const Stack stack(2, Eigen::MatrixXd::Identity(3, 3));
  CHECK(message_of<ShapeError>([&] { minimum_cut(stack, 3, 0); }) == "query 3: there are 3 tokens");
  CHECK(message_of<ShapeError>([&] { minimum_cut(stack, 0, -1); }) == "input -1: there are 3 tokens");
  CHECK(message_of<ShapeError>([&] { minimum_cut(Stack{}, 0, 0); }) ==
        "there are no layers for attention to flow through");
}
