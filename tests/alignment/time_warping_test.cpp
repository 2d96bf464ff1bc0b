#include <attnscope/alignment/time_warping.hpp>

#include "support/catch.hpp"

#include <fstream>
#include <random>

using namespace attnscope;
using Path = std::vector<WarpingStep>;

namespace {

/// The costs of make_word_times.py.
Eigen::MatrixXd made_cost(Index rows, Index columns, std::uint64_t seed) {
  Eigen::MatrixXd cost(rows, columns);
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      cost(i, j) = static_cast<double>((seed >> 33) % 5);
    }
  return cost;
}

/// The cheapest of all paths to (i, j), tried one by one.
double brute_force(const Eigen::MatrixXd& cost, Index i, Index j) {
  if (i == 0 && j == 0) return cost(0, 0);
  double least = std::numeric_limits<double>::infinity();
  if (i > 0) least = std::min(least, brute_force(cost, i - 1, j));
  if (j > 0) least = std::min(least, brute_force(cost, i, j - 1));
  if (i > 0 && j > 0) least = std::min(least, brute_force(cost, i - 1, j - 1));
  return cost(i, j) + least;
}

/// 0: both, 1: the row, 2: the column, one digit a step.
std::string steps(const Path& path) {
  std::string text;
  for (std::size_t k = 1; k < path.size(); ++k)
    text += path[k].row == path[k - 1].row ? '2' : path[k].column == path[k - 1].column ? '1' : '0';
  return text;
}

/// From corner to corner by steps that there are, at the cost that is said.
bool consistent(const TimeWarpingResult& result, const Eigen::MatrixXd& cost) {
  double sum = cost(0, 0);
  bool good = result.path.front() == WarpingStep{} &&
              result.path.back() == WarpingStep{cost.rows() - 1, cost.cols() - 1};
  for (std::size_t k = 1; k < result.path.size(); ++k) {
    const WarpingStep step = result.path[k];
    const Index down = step.row - result.path[k - 1].row, on = step.column - result.path[k - 1].column;
    good = good && down >= 0 && down <= 1 && on >= 0 && on <= 1 && down + on > 0;
    sum += cost(step.row, step.column);
  }
  return good && std::abs(sum - result.cost) < 1e-9;
}

}  // namespace

TEST_CASE("the true minimum, and what the references make of ties") {
  const Eigen::MatrixXd cost{{1, 0}, {5, 1}};
  const TimeWarpingResult best = time_warping(cost), theirs = time_warping(cost, {.whisper_ties = true});
  CHECK(best.cost == 2);
  CHECK(best.path == Path{{0, 0}, {1, 1}});
  CHECK(theirs.cost == 7);
  CHECK(theirs.path == Path{{0, 0}, {1, 0}, {1, 1}});
}

TEST_CASE("no path is cheaper") {
  std::mt19937 generator(5);
  std::normal_distribution<double> normal;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Index rows = 1 + static_cast<Index>(seed % 6), columns = 1 + static_cast<Index>(seed / 6 % 7);
    Eigen::MatrixXd cost = made_cost(rows, columns, seed);
    if (seed % 2)
      for (double& number : cost.reshaped()) number = normal(generator);
    const TimeWarpingResult best = time_warping(cost), theirs = time_warping(cost, {.whisper_ties = true});
    CHECK(best.cost == Approx(brute_force(cost, rows - 1, columns - 1)).margin(1e-12));
    CHECK(consistent(best, cost));
    CHECK(consistent(theirs, cost));
    CHECK(theirs.cost >= best.cost - 1e-6);
    if (seed % 2) CHECK(theirs.path == best.path);  // no ties, no difference
    CHECK(time_warping(cost.transpose()).cost == Approx(best.cost).margin(1e-12));
  }
}

TEST_CASE("the references' path") {
  std::ifstream file(ATTNSCOPE_TEST_DIR "/alignment/data/word_times.dat");
  std::string kind, expected;
  Index rows, columns, lines = 0, dearer = 0;
  std::uint64_t seed;
  while (file >> kind && kind == "path" && file >> rows >> columns >> seed >> expected) {
    const Eigen::MatrixXd cost = made_cost(rows, columns, seed);
    const TimeWarpingResult theirs = time_warping(cost, {.whisper_ties = true});
    CHECK(steps(theirs.path) == (expected == "-" ? "" : expected));
    dearer += theirs.cost > time_warping(cost).cost;
    ++lines;
  }
  CHECK(lines == 60);
  CHECK(dearer > 10);
}

TEST_CASE("single precision makes ties of the references") {
  // Beside 1e8, .25 is lost: both and row become equal, and the dearest way is taken.
  const Eigen::MatrixXd cost{{1e8, .25}, {5, 1}};
  CHECK(steps(time_warping(cost).path) == "0");
  CHECK(steps(time_warping(cost, {.whisper_ties = true}).path) == "12");
}

TEST_CASE("among equals both, then the row") {
  CHECK(steps(time_warping(Eigen::MatrixXd::Zero(3, 3)).path) == "00");
  CHECK(steps(time_warping(Eigen::MatrixXd::Zero(2, 4)).path) == "220");
  CHECK(steps(time_warping(Eigen::MatrixXd{{0, 0}, {0, 9}, {0, 0}}).path) == "10");
  CHECK(steps(time_warping(Eigen::MatrixXd::Zero(1, 4)).path) == "222");
  CHECK(steps(time_warping(Eigen::MatrixXd::Zero(3, 1)).path) == "11");
  CHECK(steps(time_warping(Eigen::MatrixXd{{0, -1}, {-1, 0}}).path) == "21");  // by the row above
}

TEST_CASE("what has no path") {
  CHECK(message_of<ShapeError>([] { time_warping(Eigen::MatrixXd(0, 3)); }) ==
        "no path through 0 rows and 3 columns");
  CHECK(message_of<ValueError>([] {
          time_warping(Eigen::MatrixXd{{0, 0}, {std::nan(""), 0}});
        }) == "the cost of row 1 and column 0 is nan");
  CHECK(message_of<ValueError>([] {
          time_warping(Eigen::MatrixXd{{0, -INFINITY}});
        }) == "the cost of row 0 and column 1 is -inf");
  const Eigen::MatrixXd huge{{1e308, 1e308}, {1e308, 1e308}};
  CHECK(message_of<ValueError>([&] { time_warping(huge); }) ==
        "the costs up to row 1 and column 0 sum to inf");
  CHECK(message_of<ValueError>([&] { time_warping(-huge); }) ==
        "the costs up to row 1 and column 0 sum to -inf");
  const Eigen::MatrixXd large{{0, 0}, {0, -1e39}};
  CHECK(time_warping(large).cost == -1e39);
  CHECK(message_of<ValueError>([&] { time_warping(large, {.whisper_ties = true}); }) ==
        "the costs up to row 1 and column 1 sum to -inf");
}
