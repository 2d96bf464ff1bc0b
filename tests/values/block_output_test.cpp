#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/rewritten.hpp>
#include <attnscope/values/block_output.hpp>

#include "support/catch.hpp"
#include "values/made_values.hpp"

using namespace attnscope;
using test::every_reach;

TEST_CASE("the block's output is the sum of what the plain loops add up") {
  for (const auto& layer : test::many_layers())
    for (const Through through : every_reach) {
      const auto outputs = block_outputs(layer.view(), layer.values(), {through});
      REQUIRE(outputs.size() == static_cast<std::size_t>(layer.layout.shape().batch));
      for (Index b = 0; b < layer.layout.shape().batch; ++b)
        CHECK(test::difference(outputs[static_cast<std::size_t>(b)],
                               test::plain_block(layer, b, through).output) < 1e-13);
    }
}

TEST_CASE("without biases the contributions of the keys add up to the output") {
  auto layer = test::random_layer(Layout({1, 4, 6, 6}), 2, 3, 8);
  layer.output_bias.clear();
  layer.norm_bias.clear();
  for (const Through through : every_reach) {
    const test::PlainBlock plain = test::plain_block(layer, 0, through);
    const Eigen::MatrixXd output = block_outputs(layer.view(), layer.values(), {through})[0];
    for (Index i = 0; i < 6; ++i)
      CHECK(test::difference(output.row(i), plain.parts[static_cast<std::size_t>(i)].colwise().sum()) <
            1e-13);
  }
}

TEST_CASE("outputs against numpy") {
  const auto layer = test::formula_layer();
  const auto last = [&](std::size_t b, Through through) {
    return block_outputs(layer.view(), layer.values(), {through})[b].bottomRows<1>().eval();
  };
  using Row = Eigen::RowVectorXd;
  CHECK(test::difference(last(0, Through::attention), Row{{2.41346194243, -2.42456306019, -0.0218432601893,
                                                           1.86978551415, -1.72009656248}}) < 1e-11);
  CHECK(test::difference(last(1, Through::residual), Row{{-0.944366388791, 1.10185150536, -2.91185539969,
                                                          4.14146383781, -3.62542932224}}) < 1e-11);
  CHECK(test::difference(last(1, Through::norm), Row{{-0.3709607061, 1.64786536066, -1.39703224285,
                                                      0.0825385880352, -0.31416215273}}) < 1e-11);
}

TEST_CASE("outputs go as far as the values, do not depend on threads, and leave out what is not shown") {
  const auto layer = test::random_layer<float>(Layout({1, 3, 700, 700}, {.causal = true}), 1, 4, 8);
  const auto one = block_outputs(layer.view(), layer.values(), {}, {.threads = 1});
  CHECK(one[0] == block_outputs(layer.view(), layer.values(), {Through::norm}, {.threads = 3})[0]);
  CHECK(test::difference(one[0], test::plain_block(layer, 0, Through::norm).output) < 1e-12);

  const auto hidden = exclude_tokens(layer.view(), {.queries = {{0, 300, 699}}});
  const Eigen::MatrixXd shown = block_outputs(hidden, layer.values())[0];
  REQUIRE(shown.rows() == 700);
  for (const Index i : {0, 300, 699}) CHECK(shown.row(i).isZero(0));
  CHECK(shown.row(301) == one[0].row(301));
}

TEST_CASE("what does not go as far, and values of another attention") {
  auto layer = test::random_layer(Layout({2, 2, 4, 4}), 1, 3, 6);
  const auto refused = [&](const auto& attention, ThroughOptions options = {}) {
    return message_of<Error>([&] { block_outputs(attention, layer.values(), options); });
  };
  CHECK(refused(mean_heads(layer.view())) == "values of 2 heads for 1");
  CHECK(refused(AttentionView(layer.attention.data(), Layout({1, 2, 4, 4}))) ==
        "values of 2 batch elements for 1");
  CHECK(refused(AttentionView(layer.attention.data(), Layout({2, 2, 4, 4}, self_padding({4, 3})))) ==
        "batch element 1: values of 4 x 4 true tokens for attention of 3 x 3");
  CHECK(refused(AttentionView(layer.attention.data(), Layout({2, 2, 4, 4}, {.query_lengths = {2, 4}}))) ==
        "batch element 0: values of 4 x 4 true tokens for attention of 2 x 4");
  layer.norm_weight.clear();
  CHECK(refused(layer.view(), {Through::norm}) == "the layer's values have no norm_weight");
  layer.residual.clear();
  CHECK(refused(layer.view(), {Through::residual}) == "the layer's values have no residual");
  CHECK(refused(layer.view(), {Through::norm}) == "the layer's values have no residual");
  CHECK(block_outputs(layer.view(), layer.values())[0].cols() == 6);
}

TEST_CASE("no keys, no queries") {
  for (const auto& [queries, keys] : {std::pair<Index, Index>{0, 3}, {3, 0}, {0, 0}}) {
    auto layer = test::random_layer(Layout({1, 2, queries, keys}), 2, 2, 4);
    const auto outputs = block_outputs(layer.view(), layer.values());
    REQUIRE(outputs.size() == 1);
    CHECK(test::difference(
              outputs[0],
              test::plain_block(layer, 0, queries > 0 ? Through::norm : Through::attention).output) < 1e-13);
  }
}
