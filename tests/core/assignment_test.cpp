#include <attnscope/core/assignment.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <numeric>
#include <random>

using namespace attnscope;
using Columns = std::vector<Index>;

namespace {

/// The cost that make_assignment.py makes.
Eigen::MatrixXd made(Index rows, Index columns) {
  Eigen::MatrixXd cost(rows, columns);
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j)
      cost(i, j) = static_cast<double>((i * i * 37 + j * j * 11 + i * j * 101 + 13 * i) % 997) / 16 - 20;
  return cost;
}

/// The cheapest of all ways, tried one by one; rows <= columns.
double brute_force(const Eigen::MatrixXd& cost) {
  Columns order(static_cast<std::size_t>(cost.cols()));
  std::iota(order.begin(), order.end(), Index{0});
  double least = std::numeric_limits<double>::infinity();
  do {
    double sum = 0;
    for (Index i = 0; i < cost.rows(); ++i) sum += cost(i, order[static_cast<std::size_t>(i)]);
    least = std::min(least, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  return least;
}

/// Whether no column is given twice, and the cost is that of the columns given.
bool consistent(const Assignment& result, const Eigen::MatrixXd& cost) {
  std::vector<int> given(static_cast<std::size_t>(cost.cols()), 0);
  double sum = 0;
  Index placed = 0;
  for (Index i = 0; i < cost.rows(); ++i)
    if (const Index j = result.column[static_cast<std::size_t>(i)]; j >= 0) {
      ++given[static_cast<std::size_t>(j)];
      ++placed;
      sum += cost(i, j);
    }
  return std::all_of(given.begin(), given.end(), [](int n) { return n <= 1; }) &&
         placed == std::min(cost.rows(), cost.cols()) && std::abs(sum - result.cost) < 1e-9;
}

}  // namespace

TEST_CASE("the numbers of scipy") {
  CHECK(cheapest_assignment(made(8, 8)).column == Columns{0, 6, 7, 5, 1, 2, 4, 3});
  CHECK(cheapest_assignment(made(12, 12)).column == Columns{10, 6, 0, 9, 7, 2, 4, 11, 3, 1, 5, 8});
  CHECK(cheapest_assignment(made(7, 15)).column == Columns{0, 6, 4, 9, 7, 2, 1});
  const std::vector<std::pair<std::pair<Index, Index>, double>> costs{
      {{1, 1}, -20},        {{8, 8}, -120.875}, {{12, 12}, -179.625},
      {{40, 40}, -704.875}, {{7, 15}, -119.75}, {{15, 7}, -118.75}};
  for (const auto& [size, expected] : costs) {
    const Eigen::MatrixXd cost = made(size.first, size.second);
    const Assignment result = cheapest_assignment(cost);
    CHECK(result.cost == Approx(expected));
    CHECK(consistent(result, cost));
  }
}

TEST_CASE("no other way is cheaper") {
  std::mt19937 generator(3);
  std::normal_distribution<double> normal(0, 10);
  for (int round = 0; round < 400; ++round) {
    const Index rows = 1 + round % 6, columns = rows + round / 6 % 3;
    // Every other round in whole numbers, so that ties abound.
    const Eigen::MatrixXd cost = Eigen::MatrixXd::NullaryExpr(rows, columns, [&] {
      const double number = normal(generator);
      return round % 2 == 0 ? number : std::round(number / 8);
    });
    const Assignment wide = cheapest_assignment(cost), tall = cheapest_assignment(cost.transpose());
    CHECK(wide.cost == Approx(brute_force(cost)).margin(1e-9));
    CHECK(tall.cost == Approx(wide.cost).margin(1e-9));
    CHECK(consistent(wide, cost));
    CHECK(consistent(tall, cost.transpose()));
  }
}

TEST_CASE("an order is recognised, whatever is added to a row or a column") {
  const Index n = 50;
  Eigen::MatrixXd cost = Eigen::MatrixXd::Ones(n, n);
  for (Index i = 0; i < n; ++i) cost(i, (7 * i + 3) % n) = 0;
  for (Index i = 0; i < n; ++i) cost.row(i).array() += static_cast<double>(i * i % 13);
  for (Index j = 0; j < n; ++j) cost.col(j).array() -= static_cast<double>(j * j % 17);
  const Assignment result = cheapest_assignment(cost);
  for (Index i = 0; i < n; ++i) CHECK(result.column[static_cast<std::size_t>(i)] == (7 * i + 3) % n);
}

TEST_CASE("nothing to assign, and what is no cost") {
  CHECK(cheapest_assignment(Eigen::MatrixXd(0, 0)).column.empty());
  CHECK(cheapest_assignment(Eigen::MatrixXd(0, 3)).column.empty());
  CHECK(cheapest_assignment(Eigen::MatrixXd(2, 0)).column == Columns{-1, -1});
  Eigen::MatrixXd cost = made(2, 2);
  cost(1, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of<ValueError>([&] { cheapest_assignment(cost); }) ==
        "the cost of row 1 and column 0 is nan");
}
