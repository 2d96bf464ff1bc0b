#include <attnscope/source/layer_values.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
template <typename Scalar = double>
std::vector<Scalar> counting(Index count, double step = 1) {
  std::vector<Scalar> numbers;
  for (Index n = 0; n < count; ++n) numbers.push_back(static_cast<Scalar>(step * static_cast<double>(n)));
  return numbers;
}
}  // namespace

TEST_CASE("heads share value heads, padding is passed over") {
  const Layout layout({2, 4, 3, 3}, self_padding({3, 2}, {0, 1}));
  const auto value = counting(2 * 2 * 3 * 2), bias = counting(4, 100);
  const LayerValues<double> values(value, layout, 2, 2, {.value_bias = bias});
  CHECK(values.model() == 8);
  // Example 1, head 3 reads value head 1: elements ((1 * 2 + 1) * 3 + key) * 2, the true keys are 1 and 2.
  CHECK(values.values(1, 3, {0, 2}) == Eigen::Matrix2d{{20 + 200, 21 + 300}, {22 + 200, 23 + 300}});
  CHECK(values.values(0, 1, {2, 3}) == Eigen::RowVector2d(4, 5 + 100));
}

TEST_CASE("a projection per head, and heads side by side without") {
  const Layout layout({1, 2, 1, 1});
  const std::vector<double> value{1, 2, 3, 4}, projection = counting(4 * 3);
  const LayerValues<double> values(value, layout, 2, 2, {.output_projection = projection});
  CHECK(values.model() == 3);
  CHECK(values.transformed(0, 0, {0, 1}) == Eigen::RowVector3d(6, 9, 12));
  CHECK(values.transformed(0, 1, {0, 1}) ==
        Eigen::RowVector3d(3 * 6 + 4 * 9, 3 * 7 + 4 * 10, 3 * 8 + 4 * 11));
  CHECK(values.project(Eigen::RowVector4d(1, 2, 3, 4)) ==
        values.transformed(0, 0, {0, 1}) + values.transformed(0, 1, {0, 1}));
  const LayerValues<double> plain(value, layout, 2, 2);
  CHECK(plain.transformed(0, 1, {0, 1}) == Eigen::RowVector4d(0, 0, 3, 4));
  CHECK(plain.project(Eigen::RowVector4d(5, 6, 7, 8)) == Eigen::RowVector4d(5, 6, 7, 8));
}

TEST_CASE("a norm counts with the residual alone") {
  const Layout layout({1, 1, 2, 2}, {.query_lengths = {1}, .query_starts = {1}});
  const auto value = counting(4), residual = counting(4), weight = counting(2);
  CHECK_FALSE(LayerValues<double>(value, layout, 1, 2, {.norm_weight = weight}).has_norm());
  const LayerValues<double> values(value, layout, 1, 2, {.residual = residual, .norm_weight = weight});
  CHECK(values.has_norm());
  CHECK(values.residual(0, {0, 1}) == Eigen::RowVector2d(2, 3));
  CHECK(values.norm_weight() == Eigen::RowVector2d(0, 1));
}

TEST_CASE("16-bit values, and what keeps them alive") {
  const auto owner = std::make_shared<std::vector<Eigen::half>>(counting<Eigen::half>(4, .5));
  const LayerValues<Eigen::half> values(*owner, Layout({1, 1, 2, 2}), 1, 2, {}, owner);
  CHECK(owner.use_count() == 2);
  CHECK(values.values(0, 0, {0, 2}) == Eigen::Matrix2d{{0, .5}, {1, 1.5}});
}

TEST_CASE("parts that do not fit are named with both numbers") {
  const Layout layout({2, 4, 3, 5});
  const std::vector<double> value(2 * 2 * 5 * 3), projection(4 * 3 * 6);
  const std::vector<double> other(7);
  const auto refused = [&](Index kv_heads, Index dim, LayerValueParts<double> parts = {}) {
    return message_of<ShapeError>([&] { LayerValues<double>(value, layout, kv_heads, dim, parts); });
  };
  CHECK(refused(2, 0) == "values of width 0");
  CHECK(refused(3, 3) == "4 heads cannot share 3 value heads");
  CHECK(refused(4, 3) == "value has 60 numbers, not [batch 2, kv_head 4, key 5, dim 3]");
  CHECK(refused(2, 3, {.output_projection = other}) ==
        "output_projection has 7 numbers, no multiple of 4 heads of width 3");
  CHECK(refused(2, 3, {.value_bias = other}) == "value_bias has 7 numbers, not [kv_head 2, dim 3]");
  CHECK(refused(2, 3, {.output_projection = projection, .output_bias = other}) ==
        "output_bias has 7 numbers, not [model 6]");
  CHECK(refused(2, 3, {.residual = other}) == "residual has 7 numbers, not [batch 2, query 3, model 12]");
  CHECK(refused(2, 3, {.norm_weight = other}) == "norm_weight has 7 numbers, not [model 12]");
  CHECK(refused(2, 3, {.norm_bias = other}) == "norm_bias has 7 numbers, not [model 12]");
}

TEST_CASE("numbers that are none are named, in padding they may stand") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Layout layout({1, 2, 2, 3}, {.query_lengths = {1}, .key_lengths = {2}});
  std::vector<double> value(12, 1), residual(8, 1), projection(16, 1);
  const auto made = [&](double epsilon = 1e-5) {
    LayerValueParts<double> parts{.output_projection = projection, .residual = residual};
    parts.norm_epsilon = epsilon;
    return LayerValues<double>(value, layout, 2, 2, parts);
  };
  value[2 * 3 - 1] = residual[4] = nan;
  CHECK(made().has_residual());
  value[6 + 3] = nan;
  CHECK(message_of<ValueError>([&] { made(); }) ==
        "value: batch element 0, kv_head 1, key 1, column 1 is nan");
  value[6 + 3] = 1;
  residual[2] = std::numeric_limits<double>::infinity();
  CHECK(message_of<ValueError>([&] { made(); }) == "residual: batch element 0, query 0, column 2 is inf");
  residual[2] = 1;
  projection[6] = nan;
  CHECK(message_of<ValueError>([&] { made(); }) == "output_projection: row 1, column 2 is nan");
  projection[6] = 1;
  CHECK(message_of<ValueError>([&] { made(-1); }) == "norm_epsilon = -1");
}
