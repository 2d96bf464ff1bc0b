#include <attnscope/corpus/bins.hpp>

#include "support/catch.hpp"

#include <array>
#include <vector>

using namespace attnscope;

TEST_CASE("every bin begins where the one before ends, and holds what lies between its edges") {
  for (const Bins& bins : {Bins::linear(0, 1, 64), Bins::linear(-1, 1, 7), Bins::octaves(-12, 12, 4),
                           Bins::octaves(0, 3, 8), Bins::octaves(-60, 20, 2)}) {
    bins.check();
    for (Eigen::Index b = 0; b < bins.count; ++b) {
      const double from = bins.edge(b), to = bins.edge(b + 1);
      INFO(bins.text() << ", bin " << b << ": " << from << " .. " << to);
      CHECK(from < to);
      CHECK(bins.of(from + .25 * (to - from)) == b);
      CHECK(bins.of(from + .75 * (to - from)) == b);
      if (bins.by_octaves && b > 0) {
        CHECK(bins.of(from) == b);
        CHECK(to - from <=
              from / static_cast<double>((bins.count - 1) / std::lround(std::log2(bins.high / bins.low))));
      }
    }
    CHECK(bins.edge(0) == (bins.by_octaves ? 0 : bins.low));
    CHECK(bins.edge(bins.count) == bins.high);
  }
}

TEST_CASE("what lies beyond the bins falls into the outer ones") {
  const Bins shares = Bins::linear(0, 1, 64), sizes = Bins::octaves(-4, 4, 3);
  CHECK(shares.of(-1e9) == 0);
  CHECK(shares.of(1) == 63);
  CHECK(shares.of(1e300) == 63);
  CHECK(sizes.of(0) == 0);
  CHECK(sizes.of(-3) == 0);
  CHECK(sizes.of(1e-300) == 0);
  CHECK(sizes.of(16) == 24);
}

TEST_CASE("a quantile is at most a bin away, and never beyond the extremes") {
  const Bins bins = Bins::linear(0, 1, 10);
  Eigen::ArrayXd counts = Eigen::ArrayXd::Zero(10);
  counts(2) = 3;  // .21 .25 .29
  counts(9) = 1;  // .95
  const auto at = [&](double share) { return quantile_of_histogram(bins, counts, .21, .95, share); };
  CHECK(at(0) == Approx(.2 + .1 / 6).epsilon(1e-12));
  CHECK(at(.5) == Approx(.25).epsilon(1e-12));
  CHECK(at(.75) == Approx(.2 + .1 * 5 / 6).epsilon(1e-12));
  CHECK(at(1) == Approx(.95).epsilon(1e-12));
  CHECK(quantile_of_histogram(bins, counts, .24, .25, 0) == .24);
  CHECK(quantile_of_histogram(bins, counts, .24, .25, 1) == .25);
  CHECK(std::isnan(quantile_of_histogram(bins, Eigen::ArrayXd::Zero(10), 0, 1, .5)));
  CHECK(message_of<ValueError>([&] { at(1.5); }) == "share = 1.5 is not within 0 .. 1");
}

TEST_CASE("bins that cannot be are refused") {
  CHECK(message_of<ValueError>([] { Bins{0, 1, 0}.check(); }) == "there are no 0 bins of 0 .. 1");
  CHECK(message_of<ValueError>([] { Bins{1, 1, 4}.check(); }) == "there are no 4 bins of 1 .. 1");
  CHECK(message_of<ValueError>([] {
          Bins{0, 1, 4, true}.check();
        }) == "there are no 4 bins by octaves of 0 .. 1");
  CHECK(message_of<ValueError>([] {
          Bins{1, 16, 3, true}.check();
        }) == "there are no 3 bins by octaves of 1 .. 16");
  CHECK(message_of<ValueError>([] { Bins{0, INFINITY, 3}.check(); }) == "there are no 3 bins of 0 .. inf");
}
