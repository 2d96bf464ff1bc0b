#include <attnscope/heads/entropy.hpp>
#include <attnscope/source/maps.hpp>
#include <attnscope/source/query_key.hpp>

#include <bit>

#include "support/attention.hpp"
#include "support/catch.hpp"
#include "support/query_keys.hpp"

using namespace attnscope;
using test::MadeQueryKeys;
using test::QueryKeyCase;

namespace {

/// Two batch elements of 4 heads that share 2 key heads, of 5 numbers; the second is padded on the left.
QueryKeyCase two_examples() {
  return {"", {2, 4, 12, 12}, 2, 5, self_padding({12, 9}, {0, 3}, {.causal = true})};
}

std::vector<QueryKeyCase> alibi_cases() {
  const Mask cache{.causal = true, .query_offset = 30, .sliding_window = 9};
  const Mask padded = self_padding({37, 20}, {0, 9});
  return {{.name = "causal",
           .shape = {1, 3, 67, 67},
           .kv_heads = 1,
           .dim = 40,
           .mask = {.causal = true},
           .slope = .5},
          {.name = "a cache",
           .shape = {1, 4, 37, 67},
           .kv_heads = 2,
           .dim = 5,
           .mask = cache,
           .sink_logit = 1,
           .slope = .3},
          {.name = "padding, cap and bias",
           .shape = {2, 2, 37, 37},
           .kv_heads = 2,
           .dim = 5,
           .mask = padded,
           .soft_cap = 4,
           .bias_batch = 2,
           .slope = .2}};
}

template <typename Scalar>
Eigen::MatrixXd row_entropies(const QueryKeyAttention<Scalar>& source, Index example) {
  return entropy(source, {.per_query = true}).per_query[static_cast<std::size_t>(example)];
}

/// [batch, token, head, dim], as many models hold them, with `gap` numbers between one token's heads and the
/// next.
std::vector<float> by_token(const std::vector<float>& by_head, Index batch, Index heads, Index tokens,
                            Index dim, Index gap) {
  const Index token_stride = heads * dim + gap;
  std::vector<float> numbers(static_cast<std::size_t>(batch * tokens * token_stride),
                             std::numeric_limits<float>::quiet_NaN());
  for (Index b = 0; b < batch; ++b)
    for (Index h = 0; h < heads; ++h)
      for (Index t = 0; t < tokens; ++t)
        std::copy_n(by_head.data() + ((b * heads + h) * tokens + t) * dim, dim,
                    numbers.data() + (b * tokens + t) * token_stride + h * dim);
  return numbers;
}

/// What a sweep says after `change` of the queries and keys of two_examples().
template <typename Change>
std::string refused(const Change& change) {
  MadeQueryKeys<float> made(two_examples());
  change(made);
  return message_of<ValueError>([&] { entropy(made.source()); });
}
float& query(MadeQueryKeys<float>& made, Index b, Index h, Index stored_token, Index d) {
  return made.queries[static_cast<std::size_t>(made.at(4, 12, b, h, stored_token) + d)];
}
float& key(MadeQueryKeys<float>& made, Index b, Index h, Index stored_token, Index d) {
  return made.keys[static_cast<std::size_t>(made.at(2, 12, b, h, stored_token) + d)];
}

constexpr float infinity = std::numeric_limits<float>::infinity();
const float not_a_number = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("ALiBi is a bias of slope times key minus own position") {
  for (const QueryKeyCase& one : alibi_cases()) {
    INFO(one.name);
    const MadeQueryKeys<float> made(one);
    QueryKeyOptions<float> options = made.options();
    options.alibi_slopes = made.slopes.data();
    const QueryKeyAttention<float> source(made.queries.data(), made.keys.data(), made.layout, one.kv_heads,
                                          one.dim, options);
    const AttentionTensor<float> stored = made.stored();
    const AttentionView<float> expected(stored, made.layout.mask());
    for (Index b = 0; b < one.shape.batch; ++b)
      for (std::size_t h = 0; h < static_cast<std::size_t>(one.shape.heads); ++h)
        CHECK(test::difference(head_maps(source, b)[h], head_maps(expected, b)[h]) < 1e-5);
  }
  // By hand: equal scores.
  const std::vector<float> zeros(3 * 2, 0.f), slopes{std::log(2.f)};
  const QueryKeyAttention<float> source(zeros.data(), zeros.data(), Layout({1, 1, 3, 3}, {.causal = true}), 1,
                                        2, {.alibi_slopes = slopes.data()});
  auto reader = source.reader();
  const auto row = reader.read(0, {2, 3}).head(0).row(0);  // 1/4, 1/2 and 1 of the own, divided by their sum
  CHECK(row[0] == Approx(1 / 7.));
  CHECK(row[1] == Approx(2 / 7.));
  CHECK(row[2] == Approx(4 / 7.));
}

TEST_CASE("queries and keys are read where they lie") {
  const MadeQueryKeys<float> made(two_examples());
  const std::vector<float> queries = by_token(made.queries, 2, 4, 12, 5, 3),
                           keys = by_token(made.keys, 2, 2, 12, 5, 0);
  const QueryKeyStrides strides{{12 * 23, 5, 23, 1}, {12 * 10, 5, 10, 1}};
  const QueryKeyAttention<float> strided(queries.data(), keys.data(), made.layout, 2, 5, strides);
  for (const Index example : {0, 1})
    CHECK(test::difference(row_entropies(strided, example), row_entropies(made.source(), example)) < 1e-6);
}

TEST_CASE("numbers of a query or key need not lie side by side") {
  const MadeQueryKeys<float> made(two_examples());
  const auto transposed = [](const std::vector<float>& numbers) {  // [.., token, dim] to [.., dim, token]
    std::vector<float> other(numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i)
      other[i / 60 * 60 + i % 5 * 12 + i % 60 / 5] = numbers[i];
    return other;
  };
  const std::vector<float> queries = transposed(made.queries), keys = transposed(made.keys);
  const QueryKeyStrides strides{{4 * 60, 60, 1, 12}, {2 * 60, 60, 1, 12}};
  const QueryKeyAttention<float> strided(queries.data(), keys.data(), made.layout, 2, 5, strides);
  for (const Index example : {0, 1})
    CHECK(test::difference(row_entropies(strided, example), row_entropies(made.source(), example)) < 1e-6);
}

TEST_CASE("a query or key that is not finite names its place") {
  CHECK(refused([](auto& made) { key(made, 0, 1, 5, 3) = not_a_number; }) ==
        "batch element 0, key head 1, key 5: the key is nan in dimension 3");
  CHECK(refused([](auto& made) { query(made, 0, 2, 7, 0) = infinity; }) ==
        "batch element 0, head 2, query 7: the query is inf in dimension 0");
  CHECK(
      refused([](auto& made) { query(made, 1, 0, 11, 4) = -infinity; }) ==  // token 8 of those that are true
      "batch element 1, head 0, query 8: the query is -inf in dimension 4");
  CHECK(refused([](auto& made) { key(made, 1, 0, 3, 0) = -infinity; }) ==
        "batch element 1, key head 0, key 0: the key is -inf in dimension 0");
  CHECK_NOTHROW(entropy(MadeQueryKeys<float>(two_examples()).source()));  // whose padding is NaN
}

TEST_CASE("scores that overflow name batch element, head and query") {
  const std::string text = refused([](auto& made) {
    for (Index d = 0; d < 5; ++d) query(made, 0, 3, 4, d) = key(made, 0, 1, 2, d) = 1e30f;
  });
  CHECK_THAT(text, ContainsSubstring("batch element 0, head 3, query 4"));
}

TEST_CASE("a bias that is not a number names its place") {
  const MadeQueryKeys<float> made(two_examples());
  std::vector<float> bias(static_cast<std::size_t>(4 * 12 * 12), 0.f);
  const QueryKeyAttention attention(made.queries.data(), made.keys.data(), made.layout, 2, 5,
                                    QueryKeyOptions<float>{.bias = bias.data()});
  const auto told = [&] { return message_of<ValueError>([&] { entropy(attention); }); };
  bias[(2 * 12 + 7) * 12 + 3] = std::bit_cast<float>(0x7fc01234);  // a NaN with more in it
  CHECK(told() == "batch element 0, head 2, query 7, key 3: the score is nan after its bias");
  bias[(2 * 12 + 7) * 12 + 3] = 0;
  bias[(2 * 12 + 7) * 12 + 8] = not_a_number;  // a later key, which nobody sees
  bias[(2 * 12 + 4) * 12 + 4] = infinity;
  CHECK(told() == "batch element 0, head 2, query 4: the scores overflow");
  bias[(2 * 12 + 4) * 12 + 4] = -infinity;  // a mask
  CHECK_NOTHROW(entropy(attention));
}
