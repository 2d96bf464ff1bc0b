#include <attnscope/corpus/number_statistics.hpp>

#include "corpus/made_corpus.hpp"
#include "corpus/reference_lines.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// [bucket] the statistics of a number; 0: of all.
std::map<std::string, NumberStatistics> by_bucket(const TableName& name) {
  const CorpusStatistics all = test::made_part(0, test::made_examples);
  std::map<std::string, NumberStatistics> found{{"0", all.total().numbers.at(name)}};
  for (const auto& [length, bucket] : all.buckets())
    found.emplace(fmt::format("{}", length), bucket.numbers.at(name));
  return found;
}
NumberStatistics of(const std::vector<double>& values) {
  NumberStatistics all(Bins::linear(0, 10, 10), 1, 1, 4);
  for (std::size_t e = 0; e < values.size(); ++e)
    all.add(Eigen::ArrayXXd::Constant(1, 1, values[e]), e, Eigen::VectorXd::Ones(4));
  return all;
}
}  // namespace

TEST_CASE("statistics of numbers are those of numpy and scipy, in every bucket and in all") {
  for (const TableName& name : {test::share, test::size, test::whole_layer}) {
    const auto found = by_bucket(name);
    for (const auto& [bucket, one] : found) {
      const auto lines = test::reference_lines({"number", bucket, name.name});
      CHECK(static_cast<Index>(lines.size()) == one.layers() * one.heads());
      for (const auto& line : lines) {
        std::vector<double> said;
        for (const std::string& word : line) said.push_back(std::stod(word));
        const Index l = static_cast<Index>(said[0]), h = static_cast<Index>(said[1]);
        INFO(name.text() << ", bucket " << bucket << ", layer " << l << ", head " << h);
        CHECK(one.counts()(l, h) == said[2]);
        CHECK(one.mean()(l, h) == Approx(said[3]).epsilon(1e-12));
        CHECK(one.standard_deviation()(l, h) == Approx(said[4]).epsilon(1e-12));
        CHECK(one.standard_error()(l, h) == Approx(said[5]).epsilon(1e-12));
        CHECK(one.smallest()(l, h) == said[6]);
        CHECK(one.largest()(l, h) == said[7]);
        CHECK(one.smallest_at(l, h) >> 24 == static_cast<std::uint64_t>(said[8]));
        CHECK(one.largest_at(l, h) >> 24 == static_cast<std::uint64_t>(said[9]));
        CHECK(one.interval_of_mean(l, h).lower == Approx(said[10]).epsilon(1e-11));
        CHECK(one.interval_of_mean(l, h).upper == Approx(said[11]).epsilon(1e-11));
        const double shares[] = {0, .05, .5, .95, 1};
        for (std::size_t q = 0; q < 5; ++q) {
          const double exact = said[12 + q], bin = static_cast<double>(one.bins().of(exact));
          const double width =
              one.bins().edge(static_cast<Index>(bin) + 1) - one.bins().edge(static_cast<Index>(bin));
          CHECK(one.quantile(shares[q])(l, h) == Approx(exact).margin(width));
        }
        CHECK(one.histogram(l, h).sum() == said[2]);
      }
    }
  }
}

TEST_CASE("the first of equal extremes is kept, whatever is merged") {
  NumberStatistics early = of({5, 2, 7}), late(Bins::linear(0, 10, 10), 1, 1, 4);
  late.add(Eigen::ArrayXXd::Constant(1, 1, 2), 8, Eigen::VectorXd::Ones(4));
  late.add(Eigen::ArrayXXd::Constant(1, 1, 7), 9, Eigen::VectorXd::Ones(4));
  early.merge(late);
  CHECK(early.smallest_at(0, 0) == 1);
  CHECK(early.largest_at(0, 0) == 2);
}

TEST_CASE("of nothing, and of one number, little is known") {
  NumberStatistics none(Bins::linear(0, 10, 10), 2, 2, 4);
  CHECK((none.counts() == 0).all());
  CHECK(none.mean().isNaN().all());
  CHECK(none.smallest().isNaN().all());
  CHECK(none.quantile(.5).isNaN().all());
  CHECK(std::isnan(none.interval_of_mean(1, 1).upper));
  int extremes = 0;
  none.each_extreme([&](std::uint64_t) { ++extremes; });
  CHECK(extremes == 0);
  const NumberStatistics one = of({3});
  CHECK(one.mean()(0, 0) == 3);
  CHECK(std::isnan(one.standard_error()(0, 0)));
  CHECK(std::isnan(one.interval_of_mean(0, 0).lower));
  CHECK(of({3, 4}).interval_of_mean(0, 0).lower == 3.5);
  CHECK(of({undefined, 4}).smallest_at(0, 0) == 1);
}

TEST_CASE("what is unlike is named") {
  const NumberStatistics one = of({});
  CHECK(one.unlike(1, 1, Bins::linear(0, 10, 10)).empty());
  CHECK(one.unlike(1, 2, Bins::linear(0, 10, 10)) == "[1 x 2] here and [1 x 1] before");
  CHECK(one.unlike(1, 1, Bins::linear(0, 1, 10)) == "10 bins of 0 .. 1 here and 10 bins of 0 .. 10 before");
}
