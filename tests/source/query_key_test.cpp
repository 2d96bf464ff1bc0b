#include <attnscope/heads/entropy.hpp>
#include <attnscope/source/query_key.hpp>
#include <attnscope/sweep.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

struct Tensors {
  Index heads = 4, kv_heads = 2, dim = 6, tokens = 37, batch = 2;
  std::vector<double> queries, keys;
  Tensors() {
    std::mt19937 generator(3);
    std::normal_distribution<double> normal(0, 1.5);
    queries.resize(static_cast<std::size_t>(batch * heads * tokens * dim));
    keys.resize(static_cast<std::size_t>(batch * kv_heads * tokens * dim));
    for (double& x : queries) x = normal(generator);
    for (double& x : keys) x = normal(generator);
  }
  Layout layout(const Mask& mask) const { return Layout({batch, heads, tokens, tokens}, mask); }

  /// The n x n matrices, by loops.
  AttentionTensor<double> stored(const Mask& mask, double scale, double cap) const {
    const Layout l = layout(mask);
    AttentionTensor<double> a(batch, heads, tokens, tokens);
    a.setConstant(std::nan(""));
    for (Index b = 0; b < batch; ++b)
      for (Index h = 0; h < heads; ++h)
        for (Index i = 0; i < l.queries(b); ++i) {
          const Index qi = l.query_start(b) + i;
          double total = 0;
          for (Index j = l.visible(b, i).first; j < l.visible(b, i).last; ++j) {
            const Index kj = l.key_start(b) + j;
            double score = 0;
            for (Index d = 0; d < dim; ++d)
              score += queries[static_cast<std::size_t>(((b * heads + h) * tokens + qi) * dim + d)] *
                       keys[static_cast<std::size_t>(((b * kv_heads + h / 2) * tokens + kj) * dim + d)];
            score *= scale;
            if (cap > 0) score = cap * std::tanh(score / cap);
            total += a(b, h, qi, kj) = std::exp(score);
          }
          for (Index j = l.visible(b, i).first; j < l.visible(b, i).last; ++j)
            a(b, h, qi, l.key_start(b) + j) /= total;
        }
    return a;
  }
};

}  // namespace

TEST_CASE("from queries and keys equals stored softmax, under every mask") {
  const Tensors t;
  for (const Mask& mask : {Mask{}, Mask{.causal = true}, Mask{.causal = true, .sliding_window = 5},
                           self_padding({37, 20}, {0, 9}, {.causal = true}), self_padding({30, 1})})
    for (const double cap : {0.0, 1.5}) {
      const QueryKeyAttention<double> source(t.queries.data(), t.keys.data(), t.layout(mask), t.kv_heads,
                                             t.dim, {.scale = .7, .soft_cap = cap});
      const auto stored = t.stored(mask, .7, cap);
      EntropyMeasure a({.per_query = true}), b({.per_query = true});
      sweep(source, a);
      sweep(AttentionView<double>(stored, mask), b);
      for (std::size_t e = 0; e < 2; ++e)
        CHECK(test::difference(a.result().per_query[e], b.result().per_query[e]) < 1e-12);
    }
}

TEST_CASE("the scale is 1 / sqrt(dim) unless stated; 16-bit queries and keys agree within their precision") {
  const Tensors t;
  const auto stored = t.stored({}, 1 / std::sqrt(6.), 0);
  const QueryKeyAttention<double> source(t.queries.data(), t.keys.data(), t.layout({}), t.kv_heads, t.dim);
  const Eigen::VectorXd exact = entropy(stored).entropies;
  CHECK(test::difference(entropy(source).entropies, exact) < 1e-12);
  std::vector<Eigen::half> q, k;
  for (const double x : t.queries) q.push_back(static_cast<Eigen::half>(x));
  for (const double x : t.keys) k.push_back(static_cast<Eigen::half>(x));
  const QueryKeyAttention<Eigen::half> half(q.data(), k.data(), t.layout({}), t.kv_heads, t.dim);
  CHECK(test::difference(entropy(half).entropies, exact) < 1e-3);
}

TEST_CASE("large scores neither overflow nor lose a row") {
  const std::vector<float> q{1e4f, -1e4f}, k{1.f, -1.f};
  const QueryKeyAttention<float> source(q.data(), k.data(), Layout({1, 1, 2, 2}), 1, 1);
  CHECK(entropy(source).entropies(0) == 0);
}

TEST_CASE("a query that sees no key has a row of zeros, excluded keys take no part") {
  const Tensors t;
  Mask mask{.causal = true, .query_offset = -3};
  const QueryKeyAttention<double> late(t.queries.data(), t.keys.data(), t.layout(mask), t.kv_heads, t.dim);
  auto reader = late.reader();
  CHECK(reader.read(0, {0, 5}).head(1).row(1)[0] == 0);
  mask = {.excluded_keys = {{0}, {}}};
  const QueryKeyAttention<double> without(t.queries.data(), t.keys.data(), t.layout(mask), t.kv_heads, t.dim);
  auto other = without.reader();
  const auto row = other.read(0, {4, 5}).head(0).row(0);
  CHECK(row[0] == 0);
  CHECK(vector_math::sum(row) == Approx(1));
}

TEST_CASE("nothing but padding, and no heads, give empty blocks") {
  const Tensors t;
  const QueryKeyAttention<double> padding(t.queries.data(), t.keys.data(), t.layout(self_padding({0, 37})),
                                          t.kv_heads, t.dim);
  CHECK(entropy(padding).queries == 37);
  const QueryKeyAttention<double> no_keys(t.queries.data(), t.keys.data(), t.layout({.key_lengths = {0, 0}}),
                                          t.kv_heads, t.dim);
  CHECK(entropy(no_keys).entropies == Eigen::VectorXd::Zero(4));
}

TEST_CASE("queries and keys that cannot be say why") {
  const Tensors t;
  const auto make = [&](Index kv_heads, Index dim, QueryKeyOptions<double> options) {
    QueryKeyAttention<double>(t.queries.data(), t.keys.data(), t.layout({}), kv_heads, dim, options);
  };
  CHECK(message_of<ShapeError>([&] { make(3, 6, {}); }) == "4 query heads cannot share 3 key heads");
  CHECK(message_of<ShapeError>([&] { make(0, 6, {}); }) == "4 query heads cannot share 0 key heads");
  CHECK(message_of<ShapeError>([&] { make(2, 0, {}); }) == "queries and keys of width 0");
  CHECK(message_of<ShapeError>([&] { make(2, 6, {.bias_batch = 3}); }) ==
        fmt::format("a bias of 3 batch elements for a batch of {}", t.layout({}).shape().batch));
  CHECK(message_of<ValueError>([&] { make(2, 6, {.scale = std::nan("")}); }) == "scale = nan");
  CHECK(message_of<ValueError>([&] { make(2, 6, {.soft_cap = -1}); }) == "soft_cap = -1");
  CHECK(message_of<ShapeError>([&] { QueryKeyAttention<double>(nullptr, nullptr, t.layout({}), 2, 6); }) ==
        "no data for queries and keys");
}
