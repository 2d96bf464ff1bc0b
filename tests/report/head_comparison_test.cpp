#include <attnscope/report/head_comparison.hpp>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;
using test::uniform;

namespace {
Dump two_layers() {
  return make_dump("x", {{"self.0.attention", uniform(1, 3, 4)}, {"self.2.attention", uniform(1, 3, 4)}}, {});
}
}  // namespace

TEST_CASE("heads are compared across layers where that makes sense and does not take too long") {
  const Analysis both = test::analyze(two_layers());
  const HeadComparison& comparison = both.stacks.at(0).comparison.value();
  CHECK(comparison.heads.size() == 6);
  CHECK(comparison.heads[4] == HeadId{1, 1});
  CHECK(comparison.redundancy.groups == std::vector<std::vector<Index>>{{0, 1, 2, 3, 4, 5}});
  const Analysis little = test::analyze(two_layers(), {.most_comparisons = 100});
  CHECK_FALSE(little.stacks[0].comparison);
  CHECK(little.left_out == std::vector<std::string>{
                               "self: heads across layers: 2.4e+02 pairs of weights are more than 1.0e+02"});
  const Dump unlike = make_dump("x",
                                {{"cross.0.attention", test::filled({1, 1, 2, 4}, .25)},
                                 {"cross.1.attention", test::filled({1, 1, 2, 3}, 1 / 3.)}},
                                {});
  CHECK_THAT(test::analyze(unlike).left_out.at(0),
             ContainsSubstring("cross: heads across layers: layers 0 and 1: "));
}
