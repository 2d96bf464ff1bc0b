#pragma once
// Queries and keys of any shape and precision, and the attention that plain loops in double make of them.
#include <attnscope/source/query_key.hpp>
#include <attnscope/source/stored.hpp>

#include <unsupported/Eigen/CXX11/Tensor>

#include <random>

namespace attnscope::test {

/// Everything that decides attention from queries and keys, in double.
struct QueryKeyCase {
  const char* name;
  Shape shape;
  Index kv_heads, dim;
  Mask mask{};
  double scale = 0, soft_cap = 0;
  Index bias_batch = 0;         // 0: no bias; 1 or the batch
  double sink_logit = 0;        // of head h: sink_logit * (h - 1); 0: none
  bool whole_numbers = false;   // scores of some +-10,000, exact in every precision
  bool hidden_by_bias = false;  // a bias of -infinity in places, and in whole rows
  double slope = 0;             // of head h: ALiBi's slope / (h + 1); 0: none
};

/// Queries, keys, bias, sinks and slopes, NaN in the padding; rounded to what `Scalar` can hold.
template <typename Scalar>
struct MadeQueryKeys {
  using Weight = typename QueryKeyAttention<Scalar>::Weight;
  QueryKeyCase of;
  Layout layout;
  std::vector<Scalar> queries, keys;
  std::vector<Weight> bias, sinks, slopes;

  explicit MadeQueryKeys(const QueryKeyCase& given, unsigned seed = 1)
      : of(given), layout(given.shape, given.mask) {
    const Shape& s = of.shape;
    std::mt19937 generator(seed);
    queries = numbers<Scalar>(s.batch * s.heads * s.queries * of.dim, [&] { return entry(generator, 96); });
    keys = numbers<Scalar>(s.batch * of.kv_heads * s.keys * of.dim, [&] { return entry(generator, 64); });
    std::normal_distribution<double> normal;
    bias = numbers<Weight>(of.bias_batch * s.heads * s.queries * s.keys, [&] { return normal(generator); });
    if (of.hidden_by_bias) hide_by_bias();
    for (Index h = 0; h < s.heads; ++h) {
      if (of.sink_logit != 0)
        sinks.push_back(static_cast<Weight>(of.sink_logit * static_cast<double>(h - 1)));
      if (of.slope != 0) slopes.push_back(static_cast<Weight>(of.slope / static_cast<double>(h + 1)));
    }
    for (Index b = 0; b < s.batch; ++b) {
      spoil(queries, b, s.heads, s.queries, layout.query_start(b), layout.queries(b));
      spoil(keys, b, of.kv_heads, s.keys, layout.key_start(b), layout.keys(b));
    }
  }

  QueryKeyOptions<Weight> options() const {
    return {.scale = of.scale,
            .soft_cap = of.soft_cap,
            .bias = bias.empty() ? nullptr : bias.data(),
            .bias_batch = std::max<Index>(1, of.bias_batch),
            .sink_logits = sinks.empty() ? nullptr : sinks.data()};
  }
  QueryKeyAttention<Scalar> source() const {
    return {queries.data(), keys.data(), layout, of.kv_heads, of.dim, options()};
  }

  /// Element of [batch, head, token, dim] with so many heads and tokens.
  Index at(Index heads, Index tokens, Index b, Index h, Index t) const {
    return ((b * heads + h) * tokens + t) * of.dim;
  }

  /// The score of a true query and key, counted from the first true ones.
  double score(Index b, Index h, Index i, Index j) const {
    const Shape& s = of.shape;
    const Index row = layout.query_start(b) + i, column = layout.key_start(b) + j;
    const Scalar* q = queries.data() + at(s.heads, s.queries, b, h, row);
    const Scalar* k = keys.data() + at(of.kv_heads, s.keys, b, h / (s.heads / of.kv_heads), column);
    double sum = 0;
    for (Index d = 0; d < of.dim; ++d) sum += static_cast<double>(q[d]) * static_cast<double>(k[d]);
    sum *= of.scale == 0 ? 1 / std::sqrt(static_cast<double>(of.dim)) : of.scale;
    if (of.soft_cap > 0) sum = of.soft_cap * std::tanh(sum / of.soft_cap);
    const Index element = of.bias_batch > 1 ? b : 0;
    if (!bias.empty())
      sum += static_cast<double>(
          bias[static_cast<std::size_t>(((element * s.heads + h) * s.queries + row) * s.keys + column)]);
    if (!slopes.empty())
      sum += static_cast<double>(slopes[static_cast<std::size_t>(h)]) *
             static_cast<double>(j - layout.position(b, i));
    return sum;
  }

  /// The softmax by its definition, rounded at the end: [batch, head, query, key], NaN wherever the mask
  /// shows nothing.
  AttentionTensor<float> stored() const {
    const Shape& s = of.shape;
    AttentionTensor<float> weights(s.batch, s.heads, s.queries, s.keys);
    weights.setConstant(std::numeric_limits<float>::quiet_NaN());
    for (Index b = 0; b < s.batch; ++b)
      for (Index h = 0; h < s.heads; ++h)
        for (Index i = 0; i < layout.queries(b); ++i) {
          const Eigen::VectorXd row = weights_of(b, h, i);
          const Range seen = layout.visible(b, i);
          for (Index j = seen.first; j < seen.last; ++j)
            weights(b, h, layout.query_start(b) + i, layout.key_start(b) + j) =
                static_cast<float>(row(j - seen.first));
        }
    return weights;
  }

 private:
  /// [visible key] of one true query.
  Eigen::VectorXd weights_of(Index b, Index h, Index i) const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const Range seen = layout.visible(b, i);
    Eigen::VectorXd row = Eigen::VectorXd::Constant(seen.size(), -infinity);
    for (Index j = seen.first; j < seen.last; ++j)
      if (layout.count_keys(b, {j, j + 1}) == 1) row(j - seen.first) = score(b, h, i, j);
    const double sink = sinks.empty() ? -infinity : static_cast<double>(sinks[static_cast<std::size_t>(h)]);
    double most = sink;
    for (const double score : row) most = std::max(most, score);
    if (most == -infinity) return Eigen::VectorXd::Zero(seen.size());  // nothing to see
    double total = std::exp(sink - most);
    for (double& x : row) total += x = std::exp(x - most);
    return row / total;
  }
  template <typename To, typename Make>
  static std::vector<To> numbers(Index count, const Make& make) {
    std::vector<To> all(static_cast<std::size_t>(count));
    for (To& x : all) x = static_cast<To>(make());
    return all;
  }
  /// One number of a query or key; of whole ones, so few and so small that bfloat16 holds each of them and
  /// float their products' sum, and sparse enough that rows are not all alike.
  double entry(std::mt19937& generator, int largest) const {
    if (of.whole_numbers) {
      const int value = static_cast<int>(generator() % 3) - 1;
      return generator() % 4 == 0 ? value * largest : value;
    }
    return std::normal_distribution<double>(0, 1.3)(generator);
  }
  void hide_by_bias() {
    const Index keys_of_row = of.shape.keys;
    for (std::size_t i = 0; i < bias.size(); ++i) {
      const Index row = static_cast<Index>(i) / keys_of_row;
      if (row % 7 == 3 || i % 5 == 2) bias[i] = -std::numeric_limits<Weight>::infinity();
    }
  }
  /// NaN in the padding of one batch element of [batch, head, token, dim].
  void spoil(std::vector<Scalar>& numbers_of, Index b, Index heads, Index tokens, Index start, Index count) {
    for (Index h = 0; h < heads; ++h)
      for (Index t = 0; t < tokens; ++t)
        if (t < start || t >= start + count)
          std::fill_n(numbers_of.data() + at(heads, tokens, b, h, t), of.dim,
                      static_cast<Scalar>(std::numeric_limits<float>::quiet_NaN()));
  }
};

/// Sizes that are multiples of nothing, under every kind of mask and with everything that enters a score.
inline std::vector<QueryKeyCase> query_key_cases() {
  const auto padded = [](Mask mask) { return self_padding({37, 20}, {0, 9}, std::move(mask)); };
  return {
      {"everything is seen", {1, 2, 67, 67}, 2, 64},
      {"one number a query", {1, 3, 37, 37}, 3, 1, {.causal = true}},
      {"causal, grouped", {1, 4, 131, 131}, 2, 80, {.causal = true}},
      {"causal, one key head, wide", {1, 3, 67, 67}, 1, 128, {.causal = true}},
      {"several tasks", {1, 2, 601, 601}, 1, 5, {.causal = true}},
      {"many rows, few keys", {2, 2, 259, 37}, 2, 40},
      {"a cache", {1, 2, 37, 131}, 2, 40, {.causal = true, .query_offset = 94}},
      {"rows that see nothing", {1, 2, 67, 67}, 2, 5, {.causal = true, .query_offset = -20}},
      {"a window", {1, 4, 131, 131}, 2, 40, {.causal = true, .sliding_window = 17}},
      {"a window behind all keys",
       {1, 2, 67, 37},
       1,
       5,
       {.causal = true, .query_offset = 10, .sliding_window = 9}},
      {"padding on either side", {2, 4, 37, 37}, 2, 5, padded({})},
      {"padding, causal", {2, 4, 37, 37}, 4, 80, padded({.causal = true})},
      {"padding, a window", {2, 2, 37, 37}, 1, 40, padded({.causal = true, .sliding_window = 4})},
      {"one example is padding", {2, 2, 37, 37}, 2, 5, self_padding({37, 0})},
      {"excluded tokens",
       {2, 2, 37, 37},
       1,
       40,
       {.causal = true, .excluded_queries = {{0, 5, 6}, {36}}, .excluded_keys = {{0, 1, 9}, {}}}},
      {"a negative scale", {1, 2, 67, 67}, 2, 40, {.causal = true}, -.3},
      {"a soft cap", {1, 2, 67, 67}, 1, 64, {.causal = true}, .4, 5},
      {"a bias for all", {2, 2, 37, 37}, 2, 40, padded({.causal = true}), 0, 0, 1},
      {"a bias for each, cap and sinks", {2, 4, 37, 37}, 2, 5, padded({}), .5, 3, 2, 1.5},
      {"a bias that hides", {1, 2, 67, 67}, 2, 5, {}, 0, 0, 1, 0, false, true},
      {"a bias that hides, sinks", {1, 3, 37, 37}, 1, 5, {.causal = true}, 0, 0, 1, -2, false, true},
      {"sinks", {1, 4, 131, 131}, 2, 40, {.causal = true, .sliding_window = 30}, 0, 0, 0, 2},
      {"scores of 10,000", {1, 3, 131, 131}, 3, 5, {.causal = true}, 1, 0, 0, 0, true},
      {"scores of 10,000, sinks", {1, 2, 67, 67}, 1, 5, {}, 1, 0, 0, 20, true},
  };
}

}  // namespace attnscope::test
