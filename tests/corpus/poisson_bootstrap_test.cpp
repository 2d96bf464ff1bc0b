#include <attnscope/corpus/poisson_bootstrap.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("weights are Poisson numbers of mean 1, and those of examples and replicates are not alike") {
  constexpr Index examples = 400, replicates = 250;
  std::vector<double> counts(20, 0.);
  Eigen::MatrixXd all(replicates, examples);
  for (Index e = 0; e < examples; ++e) all.col(e) = poisson_weights(replicates, 3, {e, 0});
  for (Index i = 0; i < all.size(); ++i) counts[static_cast<std::size_t>(all.data()[i])] += 1;
  const double n = static_cast<double>(all.size());
  double chance = std::exp(-1.);
  for (int k = 0; k < 6; chance /= ++k)
    CHECK(counts[static_cast<std::size_t>(k)] / n == Approx(chance).margin(4 * std::sqrt(chance / n)));
  const Eigen::MatrixXd centred = all.array() - 1;
  CHECK(std::abs((centred.col(0).array() * centred.col(1).array()).mean()) < .3);
  CHECK(std::abs((centred.leftCols(399).array() * centred.rightCols(399).array()).mean()) < .01);
  CHECK(std::abs((centred.topRows(249).array() * centred.bottomRows(249).array()).mean()) < .01);
}

TEST_CASE("weights hang on seed, file, element and replicate alone") {
  const auto weights = [](std::uint64_t seed, Index item, Index element) {
    return poisson_weights(100, seed, {item, element});
  };
  CHECK(weights(1, 2, 3) == weights(1, 2, 3));
  CHECK(weights(1, 2, 3) != weights(2, 2, 3));
  CHECK(weights(1, 2, 3) != weights(1, 3, 3));
  CHECK(weights(1, 2, 3) != weights(1, 2, 4));
  CHECK(weights(1, 2, 3) != weights(1, 3, 2));
  CHECK(poisson_weights(40, 1, {2, 3}) == weights(1, 2, 3).head(40));
  CHECK(poisson_weights(0, 1, {2, 3}).size() == 0);
}

TEST_CASE("replicates of parts add up, whether numbers are defined or not") {
  const Eigen::ArrayXd a = Eigen::Array2d(1, undefined), b = Eigen::Array2d(3, 5);
  const Eigen::VectorXd u{{1, 0, 2}}, v{{1, 2, 0}};
  ReplicateSums both(2, 3), first(2, 3), second(2, 3);
  both.add(a, u);
  both.add(b, v);
  first.add(a, u);
  second.add(b, v);
  ReplicateSums backwards = second;
  backwards.merge(first);
  first.merge(second);
  for (const ReplicateSums& sums : {both, first, backwards}) {
    const ConfidenceInterval one = sums.interval_of_mean(0, .5), other = sums.interval_of_mean(1, .5);
    CHECK(one.lower == 1.5);  // the means are 2, 3, 1
    CHECK(one.upper == 2.5);
    CHECK(other.lower == 5);  // and 5, 5, none
    CHECK(other.upper == 5);
  }
  second.merge(ReplicateSums(2, 3));
  CHECK(second.interval_of_mean(0, .9).lower == 3);
  CHECK(std::isnan(ReplicateSums(2, 3).interval_of_mean(0, .9).lower));
  CHECK(message_of<ValueError>([&] { both.interval_of_mean(0, 1); }) ==
        "confidence = 1 is not between 0 and 1");
}

TEST_CASE("the interval of a mean holds its level") {
  int held = 0;
  for (std::uint64_t run = 0; run < 400; ++run) {
    std::mt19937_64 generator(run);
    ReplicateSums sums(1, 200);
    for (Index e = 0; e < 50; ++e)
      sums.add(Eigen::ArrayXd::Constant(1, detail::draw_share(generator)), poisson_weights(200, run, {e, 0}));
    const ConfidenceInterval interval = sums.interval_of_mean(0, .9);
    held += interval.lower <= .5 && .5 <= interval.upper;
  }
  CHECK(held > 400 * .85);
  CHECK(held < 400 * .95);
}
