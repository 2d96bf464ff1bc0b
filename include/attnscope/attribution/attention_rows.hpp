#pragma once
#include <attnscope/attribution/model_output.hpp>
#include <attnscope/source/source.hpp>

#include <functional>

namespace attnscope {

/// [row x token] which tokens a row may weigh.
using VisibleTokens = Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic>;

/// The attention that a test of explanation changes: distributions over the tokens of one example. One row
/// for a classifier with one attention; for a layer of a transformer the queries of all heads, the heads
/// below each other; for several layers those below each other.
struct AttentionRows {
  Eigen::MatrixXd attention{};  ///< [row x token] 0 where a row sees nothing; a row sums to 1, or below
  VisibleTokens visible{};      ///< [row x token]; empty: every row sees every token
};

/// The caller's model with other weights in the place of its own: attention [row x token] -> class
/// probabilities, or one number. It is asked one call after the other.
using AttentionModel = std::function<Eigen::VectorXd(const Eigen::MatrixXd& attention)>;

namespace detail {

/// Whether a row sees a token.
inline bool sees(const AttentionRows& rows, Index row, Index token) {
  return rows.visible.size() == 0 || rows.visible(row, token);
}
/// The tokens that a row sees.
inline std::vector<Index> seen_tokens(const AttentionRows& rows, Index row) {
  std::vector<Index> tokens;
  for (Index token = 0; token < rows.attention.cols(); ++token)
    if (sees(rows, row, token)) tokens.push_back(token);
  return tokens;
}
/// A row that sees one token, or none, is what it is.
inline bool can_change(const AttentionRows& rows, Index row) {
  return seen_tokens(rows, row).size() > 1 && rows.attention.row(row).sum() > 0;
}
inline void require_same_rows(const AttentionRows& rows, const Eigen::MatrixXd& changed) {
  require<ShapeError>(changed.rows() == rows.attention.rows() && changed.cols() == rows.attention.cols(),
                      "attention [{} x {}] in the place of [{} x {}]", changed.rows(), changed.cols(),
                      rows.attention.rows(), rows.attention.cols());
}
/// @throws ShapeError rows that see other tokens, naming the first
inline void require_same_visibility(const AttentionRows& a, const AttentionRows& b) {
  for (Index row = 0; row < a.attention.rows(); ++row)
    for (Index token = 0; token < a.attention.cols(); ++token)
      require<ShapeError>(sees(a, row, token) == sees(b, row, token),
                          "row {} sees token {} in one of them alone", row, token);
}
/// `weights` in the place of rows.attention. name(row): "row 3".
/// @throws ValueError a weight that is not finite, negative or hidden; a sum above 1.02
template <typename Name>
void check_weights(const AttentionRows& rows, const Eigen::MatrixXd& weights, const Name& name) {
  for (Index row = 0; row < weights.rows(); ++row) {
    for (Index token = 0; token < weights.cols(); ++token) {
      const double weight = weights(row, token);
      require<ValueError>(std::isfinite(weight) && weight >= 0, "{}, token {}: the weight is {}", name(row),
                          token, weight);
      require<ValueError>(weight == 0 || sees(rows, row, token), "{}, token {}: the weight is {}, but hidden",
                          name(row), token, weight);
    }
    const double sum = weights.row(row).sum();
    require<ValueError>(sum <= 1 + distribution_tolerance, "{}: the weights sum to {}, more than 1",
                        name(row), sum);
  }
}
inline std::string row_name(Index row) { return fmt::format("row {}", row); }

/// @throws ShapeError `visible` of another shape; ValueError as check_weights
inline void check_rows_of(const AttentionRows& rows) {
  require<ShapeError>(rows.visible.size() == 0 || (rows.visible.rows() == rows.attention.rows() &&
                                                   rows.visible.cols() == rows.attention.cols()),
                      "visible is [{} x {}], but the attention [{} x {}]", rows.visible.rows(),
                      rows.visible.cols(), rows.attention.rows(), rows.attention.cols());
  check_weights(rows, rows.attention, row_name);
}

}  // namespace detail

/// The attention of one example of a layer, [head * query x key] of its true tokens: row head * queries +
/// query. What the mask hides, or leaves out, is not visible; a query that is left out sees nothing.
/// @throws ShapeError the example is not there; ValueError a weight that is not finite, negative or hidden,
/// or a row that sums to more than 1, naming batch element, head, query and token
template <Attention A>
AttentionRows attention_rows(const A& attention, Index example = 0) {
  const auto& source = AsSource<A>::of(attention);
  const Layout& layout = source.layout();
  require<ShapeError>(example >= 0 && example < layout.shape().batch, "batch element {} of {}", example,
                      layout.shape().batch);
  const Index heads = layout.shape().heads, queries = layout.queries(example), keys = layout.keys(example);
  AttentionRows rows{Eigen::MatrixXd::Zero(heads * queries, keys),
                     VisibleTokens::Constant(heads * queries, keys, false)};
  auto reader = source.reader();
  for (const Range& run : layout.shown_queries(example)) {
    const auto block = reader.read(example, run);
    for (Index head = 0; head < heads; ++head) {
      const Index first = head * queries + run.first;
      rows.attention.block(first, 0, run.size(), block.keys()) =
          block.head(head).matrix().template cast<double>();
      for (Index r = 0; r < run.size(); ++r) {
        const Range seen = layout.visible(example, run.first + r);
        for (Index key = seen.first; key < seen.last; ++key)
          rows.visible(first + r, key) = layout.count_keys(example, {key, key + 1}) > 0;
      }
    }
  }
  detail::check_weights(rows, rows.attention, [&](Index row) {
    return fmt::format("batch element {}, head {}, query {}", example, row / queries, row % queries);
  });
  return rows;
}

/// How far other weights are from these: the mean Jensen-Shannon divergence in nats, 0 .. ln 2, of the rows
/// that can differ, those that see two tokens or more and weigh any in either; 0 where there is none. The
/// same both ways.
/// @throws ShapeError another shape; ValueError rows that are no distributions
inline double attention_distance(const AttentionRows& rows, const Eigen::MatrixXd& changed) {
  detail::require_same_rows(rows, changed);
  double sum = 0, count = 0;
  for (Index row = 0; row < changed.rows(); ++row) {
    const bool weighs = rows.attention.row(row).sum() > 0 || changed.row(row).sum() > 0;
    if (!weighs || detail::seen_tokens(rows, row).size() < 2) continue;
    sum += jensen_shannon(rows.attention.row(row).transpose(), changed.row(row).transpose());
    ++count;
  }
  return count > 0 ? sum / count : 0;
}

/// What other attention does to the model.
struct AttentionEffect {
  Eigen::VectorXd output;      ///< what the model says with it
  double jensen_shannon = 0;   ///< attention_distance() from the attention that the model made
  double output_distance = 0;  ///< output_distance() from the output with that
};

/// A model, the attention that it made and its output: what any other attention is compared with.
class CounterfactualAttention {
 public:
  /// Asks the model once, with `rows` as they are.
  /// @throws ShapeError, ValueError rows that are no distributions, an output that is not finite
  CounterfactualAttention(AttentionRows rows, AttentionModel model)
      : rows_(std::move(rows)), model_(std::move(model)) {
    detail::check_rows_of(rows_);
    output_ = detail::checked_output(model_(rows_.attention), 0, "for the attention as it is");
    output_distance(output_, output_);  // whether it is one that distances are defined for
  }

  /// The attention that it made.
  const AttentionRows& rows() const { return rows_; }
  /// The model's output with the attention that it made.
  const Eigen::VectorXd& output() const { return output_; }

  /// The effect of any other attention. @throws ShapeError, ValueError attention of another shape, of hidden
  /// tokens or that is no distribution; an output of another size or that is not finite
  AttentionEffect effect_of(const Eigen::MatrixXd& changed) const {
    detail::require_same_rows(rows_, changed);
    detail::check_weights(rows_, changed, detail::row_name);
    AttentionEffect effect{detail::checked_output(model_(changed), output_.size(), "for changed attention")};
    effect.jensen_shannon = attention_distance(rows_, changed);
    effect.output_distance = output_distance(output_, effect.output);
    return effect;
  }

 private:
  AttentionRows rows_;
  AttentionModel model_;
  Eigen::VectorXd output_;
};

}  // namespace attnscope
