#include <attnscope/core/moments.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using detail::Moments;
using Eigen::ArrayXXd;

namespace {
Moments of(const std::vector<ArrayXXd>& values) {
  Moments all;
  for (const ArrayXXd& value : values) all.add_defined(value);
  return all;
}
const ArrayXXd a{{1, undefined}, {3, undefined}}, b{{5, 2}, {undefined, undefined}},
    c{{6, 4}, {undefined, undefined}};
}  // namespace

TEST_CASE("moments are those of the defined entries, each by itself") {
  const Moments all = of({a, b, c});
  const auto same = [](const ArrayXXd& x, const ArrayXXd& y) {
    return test::difference(x.matrix(), y.matrix());
  };
  CHECK(same(all.counts(), ArrayXXd{{3, 2}, {1, 0}}) == 0);
  CHECK(all.count() == 3);
  CHECK(same(all.mean(), ArrayXXd{{4, 3}, {3, undefined}}) < 1e-15);
  CHECK(same(all.standard_deviation(), ArrayXXd{{std::sqrt(7.), std::sqrt(2.)}, {undefined, undefined}}) <
        1e-15);
  CHECK(same(all.standard_error(), ArrayXXd{{std::sqrt(7. / 3), 1}, {undefined, undefined}}) < 1e-15);
}

TEST_CASE("merged moments are those of all, and nothing is the neutral element") {
  Moments all = of({a});
  all.merge(of({b, c}));
  all.merge(Moments());
  Moments none;
  none.merge(all);
  CHECK(test::difference(none.mean().matrix(), of({a, b, c}).mean().matrix()) < 1e-15);
  CHECK(test::difference(none.standard_error().matrix(), of({a, b, c}).standard_error().matrix()) < 1e-15);
  CHECK(Moments().count() == 0);
  CHECK(Moments().mean().size() == 0);
}

TEST_CASE("moments are their parts") {
  const Moments all = of({a, b, c});
  Moments same;
  std::vector<ArrayXXd> parts;
  Moments::each_part(all, [&](const std::string& name, const ArrayXXd& numbers) {
    CHECK(name == std::vector<std::string>{"count", "mean", "squared_deviations"}[parts.size()]);
    parts.push_back(numbers);
  });
  std::size_t part = 0;
  Moments::each_part(same, [&](const char*, ArrayXXd& numbers) { numbers = parts[part++]; });
  CHECK(test::difference(same.standard_error().matrix(), all.standard_error().matrix()) == 0);
  CHECK(test::difference(same.mean().matrix(), all.mean().matrix()) == 0);
}

TEST_CASE("what is added without asking stays undefined") {
  Moments all;
  all.add(a);
  all.add(b);
  CHECK(all.mean()(0, 0) == 3);
  CHECK(std::isnan(all.mean()(0, 1)));
  CHECK(all.counts()(0, 1) == 2);
}
