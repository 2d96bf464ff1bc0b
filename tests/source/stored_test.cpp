#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/locality.hpp>
#include <attnscope/source/stored.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// What a reader gives, as one matrix: a row for each head and query.
template <typename Scalar>
Eigen::MatrixXd rows_of(const AttentionView<Scalar>& view, Index example, Range queries) {
  auto reader = view.reader();
  const auto block = reader.read(example, queries);
  Eigen::MatrixXd all(block.heads() * block.size(), block.keys());
  for (Index h = 0; h < block.heads(); ++h)
    all.middleRows(h * block.size(), block.size()) = block.head(h).matrix().template cast<double>();
  return all;
}
}  // namespace

TEST_CASE("float and double with keys side by side are lent, not copied") {
  const auto a = test::random_attention<float>(Layout({2, 3, 8, 8}));
  const AttentionView<float> view(a);
  auto reader = view.reader();
  CHECK(reader.read(1, {2, 5}).head(2).row(0).data() == &a(1, 2, 2, 0));
  const Mask padding = self_padding({8, 4}, {0, 3});
  const AttentionView<float> padded(a, padding);
  auto padded_reader = padded.reader();
  CHECK(padded_reader.read(1, {1, 2}).head(0).row(0).data() == &a(1, 0, 4, 3));
}

TEST_CASE("causal weights with zeros above the diagonal are lent, garbage there is hidden") {
  auto a = test::random_attention<float>(Layout({1, 2, 6, 6}, {.causal = true}));
  const AttentionView<float> view(a, {.causal = true});
  const Eigen::MatrixXd shown = rows_of(view, 0, {0, 6});
  CHECK_FALSE(shown.hasNaN());
  CHECK(shown(0, 3) == 0);
  for (Index i = 0; i < a.size(); ++i)
    if (std::isnan(a.data()[i])) a.data()[i] = 0;
  auto reader = view.reader();
  CHECK(reader.read(0, {0, 6}).head(1).row(0).data() == &a(0, 1, 0, 0));
  CHECK(rows_of(view, 0, {0, 6}) == shown);
}

TEST_CASE("keys that the mask excludes are shown as zero") {
  const auto a = test::random_attention<float>(Layout({1, 1, 4, 4}));
  const Eigen::MatrixXd shown = rows_of(AttentionView<float>(a, {.excluded_keys = {{2}}}), 0, {0, 4});
  CHECK(shown.col(2).isZero());
  CHECK(shown(1, 3) == static_cast<double>(a(0, 0, 1, 3)));
}

TEST_CASE("any strides show the same rows as packed weights") {
  const Layout layout({2, 3, 5, 7});
  const auto a = test::random_attention<float>(layout);
  const Eigen::MatrixXd packed = rows_of(AttentionView<float>(a), 1, {1, 4});

  std::vector<float> shuffled(static_cast<std::size_t>(2 * 3 * 5 * 7));  // [query, key, head, batch]
  for (Index b = 0; b < 2; ++b)
    for (Index h = 0; h < 3; ++h)
      for (Index i = 0; i < 5; ++i)
        for (Index j = 0; j < 7; ++j)
          shuffled[static_cast<std::size_t>(((i * 7 + j) * 3 + h) * 2 + b)] = a(b, h, i, j);
  CHECK(rows_of(AttentionView<float>(shuffled.data(), layout, {1, 2, 42, 6}), 1, {1, 4}) == packed);

  std::vector<float> reversed(a.data(), a.data() + a.size());  // negative strides
  std::reverse(reversed.begin(), reversed.end());
  const AttentionView<float> backwards(reversed.data() + a.size() - 1, layout, {-105, -35, -7, -1});
  CHECK(rows_of(backwards, 1, {1, 4}) == packed);

  const AttentionView<float> wide(a.data(), Layout({2, 3, 5, 4}), {105, 35, 7, 1});  // the first four keys
  CHECK(rows_of(wide, 1, {1, 4}) == packed.leftCols(4));
}

TEST_CASE("one layer of a [layer, head, query, key] array, and a slice of heads, without a copy") {
  const auto a = test::random_attention<double>(Layout({4, 6, 5, 5}));
  const AttentionView<double> layers(a);
  const AttentionView<double> some = layers.example(2).heads(3, 2);
  CHECK(some.data() == &a(2, 3, 0, 0));
  CHECK(some.layout().shape() == Shape{1, 2, 5, 5});
  CHECK(entropy(some).entropies == entropy(layers.example(2)).entropies.segment(3, 2));
}

TEST_CASE("an example keeps its own padding") {
  const Mask mask = self_padding({3, 5}, {2, 0}, {.causal = true});
  const auto a = test::random_attention<float>(Layout({2, 1, 5, 5}, mask));
  CHECK(AttentionView<float>(a, mask).example(0).layout().queries(0) == 3);
  CHECK(AttentionView<float>(a, mask).example(0).layout().key_start(0) == 2);
  CHECK(AttentionView<float>(a, mask).example(1).layout().queries(0) == 5);
}

TEST_CASE("an Eigen matrix of either storage order, a map and a block are attention of one head") {
  const auto a = test::random_attention<double>(Layout({1, 1, 9, 9}));
  const Eigen::Map<const Eigen::Matrix<double, 9, 9, Eigen::RowMajor>> map(a.data());
  const Eigen::MatrixXd columns = map;
  const double expected = entropy(a).entropies(0);
  CHECK(entropy(map).entropies(0) == expected);
  CHECK(entropy(columns).entropies(0) == Approx(expected).epsilon(1e-15));
  CHECK(locality(AttentionView(columns)).mean_distance(0) == Approx(locality(a).mean_distance(0)));
  const Eigen::MatrixXf larger = Eigen::MatrixXf::Constant(12, 12, 1 / 5.f);
  CHECK(entropy(larger.block(2, 3, 4, 5)).entropies(0) == Approx(std::log(5)).epsilon(1e-6));
}

TEST_CASE("half and bfloat16 arrive as float, exactly") {
  const auto a = test::random_attention<Eigen::bfloat16>(Layout({1, 2, 5, 5}));
  const Eigen::MatrixXd shown = rows_of(AttentionView<Eigen::bfloat16>(a), 0, {0, 5});
  CHECK(shown(7, 3) == static_cast<double>(static_cast<float>(a(0, 1, 2, 3))));
}

TEMPLATE_TEST_CASE("some heads alone are the rows of all heads", "", float, double, Eigen::half) {
  const Mask mask = self_padding({6, 9}, {2, 0}, {.causal = true});
  const auto a = test::random_attention<TestType>(Layout({2, 4, 9, 9}, mask));
  const AttentionView<TestType> view(a, mask);
  auto reader = view.reader();
  const Eigen::MatrixXd all = rows_of(view, 1, {2, 7});
  const auto some = reader.read(1, {2, 7}, {1, 3});
  CHECK(reader.reads_heads());
  CHECK_FALSE(AttentionView<TestType>(a.data(), Layout({1, 4, 9, 9}), {0, 9, 36, 1}).reader().reads_heads());
  CHECK(some.heads() == 2);
  CHECK(some.which_heads() == Range{1, 3});
  for (const Index h : {1, 2}) {
    CHECK(some.head(h).head() == h);
    CHECK(some.head(h).matrix().template cast<double>() == all.middleRows(5 * h, 5));
  }
}

TEMPLATE_TEST_CASE("16-bit rows are summarised as they are shown", "", Eigen::half, Eigen::bfloat16) {
  Mask excluding{.causal = true, .excluded_keys = {{3, 8}, {}}};
  for (const Mask& mask : {Mask{}, Mask{.causal = true}, Mask{.causal = true, .sliding_window = 17},
                           excluding, self_padding({40, 23}, {0, 16}, {.causal = true})}) {
    const Layout layout({2, 3, 40, 40}, mask);
    const auto a = test::random_attention<TestType>(layout);  // NaN where nobody may look
    const AttentionView<TestType> view(a, mask);
    auto reader = view.reader(), other = view.reader();
    REQUIRE(reader.summarises());
    const Range queries{5, 22};
    std::vector<RowSummary> of_block;
    for (Index b = 0; b < 2; ++b) {
      const Block<float> block = other.read(b, queries, of_block);
      for (Index h = 0; h < 3; ++h) {
        const RowSummaries<float> rows = reader.summarise(b, h, queries, {.columns = true});
        Eigen::RowVectorXd columns = Eigen::RowVectorXd::Zero(layout.keys(b)), expected = columns;
        rows.add_columns(columns);
        for (Index r = 0; r < queries.size(); ++r) {
          const std::span<const float> row = block.head(h).row(r);
          const RowSummary same = vector_math::summary(row, layout.position(b, queries.first + r), {});
          for (const RowSummary& one : {rows[r], of_block[static_cast<std::size_t>(17 * h + r)]}) {
            CHECK(one.sum == Approx(same.sum).epsilon(1e-6));
            CHECK(one.entropy == Approx(same.entropy).margin(1e-6));
            CHECK(one.distance == Approx(same.distance).margin(1e-6));
            CHECK(one.largest == same.largest);
          }
          for (Index key = 0; key < block.keys(); ++key) {
            const double weight = static_cast<double>(row[static_cast<std::size_t>(key)]);
            CHECK(rows.weight(r, key) == weight);
            expected(key) += weight;
          }
        }
        CHECK(test::difference(columns, expected) < 1e-5);
      }
    }
  }
  const auto a = test::random_attention<TestType>(Layout({1, 1, 4, 8}));
  CHECK_FALSE(AttentionView<TestType>(a.data(), Layout({1, 1, 4, 4}), {0, 0, 8, 2}).reader().summarises());
}

TEST_CASE("a view on a temporary does not compile") {
  STATIC_REQUIRE(std::is_constructible_v<AttentionView<float>, const AttentionTensor<float>&>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<AttentionView<float>, AttentionTensor<float>>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<AttentionView<double>, Eigen::MatrixXd>);
  STATIC_REQUIRE(std::is_constructible_v<AttentionView<double>, const Eigen::MatrixXd&>);
}

TEST_CASE("views that cannot be say why") {
  const auto a = test::random_attention<float>(Layout({2, 3, 4, 4}));
  const AttentionView<float> view(a);
  CHECK(message_of<ShapeError>([&] { view.example(2); }) == "batch element 2 of 2");
  CHECK(message_of<ShapeError>([&] { view.heads(1, 3); }) == "heads 1 .. 3 of 3");
  CHECK(message_of<ShapeError>([] {
          AttentionView<float>(nullptr, Layout({1, 2, 3, 4}));
        }) == "no data for attention of shape [1, 2, 3, 4]");
  CHECK_NOTHROW(AttentionView<float>(nullptr, Layout({1, 2, 0, 4})));
}
