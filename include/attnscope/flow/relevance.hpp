#pragma once
#include <attnscope/core/finite.hpp>
#include <attnscope/flow/flow_normalisation.hpp>
#include <attnscope/flow/gradient_maps.hpp>

#include <array>

namespace attnscope {

/// Which of two sets of tokens: text and image, target and source.
enum class Modality { first, second };

/// Relevance in one example. Entry (i, j) is how much the input at token j matters to token i at the top, by
/// way of what attention moves towards the output that the gradients are of; never negative, of no fixed
/// scale.
struct RelevanceMaps {
  Eigen::MatrixXd first;            ///< [first x first] R_ss, the identity without a layer
  Eigen::MatrixXd second;           ///< [second x second] R_qq
  Eigen::MatrixXd first_by_second;  ///< [first x second] R_sq, 0 without a layer
  Eigen::MatrixXd second_by_first;  ///< [second x first] R_qs
};

namespace detail::relevance {

/// [example] how many tokens either modality has, as far as layers have told.
class TokenCounts {
 public:
  Index examples() const { return static_cast<Index>(counts_.size()); }
  /// 0 where no layer has told.
  Index of(Index example, Modality which) const { return std::max<Index>(0, at(example, which)); }

  /// @throws ShapeError a layer whose tokens are others than those of earlier layers
  void meet(Modality queries, Modality keys, const Layout& layout) {
    const Index batch = layout.shape().batch;
    if (counts_.empty()) counts_.resize(static_cast<std::size_t>(batch), {-1, -1});
    require<ShapeError>(batch == examples(), "{} batch elements, but earlier layers have {}", batch,
                        examples());
    for (Index b = 0; b < batch; ++b) {
      if (queries == keys) check_square(layout, b);
      meet(b, queries, layout.queries(b), "queries");
      meet(b, keys, layout.keys(b), "keys");
    }
  }

 private:
  Index at(Index example, Modality which) const {
    return counts_[static_cast<std::size_t>(example)][static_cast<std::size_t>(which)];
  }
  static void check_square(const Layout& layout, Index b) {
    require<ShapeError>(layout.queries(b) == layout.keys(b),
                        "batch element {}: self-attention of {} queries and {} keys", b, layout.queries(b),
                        layout.keys(b));
    require<ShapeError>(layout.queries(b) == 0 || layout.position(b, 0) == 0,
                        "batch element {}: query 0 of self-attention stands at key {}", b,
                        layout.position(b, 0));
  }
  void meet(Index b, Modality which, Index count, const char* axis) {
    Index& known = counts_[static_cast<std::size_t>(b)][static_cast<std::size_t>(which)];
    require<ShapeError>(known < 0 || known == count,
                        "batch element {}: {} {}, but earlier layers have {} tokens there", b, count, axis,
                        known);
    known = count;
  }

  std::vector<std::array<Index, 2>> counts_;  // -1: no layer has told
};

/// The maps of one example. An empty matrix stands for zeros.
struct Maps {
  // Without the identity: tiny gradients would be lost beside its ones, and N(R) takes it away.
  std::array<Eigen::MatrixXd, 2> own;    ///< R_ss - I
  std::array<Eigen::MatrixXd, 2> other;  ///< R_sq
};

template <typename Matrix, typename Addend>
void add(Matrix& sum, const Addend& addend) {
  if (sum.size() == 0) sum.setZero(addend.rows(), addend.cols());
  sum.noalias() += addend;
}
template <typename Matrix, typename Left, typename Right>
void add_product(Matrix& sum, const Left& left, const Right& right) {
  if (left.size() > 0 && right.size() > 0) add(sum, left * right);
}

/// Equations 6 and 7: what tokens of s take from one another, they take with all that reached those before.
template <typename Step>
void self_rule(std::size_t s, const Step& step, const Maps& before, Maps& after) {
  add(after.own[s], step);
  add_product(after.own[s], step, before.own[s]);
  add_product(after.other[s], step, before.other[s]);
}
/// Equations 10 and 11, for tokens of s that look at those of the other modality; (R - I) / S is what others
/// gave, rows normalised.
template <typename Step>
void cross_rule(std::size_t s, const Step& step, const Maps& before, Maps& after) {
  const std::size_t q = 1 - s;
  Step spread = step;
  add_product(spread, rows_normalised(before.own[s]).transpose(), step);
  add(after.other[s], spread);
  add_product(after.other[s], spread, rows_normalised(before.own[q]));
  add_product(after.own[s], step, before.other[q]);
}

}  // namespace detail::relevance

/// The steps of gradient-weighted relevance (Chefer, Gur & Wolf 2021, "Generic attention-model
/// explainability"), for any architecture of one or two modalities: call them layer by layer, in the order in
/// which the model runs. With Ā = mean over heads of max(0, A dA), s the modality of the queries and q the
/// other one:
/// - self_attention(s): R_ss += Ā R_ss, R_sq += Ā R_sq;
/// - cross_attention(s): R_sq += N(R_ss)' Ā N(R_qq), R_ss += Ā R_qs, where N(R) is R with the rows of R - I
///   divided by their sums, rows of zeros as they are;
/// - co_attention: both cross-attentions of a layer, neither seeing what the other adds.
/// R_ss and R_qq begin as the identity, R_sq and R_qs as 0. A layer is aligned(attention, gradient) or
/// AttentionWithGradient; layers may have unlike head counts. Tokens are the true ones of each example; rows
/// that are not shown and keys that are hidden add nothing, whatever the gradient there.
///
/// Every step throws ShapeError for a layer whose batch or tokens are others than before, for self-attention
/// of unlike many queries and keys (a cache), and for no heads; ValueError for gradients that are not finite,
/// or so large that relevance is not; and what sweep throws. Then nothing has changed. Cost: one sweep and
/// two products of [token x token] doubles, three of cross-attention; memory: the maps twice, and Ā.
class Relevance {
 public:
  /// how: each layer is swept. Before the first step there are no examples.
  explicit Relevance(SweepOptions how = {}) : how_(std::move(how)) {}

  /// Tokens of one modality look at one another.
  template <detail::GradientLayer L>
  void self_attention(Modality which, const L& layer) {
    detail::relevance::TokenCounts counts = counts_;
    const std::vector<Rows> steps = read(counts, which, which, layer);
    grow(counts, [&](std::size_t b, const Maps& before, Maps& after) {
      detail::relevance::self_rule(index(which), steps[b], before, after);
    });
  }
  /// Tokens of `looking` look at those of the other modality, which learn nothing.
  template <detail::GradientLayer L>
  void cross_attention(Modality looking, const L& layer) {
    detail::relevance::TokenCounts counts = counts_;
    const std::vector<Rows> steps = read(counts, looking, other(looking), layer);
    grow(counts, [&](std::size_t b, const Maps& before, Maps& after) {
      detail::relevance::cross_rule(index(looking), steps[b], before, after);
    });
  }
  /// Either modality looks at the other at the same time. first: queries of the first; errors of the other
  /// say so.
  template <detail::GradientLayer First, detail::GradientLayer Second>
  void co_attention(const First& first, const Second& second) {
    detail::relevance::TokenCounts counts = counts_;
    const std::vector<Rows> of_first =
        in_context("first modality", [&] { return read(counts, Modality::first, Modality::second, first); });
    const std::vector<Rows> of_second = in_context(
        "second modality", [&] { return read(counts, Modality::second, Modality::first, second); });
    grow(counts, [&](std::size_t b, const Maps& before, Maps& after) {
      detail::relevance::cross_rule(0, of_first[b], before, after);
      detail::relevance::cross_rule(1, of_second[b], before, after);
    });
  }

  /// [example], empty before the first layer.
  std::vector<RelevanceMaps> result() const {
    std::vector<RelevanceMaps> all;
    for (Index b = 0; b < counts_.examples(); ++b)
      all.push_back({own(b, Modality::first), own(b, Modality::second), between(b, Modality::first),
                     between(b, Modality::second)});
    return all;
  }
  /// [example] of [token x token], the map of one modality alone.
  std::vector<Eigen::MatrixXd> result(Modality which) const {
    std::vector<Eigen::MatrixXd> all;
    for (Index b = 0; b < counts_.examples(); ++b) all.push_back(own(b, which));
    return all;
  }

 private:
  using Rows = detail::ProductRows;
  using Maps = detail::relevance::Maps;

  static std::size_t index(Modality which) { return static_cast<std::size_t>(which); }
  static Modality other(Modality which) {
    return which == Modality::first ? Modality::second : Modality::first;
  }
  /// [example] Ā of a layer, once its tokens are found to be the known ones.
  template <typename L>
  std::vector<Rows> read(detail::relevance::TokenCounts& counts, Modality queries, Modality keys,
                         const L& layer) const {
    return detail::with_aligned(layer, [&](const auto& sources) {
      counts.meet(queries, keys, sources.layout());
      return detail::mean_products(sources, GradientPart::positive, how_);
    });
  }
  /// rule(example, before, after) for every example, all or none. All rules of a step look at the same maps.
  template <typename Rule>
  void grow(const detail::relevance::TokenCounts& counts, const Rule& rule) {
    const Maps none;
    std::vector<Maps> after = maps_;
    after.resize(static_cast<std::size_t>(counts.examples()));
    for (std::size_t b = 0; b < after.size(); ++b) {
      rule(b, maps_.empty() ? none : maps_[b], after[b]);
      for (const auto* kind : {&after[b].own, &after[b].other})
        for (const auto& map : *kind)
          require<ValueError>(detail::all_finite(map),
                              "batch element {}: the relevance is not finite: gradients too large", b);
    }
    maps_ = std::move(after);
    counts_ = counts;
  }
  Eigen::MatrixXd own(Index b, Modality which) const {
    Eigen::MatrixXd map = filled(b, which, which, &Maps::own);
    for (Index i = 0; i < map.rows(); ++i) map(i, i) += 1;
    return map;
  }
  Eigen::MatrixXd between(Index b, Modality which) const {
    return filled(b, which, other(which), &Maps::other);
  }
  Eigen::MatrixXd filled(Index b, Modality rows, Modality columns,
                         std::array<Eigen::MatrixXd, 2> Maps::*kind) const {
    const Eigen::MatrixXd& map = (maps_[static_cast<std::size_t>(b)].*kind)[index(rows)];
    if (map.size() > 0) return map;
    return Eigen::MatrixXd::Zero(counts_.of(b, rows), counts_.of(b, columns));
  }

  SweepOptions how_;
  detail::relevance::TokenCounts counts_;
  std::vector<Maps> maps_;  // [example]
};

/// [example] of [token x token]: the relevance of input tokens (columns) to the tokens at the top of one
/// stack (rows), (I + Ā_L) .. (I + Ā_1). layers: from the lowest, each aligned(attention, gradient) or
/// AttentionWithGradient, one target's gradients. The answer for a classifier is the row of its first token;
/// a token's own entry holds the 1 it began with. No layers: no examples. Cost: a sweep and a product of
/// [token x token] doubles a layer.
/// @throws as the steps of Relevance, naming the layer
template <detail::GradientLayers Stack>
std::vector<Eigen::MatrixXd> relevance(const Stack& layers, const SweepOptions& how = {}) {
  Relevance all(how);
  Index number = 0;
  for (const auto& layer : layers)
    in_context(fmt::format("layer {}", number++), [&] { all.self_attention(Modality::first, layer); });
  return all.result(Modality::first);
}

/// Of one example; see RelevanceMaps.
struct EncoderDecoderRelevance {
  Eigen::MatrixXd target;         ///< [target x target]
  Eigen::MatrixXd source;         ///< [source x source]
  Eigen::MatrixXd target_source;  ///< [target x source] of input tokens to the decoder's outputs
};

/// [example] the relevance in a model whose encoder reads the source first and whose decoder layers look at
/// the target and then at the source. encoder, decoder, cross: from the lowest layer, each
/// aligned(attention, gradient) or AttentionWithGradient, one target's gradients. Cost: a sweep and up to
/// three products of [token x token] doubles a layer.
/// @throws ShapeError unlike many decoder and cross layers; as the steps of Relevance, naming stack and layer
template <detail::GradientLayers Encoder, detail::GradientLayers Decoder, detail::GradientLayers Cross>
std::vector<EncoderDecoderRelevance> encoder_decoder_relevance(const Encoder& encoder, const Decoder& decoder,
                                                               const Cross& cross,
                                                               const SweepOptions& how = {}) {
  require<ShapeError>(std::ranges::distance(decoder) == std::ranges::distance(cross),
                      "{} decoder layers beside {} cross layers", std::ranges::distance(decoder),
                      std::ranges::distance(cross));
  constexpr Modality target = Modality::first, source = Modality::second;
  Relevance all(how);
  Index number = 0;
  for (const auto& layer : encoder)
    in_context(fmt::format("encoder layer {}", number++), [&] { all.self_attention(source, layer); });
  number = 0;
  auto across = std::ranges::begin(cross);
  for (const auto& layer : decoder) {
    in_context(fmt::format("decoder layer {}", number), [&] { all.self_attention(target, layer); });
    in_context(fmt::format("cross layer {}", number++), [&] { all.cross_attention(target, *across++); });
  }
  std::vector<EncoderDecoderRelevance> examples;
  for (RelevanceMaps& maps : all.result())
    examples.push_back({std::move(maps.first), std::move(maps.second), std::move(maps.first_by_second)});
  return examples;
}

}  // namespace attnscope
