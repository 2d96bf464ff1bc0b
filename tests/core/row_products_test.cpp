#include <attnscope/core/row_products.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEMPLATE_TEST_CASE("rows times their companions, over the keys that both have", "", float, double) {
  const std::vector<float> weights{.5F, .25F, .25F, 0, 0, 1};
  const std::vector<TestType> gradient{2, -4, 8, 1, 1, -3, 5, 7};  // a key longer: hidden, and 0 by promise
  const Layout layout({1, 1, 2, 3}), longer({1, 1, 2, 4});
  const HeadRows<float> rows(weights.data(), 3, 0, 0, {0, 2}, 3, layout);
  const HeadRows<TestType> companion(gradient.data(), 4, 0, 0, {0, 2}, 4, longer);
  Multiplier<float, TestType> multiplier;
  const auto products = multiplier.of(rows, rows, companion, companion);
  CHECK(products.size() == 2);
  CHECK(products.head() == 0);
  CHECK(products[0].sum == 2);
  CHECK(products[0].magnitude == 4);
  CHECK(products[1].sum == 5);
  CHECK(products[1].magnitude == 5);
  const auto sums = multiplier.sums(rows);
  CHECK(sums[0].sum == 1);
  CHECK(sums[1].sum == 1);
  CHECK(sums[1].smallest == 0);
  CHECK(sums.weight(0, 1) == .25);
  const auto others = multiplier.companion_sums(companion);
  CHECK(others[0].sum == 6);
  CHECK(others[1].sum == 3);
  CHECK(others.weight(0, 1) == -4);

  const HeadRows<float> none(weights.data(), 3, 0, 0, {0, 0}, 3, layout);
  CHECK(multiplier.of(none, none, HeadRows<TestType>(gradient.data(), 4, 0, 0, {0, 0}, 4, longer), companion)
            .size() == 0);
}
