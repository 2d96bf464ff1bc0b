#include <attnscope/core/states.hpp>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// Rows first .. last-1 of one head of an example, two heads, of which only the place matters.
HeadRows<float> rows(const Layout& layout, Index example, Index head, Range queries) {
  static const float weights[8] = {};
  return {weights, 0, example, head, queries, 1, layout};
}
const Layout layout({2, 2, 10, 1});
}  // namespace

TEST_CASE("a mean over rows, a head each; empty is neutral") {
  RowMean first, second;
  const auto add = [](RowMean& mean, Index head, const std::vector<double>& values) {
    for (const double value : values) mean.of(rows(layout, 0, head, {0, 1})).add(value);
  };
  add(first, 0, {.5, .5, 1, 0});
  add(first, 1, {3, 5});
  add(second, 0, {1, 3});
  first.merge(RowMean());
  RowMean all;
  all.merge(first);
  all.merge(second);
  CHECK(all.mean() == Eigen::Vector2d(1, 4));
  CHECK(all.rows() == 6);
  CHECK(RowMean().mean().size() == 0);
  CHECK(RowMean().rows() == 0);
}

TEST_CASE("a mean over no rows is undefined") {
  RowMean mean;
  mean.of(rows(layout, 0, 0, {0, 0}));
  CHECK(std::isnan(mean.mean()(0)));
}

TEST_CASE("parts of one example join, examples stay apart") {
  const auto part = [](Index example, Range queries) {
    PerExample<RowValues> state;
    for (Index head = 0; head < 2; ++head)
      for (Index query = queries.first; query < queries.last; ++query)
        state.at(rows(layout, example, head, queries))
            .append(head, static_cast<double>(100 * example + 10 * head + query));
    return state;
  };
  PerExample<RowValues> all;
  all.merge(part(0, {0, 2}));
  all.merge(part(0, {2, 3}));
  all.merge(PerExample<RowValues>());
  all.merge(part(1, {0, 1}));
  REQUIRE(all.parts().size() == 2);
  CHECK(all.parts()[0].matrix() == Eigen::MatrixXd{{0, 1, 2}, {10, 11, 12}});
  CHECK(all.parts()[1].matrix() == Eigen::MatrixXd{{100}, {110}});
}

TEST_CASE("an example without rows has values of no queries") {
  const RowValues none(layout, 0);
  CHECK(none.matrix().rows() == 2);
  CHECK(none.matrix().cols() == 0);
}

TEST_CASE("joining in pairs first gives the same: merge is associative") {
  const Layout one_head({1, 1, 10, 1});
  const auto part = [&](Index first) {
    PerExample<RowValues> state;
    state.at(rows(one_head, 0, 0, {first, first + 1})).append(0, static_cast<double>(first));
    return state;
  };
  PerExample<RowValues> left = part(0), right = part(2);
  left.merge(part(1));
  right.merge(part(3));
  left.merge(std::move(right));
  REQUIRE(left.parts().size() == 1);
  CHECK(left.parts()[0].matrix().row(0) == Eigen::RowVector4d(0, 1, 2, 3));
}

TEST_CASE("the first shown query begins an example, even if queries before it are excluded") {
  const Layout excluded({1, 1, 4, 1}, {.excluded_queries = {{0, 1}}});
  PerExample<RowValues> all, example;
  example.at(rows(excluded, 0, 0, {2, 4})).append(0, 7);
  all.merge(PerExample<RowValues>(example));
  all.merge(std::move(example));
  CHECK(all.parts().size() == 2);
}

TEST_CASE("numbers of unlike heads do not add up") {
  Eigen::VectorXd two = Eigen::Vector2d(1, 2), three = Eigen::Vector3d(1, 2, 3);
  CHECK(message_of<ShapeError>([&] { add_to(two, three); }) ==
        "cannot pool numbers of shape 2 x 1 with 3 x 1: different heads?");
}
