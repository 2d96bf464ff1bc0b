#include <attnscope/attribution/token_scores.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using test::difference;

namespace {

constexpr Readout readouts[] = {{ReadFrom::first_query},
                                {ReadFrom::last_query},
                                {ReadFrom::query, 2},
                                {ReadFrom::mean},
                                {ReadFrom::received}};

/// [query x key] the head mean, weight by weight.
template <typename Scalar>
MatrixXd plain_mean(const AttentionTensor<Scalar>& a, const Layout& layout, Index b) {
  MatrixXd map = MatrixXd::Zero(layout.queries(b), layout.keys(b));
  for (Index i = 0; i < map.rows(); ++i)
    for (Index j = layout.visible(b, i).first; j < layout.visible(b, i).last; ++j)
      for (Index h = 0; h < layout.shape().heads; ++h)
        map(i, j) += static_cast<double>(a(b, h, layout.query_start(b) + i, layout.key_start(b) + j)) /
                     static_cast<double>(layout.shape().heads);
  return map;
}

/// Gradients and embeddings [example] of [token x dim].
const std::vector<MatrixXd> gradients{MatrixXd{{1, -2}, {3, 4}, {0, 0}}, MatrixXd{{-1, 1}}};
const std::vector<MatrixXd> embeddings{MatrixXd{{2, 1}, {-1, 0}, {5, 5}}, MatrixXd{{3, 4}}};

TokenScores scores(const char* name, std::vector<VectorXd> numbers) { return {name, std::move(numbers)}; }

}  // namespace

TEMPLATE_TEST_CASE("attention scores are what the readout takes of the head mean, of any mask", "", float,
                   double) {
  for (const Layout& layout :
       {Layout({2, 3, 6, 6}), Layout({3, 2, 7, 7}, self_padding({4, 7, 5}, {3, 0, 1})),
        Layout({2, 3, 6, 6}, self_padding({4, 6}, {}, {.causal = true})), Layout({1, 5, 3, 8}),
        Layout({1, 1, 700, 700}, {.causal = true, .sliding_window = 9})}) {
    const auto attention = test::random_attention<TestType>(layout, 3);
    const AttentionView<TestType> view(attention, layout.mask());
    for (const Readout& readout : readouts) {
      const TokenScores found = attention_scores(view, readout);
      CHECK(found.method == "attention (" + name_of(readout) + ")");
      const TokenScores loaded = attention_scores(LoadedAttention(AnyAttention<TestType>(view)), readout);
      REQUIRE(static_cast<Index>(found.scores.size()) == layout.shape().batch);
      for (Index b = 0; b < layout.shape().batch; ++b) {
        const std::size_t e = static_cast<std::size_t>(b);
        // In double whatever the weights are: near ties keep their order.
        CHECK(difference(found.scores[e], read_out(plain_mean(attention, layout, b), readout)) < 1e-13);
        CHECK(found.scores[e] == loaded.scores[e]);
        CHECK(found.scores[e] == attention_scores(view, readout, {.threads = 1}).scores[e]);
      }
    }
  }
}

TEST_CASE("row 0 and what is received differ, received is the mean where rows sum to 1") {
  const auto attention = test::random_attention<double>(Layout({1, 4, 9, 9}));
  const VectorXd first = attention_scores(attention, {ReadFrom::first_query}).scores[0];
  const VectorXd received = attention_scores(attention).scores[0];
  CHECK(difference(first, received) > .01);
  CHECK(difference(received, attention_scores(attention, {ReadFrom::mean}).scores[0]) < 1e-15);
  CHECK(received.sum() == Approx(1));
}

TEST_CASE("rows without their sink weigh less in received, and alike in mean") {
  AttentionTensor<double> attention(1, 1, 2, 2);
  attention.setValues({{{{.125, .125}, {.25, .75}}}});
  CHECK(attention_scores(attention).scores[0] == VectorXd{{.1875, .4375}});
  CHECK(attention_scores(attention, {ReadFrom::mean}).scores[0] == VectorXd{{.375, .625}});
}

TEST_CASE("excluded queries give nothing, and the first query is the first that is shown") {
  const auto tensor = test::random_attention<double>(Layout({1, 2, 4, 4}));
  const auto part = exclude_tokens(tensor, {.queries = {{0, 2}}, .keys = {{1}}});
  const MatrixXd rest = plain_mean(tensor, Layout({1, 2, 4, 4}), 0);
  for (const ReadFrom from : {ReadFrom::mean, ReadFrom::received}) {
    const VectorXd found = attention_scores(part, {from}).scores[0];
    CHECK(found(1) == 0);
    CHECK(found.sum() == Approx(1));  // two rows that sum to 1
  }
  const auto kept = exclude_tokens(tensor, {.queries = {{0, 2}}});
  CHECK(difference(attention_scores(kept).scores[0], ((rest.row(1) + rest.row(3)) / 2).transpose()) < 1e-15);
  CHECK(difference(attention_scores(kept, {ReadFrom::first_query}).scores[0], rest.row(1).transpose()) <
        1e-15);
  CHECK(difference(attention_scores(kept, {ReadFrom::last_query}).scores[0], rest.row(3).transpose()) <
        1e-15);
  const auto ends = exclude_tokens(tensor, {.queries = {{0, 3}}});
  CHECK(difference(attention_scores(ends, {ReadFrom::last_query}).scores[0], rest.row(2).transpose()) <
        1e-15);
  CHECK(message_of<ShapeError>([&] {
          attention_scores(part, {ReadFrom::query, 2});
        }) == "batch element 0: query 2 is excluded: there is no row to read");
  const auto nothing = exclude_tokens(tensor, {.queries = {{0, 1, 2, 3}}});
  for (const ReadFrom from :
       {ReadFrom::first_query, ReadFrom::last_query, ReadFrom::mean, ReadFrom::received})
    CHECK(attention_scores(nothing, {from}).scores[0].array().isNaN().all());
}

TEST_CASE("an example without tokens has no scores; rows that are not there have a place") {
  const Layout layout({2, 2, 4, 4}, self_padding({0, 3}));
  const auto tensor = test::random_attention<double>(layout);
  const AttentionView<double> view(tensor, layout.mask());
  for (const Readout& readout : readouts) {
    CHECK(attention_scores(view, readout).scores[0].size() == 0);
    CHECK(attention_scores(view, readout).scores[1].size() == 3);
  }
  CHECK(message_of<ShapeError>([&] {
          attention_scores(view, {ReadFrom::query, 3});
        }) == "batch element 1: query 3 of 3 queries");
  CHECK(message_of<ShapeError>([] { attention_scores(AttentionTensor<float>(1, 0, 2, 2)); }) ==
        "the mean over no heads");
  AttentionTensor<double> logits(1, 1, 2, 2);
  logits.setValues({{{{.5, .5}, {3, -1}}}});
  CHECK_THAT(message_of<ValueError>([&] { attention_scores(logits, {ReadFrom::last_query}); }),
             ContainsSubstring("batch element 0, head 0, query 1, key 1: the weight -1 is negative"));
  CHECK_THROWS_AS(attention_scores(logits), ValueError);
}

TEST_CASE("map scores are read from any maps, and errors name the map") {
  const std::vector<MatrixXd> maps{MatrixXd{{1, 2}, {3, 4}}, MatrixXd{{5.}}};
  const TokenScores found = map_scores("rollout", maps, {ReadFrom::first_query});
  CHECK(found.method == "rollout (first query)");
  CHECK(found.scores[0] == VectorXd{{1, 2}});
  CHECK(found.scores[1] == VectorXd{{5.}});
  CHECK(map_scores("x", maps).scores[0] == VectorXd{{2, 3}});
  CHECK(message_of<ShapeError>([&] {
          map_scores("flow", maps, {ReadFrom::query, 1});
        }) == "flow: batch element 1: query 1 of 1 queries");
}

TEST_CASE("attention times gradient is read from its maps") {
  AttentionTensor<double> attention(1, 2, 2, 2), gradient(1, 2, 2, 2);
  attention.setConstant(.5);
  gradient.setValues({{{{4, 2}, {0, -8}}, {{-4, 6}, {0, 0}}}});
  const auto layer = aligned(attention, gradient);
  const TokenScores all = attention_times_gradient(layer);
  CHECK(all.method == "attention x gradient (received)");
  CHECK(all.scores[0] == VectorXd{{0, 0}});  // (0, 2) and (0, -2)
  const TokenScores positive =
      attention_times_gradient(layer, {ReadFrom::first_query}, GradientPart::positive);
  CHECK(positive.method == "positive attention x gradient (first query)");
  CHECK(positive.scores[0] == VectorXd{{1, 2}});
  CHECK_THAT(
      message_of<ValueError>([&] { attention_times_gradient(layer, {ReadFrom::mean}); }),
      ContainsSubstring("attention x gradient: batch element 0: query 1, key 1: -2 cannot be a share"));
}

TEST_CASE("gradients of embeddings score tokens in five ways") {
  const auto check = [](GradientScore score, const char* name, const VectorXd& first, double second) {
    const TokenScores found = input_gradient_scores(gradients, score, embeddings);
    CHECK(found.method == name);
    CHECK(found.scores[0] == first);
    CHECK(found.scores[1](0) == second);
  };
  check(GradientScore::l1, "input gradient", VectorXd{{3, 7, 0}}, 2);
  check(GradientScore::l2, "input gradient (L2)", VectorXd{{std::sqrt(5.), 5, 0}}, std::sqrt(2.));
  check(GradientScore::signed_sum, "input gradient (signed)", VectorXd{{-1, 7, 0}}, 0);
  check(GradientScore::times_input, "gradient x input", VectorXd{{0, -3, 0}}, 1);
  check(GradientScore::abs_times_input, "|gradient x input|", VectorXd{{0, 3, 0}}, 1);
  CHECK(input_gradient_scores(gradients).method == "input gradient");
  CHECK(input_gradient_scores({MatrixXd(0, 4)}).scores[0].size() == 0);
  CHECK(input_gradient_scores({}).scores.empty());
}

TEST_CASE("gradients that say nothing are named") {
  const auto message = [](const std::vector<MatrixXd>& gradient, const std::vector<MatrixXd>& embedding) {
    return message_of<ShapeError>(
        [&] { input_gradient_scores(gradient, GradientScore::times_input, embedding); });
  };
  CHECK(message(gradients, {}) == "batch element 0: gradient x input needs the embeddings, too");
  CHECK(message(gradients, {embeddings[0]}) == "embeddings of 1 examples beside gradients of 2");
  CHECK(message(gradients, {embeddings[0], embeddings[0]}) ==
        "batch element 1: the embedding is 3 x 2, but its gradient 1 x 2");
  auto bad = gradients;
  bad[1](0, 1) = undefined;
  CHECK(message_of<ValueError>([&] { input_gradient_scores(bad); }) ==
        "batch element 1: token 0: the gradient is not finite");
  auto far = embeddings;
  far[0](2, 0) = HUGE_VAL;
  CHECK(message_of<ValueError>([&] { input_gradient_scores(gradients, GradientScore::times_input, far); }) ==
        "batch element 0: token 2: the embedding is not finite");
  CHECK_THROWS_AS(input_gradient_scores(gradients, static_cast<GradientScore>(9), embeddings), ValueError);
}

TEST_CASE("the rank mean of methods") {
  const TokenScores a = scores("a", {VectorXd{{.1, .4, .2, .3}}, VectorXd{{7.}}, VectorXd(0)});
  const TokenScores b = scores("b", {VectorXd{{-1, 5, 5, 5}}, VectorXd{{0.}}, VectorXd(0)});
  const TokenScores both = combined_scores(std::vector{a, b});
  CHECK(both.method == "rank mean of a, b");
  // ranks 1, 4, 2, 3 and 1, 3, 3, 3
  CHECK(both.scores[0] == VectorXd{{.25, .875, .625, .75}});
  CHECK(both.scores[1] == VectorXd{{1.}});
  CHECK(both.scores[2].size() == 0);
  // Ranks do not know units, and one method is its ranks.
  TokenScores cubed = a;
  for (VectorXd& x : cubed.scores) x = (100 * x.array().cube()).matrix();
  CHECK(combined_scores(std::vector{cubed, b}).scores[0] == both.scores[0]);
  CHECK(combined_scores(std::vector{a}).scores[0] == VectorXd{{.25, 1, .5, .75}});
}

TEST_CASE("methods that do not go together are named") {
  const TokenScores a = scores("a", {VectorXd{{1, 2}}});
  const auto with = [&](const TokenScores& other) {
    return message_of<ShapeError>([&] { combined_scores(std::vector{a, other}); });
  };
  CHECK(with(scores("b", {})) == "b has scores of 0 examples, but a of 1");
  CHECK(with(scores("b", {VectorXd{{1.}}})) == "batch element 0: b has scores of 1 tokens, but a of 2");
  CHECK(message_of<ShapeError>([] { combined_scores({}); }) == "the rank mean of no methods");
  CHECK(message_of<ValueError>([&] {
          combined_scores(std::vector{a, scores("b", {VectorXd{{1, undefined}}})});
        }) == "b: batch element 0, token 1: the score is undefined");
}

TEST_CASE("uniform attention gives equal scores, whatever the number of heads: rounding makes no order") {
  for (const Index heads : {1, 3, 5, 8, 9, 12, 16})
    for (const Index n : {2, 5, 7, 13}) {
      AttentionTensor<double> uniform(1, heads, n, n);
      uniform.setConstant(1. / static_cast<double>(n));
      for (const Readout& readout : readouts)
        if (readout.query < n) {
          const VectorXd found = attention_scores(uniform, readout).scores[0];
          CHECK(found.minCoeff() == found.maxCoeff());
        }
    }
}

TEST_CASE("the rank mean takes what differs by rounding for a tie") {
  const auto combined = combined_scores(std::vector{scores("a", {VectorXd{{1, 1 + 1e-15, 2}}})});
  CHECK(difference(combined.scores[0], VectorXd{{.5, .5, 1}}) < 1e-15);
}
