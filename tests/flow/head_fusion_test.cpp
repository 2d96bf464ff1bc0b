#include <attnscope/flow/head_fusion.hpp>

#include <limits>
#include <random>

#include "support/catch.hpp"

using namespace attnscope;
using namespace attnscope::detail;

namespace {

/// [head x key] with a distance between heads that is more than a row.
template <typename Weight>
using Heads = Eigen::Matrix<Weight, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename Weight>
Heads<Weight> random_heads(Index heads, Index keys) {
  std::minstd_rand random(3);
  Heads<Weight> all(heads, keys + 5);
  for (Weight& weight : all.reshaped()) weight = static_cast<Weight>(random() % 1000) / Weight(1000);
  return all;
}

template <std::size_t heads, typename Weight, typename Combine>
RowFacts<heads> fused(const Heads<Weight>& all, Index first, Index keys, Eigen::VectorX<Weight>& row,
                      const Combine& combine) {
  return fuse_rows<heads>(all.data(), all.cols(), first, keys, row.data(), combine);
}

template <typename Weight>
void check_size(Index keys) {
  const Heads<Weight> all = random_heads<Weight>(5, keys);
  const Heads<Weight> shown = all.middleRows(1, 4).leftCols(keys);
  const Eigen::VectorX<Weight> factors = Eigen::VectorX<Weight>::LinSpaced(5, Weight(.1), Weight(.9));

  Eigen::VectorX<Weight> mean = Eigen::VectorX<Weight>::Zero(keys), most = mean, least = mean;
  least.setConstant(Weight(.5));
  const auto facts = fused<4>(all, 1, keys, mean, AddWeighted<Weight>{factors.data()});
  fused<4>(all, 1, keys, most, TakeLarger{});
  fused<4>(all, 1, keys, least, TakeSmaller{});
  if (keys == 0) return;
  const double close = std::is_same_v<Weight, float> ? 1e-6 : 1e-14;
  CHECK((mean - shown.transpose() * factors.segment(1, 4)).cwiseAbs().maxCoeff() < Weight(close));
  CHECK(most == shown.colwise().maxCoeff().transpose());
  CHECK(least == shown.colwise().minCoeff().transpose().cwiseMin(Weight(.5)));
  for (std::size_t h = 0; h < 4; ++h)
    CHECK(facts.sums[h] ==
          Approx(shown.row(static_cast<Index>(h)).template cast<double>().sum()).epsilon(close));
  CHECK(facts.least == 0);

  Eigen::VectorX<Weight> one = Eigen::VectorX<Weight>::Zero(keys);
  fused<1>(all, 4, keys, one, TakeLarger{});
  CHECK(one == all.row(4).head(keys).transpose());
}

}  // namespace

TEST_CASE("heads are fused as one would by hand, whatever the number of keys") {
  for (const Index keys : {0, 1, 3, 4, 15, 16, 17, 63, 255, 256, 257, 601}) {
    INFO(keys);
    check_size<float>(keys);
    check_size<double>(keys);
  }
}

TEST_CASE("what is no weight is noticed wherever it stands") {
  for (const Index key : {0, 5, 16, 31, 32, 36})
    for (const float wrong :
         {-.25f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Heads<float> all = Heads<float>::Constant(4, 37, .01f);
      all(2, key) = wrong;
      Eigen::VectorX<float> row = Eigen::VectorX<float>::Zero(37);
      const auto facts = fused<4>(all, 0, 37, row, TakeLarger{});
      INFO(key << ": " << wrong);
      CHECK((facts.least < 0 || !(facts.sums[2] <= 1)));
      CHECK(facts.sums[1] == Approx(.37));
    }
}
