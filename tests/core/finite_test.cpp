#include <attnscope/core/finite.hpp>

#include "support/catch.hpp"

#include <limits>

using attnscope::detail::all_finite;

TEST_CASE("one number that is not finite is found wherever it stands") {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()})
    for (Eigen::Index i = 0; i < 6; ++i) {
      Eigen::MatrixXd numbers = Eigen::MatrixXd::Ones(2, 3);
      CHECK(all_finite(numbers));
      numbers(i) = bad;
      CHECK_FALSE(all_finite(numbers));
      CHECK(all_finite(numbers.row(0)) == (i % 2 == 1));
      CHECK(all_finite(numbers.col(2)) == (i < 4));
    }
}

TEST_CASE("nothing is finite") { CHECK(all_finite(Eigen::MatrixXd(0, 3))); }
