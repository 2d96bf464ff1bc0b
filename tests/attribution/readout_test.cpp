#include <attnscope/attribution/readout.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
const MatrixXd map = MatrixXd{{.5, .3, .2}, {0, 0, 0}, {.1, .1, .6}};
}  // namespace

TEST_CASE("a readout takes its row, or what all rows give") {
  CHECK(read_out(map, {ReadFrom::first_query}) == VectorXd{{.5, .3, .2}});
  CHECK(read_out(map, {ReadFrom::last_query}) == VectorXd{{.1, .1, .6}});
  CHECK(read_out(map, {ReadFrom::query, 1}) == VectorXd{{0, 0, 0}});
  CHECK(test::difference(read_out(map), VectorXd{{.2, .4 / 3, .8 / 3}}) < 1e-15);
  // The rows' shares: (.5, .3, .2) and (.125, .125, .75); the row of 0 is left out.
  CHECK(test::difference(read_out(map, {ReadFrom::mean}), VectorXd{{.3125, .2125, .475}}) < 1e-15);
}

TEST_CASE("mean and received are equal where rows sum to 1, also of cross-attention in single precision") {
  const auto attention = test::random_attention<float>(Layout({1, 1, 5, 3}), 7);
  const Eigen::Map<const Eigen::Matrix<float, 5, 3, Eigen::RowMajor>> rows(attention.data());
  CHECK(test::difference(read_out(rows), read_out(rows, {ReadFrom::mean})) < 1e-7);
  CHECK(read_out(rows).sum() == Approx(1));
}

TEST_CASE("readouts have names") {
  CHECK(name_of(Readout{ReadFrom::first_query}) == "first query");
  CHECK(name_of(Readout{ReadFrom::last_query}) == "last query");
  CHECK(name_of(Readout{ReadFrom::query, 3}) == "query 3");
  CHECK(name_of(Readout{ReadFrom::mean}) == "mean");
  CHECK(name_of(Readout{}) == "received");
  CHECK(message_of<ValueError>([] { name_of(Readout{static_cast<ReadFrom>(9)}); }) == "a readout of kind 9");
}

TEST_CASE("a readout of nothing") {
  for (const Readout& readout : {Readout{ReadFrom::first_query}, {ReadFrom::query, 4}, {ReadFrom::mean}, {}})
    CHECK(read_out(MatrixXd(0, 0), readout).size() == 0);
  CHECK(std::isnan(read_out(MatrixXd(0, 2))(1)));
  CHECK(std::isnan(read_out(MatrixXd::Zero(2, 2), {ReadFrom::mean})(0)));
}

TEST_CASE("what cannot be read is named") {
  const auto shape = [&](const Readout& readout) {
    return message_of<ShapeError>([&] { read_out(map, readout); });
  };
  CHECK(shape({ReadFrom::query, 3}) == "query 3 of 3 queries");
  CHECK(shape({ReadFrom::query, -1}) == "query -1 of 3 queries");
  CHECK(message_of<ShapeError>([] { read_out(MatrixXd(0, 2), {ReadFrom::last_query}); }) ==
        "last query of 0 queries");
  MatrixXd bad = map;
  const auto value = [&](double number) {
    bad(2, 1) = number;
    return message_of<ValueError>([&] { read_out(bad, {ReadFrom::mean}); });
  };
  CHECK(value(-.25) == "query 2, key 1: -0.25 cannot be a share of its row: read \"received\"");
  CHECK_THAT(value(undefined), ContainsSubstring("query 2, key 1: the map holds nan"));
  CHECK_THAT(value(HUGE_VAL), ContainsSubstring("query 2, key 1: the map holds inf"));
  CHECK(read_out(MatrixXd{{1., -3.}, {0., 1.}}) == VectorXd{{.5, -1}});
}

TEST_CASE("no readout takes what is not finite, but from rows that it does not read") {
  MatrixXd holed = map;
  holed(1, 2) = NAN;
  for (const Readout& readout : {Readout{ReadFrom::query, 1}, {ReadFrom::mean}, {}})
    CHECK(message_of<ValueError>([&] { read_out(holed, readout); }) == "query 1, key 2: the map holds nan");
  CHECK(read_out(holed, {ReadFrom::first_query}) == VectorXd{{.5, .3, .2}});
}
