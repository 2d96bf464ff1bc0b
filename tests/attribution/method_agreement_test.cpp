#include <attnscope/attribution/method_agreement.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using test::difference;

namespace {

const std::vector<std::string> names{"a", "b", "c"};

/// [example][method] of [token]: unlike lengths, ties, signs, a constant, methods that lack an example.
std::vector<std::vector<VectorXd>> corpus() {
  return {{VectorXd{{1, 2, 3, 4, 5, 6}}, VectorXd{{2, 1, 3, 4, 6, 5}}, VectorXd{{1, 1, 2, -2, 0, 4}}},
          {VectorXd{{.3, .1, .2, .2}}, VectorXd{{3, 1, 2, 2}}, VectorXd{{1, 1, 1, 1}}},
          {VectorXd{{4, 3, 2, 1, 0}}, VectorXd{{0, 1, 2, 3, 4}}, {}},
          {{}, VectorXd{{1, 5}}, VectorXd{{2, 1}}}};
}
MethodAgreement over(const std::vector<std::vector<VectorXd>>& examples,
                     const MethodAgreementOptions& options) {
  MethodAgreement all(names, options);
  for (const auto& example : examples) all.add(example);
  return all;
}
double apart(const MethodMatrices& a, const MethodMatrices& b) {
  return std::max({difference(a.mean, b.mean), difference(a.spread, b.spread),
                   difference(a.share_significant, b.share_significant), difference(a.count, b.count)});
}
double apart(const MethodAgreementResult& a, const MethodAgreementResult& b) {
  CHECK(a.methods == b.methods);
  CHECK(a.examples == b.examples);
  return std::max({apart(a.spearman_correlation, b.spearman_correlation), apart(a.kendall_tau, b.kendall_tau),
                   apart(a.weighted_kendall, b.weighted_kendall), apart(a.pearson, b.pearson),
                   apart(a.top_k_overlap, b.top_k_overlap), apart(a.jensen_shannon, b.jensen_shannon)});
}

}  // namespace

TEST_CASE("methods x methods over a corpus, one pair by hand") {
  const MethodAgreementResult all = over(corpus(), {.k = 3}).result();
  CHECK(all.examples == 4);
  // Spearman of a and b: 31/35 (p .0188), 1 (p 0) and -1 (p 0); no fourth, and c is constant in the second.
  const MethodMatrices& rho = all.spearman_correlation;
  CHECK(rho.count == MatrixXd{{3, 3, 1}, {3, 4, 2}, {1, 2, 2}});
  CHECK(rho.mean(0, 1) == Approx(31. / 105));
  const double mean = 31. / 105,
               squares = std::pow(31. / 35 - mean, 2) + std::pow(1 - mean, 2) + std::pow(-1 - mean, 2);
  CHECK(rho.spread(0, 1) == Approx(std::sqrt(squares / 2)));
  CHECK(rho.share_significant(0, 1) == 1);
  CHECK(std::isnan(rho.spread(0, 2)));
  CHECK(rho.share_significant(1, 2) == 0);  // the pair of two tokens has no p
  CHECK(rho.mean.diagonal() == VectorXd::Ones(3));
  CHECK(rho.mean == rho.mean.transpose());
  // .0556 of six with two of 15 pairs out of order, .0558 of four with a tie, 2 / 5! of five in reverse.
  CHECK(all.kendall_tau.share_significant(0, 1) == Approx(1. / 3));
  CHECK(std::isnan(all.weighted_kendall.share_significant(0, 1)));
  // 3 of the 3 largest; {0, 2, 3} both, for 2 and 3 are tied; {0, 1, 2} against {4, 3, 2}.
  CHECK(all.top_k_overlap.mean(0, 1) == Approx((1 + 1 + 1. / 3) / 3));
  CHECK(all.top_k_overlap.count(0, 1) == 3);
  // c has a negative score in the first example: no distribution.
  CHECK(all.jensen_shannon.count == MatrixXd{{3, 3, 1}, {3, 4, 2}, {1, 2, 2}});
  CHECK(all.jensen_shannon.mean.diagonal() == VectorXd::Zero(3));
  const VectorXd p = VectorXd{{.375, .125, .25, .25}}, q = VectorXd::Constant(4, .25);
  CHECK(all.jensen_shannon.mean(0, 2) == Approx(jensen_shannon(p, q)));
}

TEST_CASE("only scores that could be shares have a divergence") {
  const TokenScores negative{"a", {VectorXd{{-1, 2}}}}, zero{"b", {VectorXd{{0, 0}}}},
      fit{"c", {VectorXd{{3, 1}}}};
  for (const auto& pair : {std::vector{negative, fit}, {fit, negative}, {zero, fit}, {fit, zero}})
    CHECK(method_agreement(pair).jensen_shannon.count(0, 1) == 0);
  const TokenScores huge{"d", {VectorXd{{1.5e308, 1.5e308}}}};
  CHECK(method_agreement(std::vector{huge, fit}).jensen_shannon.mean(0, 1) ==
        Approx(jensen_shannon(VectorXd{{.5, .5}}, VectorXd{{.75, .25}})));
}

TEST_CASE("every entry is the mean, spread and share of compare_scores over the examples") {
  const auto examples = corpus();
  const MethodAgreementResult all = over(examples, {.k = 2, .significance = .1}).result();
  const auto check = [&](const MethodMatrices& found, auto statistic, auto p_value) {
    for (Index a = 0; a < 3; ++a)
      for (Index b = 0; b < 3; ++b) {
        std::vector<double> values, significant;
        for (const auto& example : examples) {
          const VectorXd &x = example[static_cast<std::size_t>(a)], &y = example[static_cast<std::size_t>(b)];
          if (x.size() == 0 || y.size() == 0) continue;
          const Agreement pair = compare_scores(x, y, 2);
          if (const auto value = pair.*statistic) values.push_back(*value);
          if (const auto p = pair.*p_value) significant.push_back(*p <= .1);
        }
        const auto mean = [](const std::vector<double>& v) {
          return Eigen::Map<const VectorXd>(v.data(), static_cast<Index>(v.size())).sum() /
                 static_cast<double>(v.size());
        };
        CHECK(found.count(a, b) == static_cast<double>(values.size()));
        CHECK(found.mean(a, b) == Approx(mean(values)).margin(1e-15));
        if (!significant.empty())
          CHECK(found.share_significant(a, b) == Approx(mean(significant)).margin(1e-15));
        if (significant.empty()) CHECK(std::isnan(found.share_significant(a, b)));
      }
  };
  check(all.spearman_correlation, &Agreement::spearman_correlation, &Agreement::p_value);
  check(all.kendall_tau, &Agreement::kendall_tau, &Agreement::kendall_p_value);
  check(all.pearson, &Agreement::pearson, &Agreement::pearson_p_value);
}

TEST_CASE("parts of a corpus merge to the whole, and nothing is neutral") {
  const auto examples = corpus();
  const MethodAgreement whole = over(examples, {});
  MethodAgreement parts = over({examples[0]}, {});
  parts.merge(over({examples[1], examples[2]}, {}));
  parts.merge(whole.empty());
  parts.merge(over({examples[3]}, {}));
  CHECK(apart(parts.result(), whole.result()) < 1e-14);
  MethodAgreement none = whole.empty();
  none.merge(MethodAgreement(whole));
  CHECK(apart(none.result(), whole.result()) == 0);
  const MethodAgreementResult nothing = whole.empty().result();
  CHECK(nothing.examples == 0);
  CHECK(nothing.pearson.count == MatrixXd::Zero(3, 3));
  CHECK(nothing.pearson.mean.array().isNaN().all());
}

TEST_CASE("a batch of token scores is its examples") {
  const auto examples = corpus();
  std::vector<TokenScores> batch;
  for (std::size_t m = 0; m < 3; ++m) {
    batch.push_back({names[m], {}});
    for (const auto& example : examples) batch.back().scores.push_back(example[m]);
  }
  CHECK(apart(method_agreement(batch), over(examples, {}).result()) == 0);
  CHECK(method_agreement({}).methods.empty());
}

TEST_CASE("what does not go together is named, and adds nothing") {
  MethodAgreement all = over(corpus(), {});
  const MethodAgreementResult before = all.result();
  const auto shape = [&](const std::vector<VectorXd>& scores) {
    return message_of<ShapeError>([&] { all.add(scores); });
  };
  const VectorXd two{{1, 2}}, three{{1, 2, 3}};
  CHECK(shape({two, two}) == "scores of 2 methods, not 3");
  CHECK(shape({two, two, three}) == "a (x) and c (y): x has 2 numbers, but y has 3");
  CHECK(message_of<ValueError>([&] {
          all.add({two, VectorXd{{1, HUGE_VAL}}, two});
        }) == "a (x) and b (y): y[1] is inf");
  const TokenScores a{"a", {two}}, b{"b", {two}}, c{"c", {}};
  const auto batch = [&](const std::vector<TokenScores>& methods) {
    return message_of<ShapeError>([&] { all.add(methods); });
  };
  CHECK(batch({a, b}) == "scores of 2 methods, not 3");
  CHECK(batch({b, a, c}) == "method 0 is b, not a");
  CHECK(batch({a, b, c}) == "c has scores of 0 examples, but a of 1");
  CHECK(batch({a, {"b", {three}}, {"c", {two}}}) ==
        "batch element 0: a (x) and b (y): x has 2 numbers, but y has 3");
  CHECK(message_of<ShapeError>([&] { all.merge(MethodAgreement({"a"})); }) ==
        "cannot pool the agreement of other methods");
  CHECK(apart(all.result(), before) == 0);
  CHECK(message_of<ValueError>([] { MethodAgreement({}, {.k = 0}); }) == "the 0 largest scores");
  CHECK(message_of<ValueError>([] { MethodAgreement({}, {.significance = 2}); }) ==
        "significance = 2 is not within 0 .. 1");
}

TEST_CASE("scores that are all undefined are none; agreement of other options is not pooled") {
  const VectorXd some{{1, 2, 4, 3}}, undefined_all = VectorXd::Constant(4, NAN);
  const auto counts = [&](const VectorXd& c) {
    return over({{some, some, c}}, {}).result().spearman_correlation.count;
  };
  CHECK(counts(undefined_all) == counts({}));
  MethodAgreement one(names, {.k = 1});
  CHECK(message_of<ValueError>([&] { one.merge(MethodAgreement(names, {.k = 3, .significance = .1})); }) ==
        "cannot pool k = 1, significance = 0.05 with k = 3, significance = 0.1");
}
