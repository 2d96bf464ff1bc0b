#include <attnscope/flow/relevance.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include <fstream>
#include <map>
#include <sstream>

#include "support/attention.hpp"
#include "support/catch.hpp"

// Attention and gradients of a model, and the equations of the paper on them: make_relevance.py.
using namespace attnscope;
using Eigen::Matrix2d;
using Eigen::MatrixXd;
using test::difference;

namespace {

using Tensor = AttentionTensor<double>;

/// Of either sign, and not 0 where attention is hidden.
Tensor random_gradient(const Shape& s, unsigned seed) {
  Tensor gradient(s.batch, s.heads, s.queries, s.keys);
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(.1, 1);
  for (Index i = 0; i < gradient.size(); ++i) gradient.data()[i] = normal(generator);
  return gradient;
}

/// A layer that owns its numbers.
struct Made {
  Tensor attention, gradient;
  Mask mask{};

  Made(const Layout& layout, unsigned seed)
      : attention(test::random_attention<double>(layout, seed)),
        gradient(random_gradient(layout.shape(), 100 + seed)),
        mask(layout.mask()) {}
  /// One head.
  Made(const MatrixXd& a, const MatrixXd& g)
      : attention(1, 1, a.rows(), a.cols()), gradient(1, 1, g.rows(), g.cols()) {
    for (Index i = 0; i < a.rows(); ++i)
      for (Index j = 0; j < a.cols(); ++j) {
        attention(0, 0, i, j) = a(i, j);
        gradient(0, 0, i, j) = g(i, j);
      }
  }
  /// Of the script's file.
  Made(Tensor a, Tensor g) : attention(std::move(a)), gradient(std::move(g)) {}

  auto layer() const {
    return aligned(AttentionView<double>(attention, mask), AttentionView<double>(gradient, mask));
  }
};
using Layer = decltype(std::declval<const Made&>().layer());

std::vector<Layer> layers_of(const std::vector<Made>& made) {
  std::vector<Layer> layers;
  for (const Made& each : made) layers.push_back(each.layer());
  return layers;
}

/// Of one example, entry by entry, keep(i, j): whether it is seen.
template <typename Keep>
MatrixXd mean_of_heads(const Made& made, Index b, const Keep& keep) {
  const Layout layout(AttentionView<double>(made.attention, made.mask).layout());
  const Index heads = layout.shape().heads;
  MatrixXd mean = MatrixXd::Zero(layout.queries(b), layout.keys(b));
  for (Index i = 0; i < mean.rows(); ++i)
    for (Index j = 0; j < mean.cols(); ++j)
      for (Index h = 0; h < heads && keep(i, j); ++h) {
        const Index query = layout.query_start(b) + i, key = layout.key_start(b) + j;
        if (const double product = made.attention(b, h, query, key) * made.gradient(b, h, query, key);
            product > 0 && layout.visible(b, i).first <= j && j < layout.visible(b, i).last)
          mean(i, j) += product / static_cast<double>(heads);
      }
  return mean;
}
const auto everything = [](Index, Index) { return true; };

/// What make_relevance.py printed, by name.
class Reference {
 public:
  Reference() {
    std::ifstream file(ATTNSCOPE_TEST_DIR "/flow/data/relevance.txt");
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string name;
      words >> name;
      lines_[name] = line.substr(name.size());
    }
  }
  Tensor tensor(const std::string& name) const {
    std::istringstream words(lines_.at(name));
    Index heads = 0, queries = 0, keys = 0;
    words >> heads >> queries >> keys;
    Tensor tensor(1, heads, queries, keys);
    for (Index i = 0; i < tensor.size(); ++i) words >> tensor.data()[i];
    REQUIRE(words);
    return tensor;
  }
  MatrixXd matrix(const std::string& name) const {
    std::istringstream words(lines_.at(name));
    Index rows = 0, columns = 0;
    words >> rows >> columns;
    MatrixXd matrix(rows, columns);
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < columns; ++j) words >> matrix(i, j);
    REQUIRE(words);
    return matrix;
  }
  Made layer(const std::string& name, const std::string& target = "") const {
    return {tensor(name + ".attention"), tensor(name + ".attention_gradient" + target)};
  }
  std::vector<Made> stack(const std::string& name, const std::string& target) const {
    return {layer(name + ".0", target), layer(name + ".1", target)};
  }

 private:
  std::map<std::string, std::string> lines_;
};

}  // namespace

TEST_CASE("relevance by hand: one layer is I + Ā, two are a product with the newer on the left") {
  const Made lower(Matrix2d{{.5, .5}, {1, 0}}, Matrix2d{{2, -4}, {.5, 7}}),
      upper(Matrix2d{{0, 1}, {.25, .75}}, Matrix2d{{1, 3}, {4, 0}});
  const MatrixXd one = relevance(layers_of({lower}))[0], two = relevance(layers_of({lower, upper}))[0];
  CHECK(one == Matrix2d{{2, 0}, {.5, 1}});
  CHECK(two == Matrix2d{{1, 3}, {1, 1}} * one);
  CHECK(two == Matrix2d{{3.5, 3}, {2.5, 1}});
}

TEST_CASE("relevance clamps every head before the mean") {
  Tensor a(1, 2, 1, 1), g(1, 2, 1, 1);
  a.setConstant(1);
  g.setValues({{{{-3}}, {{1}}}});
  CHECK(relevance(std::vector{aligned(a, g)})[0](0, 0) == 1.5);  // 1 + (0 + 1) / 2; a clamp afterwards: 1
}

TEST_CASE(
    "cross-attention by hand: normalised on either side, and a row of zeros stays one of the identity") {
  const Made source(Matrix2d{{.5, .5}, {.5, .5}}, Matrix2d{{2, 6}, {-1, -1}}),
      target(Matrix2d{{1, 0}, {.5, .5}}, Matrix2d{{0, 0}, {1, 1}}),
      cross(Matrix2d{{1, 0}, {.5, .5}}, Matrix2d{{1, 1}, {2, 4}});
  const auto result = encoder_decoder_relevance(layers_of({source}), layers_of({target}), layers_of({cross}));
  REQUIRE(result.size() == 1);
  CHECK(result[0].source == Matrix2d{{2, 3}, {0, 1}});
  CHECK(result[0].target == Matrix2d{{1, 0}, {.5, 1.5}});  // no source token has looked at a target token
  const Matrix2d of_source{{1.25, .75}, {0, 1}}, of_target{{1, 0}, {.5, 1.5}}, step{{1, 0}, {1, 2}};
  CHECK(result[0].target_source == of_target.transpose() * step * of_source);
}

TEST_CASE("the relevance of an encoder-decoder equals the equations of the paper, for either target") {
  const Reference reference;
  for (const std::string target : {"0", "1"}) {
    const auto encoder = reference.stack("encoder", "." + target),
               decoder = reference.stack("decoder", "." + target),
               cross = reference.stack("cross", "." + target);
    const auto result = encoder_decoder_relevance(layers_of(encoder), layers_of(decoder), layers_of(cross));
    CHECK(difference(result[0].target, reference.matrix("target." + target)) < 1e-14);
    CHECK(difference(result[0].source, reference.matrix("source." + target)) < 1e-14);
    CHECK(difference(result[0].target_source, reference.matrix("target_source." + target)) < 1e-14);
  }
}

TEST_CASE("the relevance of two modalities that look at each other equals the equations of the paper") {
  const Reference reference;
  const auto self = [&](Relevance& relevance, Modality which, const std::string& name) {
    const Made made = reference.layer(name);
    relevance.self_attention(which, made.layer());
  };
  Relevance relevance;
  self(relevance, Modality::first, "text.0");
  self(relevance, Modality::second, "image.0");
  for (const std::string layer : {"1", "2"}) {
    const Made text = reference.layer("text_image." + layer), image = reference.layer("image_text." + layer);
    relevance.co_attention(text.layer(), image.layer());
    self(relevance, Modality::first, "text." + layer);
    self(relevance, Modality::second, "image." + layer);
  }
  const RelevanceMaps result = relevance.result().at(0);
  CHECK(difference(result.first, reference.matrix("text")) < 1e-14);
  CHECK(difference(result.second, reference.matrix("image")) < 1e-14);
  CHECK(difference(result.first_by_second, reference.matrix("text_by_image")) < 1e-14);
  CHECK(difference(result.second_by_first, reference.matrix("image_by_text")) < 1e-14);
}

TEST_CASE("co-attention is no two cross-attentions, and is alike from either side") {
  const Made text(Layout({1, 2, 3, 3}), 1), image(Layout({1, 2, 5, 5}), 2), of_text(Layout({1, 2, 3, 5}), 3),
      of_image(Layout({1, 4, 5, 3}), 4);
  Relevance together, mirrored, in_turn;
  for (Relevance* each : {&together, &in_turn}) {
    each->self_attention(Modality::first, text.layer());
    each->self_attention(Modality::second, image.layer());
  }
  mirrored.self_attention(Modality::first, image.layer());
  mirrored.self_attention(Modality::second, text.layer());
  for (int layer = 0; layer < 2; ++layer) {
    together.co_attention(of_text.layer(), of_image.layer());
    mirrored.co_attention(of_image.layer(), of_text.layer());
    in_turn.cross_attention(Modality::first, of_text.layer());
    in_turn.cross_attention(Modality::second, of_image.layer());
  }
  const RelevanceMaps a = together.result()[0], b = mirrored.result()[0], c = in_turn.result()[0];
  CHECK(a.first == b.second);
  CHECK(a.second == b.first);
  CHECK(a.first_by_second == b.second_by_first);
  CHECK(a.second_by_first == b.first_by_second);
  CHECK(difference(a.second, c.second) > .01);
}

TEST_CASE("one stack is either modality of two, and a loaded layer is a layer") {
  const std::vector<Made> made{
      {Layout({2, 3, 6, 6}), 1}, {Layout({2, 1, 6, 6}), 2}, {Layout({2, 2, 6, 6}), 3}};
  const std::vector<MatrixXd> alone = relevance(layers_of(made));
  Relevance first, second;
  std::vector<AttentionWithGradient> loaded;
  for (const Made& each : made) {
    first.self_attention(Modality::first, each.layer());
    second.self_attention(Modality::second, each.layer());
    loaded.push_back({AnyAttention(AttentionView<double>(each.attention)),
                      AnyAttention(AttentionView<double>(each.gradient))});
  }
  CHECK(first.result()[1].first == alone[1]);
  CHECK(first.result()[1].first_by_second.cols() == 0);
  CHECK(second.result(Modality::second) == alone);
  CHECK(relevance(loaded) == alone);
  const std::vector<Layer> none;
  const auto encoder_alone = encoder_decoder_relevance(loaded, none, none);
  CHECK(encoder_alone[0].source == alone[0]);
  CHECK(encoder_alone[1].target.size() == 0);
}

TEST_CASE("without gradient every token is relevant to itself alone; without layers there are no examples") {
  Made made(Layout({1, 2, 3, 3}), 1), cross(Layout({1, 2, 3, 4}), 2), source(Layout({1, 2, 4, 4}), 3);
  for (Made* each : {&made, &cross, &source}) each->gradient.setZero();
  CHECK(relevance(layers_of({made, made}))[0] == MatrixXd::Identity(3, 3));
  const auto result = encoder_decoder_relevance(layers_of({source}), layers_of({made}), layers_of({cross}));
  CHECK(result[0].source == MatrixXd::Identity(4, 4));
  CHECK(result[0].target == MatrixXd::Identity(3, 3));
  CHECK(result[0].target_source == MatrixXd::Zero(3, 4));
  CHECK(relevance(std::vector<Layer>()).empty());
  CHECK(Relevance().result().empty());
}

TEST_CASE("the other sign of the gradient gives what was clamped") {
  Made made(Layout({1, 3, 5, 5}), 1);
  const MatrixXd positive = relevance(layers_of({made}))[0];
  const MatrixXd clamped = mean_of_heads(made, 0, everything);
  CHECK(difference(positive, MatrixXd::Identity(5, 5) + clamped) < 1e-15);
  Tensor product = made.attention * made.gradient;
  made.gradient = -made.gradient;
  const MatrixXd negative = relevance(layers_of({made}))[0];
  MatrixXd mean = MatrixXd::Zero(5, 5);
  for (Index h = 0; h < 3; ++h)
    for (Index i = 0; i < 5; ++i)
      for (Index j = 0; j < 5; ++j) mean(i, j) += product(0, h, i, j) / 3;
  CHECK(difference(positive - negative, mean) < 1e-15);
  CHECK((negative - MatrixXd::Identity(5, 5)).minCoeff() >= 0);
}

TEST_CASE("tiny gradients are not lost beside the identity") {
  const std::vector<Made> decoder{{Layout({1, 2, 3, 3}), 1}}, cross{{Layout({1, 2, 3, 4}), 2}};
  std::vector<Made> encoder{{Layout({1, 2, 4, 4}), 3}};
  const auto target_source = [&] {
    return encoder_decoder_relevance(layers_of(encoder), layers_of(decoder), layers_of(cross))[0]
        .target_source;
  };
  const MatrixXd large = target_source();
  encoder[0].gradient = encoder[0].gradient * std::ldexp(1., -80);
  CHECK(target_source() == large);  // the normalisation of one layer takes every factor away
}

TEST_CASE("a padded batch is its examples alone, causal or not, and what the mask hides does not matter") {
  const std::vector<Index> target{3, 5, 1}, source{6, 2, 4};
  for (const bool left : {false, true})
    for (const bool causal : {false, true}) {
      const auto starts = [&](const std::vector<Index>& lengths, Index size) {
        std::vector<Index> all;
        for (const Index length : lengths) all.push_back(left ? size - length : 0);
        return all;
      };
      const Mask of_target = self_padding(target, starts(target, 5), {.causal = causal}),
                 of_source = self_padding(source, starts(source, 6));
      Mask across{.query_lengths = target, .key_lengths = source};
      across.query_starts = of_target.query_starts;
      across.key_starts = of_source.key_starts;
      std::vector<Made> encoder, decoder, cross;
      for (const unsigned layer : {0u, 1u, 2u}) {
        encoder.emplace_back(Layout({3, 2 + layer, 6, 6}, of_source), layer);
        decoder.emplace_back(Layout({3, 2, 5, 5}, of_target), 10 + layer);
        cross.emplace_back(Layout({3, 3, 5, 6}, across), 20 + layer);
      }
      const auto batch = encoder_decoder_relevance(layers_of(encoder), layers_of(decoder), layers_of(cross));
      REQUIRE(batch.size() == 3);
      for (std::size_t b = 0; b < 3; ++b) {
        // By plain loops, then as one example without padding.
        MatrixXd expected = MatrixXd::Identity(source[b], source[b]);
        for (const Made& layer : encoder)
          expected = (expected + mean_of_heads(layer, static_cast<Index>(b), everything) * expected).eval();
        CHECK(difference(batch[b].source, expected) < 1e-14);

        const auto alone = [&](const std::vector<Made>& stack) {
          std::vector<Layer> layers;
          for (const Made& made : stack) {
            const auto one = [&](const Tensor& tensor) {
              return AttentionView<double>(tensor, made.mask).example(static_cast<Index>(b));
            };
            layers.push_back(aligned(one(made.attention), one(made.gradient)));
          }
          return layers;
        };
        const auto single = encoder_decoder_relevance(alone(encoder), alone(decoder), alone(cross))[0];
        CHECK(single.target == batch[b].target);
        CHECK(single.source == batch[b].source);
        CHECK(single.target_source == batch[b].target_source);
        CHECK(single.target_source.rows() == target[b]);
        if (causal) CHECK(MatrixXd(single.target.triangularView<Eigen::StrictlyUpper>()).isZero(0));
      }
    }
}

TEST_CASE("relevance follows its tokens into any order") {
  std::vector<Made> encoder, decoder, cross;
  for (const unsigned layer : {0u, 1u}) {
    encoder.emplace_back(Layout({1, 2, 4, 4}), layer);
    decoder.emplace_back(Layout({1, 2, 3, 3}), 10 + layer);
    cross.emplace_back(Layout({1, 3, 3, 4}), 20 + layer);
  }
  const std::vector<Index> targets{2, 0, 1}, sources{3, 1, 0, 2};
  const auto permuted = [](const std::vector<Made>& stack, const std::vector<Index>& queries,
                           const std::vector<Index>& keys) {
    std::vector<Made> all = stack;
    for (std::size_t l = 0; l < stack.size(); ++l)
      for (Index h = 0; h < stack[l].attention.dimension(1); ++h)
        for (std::size_t i = 0; i < queries.size(); ++i)
          for (std::size_t j = 0; j < keys.size(); ++j)
            for (const auto tensor : {&Made::attention, &Made::gradient})
              (all[l].*tensor)(0, h, static_cast<Index>(i), static_cast<Index>(j)) =
                  (stack[l].*tensor)(0, h, queries[i], keys[j]);
    return all;
  };
  const auto in_order =
      encoder_decoder_relevance(layers_of(encoder), layers_of(decoder), layers_of(cross))[0];
  const auto mixed_encoder = permuted(encoder, sources, sources),
             mixed_decoder = permuted(decoder, targets, targets),
             mixed_cross = permuted(cross, targets, sources);
  const auto mixed = encoder_decoder_relevance(layers_of(mixed_encoder), layers_of(mixed_decoder),
                                               layers_of(mixed_cross))[0];
  CHECK(difference(mixed.source, in_order.source(sources, sources)) < 1e-14);
  CHECK(difference(mixed.target, in_order.target(targets, targets)) < 1e-14);
  CHECK(difference(mixed.target_source, in_order.target_source(targets, sources)) < 1e-14);
}

TEST_CASE("rows that are not shown and excluded keys add nothing to relevance") {
  const std::vector<Made> made{{Layout({1, 2, 6, 6}), 1}, {Layout({1, 3, 6, 6}), 2}};
  const ExcludedTokens excluded{{{0, 4}}, {{4}}, false};
  std::vector<decltype(aligned(exclude_tokens(AttentionView<double>(made[0].attention), excluded),
                               exclude_tokens(AttentionView<double>(made[0].attention), excluded)))>
      layers;
  MatrixXd expected = MatrixXd::Identity(6, 6);
  for (const Made& each : made) {
    layers.push_back(aligned(exclude_tokens(AttentionView<double>(each.attention), excluded),
                             exclude_tokens(AttentionView<double>(each.gradient), excluded)));
    const auto keep = [](Index i, Index j) { return i != 0 && i != 4 && j != 4; };
    expected = (expected + mean_of_heads(each, 0, keep) * expected).eval();
  }
  const MatrixXd result = relevance(layers)[0];
  CHECK(difference(result, expected) < 1e-14);
  CHECK(result.row(4) == MatrixXd::Identity(6, 6).row(4));
}

TEST_CASE(
    "relevance has the same bits for any number of threads, and float weights are multiplied in double") {
  const auto a = test::random_attention<float>(Layout({2, 2, 600, 600}));
  AttentionTensor<float> g = a;
  for (Index i = 0; i < g.size(); ++i) g.data()[i] = static_cast<float>(i % 7 - 3) * 1e-30f;
  const std::vector layers{aligned(a, g)};
  const MatrixXd one = relevance(layers, {.threads = 1})[1], eight = relevance(layers, {.threads = 8})[1];
  CHECK(one == eight);
  AttentionTensor<float> small(1, 1, 1, 1), smaller(1, 1, 1, 1);
  small.setConstant(1e-30f);
  smaller.setConstant(1e-30f);  // their product is no float
  const MatrixXd cross = [&] {
    Relevance relevance;
    relevance.cross_attention(Modality::first, aligned(small, smaller));
    return relevance.result()[0].first_by_second;
  }();
  CHECK(cross(0, 0) == Approx(1e-60).epsilon(1e-6).margin(0));
}

TEST_CASE("layers that do not fit together are refused with layer, batch element and numbers") {
  const std::vector<Made> four{{Layout({2, 1, 4, 4}), 1}}, cross{{Layout({2, 1, 4, 3}), 2}},
      three{{Layout({2, 1, 3, 3}), 3}};
  const std::vector<Layer> longer{four[0].layer(), three[0].layer()}, none;
  CHECK(message_of<ShapeError>([&] { relevance(longer); }) ==
        "layer 1: batch element 0: 3 queries, but earlier layers have 4 tokens there");
  const Made padded(Layout({2, 1, 4, 4}, self_padding({4, 2})), 4);
  CHECK(message_of<ShapeError>([&] {
          relevance(std::vector{four[0].layer(), padded.layer()});
        }) == "layer 1: batch element 1: 2 queries, but earlier layers have 4 tokens there");
  const Made one(Layout({1, 1, 4, 4}), 5);
  CHECK(message_of<ShapeError>([&] {
          relevance(std::vector{four[0].layer(), one.layer()});
        }) == "layer 1: 1 batch elements, but earlier layers have 2");
  CHECK(message_of<ShapeError>([&] { relevance(layers_of(cross)); }) ==
        "layer 0: batch element 0: self-attention of 4 queries and 3 keys");
  const Made later(Layout({1, 1, 4, 4}, {.causal = true, .query_offset = 2}), 6);
  CHECK(message_of<ShapeError>([&] { relevance(std::vector{later.layer()}); }) ==
        "layer 0: batch element 0: query 0 of self-attention stands at key 2");
  const Tensor headless(1, 0, 4, 4);
  CHECK(message_of<ShapeError>([&] { relevance(std::vector{aligned(headless, headless)}); }) ==
        "layer 0: the mean over no heads");
  const Tensor two_heads(1, 2, 4, 4);
  CHECK(message_of<ShapeError>([&] { relevance(std::vector{aligned(one.attention, two_heads)}); }) ==
        "layer 0: 2 heads beside 1: a measure pairs them");

  CHECK(message_of<ShapeError>([&] { encoder_decoder_relevance(none, layers_of(four), none); }) ==
        "1 decoder layers beside 0 cross layers");
  CHECK(message_of<ShapeError>([&] {
          encoder_decoder_relevance(layers_of(four), layers_of(four), layers_of(cross));
        }) == "cross layer 0: batch element 0: 3 keys, but earlier layers have 4 tokens there");
  CHECK(message_of<ShapeError>([&] {
          encoder_decoder_relevance(none, layers_of(three), layers_of(cross));
        }) == "cross layer 0: batch element 0: 4 queries, but earlier layers have 3 tokens there");
  CHECK(message_of<ShapeError>([&] { encoder_decoder_relevance(longer, none, none); }) ==
        "encoder layer 1: batch element 0: 3 queries, but earlier layers have 4 tokens there");
  CHECK(message_of<ShapeError>([&] { Relevance().co_attention(cross[0].layer(), cross[0].layer()); }) ==
        "second modality: batch element 0: 4 queries, but earlier layers have 3 tokens there");
}

TEST_CASE("numbers that are not finite are refused with their place, and nothing has changed") {
  const Made good(Layout({1, 2, 3, 3}), 1);
  Made bad = good;
  bad.gradient(0, 1, 2, 0) = std::numeric_limits<double>::infinity();
  CHECK(message_of<ValueError>([&] {
          relevance(layers_of({good, bad}));
        }) == "layer 1: beside the attention: batch element 0, head 1, query 2, key 0: the weight is inf");
  Relevance relevance;
  relevance.self_attention(Modality::first, good.layer());
  const MatrixXd before = relevance.result()[0].first;
  CHECK_THROWS_AS(relevance.self_attention(Modality::first, bad.layer()), ValueError);
  CHECK_THROWS_AS(relevance.cross_attention(Modality::first, bad.layer()), ValueError);
  CHECK_THROWS_AS(relevance.co_attention(good.layer(), bad.layer()), ValueError);
  Made large = good;
  large.gradient.setConstant(1e200);
  relevance.cross_attention(Modality::first, good.layer());
  const RelevanceMaps all = relevance.result()[0];
  CHECK(message_of<ValueError>([&] {
          for (int layer = 0; layer < 2; ++layer) relevance.self_attention(Modality::second, large.layer());
        }) == "batch element 0: the relevance is not finite: gradients too large");
  CHECK(relevance.result()[0].first == before);
  CHECK(relevance.result()[0].first_by_second == all.first_by_second);
  Made negative = good;
  negative.attention(0, 0, 1, 1) = -.5;
  CHECK(message_of<ValueError>([&] { attnscope::relevance(layers_of({negative})); }) ==
        "layer 0: batch element 0, head 0, query 1, key 1: the weight -0.5 is negative");
}
