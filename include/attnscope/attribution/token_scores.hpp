#pragma once
#include <attnscope/attribution/readout.hpp>
#include <attnscope/core/finite.hpp>
#include <attnscope/core/ranks.hpp>
#include <attnscope/flow/gradient_maps.hpp>
#include <attnscope/flow/layer_maps.hpp>

#include <span>

namespace attnscope {

/// What one method says of the input tokens of a batch.
struct TokenScores {
  std::string method;                   ///< "attention (received)", "input gradient", ...
  std::vector<Eigen::VectorXd> scores;  ///< [example] of [token], true tokens only; empty of an example that
                                        ///< the method says nothing of
};

namespace detail {

/// "rollout (first query)"
inline std::string read_by(const std::string& method, const Readout& readout) {
  return fmt::format("{} ({})", method, name_of(readout));
}

/// [key] the head mean of row r. In double, and head by head for every key alike, so that equal keys stay
/// equal: a rounding that swaps two of them would move a rank correlation by far more than itself.
template <typename Weight>
Eigen::RowVectorXd head_mean(const Block<Weight>& block, Index r) {
  const auto rows = block.across_heads(r);
  Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(rows.cols());
  for (Index head = 0; head < rows.rows(); ++head) sum += rows.row(head).template cast<double>();
  return sum / static_cast<double>(rows.rows());
}

/// Scores that differ by rounding alone made equal: neighbours less than 1e-12 of the largest apart. Sums
/// that took unlike ways to the same number would be ranked otherwise.
inline Eigen::VectorXd without_rounding(const VectorView& scores) {
  Eigen::VectorXd settled = scores;
  if (scores.size() == 0 || !all_finite(scores)) return settled;
  const double least = 1e-12 * scores.cwiseAbs().maxCoeff();
  const auto order = in_falling_order(scores);
  const auto at = [&](Index k) { return order[static_cast<std::size_t>(k)]; };
  for_each_run(
      scores.size(), [&](Index k, Index next) { return at(k).first - at(next).first <= least; },
      [&](Range run) {
        for (Index k = run.first; k < run.last; ++k) settled(at(k).second) = at(run.first).first;
      });
  return settled;
}

/// What `mean` and `received` make of the head mean, without the head mean of a whole layer.
class PooledHeads {
 public:
  explicit PooledHeads(ReadFrom from) : from_(from) {}
  PooledHeads empty() const { return PooledHeads(from_); }

  template <typename Weight>
  void look(const Block<Weight>& block) {
    PooledRows& rows =
        examples_.at(block, [&] { return PooledRows(from_, block.layout().keys(block.example())); });
    for (Index r = 0; r < block.size(); ++r) rows.add(head_mean(block, r));
  }
  void merge(PooledHeads&& later) { examples_.merge(std::move(later.examples_)); }
  std::vector<Eigen::VectorXd> result() const {
    std::vector<Eigen::VectorXd> scores;
    for (const PooledRows& example : examples_.parts()) scores.push_back(example.mean());
    return scores;
  }

 private:
  ReadFrom from_;
  PerExample<PooledRows> examples_;
};

/// The row that is read: the first and the last are those of the queries that are shown; nothing where none
/// is.
inline std::optional<Index> shown_row(const Readout& readout, const Layout& layout, Index example) {
  const std::vector<Range> shown = layout.shown_queries(example);
  if (readout.from == ReadFrom::first_query || readout.from == ReadFrom::last_query) {
    if (shown.front().size() == 0) return {};
    return readout.from == ReadFrom::first_query ? shown.front().first : shown.back().last - 1;
  }
  const Index query = row_of(readout, layout.queries(example));
  require<ShapeError>(std::any_of(shown.begin(), shown.end(),
                                  [&](Range run) { return query >= run.first && query < run.last; }),
                      "query {} is excluded: there is no row to read", query);
  return query;
}

/// [key] the head mean of the row that is read, and of no other.
template <AttentionSource Source>
Eigen::VectorXd head_mean_row(const Source& source, Index example, const Readout& readout,
                              const SweepOptions& how) {
  const Layout& layout = source.layout();
  Eigen::VectorXd scores = Eigen::VectorXd::Zero(layout.keys(example));
  if (scores.size() == 0) return scores;
  const std::optional<Index> query = shown_row(readout, layout, example);
  if (!query) return Eigen::VectorXd::Constant(scores.size(), undefined);
  auto reader = source.reader();
  const auto block = reader.read(example, {*query, *query + 1});
  for (Index h = 0; h < block.heads(); ++h) check_rows(block.head(h), how.check, how.row_sum_tolerance);
  scores.head(block.keys()) = head_mean(block, 0).transpose();
  return scores;
}

template <AttentionSource Source>
std::vector<Eigen::VectorXd> read_heads(const Source& source, const Readout& readout,
                                        const SweepOptions& how) {
  const Shape& shape = source.layout().shape();
  require<ShapeError>(shape.heads > 0, "the mean over no heads");
  if (!reads_one_row(readout)) return measured(PooledHeads(readout.from), source, how);
  std::vector<Eigen::VectorXd> scores;
  for (Index b = 0; b < shape.batch; ++b)
    in_context(fmt::format("batch element {}", b),
               [&] { scores.push_back(head_mean_row(source, b, readout, how)); });
  return scores;
}

}  // namespace detail

/// Attention as a score of tokens: what a readout takes of the head mean of one layer, "attention
/// (received)". The first and the last query are those that are shown, and `received` is the mean over those;
/// of an example that shows none, scores are undefined (NaN). layer: any attention, or that of a file; of
/// cross-attention the tokens are the source's. Cost: one row an example, or one pass; no [query x key]
/// matrix.
/// @throws ShapeError no heads; a row that is not there, or excluded, naming the batch element; what sweep
/// throws
template <StackLayer Layer>
TokenScores attention_scores(const Layer& layer, const Readout& readout = {}, const SweepOptions& how = {}) {
  return detail::with_layer(layer, [&](const auto& attention) {
    return TokenScores{detail::read_by("attention", readout),
                       detail::read_heads(source_of(attention), readout, how)};
  });
}

/// What a readout takes of maps [example] of [query x key]: of rollout, flow, relevance, norm maps,
/// contributions, named "<method> (received)". Rows of queries that were not shown are 0 and count in
/// `received` as such: that scales all scores alike. @throws what read_out throws, naming method and example
template <std::ranges::input_range Maps>
TokenScores map_scores(const std::string& method, const Maps& maps, const Readout& readout = {}) {
  TokenScores scores{detail::read_by(method, readout), {}};
  for (const auto& map : maps)
    in_context(fmt::format("{}: batch element {}", method, scores.scores.size()),
               [&] { scores.scores.push_back(read_out(map, readout)); });
  return scores;
}

/// Attention times its gradient as a score of tokens: what a readout takes of gradient_maps(), signed or its
/// positive part; "attention x gradient (received)", "positive attention x gradient (received)". The gradient
/// is that of the output to explain. An output that one query reads has its gradient in the other rows all
/// the same, but for the top layer: `received`, the default, adds up all of it. Cost: gradient_maps()
/// @throws what gradient_maps and read_out throw: `mean` of signed numbers says nothing
template <detail::GradientLayer L>
TokenScores attention_times_gradient(const L& layer, const Readout& readout = {},
                                     GradientPart part = GradientPart::all, const SweepOptions& how = {}) {
  return map_scores(part == GradientPart::positive ? "positive attention x gradient" : "attention x gradient",
                    gradient_maps(layer, part, how), readout);
}

/// What a gradient g [dim] by the embedding x [dim] of a token says of the token.
enum class GradientScore {
  l1,               ///< sum_d |g_d|: the default of many notebooks; never negative
  l2,               ///< sqrt(sum_d g_d^2): does not depend on the axes of the embedding; never negative
  signed_sum,       ///< sum_d g_d: depends on the axes, and cancels
  times_input,      ///< sum_d g_d x_d: to first order, what the output loses when x becomes 0
  abs_times_input,  ///< |sum_d g_d x_d|: Jain & Wallace (2019) of one output
};

/// "input gradient" (L1), "input gradient (L2)", "input gradient (signed)", "gradient x input",
/// "|gradient x input|".
inline std::string name_of(GradientScore score) {
  switch (score) {
    case GradientScore::l1:
      return "input gradient";
    case GradientScore::l2:
      return "input gradient (L2)";
    case GradientScore::signed_sum:
      return "input gradient (signed)";
    case GradientScore::times_input:
      return "gradient x input";
    case GradientScore::abs_times_input:
      return "|gradient x input|";
  }
  throw ValueError(fmt::format("a gradient score of kind {}", static_cast<int>(score)));
}

namespace detail {

inline void check_finite_rows(const char* name, const Eigen::MatrixXd& rows) {
  for (Index t = 0; t < rows.rows(); ++t)
    require<ValueError>(all_finite(rows.row(t)), "token {}: the {} is not finite", t, name);
}
inline Eigen::VectorXd sums_of_rows(const Eigen::MatrixXd& rows) { return rows.rowwise().sum(); }
inline Eigen::VectorXd score_gradient(const Eigen::MatrixXd& gradient, GradientScore score,
                                      const Eigen::MatrixXd* embedding) {
  check_finite_rows("gradient", gradient);
  switch (score) {
    case GradientScore::l1:
      return sums_of_rows(gradient.cwiseAbs());
    case GradientScore::l2:
      return sums_of_rows(gradient.cwiseAbs2()).cwiseSqrt();
    case GradientScore::signed_sum:
      return sums_of_rows(gradient);
    default:
      break;
  }
  require<ShapeError>(embedding != nullptr, "{} needs the embeddings, too", name_of(score));
  require<ShapeError>(embedding->rows() == gradient.rows() && embedding->cols() == gradient.cols(),
                      "the embedding is {} x {}, but its gradient {} x {}", embedding->rows(),
                      embedding->cols(), gradient.rows(), gradient.cols());
  check_finite_rows("embedding", *embedding);
  const Eigen::VectorXd products = sums_of_rows(gradient.cwiseProduct(*embedding));
  if (score == GradientScore::abs_times_input) return products.cwiseAbs();
  return products;
}

}  // namespace detail

/// The gradient of an output by the input embeddings as a score of tokens, see GradientScore. gradient:
/// [example] of [token x dim], of the output to explain; embedding: the same, for the scores that take the
/// input into account. input_gradient() and input_embedding() read them from a dump. Cost: linear.
/// @throws ShapeError embeddings that are not there or of another shape; ValueError numbers that are not
/// finite; naming batch element and token
inline TokenScores input_gradient_scores(const std::vector<Eigen::MatrixXd>& gradient,
                                         GradientScore score = GradientScore::l1,
                                         const std::vector<Eigen::MatrixXd>& embedding = {}) {
  require<ShapeError>(embedding.empty() || embedding.size() == gradient.size(),
                      "embeddings of {} examples beside gradients of {}", embedding.size(), gradient.size());
  TokenScores scores{name_of(score), {}};
  for (std::size_t b = 0; b < gradient.size(); ++b)
    in_context(fmt::format("batch element {}", b), [&] {
      scores.scores.push_back(
          detail::score_gradient(gradient[b], score, embedding.empty() ? nullptr : &embedding[b]));
    });
  return scores;
}

/// Several methods as one: the mean over `methods` of each token's rank among its example's n, divided by n;
/// above 0 and up to 1, the largest score of all methods 1. Equal scores, also those
/// that differ by rounding alone (1e-12 of the largest), share the mean of their ranks. Signed methods rank
/// by sign: what speaks most against the output comes last. Named "rank mean of a, b". Cost: a sort a method
/// and example.
/// @throws ShapeError no methods; methods of other examples or tokens, naming both; ValueError an undefined
/// (NaN) score, naming method, batch element and token
inline TokenScores combined_scores(std::span<const TokenScores> methods) {
  require<ShapeError>(!methods.empty(), "the rank mean of no methods");
  const TokenScores& first = methods.front();
  std::string names;
  std::vector<Eigen::VectorXd> sums;
  for (const Eigen::VectorXd& scores : first.scores) sums.push_back(Eigen::VectorXd::Zero(scores.size()));
  for (const TokenScores& method : methods) {
    names += (names.empty() ? "" : ", ") + method.method;
    require<ShapeError>(method.scores.size() == sums.size(), "{} has scores of {} examples, but {} of {}",
                        method.method, method.scores.size(), first.method, sums.size());
    for (std::size_t b = 0; b < sums.size(); ++b) {
      const Eigen::VectorXd& scores = method.scores[b];
      require<ShapeError>(scores.size() == sums[b].size(),
                          "batch element {}: {} has scores of {} tokens, but {} of {}", b, method.method,
                          scores.size(), first.method, sums[b].size());
      for (Index t = 0; t < scores.size(); ++t)
        require<ValueError>(!std::isnan(scores(t)), "{}: batch element {}, token {}: the score is undefined",
                            method.method, b, t);
      sums[b] += average_ranks(detail::without_rounding(scores)) / static_cast<double>(scores.size());
    }
  }
  for (Eigen::VectorXd& sum : sums) sum /= static_cast<double>(methods.size());
  return {"rank mean of " + names, std::move(sums)};
}

}  // namespace attnscope
