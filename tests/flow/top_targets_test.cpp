#include <attnscope/flow/top_targets.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "flow/stacks.hpp"
#include "support/catch.hpp"

#include <map>

using namespace attnscope;
using Eigen::MatrixXd;

TEST_CASE("the keys of largest weight, ties to the lower key, none below the least weight") {
  AttentionTensor<double> a(1, 2, 1, 6);
  a.setValues({{{{.05, .25, .04, .25, .4, .01}}, {{.2, .1, 0, .1, .1, .1}}}});
  const auto targets = top_targets(a, 0, {.top_k = 3});
  CHECK(targets.heads[0] == std::vector<TopKey>{{4, .4}, {1, .25}, {3, .25}});
  CHECK(targets.heads[1] == std::vector<TopKey>{{0, .2}, {1, .1}, {3, .1}});
  CHECK(targets.dropped(0) == Approx(.1));
  CHECK(targets.dropped(1) == Approx(.2));  // of a row of .6
  CHECK(top_targets(a, 0).heads[0].size() == 4);
  CHECK(top_targets(a, 0).heads[0].back() == TopKey{0, .05});
  CHECK(top_targets(a, 0, {.top_k = 9, .min_weight = 0}).heads[1].size() == 5);  // 0 is no target
  CHECK(top_targets(a, 0, {.min_weight = .5}).heads[0].empty());
  CHECK(top_targets(mean_heads(a), 0, {.top_k = 1}).heads[0] == std::vector<TopKey>{{4, .25}});
}

TEST_CASE("targets count from the first true token, and are none where nothing is shown") {
  const test::RandomStack<float> stack(Layout({2, 2, 9, 9}, self_padding({9, 4}, {0, 5}, {.causal = true})),
                                       1);
  const auto own = top_targets(stack.views[0], 3, {.top_k = 9, .min_weight = 0, .example = 1});
  CHECK(own.heads[1].size() == 4);
  for (const TopKey& target : own.heads[1])
    CHECK(target.weight == static_cast<double>(stack.tensors[0](1, 1, 8, 5 + target.key)));
  const auto hidden = top_targets(exclude_tokens(stack.views[0], {.queries = {{2}, {}}}), 2);
  CHECK(hidden.heads[0].empty());
  CHECK(hidden.dropped.isZero(0));
}

TEST_CASE("target flow of fixture E by hand") {
  // From token 0 with weights of the maps without residual: .5 to 1, .3 to 2 (.2 to 0 is the third of two).
  const TargetFlow flow = target_flow(test::fixture_e(), 0, {.top_k = 2, .map = {.residual = 0}});
  const auto node = [&](std::size_t n, Index level, Index token, double share, double dropped) {
    CHECK(flow.nodes.at(n).level == level);
    CHECK(flow.nodes.at(n).token == token);
    CHECK(flow.nodes.at(n).share == Approx(share).epsilon(1e-14));
    CHECK(flow.nodes.at(n).dropped == Approx(dropped).epsilon(1e-14));
  };
  REQUIRE(flow.nodes.size() == 6);
  node(0, 2, 0, 1, .2);
  node(1, 1, 1, .5, .05);   // row 1: .1 .6 .3
  node(2, 1, 2, .3, .075);  // row 2: .25 .25 .5
  node(3, 0, 0, .075, 0);
  node(4, 0, 1, .3, 0);
  node(5, 0, 2, .15 + .15, 0);
  const auto link = [&](std::size_t n, Index layer, Index from, Index to, double share) {
    CHECK(flow.links.at(n).layer == layer);
    CHECK(flow.links.at(n).from == from);
    CHECK(flow.links.at(n).to == to);
    CHECK(flow.links.at(n).share == Approx(share).epsilon(1e-14));
  };
  REQUIRE(flow.links.size() == 6);
  link(0, 1, 0, 1, .5);
  link(1, 1, 0, 2, .3);
  link(2, 0, 1, 1, .3);
  link(3, 0, 1, 2, .15);
  link(4, 0, 2, 2, .15);
  link(5, 0, 2, 0, .075);
}

TEST_CASE("no share is lost, and with every key a target it is the rollout") {
  const test::RandomStack<float> causal(
      Layout({2, 3, 60, 60}, self_padding({60, 23}, {0, 37}, {.causal = true})), 4);
  const test::RandomStack<float> open(Layout({2, 3, 60, 60}, self_padding({60, 23})), 4);
  for (const auto& layers : {causal.views, open.views})
    for (const Index example : {0, 1})
      for (const Index query : {0, 22}) {
        TargetFlowOptions options{.top_k = 3, .example = example};
        const TargetFlow some = target_flow(layers, query, options);
        std::map<std::pair<Index, Index>, double> in, out;
        for (const FlowLink& link : some.links) {
          in[{link.layer, link.to}] += link.share;
          out[{link.layer + 1, link.from}] += link.share;
        }
        double kept = 0, dropped = 0;
        for (const FlowNode& node : some.nodes) {
          const std::pair<Index, Index> at(node.level, node.token);
          CHECK(node.share == Approx(node.level == 4 ? 1 : in[at]).epsilon(1e-13));
          if (node.level > 0) CHECK(node.share == Approx(out[at] + node.dropped).epsilon(1e-13));
          (node.level == 0 ? kept : dropped) += node.level == 0 ? node.share : node.dropped;
        }
        CHECK(kept + dropped == Approx(1).epsilon(1e-13));
        CHECK(some.nodes.front().token == query);

        options = {.top_k = 60, .min_weight = 0, .example = example, .start_layer = 1};
        const auto row = rollout_row(layers, example, query, {.start_layer = 1});
        Eigen::RowVectorXd last = Eigen::RowVectorXd::Zero(row.size());
        for (const FlowNode& node : target_flow(layers, query, options).nodes) {
          CHECK(node.dropped < 1e-14);
          if (node.level == 1) last(node.token) = node.share;
        }
        CHECK(test::difference(last, row) < 1e-7);
      }
}

TEST_CASE("a row without weight drops its share; one token keeps it") {
  const std::vector<MatrixXd> nothing(2, MatrixXd::Zero(3, 3));
  const TargetFlow lost = target_flow(nothing, 1, {.map = {.residual = 0}});
  REQUIRE(lost.nodes.size() == 1);
  CHECK(lost.nodes[0].dropped == 1);
  const TargetFlow one = target_flow(std::vector<MatrixXd>(3, MatrixXd::Ones(1, 1)), 0);
  CHECK(one.nodes.size() == 4);
  CHECK(one.nodes.back().share == 1);
}

TEST_CASE("targets that cannot be are refused") {
  const MatrixXd a = test::fixture_e()[0];
  const std::vector<MatrixXd> stack{a, a};
  const auto shape = [](const auto& act) { return message_of<ShapeError>(act); };
  const auto value = [](const auto& act) { return message_of<ValueError>(act); };
  CHECK(shape([&] { top_targets(a, 3); }) == "batch element 0: query 3 of 3");
  CHECK(shape([&] { top_targets(a, 0, {.example = 1}); }) == "batch element 1 of 1");
  CHECK(value([&] { top_targets(a, 0, {.top_k = 0}); }) == "top_k = 0 is below 1");
  CHECK(value([&] { top_targets(a, 0, {.min_weight = 2}); }) == "min_weight = 2 is not within 0 .. 1");
  CHECK(value([&] { top_targets((-a).eval(), 0); }) ==
        "batch element 0, head 0, query 0, key 0: the weight -0.5 is negative");
  CHECK(shape([&] { target_flow(stack, -1); }) == "layer 1: batch element 0: query -1 of 3");
  CHECK(shape([&] { target_flow(stack, 0, {.start_layer = 2}); }) == "start_layer = 2 of 2 layers");
  CHECK(value([&] { target_flow(stack, 0, {.top_k = -1}); }) == "top_k = -1 is below 1");
  CHECK(value([&] { target_flow(stack, 0, {.map = {.normalise = false}}); }) ==
        "shares need normalised maps");
}
