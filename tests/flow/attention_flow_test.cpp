#include <attnscope/flow/attention_flow.hpp>

#include <atomic>

#include "flow_stacks.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using flow_stacks::kinds;
using flow_stacks::Stack;

namespace {

double distance(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  return a.size() == 0 ? 0 : (a - b).cwiseAbs().maxCoeff();
}

/// Two layers of three tokens, before their residual connections are added.
const Stack two_layers{Eigen::Matrix3d{{.5, .3, .2}, {.1, .6, .3}, {.25, .25, .5}},
                       Eigen::Matrix3d{{.2, .5, .3}, {.4, .4, .2}, {.1, .1, .8}}};

}  // namespace

TEST_CASE("one layer carries its weights, two carry sums of minima") {
  const Stack deep = flow_stacks::stack("dense", 2, 9, 1);
  CHECK(distance(attention_flow(std::span(deep).first(1)).flow, deep[0]) < 1e-12);
  Eigen::MatrixXd sums(9, 9);
  for (Index i = 0; i < 9; ++i)
    for (Index j = 0; j < 9; ++j) sums(i, j) = deep[1].row(i).cwiseMin(deep[0].col(j).transpose()).sum();
  CHECK(distance(attention_flow(deep).flow, sums) < 1e-12);
}

TEST_CASE("the flows of two layers with residual connections") {
  Stack stack;
  for (const Eigen::MatrixXd& map : two_layers) stack.push_back(flow_stacks::with_residual(map));
  const AttentionFlowResult result = attention_flow(stack);
  const Eigen::Matrix3d flow{{.775, .525, .4}, {.35, .95, .35}, {.225, .225, .85}};
  const Eigen::Matrix3d normalised{{.4558823529, .3088235294, .2352941176},
                                   {.2121212121, .5757575758, .2121212121},
                                   {.1730769231, .1730769231, .6538461538}};
  CHECK(distance(result.flow, flow) < 1e-12);
  CHECK(distance(result.row_normalised, normalised) < 1e-10);
}

TEST_CASE("the flows of networkx, see make_flow.py") {
  const auto flows = [](Index layers, Index tokens, bool causal) -> Eigen::MatrixXd {
    return attention_flow(flow_stacks::formula_stack(layers, tokens, causal)).flow * 64;
  };
  Eigen::MatrixXd three(5, 5), six(5, 5), causal = Eigen::MatrixXd::Zero(6, 6);
  three << 17, 65, 31, 42, 31, 17, 51, 18, 37, 18, 17, 73, 33, 42, 33, 2, 12, 4, 12, 7, 17, 39, 12, 31, 12;
  six << 17, 73, 33, 42, 33, 17, 63, 33, 42, 33, 17, 73, 33, 42, 33, 17, 20, 20, 20, 20, 17, 30, 23, 30, 23;
  causal.bottomRows(3) << 0, 5, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 15, 4, 4, 0, 0;
  CHECK(flows(3, 5, false) == three);
  CHECK(flows(6, 5, false) == six);
  CHECK(flows(5, 6, true) == causal);
}

TEST_CASE("flows are those of the textbook, whatever the stack") {
  unsigned seed = 0;
  for (const std::string& kind : kinds)
    for (const auto& [layers, tokens] :
         {std::pair{1, 5}, {2, 6}, {3, 5}, {4, 6}, {5, 5}, {8, 5}, {9, 4}, {12, 3}, {6, 2}, {4, 1}}) {
      const Stack stack = flow_stacks::stack(kind, layers, tokens, ++seed);
      INFO(kind << ", " << layers << " layers, " << tokens << " tokens, seed " << seed);
      const Eigen::MatrixXd expected = flow_stacks::textbook_flows(stack);
      CHECK(distance(attention_flow(stack, {.threads = 1}).flow, expected) < 1e-9);
    }
}

TEST_CASE("larger stacks that are hard on solvers, some pairs of each") {
  Stack mixed;
  flow_stacks::Numbers numbers(31);
  for (const std::string kind : {"one-hot", "sharp causal", "equal", "zero rows", "tiny", "permutation"})
    mixed.push_back(flow_stacks::layer(kind, 24, numbers));
  std::vector<Stack> stacks{mixed};
  for (const std::string kind : {"sharp causal", "identity", "permutation", "one-hot", "equal", "zero rows",
                                 "padding", "tiny", "window"})
    stacks.push_back(flow_stacks::stack(kind, 6, 24, 33));
  for (const double rest : {1e-30, 1e-16, .01}) {  // near the identity
    const Eigen::MatrixXd near = .9 * Eigen::MatrixXd::Identity(24, 24);
    stacks.emplace_back(6, (near.array() + rest).matrix());
  }
  for (std::size_t s = 0; s < stacks.size(); ++s) {
    const Eigen::MatrixXd flow = attention_flow(stacks[s]).flow;
    for (const auto& [i, j] : {std::pair{0, 0}, {23, 0}, {23, 22}, {12, 5}, {5, 12}, {7, 7}}) {
      INFO("stack " << s << ", " << i << " to " << j);
      CHECK(flow(i, j) == Approx(flow_stacks::textbook_flow(stacks[s], i, j)).margin(1e-9));
    }
  }
}

TEST_CASE("a row and a pair are entries of the whole, and each depth is a stack of its own") {
  for (const std::string& kind : kinds) {
    INFO(kind);
    const Stack stack = flow_stacks::stack(kind, 6, 11, 3);
    const Eigen::MatrixXd flow = attention_flow(stack).flow;
    for (const Index i : {0, 4, 10}) {
      CHECK(distance(attention_flow_from(stack, i).flow, flow.row(i)) < 1e-9);
      for (const Index j : {0, 5, 10})
        CHECK(std::abs(attention_flow_between(stack, i, j) - flow(i, j)) < 1e-9);
    }
    const std::vector<AttentionFlowResult> layers = attention_flow_by_layer(stack);
    REQUIRE(layers.size() == 6);
    for (std::size_t l = 0; l < 6; ++l) {
      const AttentionFlowResult alone = attention_flow(std::span(stack).first(l + 1));
      CHECK(distance(layers[l].flow, alone.flow) < 1e-9);
      CHECK(distance(layers[l].row_normalised, alone.row_normalised) < 1e-9);
      CHECK(layers[l].trivial_share == alone.trivial_share);
      CHECK(layers[l].reachable == alone.reachable);
    }
  }
}

TEST_CASE("more than 64 tokens") {
  for (const std::string kind : {"dense", "peaked", "sharp causal", "window", "padding", "residual"}) {
    INFO(kind);
    const Stack stack = flow_stacks::stack(kind, 5, 67, 5);
    const Eigen::MatrixXd flow = attention_flow(stack).flow;
    for (const auto& [i, j] : {std::pair{66, 65}, {66, 0}, {40, 3}, {65, 64}})
      CHECK(flow(i, j) == Approx(flow_stacks::textbook_flow(stack, i, j)).margin(1e-9));
  }
}

TEST_CASE("the same bits for any number of threads") {
  for (const std::string kind : {"peaked", "causal", "padding"}) {
    const Stack stack = flow_stacks::stack(kind, 6, 40, 8);
    const AttentionFlowResult one = attention_flow(stack, {.threads = 1});
    for (const int threads : {2, 3, 8}) {
      CHECK(attention_flow(stack, {.threads = threads}).flow == one.flow);
      CHECK(attention_flow_by_layer(stack, {.threads = threads}).back().flow ==
            attention_flow_by_layer(stack, {.threads = 1}).back().flow);
      CHECK(attention_flow_from(stack, 20, {.threads = threads}).flow ==
            attention_flow_from(stack, 20, {.threads = 1}).flow);
    }
  }
}

TEST_CASE("more capacity never carries less, and doubled capacity carries double") {
  const Stack stack = flow_stacks::stack("causal", 4, 12, 2);
  const Eigen::MatrixXd flow = attention_flow(stack).flow;
  Stack wider = stack, doubled;
  wider[0](7, 6) += .25;
  for (const Eigen::MatrixXd& map : stack) doubled.push_back(2 * map);
  const Eigen::MatrixXd more = attention_flow(wider).flow;
  CHECK((more - flow).minCoeff() > -1e-12);
  CHECK((more - flow).maxCoeff() > .01);
  CHECK(attention_flow(doubled).flow == 2 * flow);
}

TEST_CASE("scales that differ by hundreds of orders of magnitude") {
  const Stack stack = flow_stacks::stack("residual", 4, 7, 2);
  const Eigen::MatrixXd flow = attention_flow(stack).flow;
  for (const double scale : {1e-300, 1e-12, 1e12, 1e300}) {
    Stack scaled;
    for (const Eigen::MatrixXd& map : stack) scaled.push_back(map * scale);
    CHECK(distance(attention_flow(scaled).flow / scale, flow) < 1e-9);
  }
}

TEST_CASE("layers of unlike scale") {
  const Eigen::MatrixXd even = Eigen::MatrixXd::Constant(3, 3, 1. / 3),
                        wide = Eigen::MatrixXd::Constant(3, 3, 1e20);
  const Stack stack{even, wide, even};
  CHECK(distance(attention_flow(stack).flow, Eigen::MatrixXd::Ones(3, 3)) < 1e-12);
  CHECK(attention_flow(stack).trivial_share == 1.0);
  CHECK(distance(attention_flow_from(stack, 1).flow, Eigen::MatrixXd::Ones(1, 3)) < 1e-12);
  CHECK(attention_flow_between(stack, 0, 0) == Approx(1));
  // Above each layer as if it were the last.
  for (const Stack& unlike : {stack, Stack{wide, even, 1e-20 * even, even}, Stack{even, wide, 0 * even}}) {
    const std::vector<AttentionFlowResult> layers = attention_flow_by_layer(unlike);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Eigen::MatrixXd alone = attention_flow(std::span(unlike).first(l + 1)).flow;
      CHECK(distance(layers[l].flow, alone) <= 1e-12 * alone.maxCoeff());
    }
  }
  CHECK(attention_flow_by_layer(Stack{wide, even})[0].flow == wide);
}

TEST_CASE("weights that are tiny but not 0 are ways") {
  const Stack stack(3, Eigen::Matrix2d{{1 - 1e-30, 1e-30}, {.5, .5}});
  const AttentionFlowResult result = attention_flow(stack, {.receptive_field = true});
  CHECK(result.reachable == 4);
  CHECK(result.flow(0, 1) > 0);
  CHECK(result.flow(0, 1) < 1e-14);
  CHECK(result.receptive_field_normalised(0, 1) == Approx(1));  // one other token: it is evenly spread
}

TEST_CASE("renaming the tokens renames the flows") {
  const Stack stack = flow_stacks::stack("sparse", 5, 13, 4);
  Eigen::PermutationMatrix<Eigen::Dynamic> renamed(13);
  for (int k = 0; k < 13; ++k) renamed.indices()(k) = (5 * k + 2) % 13;
  Stack other;
  for (const Eigen::MatrixXd& map : stack) other.push_back(renamed * map * renamed.transpose());
  const Eigen::MatrixXd flow = attention_flow(stack).flow;
  CHECK(distance(attention_flow(other).flow, renamed * flow * renamed.transpose()) < 1e-9);
}

TEST_CASE("the share of trivial cuts") {
  // Many layers of dense attention: whatever leaves the token arrives, or whatever the input takes.
  const AttentionFlowResult deep = attention_flow(flow_stacks::stack("residual", 10, 24, 6));
  CHECK(deep.trivial_share == 1.0);
  CHECK(deep.reachable == 24 * 24);
  // Of two layers only the entries where one row or column is the smaller one everywhere.
  const AttentionFlowResult shallow = attention_flow(two_layers);
  CHECK(shallow.reachable == 9);
  CHECK(*shallow.trivial_share < .5);
  // One layer: the edge is all there is. Causal: the upper triangle does not count.
  const AttentionFlowResult causal = attention_flow(flow_stacks::stack("causal", 1, 8, 1));
  CHECK(causal.trivial_share == 1.0);
  CHECK(causal.reachable == 36);
  const AttentionFlowResult nothing = attention_flow(Stack(3, Eigen::MatrixXd::Zero(4, 4)));
  CHECK(nothing.reachable == 0);
  CHECK_FALSE(nothing.trivial_share.has_value());
  CHECK(nothing.row_normalised == Eigen::MatrixXd::Zero(4, 4));
}

TEST_CASE("relative to the receptive field, even attention is 1 wherever a way leads") {
  for (const std::string kind : {"equal", "causal", "window"}) {
    Stack even;
    for (const Eigen::MatrixXd& map : flow_stacks::stack(kind, 5, 10, 2))
      even.push_back(flow_stacks::with_residual(evenly_spread(map)));
    const AttentionFlowResult result = attention_flow(even, {.receptive_field = true});
    for (Index i = 0; i < 10; ++i)
      for (Index j = 0; j < 10; ++j) {
        INFO(kind << " " << i << " " << j);
        const double relative = result.receptive_field_normalised(i, j);
        if (result.flow(i, j) > 0)
          CHECK(relative == Approx(1).epsilon(1e-9));
        else
          CHECK(std::isnan(relative));
      }
  }
  CHECK(attention_flow(two_layers).receptive_field_normalised.size() == 0);
  const Stack causal = flow_stacks::stack("causal", 4, 9, 3);
  const AttentionFlowResult whole = attention_flow(causal, {.receptive_field = true});
  const Eigen::MatrixXd row =
      attention_flow_from(causal, 8, {.receptive_field = true}).receptive_field_normalised;
  CHECK(distance(row, whole.receptive_field_normalised.row(8)) < 1e-9);
  const Eigen::MatrixXd last =
      attention_flow_by_layer(causal, {.receptive_field = true}).back().receptive_field_normalised;
  CHECK(distance(last.row(8), whole.receptive_field_normalised.row(8)) < 1e-9);
}

TEST_CASE("progress counts every pair once, and can stop") {
  const Stack stack = flow_stacks::stack("causal", 5, 20, 3);
  for (const bool receptive_field : {false, true})
    for (const int threads : {1, 3}) {
      Index last = 0, in_all = 0;
      const auto watch = [&](Index done, Index total) {
        CHECK(done >= last);
        last = done;
        in_all = total;
        return true;
      };
      const FlowOptions options{.receptive_field = receptive_field, .threads = threads, .progress = watch};
      const Index times = receptive_field ? 2 : 1;
      for (const Index expected : {400, 20, 2000}) {
        last = 0;
        if (expected == 400) attention_flow(stack, options);
        if (expected == 20) attention_flow_from(stack, 19, options);
        if (expected == 2000) attention_flow_by_layer(stack, options);
        CHECK(last == times * expected);
        CHECK(in_all == times * expected);
      }
    }
  Index seen = 0;
  const auto count = [&](Index done, Index total) {
    CHECK(done == total);
    seen = done;
    return true;
  };
  attention_flow_from(std::span(stack).first(1), 3, {.progress = count});  // one layer, nothing to solve
  CHECK(seen == 20);
  std::atomic<int> calls = 0;
  const auto stop = [&](Index, Index) { return ++calls < 3; };
  CHECK(message_of<Stopped>([&] { attention_flow(stack, {.progress = stop}); }) ==
        "stopped by the progress callback");
  CHECK(calls == 3);
}

TEST_CASE("flows of what is no stack") {
  const auto message = [](const auto& act) { return message_of<Error>(act); };
  CHECK(message([] { attention_flow(Stack{}); }) == "there are no layers for attention to flow through");
  CHECK(message([] { attention_flow_by_layer(Stack{}); }) ==
        "there are no layers for attention to flow through");
  CHECK(message([] { attention_flow_from(two_layers, 3); }) == "query 3: there are 3 tokens");
  CHECK(message([] { attention_flow_between(two_layers, -1, 0); }) == "query -1: there are 3 tokens");
  CHECK(message([] { attention_flow_between(two_layers, 0, 3); }) == "input 3: there are 3 tokens");
  for (const std::size_t layers : {1u, 4u, 9u}) {
    const Stack no_tokens(layers, Eigen::MatrixXd(0, 0));
    CHECK(attention_flow(no_tokens, {.receptive_field = true}).flow.size() == 0);
    CHECK(attention_flow_by_layer(no_tokens).size() == layers);
  }
}
