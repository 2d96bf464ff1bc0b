#include <attnscope/statistics/top_k.hpp>

#include "statistics/made_numbers.hpp"
#include "support/catch.hpp"

#include <limits>

using namespace attnscope;
using test::made, test::numbers;

namespace {

Index place(const std::vector<Index>& list, Index item) {
  return std::find(list.begin(), list.end(), item) - list.begin();
}

/// Fagin's four cases, pair by pair over all n.
double plain_distance(const std::vector<Index>& a, const std::vector<Index>& b, Index n) {
  const Index k = static_cast<Index>(a.size());
  double distance = 0;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < i; ++j) {
      const Index ai = place(a, i), aj = place(a, j), bi = place(b, i), bj = place(b, j);
      const int in_a = (ai < k) + (aj < k), in_b = (bi < k) + (bj < k);
      if (in_a == 2 && in_b == 2)
        distance += (ai < aj) != (bi < bj);
      else if (in_a == 2 && in_b == 1)
        distance += (ai < aj) != (bi < k);
      else if (in_a == 1 && in_b == 2)
        distance += (bi < bj) != (ai < k);
      else if (in_a == 1 && in_b == 1)
        distance += (ai < k) != (bi < k);
      else if (in_a + in_b == 2)
        distance += .5;
    }
  return distance;
}

}  // namespace

TEST_CASE("the largest, the lower index first among equals") {
  CHECK(top_k(numbers({1, 5, 3, 5, 0}), 3) == std::vector<Index>{1, 3, 2});
  CHECK(top_k(numbers({2, 2, 2}), 2) == std::vector<Index>{0, 1});
  CHECK(top_k(numbers({-std::numeric_limits<double>::infinity(), -1}), 1) == std::vector<Index>{1});
}

TEST_CASE("agreement by hand") {
  const Eigen::VectorXd x = numbers({9, 8, 7, 1, 2, 3}), y = numbers({8, 9, 1, 7, 2, 3});
  // Lists 0 1 2 and 1 0 3: exchanged 0 and 1; 2 and 3 exclude one another.
  const TopKResult result = compare_top_k(x, y, 3);
  CHECK(result.overlap == Approx(2. / 3));
  CHECK(result.kendall_distance == 2);
  CHECK(result.normalized_distance == Approx(2. / 12));
  // Lists 0 1 and 0 2: only about 1 and 2. Lists 0 1 and 2 0: about 0 and 2, too.
  CHECK(compare_top_k(numbers({3, 2, 1}), numbers({3, 1, 2}), 2).kendall_distance == 1);
  CHECK(compare_top_k(numbers({3, 2, 1}), numbers({2, 1, 3}), 2).kendall_distance == 2);
}

TEST_CASE("the ends of agreement") {
  const Eigen::VectorXd x = numbers({4, 3, 2, 1}), y = numbers({1, 2, 3, 4});
  for (Index k = 1; k <= 4; ++k) {
    CHECK(compare_top_k(x, x, k).overlap == 1);
    CHECK(compare_top_k(x, x, k).kendall_distance == 0);
  }
  const TopKResult apart = compare_top_k(x, y, 2);
  CHECK(apart.overlap == 0);
  CHECK(apart.kendall_distance == 5);
  CHECK(apart.normalized_distance == 1);
  CHECK(compare_top_k(x, y, 4).kendall_distance == 6);  // all pairs
}

TEST_CASE("Fagin's distance, pair by pair") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Index n = static_cast<Index>(2 + seed % 12), k = 1 + static_cast<Index>(seed / 3) % n;
    const auto [x, y] = made(n, seed % 2 ? 4 : 1000, seed);
    const TopKResult result = compare_top_k(x, y, k);
    CHECK(result.kendall_distance == plain_distance(top_k(x, k), top_k(y, k), n));
    CHECK(result.kendall_distance == compare_top_k(y, x, k).kendall_distance);
    CHECK((0 <= result.normalized_distance && result.normalized_distance <= 1));
  }
}

TEST_CASE("what has no largest") {
  const Eigen::VectorXd x = numbers({1, 2}), y = numbers({1, std::nan("")});
  CHECK(message_of<ValueError>([&] { top_k(x, 3); }) == "the 3 largest of 2 numbers");
  CHECK(message_of<ValueError>([&] { top_k(x, 0); }) == "the 0 largest of 2 numbers");
  CHECK(message_of<ValueError>([&] { top_k(y, 1); }) == "x[1] is nan");
  CHECK(message_of<ValueError>([&] { compare_top_k(x, y, 1); }) == "y[1] is nan");
  CHECK(message_of<ShapeError>([&] { compare_top_k(x, numbers({1}), 1); }) == "x has 2 numbers, but y has 1");
}
