#include <attnscope/validate.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("softmax of every scalar is attention") {
  const Mask mask = self_padding({40, 9}, {0, 31}, {.causal = true});
  const auto check = [&](auto scalar) {
    using Scalar = decltype(scalar);
    auto a = test::random_attention<Scalar>(Layout({2, 3, 40, 40}, mask));
    for (Index n = 0; n < a.size(); ++n)
      if (std::isnan(static_cast<float>(a.data()[n]))) a.data()[n] = Scalar(0);
    const ValidationResult result = validate(AttentionView<Scalar>(a, mask));
    CHECK(result.ok());
    CHECK(result.rows == 49 * 3);
    CHECK(result.max_row_sum == Approx(1).epsilon(2e-2));
    CHECK(result.row_sum_below.count == 0);
  };
  check(float{});
  check(double{});
  check(Eigen::half{});
  check(Eigen::bfloat16{});
}

TEST_CASE("every kind of oddity is counted and placed") {
  AttentionTensor<float> a(2, 2, 300, 300);
  a.setConstant(1 / 300.f);
  a(1, 1, 280, 7) = std::nanf("");
  a(0, 1, 3, 4) = -1;
  a(0, 0, 9, 9) = 4;
  a(1, 0, 5, 5) = .5f;
  for (Index j = 0; j < 300; ++j) a(1, 0, 299, j) = 0;
  const ValidationResult result = validate(a);
  CHECK_FALSE(result.ok());
  CHECK(result.rows == 1200);
  CHECK(result.not_finite.count == 1);
  CHECK(result.negative.count == 1);
  CHECK(result.row_sum_above.count == 2);
  CHECK(result.row_sum_below.count == 1);
  CHECK(result.empty_row.count == 1);
  CHECK(result.leaking.count == 0);
  CHECK(result.max_row_sum == Approx(5).epsilon(2e-3));
  CHECK_THAT(
      result.text(),
      ContainsSubstring("1 weights not finite, first: batch element 1, head 1, query 280, key 7: nan"));
  CHECK_THAT(result.text(),
             ContainsSubstring("1 negative weights, first: batch element 0, head 1, query 3, key 4: -1"));
  CHECK_THAT(result.text(), ContainsSubstring("2 rows sum above 1 (logits, or dropout in training?), first: "
                                              "batch element 0, head 0, query 9: sum 4.9"));
  CHECK_THAT(
      result.text(),
      ContainsSubstring("1 rows without any weight, first: batch element 1, head 0, query 299: sum 0"));
}

TEST_CASE("causal leakage is found above the diagonal, not in the padding") {
  const Mask mask = self_padding({4}, {1}, {.causal = true});
  auto a = test::random_attention<float>(Layout({1, 1, 6, 6}, mask));
  for (Index i = 1; i < 5; ++i)
    for (Index j = i + 1; j < 5; ++j) a(0, 0, i, j) = 0;
  CHECK(validate(AttentionView<float>(a, mask)).ok());
  a(0, 0, 2, 4) = .1f;
  const ValidationResult result = validate(AttentionView<float>(a, mask));
  CHECK_FALSE(result.ok());
  CHECK(result.leaking.count == 1);
  CHECK(result.leaking.query == 1);
  CHECK(*result.leaking.key == 3);
  CHECK_THAT(result.text(), ContainsSubstring("1 weights on keys that the mask hides"));
}

TEST_CASE("dropped sinks and blind rows are told, but are attention") {
  AttentionTensor<float> a(1, 1, 3, 3);
  a.setConstant(.2f);
  const ValidationResult sinks = validate(a);
  CHECK(sinks.ok());
  CHECK(sinks.row_sum_below.count == 3);
  a.setZero();
  const ValidationResult blind = validate(AttentionView<float>(a, {.causal = true, .query_offset = -1}));
  CHECK(blind.ok());
  CHECK(blind.blind_row.count == 1);
  CHECK(blind.empty_row.count == 2);
}

TEST_CASE("the tolerance is the scalar's, unless given") {
  AttentionTensor<float> a(1, 1, 1, 2);
  a.setValues({{{{.5f, .503f}}}});
  CHECK(validate(a).row_sum_above.count == 1);
  CHECK(validate(a, {.row_sum_tolerance = .01}).ok());
  const AttentionTensor<Eigen::half> half = a.cast<Eigen::half>();
  CHECK(validate(half).ok());
}

TEST_CASE("one thread and four find the same first place") {
  AttentionTensor<float> a(3, 1, 900, 900);
  a.setConstant(1 / 900.f);
  a(1, 0, 700, 3) = a(2, 0, 1, 1) = -1;
  for (const int threads : {1, 4}) {
    const ValidationResult result = validate(a, {}, {.threads = threads});
    CHECK(result.negative.count == 2);
    CHECK(result.negative.example == 1);
    CHECK(result.negative.query == 700);
  }
}
