#include <attnscope/attribution/agreement.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Eigen::VectorXd;

namespace {

const VectorXd x{{.1, .25, .05, .4, .2}}, y{{.15, .2, .05, .35, .25}};

bool same(const Agreement& a, const Agreement& b) {
  return a.n == b.n && a.spearman_correlation == b.spearman_correlation && a.p_value == b.p_value &&
         a.kendall_tau == b.kendall_tau && a.kendall_p_value == b.kendall_p_value &&
         a.weighted_kendall == b.weighted_kendall && a.pearson == b.pearson &&
         a.pearson_p_value == b.pearson_p_value && a.top_k_overlap == b.top_k_overlap &&
         a.top_k_distance == b.top_k_distance;
}
/// What is behind the two scores of one batch element: any numbers.
VectorXd numbers(Index n, int salt) {
  VectorXd made(n);
  for (Index i = 0; i < n; ++i) made(i) = std::sin(static_cast<double>(7 * i * i + salt));
  return made;
}

}  // namespace

TEST_CASE("agreement of two scores against scipy") {
  const Agreement found = compare_scores(x, y, 2);
  CHECK(found.n == 5);
  CHECK(*found.spearman_correlation == Approx(.9));
  CHECK(*found.p_value == Approx(.03738607347).epsilon(1e-9));
  CHECK(*found.kendall_tau == Approx(.8));
  CHECK(*found.kendall_p_value == Approx(.08333333333).epsilon(1e-9));
  CHECK(*found.weighted_kendall == Approx(0.8175182481751825).epsilon(1e-12));
  CHECK(*found.pearson == Approx(0.9389710680668849).epsilon(1e-12));
  CHECK(*found.pearson_p_value == Approx(0.017931697145939788).epsilon(1e-8));
  CHECK(*found.top_k_overlap == .5);   // {3, 1} and {3, 4}
  CHECK(*found.top_k_distance == .2);  // 1 of 5: the second place
}

TEST_CASE("what is undefined is nothing") {
  const Agreement constant = compare_scores(VectorXd::Ones(5), y, 2);
  for (const auto& number : {constant.spearman_correlation, constant.p_value, constant.kendall_tau,
                             constant.kendall_p_value, constant.weighted_kendall, constant.pearson,
                             constant.pearson_p_value, constant.top_k_overlap, constant.top_k_distance})
    CHECK(!number);
  CHECK(constant.n == 5);
  CHECK(!compare_scores(x, y, 6).top_k_overlap);
  CHECK(compare_scores(x, y, 5).top_k_overlap == 1);
  CHECK(compare_scores(VectorXd(0), VectorXd(0)).n == 0);
  CHECK(!compare_scores(VectorXd{{1.}}, VectorXd{{2.}}).spearman_correlation);
}

TEST_CASE("tokens that do not count are left out of both") {
  const TokenScores a{"a", {numbers(6, 1), numbers(1, 2), numbers(3, 3), {}}};
  const TokenScores b{"b", {numbers(6, 4), numbers(1, 5), numbers(3, 6), numbers(2, 7)}};
  const std::vector<Agreement> found =
      compare_scores(a, b, {.tokens = {.exclude = {{2}, {}, {0, 0}, {}}, .strip_ends = true}, .k = 2});
  REQUIRE(found.size() == 4);
  const auto left = [](const VectorXd& v) { return VectorXd{{v(1), v(3), v(4)}}; };
  CHECK(same(found[0], compare_scores(left(a.scores[0]), left(b.scores[0]), 2)));
  CHECK(found[1].n == 0);
  CHECK(found[2].n == 1);
  CHECK(found[3].n == 0);  // a has no scores of it
  CHECK(same(compare_scores(a, b)[0], compare_scores(a.scores[0], b.scores[0])));
  CHECK(counted_scores(a, {.exclude = {{}, {}, {1}, {}}}).scores[2] ==
        VectorXd{{a.scores[2](0), a.scores[2](2)}});
}

TEST_CASE("a layer against an attribution: readout, padding and excluded tokens") {
  const Layout layout({2, 3, 7, 7}, self_padding({7, 5}, {0, 2}));
  const auto tensor = test::random_attention<float>(layout);
  const AttentionView<float> view(tensor, layout.mask());
  const TokenScores attribution{"input gradient", {numbers(7, 1), numbers(5, 2)}};
  for (const Readout& readout : {Readout{ReadFrom::first_query}, {ReadFrom::received}}) {
    const auto found = compare_attention_and_attribution(view, attribution, {.readout = readout, .k = 3});
    const TokenScores attention = attention_scores(view, readout);
    for (std::size_t b = 0; b < 2; ++b)
      CHECK(same(found[b], compare_scores(attention.scores[b], attribution.scores[b], 3)));
    CHECK(found[1].n == 5);
  }
  // Keys that nobody sees do not count, whatever else is left out.
  const auto part = exclude_tokens(view, {.keys = {{1}, {0, 4}}});
  const auto found = compare_attention_and_attribution(part, attribution, {.tokens = {.exclude = {{0}, {}}}});
  CHECK(found[0].n == 5);
  CHECK(found[1].n == 3);
  const TokenScores kept = attention_scores(part);
  CHECK(same(found[1], compare_scores(kept.scores[1].segment(1, 3), attribution.scores[1].segment(1, 3))));

  const std::vector<AttentionView<float>> layers{view, view};
  const auto all = agreement_by_layer(layers, attribution);
  REQUIRE(all.size() == 2);
  CHECK(same(all[1][0], compare_attention_and_attribution(view, attribution)[0]));
}

TEST_CASE("what cannot be compared is named") {
  const TokenScores a{"a", {x}}, short_one{"b", {VectorXd{{1, 2}}}};
  const auto shape = [&](const TokenScores& other, const CountedTokens& tokens = {}) {
    return message_of<ShapeError>([&] { compare_scores(a, other, {.tokens = tokens}); });
  };
  CHECK(shape({"b", {}}) == "a of 1 examples, but b of 0");
  CHECK(shape(short_one) == "batch element 0: a (x) and b (y): x has 5 numbers, but y has 2");
  CHECK(shape(a, {.exclude = {{5}}}) == "batch element 0: excluded token 5 of 5");
  CHECK(shape(a, {.exclude = {{-1}}}) == "batch element 0: excluded token -1 of 5");
  CHECK(shape(a, {.exclude = {{}, {}}}) == "2 lists of excluded tokens for 1 examples");
  TokenScores bad = a;
  bad.scores[0](3) = undefined;
  CHECK(message_of<ValueError>([&] { compare_scores(bad, a); }) ==
        "batch element 0: a (x) and a (y): x[3] is nan");
  CHECK(message_of<ValueError>([&] { compare_scores(x, y, 0); }) == "the 0 largest scores");
  const std::vector<AttentionTensor<double>> layers(2, test::random_attention<double>(Layout({1, 1, 2, 2})));
  CHECK_THAT(message_of<ShapeError>([&] { agreement_by_layer(layers, a); }),
             ContainsSubstring("layer 0: batch element 0: attention (received) (x) and a (y): x has 2"));
}

TEST_CASE("scores that differ by rounding are ties, and constant by rounding has no correlation") {
  const VectorXd third{{1. / 3, .1 + .2 + .1 / 3, 1. / 3 + 1e-16, 2, 1}}, exact{{1, 1, 1, 3, 2}};
  CHECK(*compare_scores(third, exact).spearman_correlation == 1);
  const VectorXd flat = VectorXd::Constant(5, .1) + 1e-15 * numbers(5, 1);
  CHECK(!compare_scores(flat, x).spearman_correlation);
  CHECK(!compare_scores(x, flat).pearson);
  // What differs by more does not.
  CHECK(*compare_scores(VectorXd{{1, 1 + 1e-9, 1 + 2e-9}}, VectorXd{{1, 2, 3}}).spearman_correlation == 1);
}

TEST_CASE("the largest scores are compared where ties leave no doubt which they are") {
  const VectorXd one{{0, 0, 5, 0}}, other{{0, 7, 0, 0}}, clear{{4, 3, 2, 1}};
  CHECK(*compare_scores(one, other, 1).top_k_overlap == 0);
  CHECK(!compare_scores(one, clear, 2).top_k_overlap);
  CHECK(!compare_scores(clear, one, 2).top_k_distance);
  CHECK(*compare_scores(clear, one, 4).top_k_overlap == 1);
}

TEST_CASE("an example that shows no query has no agreement, and the others have theirs") {
  const TokenScores a{"a", {VectorXd::Constant(5, NAN), x}}, b{"b", {y, y}};
  const auto found = compare_scores(a, b);
  CHECK(same(found[0], Agreement{}));
  CHECK(same(found[1], compare_scores(x, y)));
}
