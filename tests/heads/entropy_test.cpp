#include <attnscope/heads/entropy.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
const Eigen::Matrix3d A1{{.5, .3, .2}, {.1, .6, .3}, {.25, .25, .5}};  // independent values: numpy 1.24
const Eigen::Matrix3d C{{1, 0, 0}, {.5, .5, 0}, {.2, .3, .5}};
}  // namespace

TEST_CASE("the published definition, exact and smoothed") {
  CHECK(entropy(A1).entropies(0) == Approx(.9891065033).epsilon(1e-10));
  CHECK(entropy(A1, {.smoothing = .0001}).entropies(0) == Approx(.9891296986).epsilon(1e-10));
}

TEST_CASE("causal rows are normalised by the keys they see, and a row of one key is skipped") {
  const AttentionView view(C, {.causal = true});
  const EntropyResult result = entropy(view, {.per_query = true});
  CHECK(result.per_query[0](0, 0) == 0);
  CHECK(result.per_query[0](0, 1) == Approx(.6931471806));
  CHECK(result.per_query[0](0, 2) == Approx(1.0296530141));
  CHECK(result.normalized_entropies(0) == Approx((1 + .9372305632) / 2));
  CHECK(result.queries == 3);
  CHECK(result.normalized_queries == 2);
}

TEST_CASE("uniform rows give log n, in nats and bits") {
  for (const Index n : {1, 2, 17, 512}) {
    AttentionTensor<double> a(1, 2, n, n);
    a.setConstant(1.0 / static_cast<double>(n));
    CHECK(entropy(a).entropies(1) == Approx(std::log(static_cast<double>(n))).margin(1e-14));
    CHECK(entropy(a, {.unit = EntropyUnit::bits}).entropies(1) ==
          Approx(std::log2(static_cast<double>(n))).margin(1e-14));
    if (n > 1) CHECK(entropy(a).normalized_entropies(0) == Approx(1));
  }
}

TEST_CASE("bits are nats over ln 2, row by row too") {
  const EntropyResult nats = entropy(A1, {.per_query = true}),
                      bits = entropy(A1, {.unit = EntropyUnit::bits, .per_query = true});
  CHECK((bits.per_query[0] * std::log(2) - nats.per_query[0]).norm() < 1e-15);
  CHECK(bits.normalized_entropies(0) == nats.normalized_entropies(0));
}

TEST_CASE("one-hot rows have exactly no entropy") {
  const Eigen::MatrixXf identity = Eigen::MatrixXf::Identity(300, 300);
  CHECK(entropy(identity).entropies(0) == 0);
  CHECK(entropy(identity).normalized_entropies(0) == 0);
}

TEST_CASE("permuting the keys leaves the entropy alone") {
  const auto a = test::random_attention<double>(Layout({1, 1, 30, 30}));
  const Eigen::Map<const Eigen::Matrix<double, 30, 30, Eigen::RowMajor>> plain(a.data());
  const Eigen::MatrixXd reversed = plain.rowwise().reverse();
  CHECK(entropy(reversed).entropies(0) == Approx(entropy(a).entropies(0)).epsilon(1e-14));
}

TEST_CASE("one token: no entropy, and its normalised form is undefined") {
  const Eigen::MatrixXd one = Eigen::MatrixXd::Ones(1, 1);
  CHECK(entropy(one).entropies(0) == 0);
  CHECK(std::isnan(entropy(one).normalized_entropies(0)));
  CHECK(entropy(one).normalized_queries == 0);
}

TEST_CASE("smoothing spreads over the visible keys only") {
  const AttentionView view(C, {.causal = true});
  CHECK(entropy(view, {.smoothing = 1, .per_query = true}).per_query[0](0, 1) == Approx(std::log(2)));
  const auto without_first = exclude_tokens(view, {.keys = {{0}}});
  CHECK(entropy(without_first, {.smoothing = 1, .per_query = true}).per_query[0](0, 2) ==
        Approx(std::log(2)));
}

TEST_CASE("smoothing outside 0..1 and pooling of unlike options are refused") {
  CHECK(message_of<ValueError>([] { entropy(A1, {.smoothing = 1.5}); }) == "smoothing = 1.5 is not in 0..1");
  CHECK(message_of<ValueError>([] { EntropyMeasure({.smoothing = -1}); }) == "smoothing = -1 is not in 0..1");
  CHECK(message_of<ValueError>([] { EntropyMeasure().merge(EntropyMeasure({.unit = EntropyUnit::bits})); }) ==
        "cannot pool entropies of other options");
}
