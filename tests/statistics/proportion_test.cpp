#include <attnscope/statistics/proportion.hpp>

#include "corpus/reference_lines.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("Wilson's interval is that of scipy") {
  const auto lines = test::reference_lines({"wilson"});
  CHECK(lines.size() == 5);
  for (const auto& line : lines) {
    INFO(line[0] << " of " << line[1]);
    const ConfidenceInterval found = wilson_interval(std::stod(line[0]), std::stod(line[1]), .9);
    CHECK(found.lower == Approx(std::stod(line[2])).margin(1e-12));
    CHECK(found.upper == Approx(std::stod(line[3])).margin(1e-12));
  }
}

TEST_CASE("its ends are the shares whose standard score is the quantile") {
  for (const double hits : {0., 1., 7., 20.}) {
    const ConfidenceInterval found = wilson_interval(hits, 20, .8);
    for (const double p : {found.lower, found.upper}) {
      if (p == 0 || p == 1) continue;
      CHECK(std::abs(hits / 20 - p) ==
            Approx(1.2815515655446004 * std::sqrt(p * (1 - p) / 20)).epsilon(1e-9));
    }
  }
  CHECK(std::isnan(wilson_interval(0, 0).lower));
}

TEST_CASE("counts and levels that cannot be are refused") {
  CHECK(message_of<ValueError>([] { wilson_interval(3, 2); }) == "3 hits of 2 trials");
  CHECK(message_of<ValueError>([] { wilson_interval(1, 2, 1); }) == "confidence = 1 is not between 0 and 1");
}
