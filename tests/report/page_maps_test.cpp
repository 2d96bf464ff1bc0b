#include "support/catch.hpp"

#include <attnscope/report/page_maps.hpp>
#include <attnscope/source/stored.hpp>

#include <cmath>
#include <numeric>
#include <random>

using namespace attnscope;

namespace {

/// Random rows that sum to one, under a mask.
AttentionTensor<float> random_attention(const Layout& layout, unsigned seed) {
  const Shape s = layout.shape();
  AttentionTensor<float> weights(s.batch, s.heads, s.queries, s.keys);
  weights.setZero();
  std::mt19937 random(seed);
  std::exponential_distribution<float> any;
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.heads; ++h)
      for (Index i = 0; i < layout.queries(b); ++i) {
        float sum = 0;
        const Range seen = layout.visible(b, i);
        const Index row = layout.query_start(b) + i, start = layout.key_start(b);
        for (Index j = seen.first; j < seen.last; ++j) sum += weights(b, h, row, start + j) = any(random);
        for (Index j = seen.first; j < seen.last; ++j) weights(b, h, row, start + j) /= sum;
      }
  return weights;
}

/// A stack of layers over one layout.
struct Example {
  std::vector<AttentionTensor<float>> weights;
  Dump dump;

  Example(const Shape& shape, const Mask& mask, unsigned layers) {
    const Layout layout(shape, mask);
    for (unsigned l = 0; l < layers; ++l) weights.push_back(random_attention(layout, l));
    dump.name = "made.safetensors";
    dump.batch = shape.batch;
    DumpStack& stack = dump.stacks.emplace_back();
    stack.name = "self";
    for (unsigned l = 0; l < layers; ++l) {
      std::vector<Index> heads(static_cast<std::size_t>(shape.heads));
      std::iota(heads.begin(), heads.end(), Index{0});
      stack.layers.push_back(
          {l, {}, heads, AnyAttention<float>(AttentionView<float>(weights[l], mask)), {}, {}});
    }
  }
  const DumpStack& stack() const { return dump.stacks.front(); }
  std::string codes(std::size_t layer, Index element, const MapForm& form) const {
    return map_codes(std::get<AnyAttention<float>>(stack().layers[layer].attention), element, form);
  }
};

double decoded(const std::string& codes, std::size_t at, int bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<double>(static_cast<unsigned char>(codes[i])); };
  const double code = bytes == 1 ? byte(at) / 255 : (byte(2 * at) + 256 * byte(2 * at + 1)) / 65535;
  return code * code;
}

}  // namespace

TEST_CASE("Every stored code is its weight, and what is not stored is 0", "[page]") {
  const Mask mask = self_padding({9, 6}, {0, 3}, {.causal = true, .sliding_window = GENERATE(0, 4)});
  const Example made({2, 3, 9, 9}, mask, 2);
  const Layout layout({2, 3, 9, 9}, mask);
  for (const int bytes : {1, 2})
    for (Index element = 0; element < 2; ++element) {
      const MapForm form = map_form(made.stack(), element, 1, bytes);
      const std::string codes = made.codes(1, element, form);
      REQUIRE(codes.size() == static_cast<std::size_t>(3 * form.cells() * bytes));
      const Index start = layout.key_start(element);
      std::size_t at = 0;
      for (Index h = 0; h < 3; ++h)
        for (Index i = 0; i < form.queries; ++i)
          for (Index j = 0; j < form.keys; ++j) {
            const double weight = static_cast<double>(made.weights[1](element, h, start + i, start + j));
            if (j >= form.visible[static_cast<std::size_t>(i)]) {
              CHECK(weight == 0);
              continue;
            }
            // Half a step of the root, to either side.
            const double tolerance = std::sqrt(weight) / (bytes == 1 ? 255 : 65535) + 1e-5;
            CHECK(std::abs(decoded(codes, at++, bytes) - weight) <= tolerance);
          }
    }
}

TEST_CASE("A causal map is stored as half of it, a whole one whole", "[page]") {
  const Example causal({1, 1, 7, 7}, {.causal = true}, 1), whole({1, 1, 7, 5}, {}, 1);
  CHECK(map_form(causal.stack(), 0).cells() == 28);
  CHECK(map_form(whole.stack(), 0).cells() == 35);
  const Example cached({1, 1, 2, 7}, {.causal = true, .query_offset = 5}, 1);
  CHECK(map_form(cached.stack(), 0).visible == std::vector<Index>{6, 7});
}

TEST_CASE("A pooled cell is the largest of its square, at the margins, too", "[page]") {
  const Example made({1, 2, 11, 11}, {.causal = true}, 1);
  const MapForm form = map_form(made.stack(), 0, 4, 2);
  CHECK(form.rows == 3);
  CHECK(form.visible == std::vector<Index>{1, 2, 3});
  const std::string codes = made.codes(0, 0, form);
  std::size_t at = 0;
  for (Index h = 0; h < 2; ++h)
    for (Index row = 0; row < form.rows; ++row)
      for (Index column = 0; column < form.visible[static_cast<std::size_t>(row)]; ++column) {
        float largest = 0;
        for (Index i = 4 * row; i < std::min<Index>(4 * row + 4, 11); ++i)
          for (Index j = 4 * column; j < std::min<Index>(4 * column + 4, 11); ++j)
            largest = std::max(largest, made.weights[0](0, h, i, j));
        CHECK(decoded(codes, at++, 2) == Approx(largest).margin(3e-5));
      }
  CHECK(codes.size() == 2 * at);
}

TEST_CASE("Bands of rows do not show in the codes", "[page]") {
  // More cells than a band has.
  const Example made({1, 1, 1100, 1000}, {}, 1);
  const MapForm form = map_form(made.stack(), 0);
  Eigen::MatrixXd map(1100, 1000);
  for (Index i = 0; i < 1100; ++i)
    for (Index j = 0; j < 1000; ++j) map(i, j) = static_cast<double>(made.weights[0](0, 0, i, j));
  CHECK(made.codes(0, 0, form) == map_codes(map, form));
}

TEST_CASE("Chunks of layers do not depend on threads", "[page]") {
  const Example made({1, 2, 30, 30}, {}, 5);
  const MapForm form = map_form(made.stack(), 0);
  const std::vector<PageChunk> one = map_chunks(made.stack(), 0, form, 1);
  const std::vector<PageChunk> three = map_chunks(made.stack(), 0, form, 3);
  REQUIRE(one.size() == 5);
  REQUIRE(three.size() == 5);
  for (std::size_t l = 0; l < 5; ++l) CHECK(one[l].base64 == three[l].base64);
  CHECK(one[0].base64 != one[1].base64);
}

TEST_CASE("A page plan fits its budget", "[page]") {
  const Example made({4, 2, 10, 10}, {}, 3);  // 600 codes an element
  const PagePlan all = page_plan(made.dump, 2, 2400, 4800);
  CHECK(all.elements == std::vector<Index>{2, 0, 1, 3});
  CHECK(all.bytes == 2);
  CHECK(all.left_out == 0);
  CHECK(page_plan(made.dump, 2, 2400, 4799).bytes == 1);

  const PagePlan some = page_plan(made.dump, 2, 2399, 1e9);
  CHECK(some.elements == std::vector<Index>{2, 0, 1});
  CHECK(some.left_out == 1);
  CHECK(some.bytes == 1);
  CHECK(some.pool == 1);

  const PagePlan pooled = page_plan(made.dump, 2, 599, 1e9);
  CHECK(pooled.pool == 2);
  CHECK(pooled.elements == std::vector<Index>{2});
  CHECK(pooled.left_out == 3);
  CHECK(page_plan(made.dump, 0, 1, 1).pool == 10);  // no coarser than the map
}

TEST_CASE("Maps of different shapes are refused, naming the layer", "[page]") {
  Example made({1, 1, 4, 4}, {}, 2);
  const AttentionTensor<float> wide = random_attention(Layout({1, 1, 4, 6}), 9);
  made.dump.stacks[0].layers[1].attention = AnyAttention<float>(AttentionView<float>(wide));
  CHECK_THROWS_WITH(map_form(made.stack(), 0),
                    ContainsSubstring("self: the maps of layer 1 are 4 x 6, those of layer 0 4 x 4"));
  CHECK_THROWS_WITH(map_codes(Eigen::MatrixXd::Zero(3, 4), MapForm{.queries = 4, .keys = 4}),
                    ContainsSubstring("a map of 3 x 4, not 4 x 4"));
}
