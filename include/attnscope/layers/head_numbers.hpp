#pragma once
#include <attnscope/heads/confidence.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/heads/locality.hpp>
#include <attnscope/heads/sink.hpp>
#include <attnscope/source/any.hpp>

#include <array>
#include <string_view>

namespace attnscope {

/// Options of head_numbers().
struct HeadNumberOptions {
  Index window = 3;  ///< of locality, tokens on either side
};

/// What the head measures say of one layer: one number a head, undefined (NaN) where there is none.
struct HeadNumbers {
  Eigen::VectorXd entropies;             ///< [head] nats, see entropy()
  Eigen::VectorXd normalized_entropies;  ///< [head] 0..1
  Eigen::VectorXd confidence;            ///< [head] 0..1, see confidence()
  Eigen::VectorXd locality;              ///< [head] 0..1, see locality(); of self-attention
  Eigen::VectorXd mean_distance;         ///< [head] tokens; of self-attention
  Eigen::VectorXd sink_mass;             ///< [head] 0..1, see sink()
  Eigen::VectorXd diversity;  ///< [head] 0..1, 1 - mean cosine with the other heads; their mean is the
                              ///< diversity_score of head_similarity(); undefined for one head
  double uniform_locality = undefined;  ///< 0..1, the locality of uniform attention over the visible keys
};

/// One of the HeadNumbers, by the name that reports give it.
struct HeadNumber {
  std::string_view name;                 ///< that of the field
  Eigen::VectorXd HeadNumbers::*values;  ///< the field
};
/// All of them, in the order of reports.
inline constexpr std::array<HeadNumber, 7> head_number_list{{
    {"entropies", &HeadNumbers::entropies},
    {"normalized_entropies", &HeadNumbers::normalized_entropies},
    {"confidence", &HeadNumbers::confidence},
    {"locality", &HeadNumbers::locality},
    {"mean_distance", &HeadNumbers::mean_distance},
    {"sink_mass", &HeadNumbers::sink_mass},
    {"diversity", &HeadNumbers::diversity},
}};

/// The measures of HeadNumbers as one: a layer of a corpus is one of these, swept over many examples.
class HeadNumbersMeasure {
 public:
  /// @throws ValueError window < 0
  explicit HeadNumbersMeasure(HeadNumberOptions options = {})
      : options_(options), locality_({.window = options.window}) {}
  HeadNumbersMeasure empty() const { return HeadNumbersMeasure(options_); }

  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    entropy_.look(rows);
    confidence_.look(rows);
    locality_.look(rows);
    sink_.look(rows);
  }
  template <typename Weight>
  void look(const Block<Weight>& block) {
    similarity_.look(block);
  }
  void merge(HeadNumbersMeasure&& later) {
    entropy_.merge(std::move(later.entropy_));
    confidence_.merge(std::move(later.confidence_));
    locality_.merge(std::move(later.locality_));
    sink_.merge(std::move(later.sink_));
    similarity_.merge(std::move(later.similarity_));
  }
  HeadNumbers result() const {
    const EntropyResult entropy = entropy_.result();
    const LocalityResult locality = locality_.result();
    return {entropy.entropies,
            entropy.normalized_entropies,
            confidence_.result().confidence,
            locality.locality,
            locality.mean_distance,
            sink_.result().sink_mass,
            diversity(similarity_.result().similarity_matrix),
            locality.uniform_locality};
  }

 private:
  static Eigen::VectorXd diversity(const Eigen::MatrixXd& similarity) {
    const double others = static_cast<double>(similarity.rows() - 1);  // 0 / 0 of one head: undefined
    Eigen::VectorXd diversity = similarity.rowwise().sum();
    for (Index h = 0; h < diversity.size(); ++h)
      diversity(h) = 1 - (diversity(h) - similarity(h, h)) / others;
    return diversity;
  }

  HeadNumberOptions options_;
  EntropyMeasure entropy_;
  ConfidenceMeasure confidence_;
  LocalityMeasure locality_;
  SinkMeasure sink_;
  HeadSimilarityMeasure similarity_;
};

/// All head measures of one layer in one sweep. attention: [batch, head, query, key]. Cost: see each measure.
/// @throws ValueError window < 0; what sweep throws
template <StackLayer A>
HeadNumbers head_numbers(const A& attention, HeadNumberOptions options = {}, const SweepOptions& how = {}) {
  return detail::with_layer(
      attention, [&](const auto& source) { return measured(HeadNumbersMeasure(options), source, how); });
}

/// Options of compare_layers() and numbers_of_layers().
struct LayersOptions {
  std::vector<Index> layers{};  ///< which, in any order; empty: all, or what the function says
  HeadNumberOptions numbers{};  ///< of every layer
};

/// [layer chosen] the head_numbers() of layers of a model, one sweep each. attention: [layer] of any
/// attention.
/// @throws ShapeError a layer that is not there; the same as head_numbers, naming the layer
template <StackLayer A>
std::vector<HeadNumbers> numbers_of_layers(const std::vector<A>& attention, LayersOptions options = {},
                                           const SweepOptions& how = {}) {
  const Index n = static_cast<Index>(attention.size());
  if (options.layers.empty())
    for (Index layer = 0; layer < n; ++layer) options.layers.push_back(layer);
  std::vector<HeadNumbers> all;
  for (const Index layer : options.layers) {
    require<ShapeError>(layer >= 0 && layer < n, "layer {} of {}", layer, n);
    in_context(fmt::format("layer {}", layer), [&] {
      all.push_back(head_numbers(attention[static_cast<std::size_t>(layer)], options.numbers, how));
    });
  }
  return all;
}

}  // namespace attnscope
