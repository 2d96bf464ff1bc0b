#include <attnscope/attribution/attention_permutation.hpp>

#include "attribution/explained_models.hpp"

using namespace attnscope;
using test::explained;

namespace {
/// What a model says that reads value[token] of every row.
AttentionModel linear(const Eigen::VectorXd& values) {
  return [values](const Eigen::MatrixXd& attention) -> Eigen::VectorXd {
    return Eigen::VectorXd::Constant(1, (attention * values).mean());
  };
}
Eigen::VectorXd sorted(Eigen::VectorXd numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}
}  // namespace

TEST_CASE("the permutations of the script, their median, and uniform attention") {
  const CounterfactualAttention model(test::attention_of(2, 5), test::classes);
  const auto result = permute_attention(model, {.permutations = 40, .seed = 3});
  for (Index k = 0; k < 3; ++k)
    CHECK(result.output_distances(k) == Approx(explained(fmt::format("permutation.{}", k))).epsilon(1e-12));
  CHECK(result.median_output_distance == Approx(explained("permutation.median")).epsilon(1e-12));
  CHECK(result.median_jensen_shannon == Approx(explained("permutation.median_divergence")).epsilon(1e-11));
  const AttentionEffect uniform = model.effect_of(uniform_attention(model.rows()));
  CHECK(uniform.output_distance == Approx(explained("uniform.output")).epsilon(1e-12));
  CHECK(uniform.jensen_shannon == Approx(explained("uniform.divergence")).epsilon(1e-11));
}

TEST_CASE("two tokens, by hand: each permutation keeps or turns") {
  AttentionRows rows{Eigen::MatrixXd(1, 2)};
  rows.attention << .9, .1;
  const auto result = permute_attention({rows, linear(Eigen::Vector2d(1, 0))}, {.permutations = 400});
  Index turned = 0;
  for (const double distance : result.output_distances) {
    CHECK((distance == 0 || std::abs(distance - .8) < 1e-15));
    turned += distance > 0;
  }
  CHECK(turned > 160);
  CHECK(turned < 240);
  // The mean of the two in the middle.
  const Eigen::VectorXd in_order = sorted(result.output_distances);
  CHECK(result.median_output_distance == (in_order(199) + in_order(200)) / 2);
}

TEST_CASE("a model that looks at no attention is not moved, though the attention is") {
  const auto result = permute_attention({test::attention_of(3, 6), linear(Eigen::VectorXd::Constant(6, .4))}, {});
  CHECK(result.output_distances.size() == 100);
  CHECK(result.output_distances.maxCoeff() < 1e-15);
  CHECK(result.median_jensen_shannon > .1);
  // Uniform attention cannot be permuted: both are 0.
  const auto uniform = permute_attention({{uniform_attention(test::attention_of(3, 6))}, test::classes}, {});
  CHECK(uniform.median_jensen_shannon == 0);
  CHECK(uniform.median_output_distance == 0);
}

TEST_CASE("hidden tokens stay hidden, rows keep their weights, each row is dealt alone") {
  AttentionRows rows = test::attention_of(4, 5);
  rows.visible = VisibleTokens::Constant(4, 5, true);
  rows.visible(0, 2) = rows.visible(1, 0) = false;
  rows.visible.row(3).setConstant(false);
  rows.attention(0, 2) = rows.attention(1, 0) = 0;
  rows.attention.row(3).setZero();
  rows.attention.row(2) = rows.attention.row(0);
  rows.attention.row(2) /= 2;
  std::mt19937_64 generator(5);
  bool alike = true;
  for (int round = 0; round < 50; ++round) {
    const Eigen::MatrixXd permuted = permuted_attention(rows, generator);
    for (Index row = 0; row < 4; ++row)
      CHECK(sorted(permuted.row(row).transpose()) == sorted(rows.attention.row(row).transpose()));
    CHECK(permuted(0, 2) == 0);
    CHECK(permuted(1, 0) == 0);
    alike = alike && permuted.row(2) == permuted.row(0) / 2;
  }
  CHECK(!alike);
  const Eigen::MatrixXd uniform = uniform_attention(rows);
  CHECK(uniform(0, 2) == 0);
  CHECK(uniform(0, 1) == Approx(rows.attention.row(0).sum() / 4));
  CHECK(uniform(2, 4) == Approx(rows.attention.row(2).sum() / 5));
  CHECK(uniform.row(3).isZero());
}

TEST_CASE("every order is equally likely") {
  AttentionRows rows{Eigen::MatrixXd(1, 3)};
  rows.attention << .5, .3, .2;
  std::mt19937_64 generator(1);
  std::map<std::pair<double, double>, int> orders;
  for (int round = 0; round < 6000; ++round) {
    const Eigen::MatrixXd permuted = permuted_attention(rows, generator);
    ++orders[{permuted(0), permuted(1)}];
  }
  CHECK(orders.size() == 6);
  for (const auto& [order, count] : orders) CHECK(std::abs(count - 1000) < 130);
}

TEST_CASE("progress, and what goes wrong") {
  const CounterfactualAttention model(test::attention_of(1, 3), test::classes);
  Index last = 0;
  CHECK_THROWS_AS(permute_attention(model, {}, [&](Index done, Index total) { return (last = done) < total / 4; }),
                  Stopped);
  CHECK(last == 25);
  CHECK(message_of<ValueError>([&] { permute_attention(model, {.permutations = 0}); }) ==
        "permutations = 0 is less than 1");
  Index asked = 0;
  const CounterfactualAttention breaks(test::attention_of(1, 3), [&](const Eigen::MatrixXd&) -> Eigen::VectorXd {
    return Eigen::VectorXd::Constant(1, ++asked == 4 ? NAN : 0.);
  });
  CHECK(message_of<ValueError>([&] { permute_attention(breaks); }) ==
        "permutation 2: the model's output[0] is nan for changed attention");
}
