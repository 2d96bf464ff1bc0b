#pragma once
#include <attnscope/core/assignment.hpp>
#include <attnscope/layers/head_numbers.hpp>

namespace attnscope {

/// Options of drift().
struct DriftOptions {
  HeadNumberOptions numbers{};  ///< of HeadDrift::change
  bool jensen_shannon = true;   ///< the divergences take nearly all of the time; false leaves them undefined
};

/// How far the heads of one layer are from heads of another. Undefined (NaN) for a head that has none beside
/// it, and without a query.
struct HeadDrift {
  std::vector<Index> partner;           ///< [head] the head of the other layer; -1: none
  Eigen::VectorXd total_variation;      ///< [head] 0..1, sum_j |A_ij - B_ij| / 2, mean over the queries
  Eigen::VectorXd max_total_variation;  ///< [head] 0..1, of the query where it is largest
  Eigen::VectorXd jensen_shannon;       ///< [head] 0..log 2, the divergence in nats, mean over the queries
  Eigen::VectorXd max_jensen_shannon;   ///< [head] 0..log 2, of the query where it is largest
  HeadNumbers change;                   ///< the partner's numbers minus the head's
};

/// Result of drift().
struct DriftResult {
  Eigen::MatrixXd total_variation;  ///< [head x head of the other] 0..1, mean over the queries
  Eigen::MatrixXd jensen_shannon;   ///< [head x head of the other] 0..log 2
  HeadDrift in_place;               ///< every head beside the one of its number
  HeadDrift matched;                ///< every head beside the one that is matched with it
  Index moved = 0;                  ///< how many heads are matched with one of another number
};

/// See drift(). It looks at two aligned sources.
class DriftMeasure {
 public:
  /// @throws ValueError window < 0
  explicit DriftMeasure(DriftOptions options = {})
      : options_(options), first_(options.numbers), second_(options.numbers) {}
  DriftMeasure empty() const { return DriftMeasure(options_); }

  template <typename First, typename Second>
  void look(const Block<First>& first, const Block<Second>& second) {
    in_context("the second source", [&] {
      for (Index h = 0; h < second.heads(); ++h)
        detail::check_rows(second.head(h), RowCheck::distribution, SweepOptions{}.row_sum_tolerance);
    });
    count(first, first_);
    count(second, second_);
    const Index keys = std::max(first.keys(), second.keys());
    if (variation_.sum.size() == 0) {
      variation_.start(first.heads(), second.heads(), 0);
      divergence_.start(first.heads(), second.heads(), options_.jensen_shannon ? 0 : undefined);
    }
    Rows a = Rows::Zero(first.heads(), keys), b = Rows::Zero(second.heads(), keys);
    for (Index r = 0; r < first.size(); ++r) {
      a.leftCols(first.keys()) = first.across_heads(r).template cast<double>();
      b.leftCols(second.keys()) = second.across_heads(r).template cast<double>();
      add_variations(a, b);
      if (options_.jensen_shannon) add_divergences(a, b);
    }
    rows_ += static_cast<double>(first.size());
  }
  void merge(DriftMeasure&& later) {
    first_.merge(std::move(later.first_));
    second_.merge(std::move(later.second_));
    variation_.merge(later.variation_);
    divergence_.merge(later.divergence_);
    rows_ += later.rows_;
  }
  DriftResult result() const {
    DriftResult result{variation_.sum / rows_, divergence_.sum / rows_, {}, {}};  // 0 / 0: undefined
    std::vector<Index> in_place;
    for (Index h = 0; h < variation_.sum.rows(); ++h) in_place.push_back(h < variation_.sum.cols() ? h : -1);
    const std::vector<Index> matched = match(in_place);
    for (std::size_t h = 0; h < matched.size(); ++h)
      result.moved += matched[h] >= 0 && matched[h] != static_cast<Index>(h);
    result.in_place = beside(in_place);
    result.matched = beside(matched);
    return result;
  }

 private:
  using Rows = RowMatrix<double>;

  /// A distance between all heads: [head x head of the other].
  struct Distance {
    Eigen::MatrixXd sum, max;

    void start(Index heads, Index others, double value) {
      sum = max = Eigen::MatrixXd::Constant(heads, others, value);
    }
    void add(Index head, Index other, double distance) {
      sum(head, other) += distance;
      max(head, other) = std::max(max(head, other), distance);
    }
    void merge(const Distance& later) {
      add_to(sum, later.sum);
      if (max.size() == 0) max = later.max;
      for (Index i = 0; i < later.max.size(); ++i) max(i) = std::max(max(i), later.max(i));
    }
  };

  template <typename Weight>
  static void count(const Block<Weight>& block, HeadNumbersMeasure& numbers) {
    Summariser<Weight> summariser;
    for (Index h = 0; h < block.heads(); ++h) numbers.look(summariser.of(block.head(h), {}));
    numbers.look(block);
  }
  static double entropy(const Eigen::RowVectorXd& row) {
    return vector_math::entropy(std::span<const double>(row.data(), static_cast<std::size_t>(row.size())));
  }
  void add_variations(const Rows& a, const Rows& b) {
    for (Index g = 0; g < a.rows(); ++g)
      for (Index h = 0; h < b.rows(); ++h) variation_.add(g, h, (a.row(g) - b.row(h)).cwiseAbs().sum() / 2);
  }
  /// In double whatever the weights are: rounding to another precision moves a row by a divergence that float
  /// could not tell from 0.
  void add_divergences(const Rows& a, const Rows& b) {
    Eigen::VectorXd of_b(b.rows());
    for (Index h = 0; h < b.rows(); ++h) of_b(h) = entropy(b.row(h));
    for (Index g = 0; g < a.rows(); ++g) {
      const double of_a = entropy(a.row(g));
      for (Index h = 0; h < b.rows(); ++h) {
        const double between = entropy((a.row(g) + b.row(h)) / 2);
        divergence_.add(g, h, std::max(0., between - (of_a + of_b(h)) / 2));
      }
    }
  }
  /// Heads stay where they are if no other order brings them nearer, beyond rounding.
  std::vector<Index> match(const std::vector<Index>& in_place) const {
    const Assignment cheapest = cheapest_assignment(variation_.sum);
    return variation_.sum.diagonal().sum() <= cheapest.cost * (1 + 1e-12) ? in_place : cheapest.column;
  }
  HeadDrift beside(const std::vector<Index>& partner) const {
    const auto of = [&](const Eigen::MatrixXd& pairs) {
      Eigen::VectorXd values = Eigen::VectorXd::Constant(pairs.rows(), undefined);
      for (Index h = 0; h < pairs.rows() && rows_ > 0; ++h)
        if (const Index other = partner[static_cast<std::size_t>(h)]; other >= 0) values(h) = pairs(h, other);
      return values;
    };
    HeadDrift drift{partner,
                    of(variation_.sum / rows_),
                    of(variation_.max),
                    of(divergence_.sum / rows_),
                    of(divergence_.max),
                    {}};
    const HeadNumbers first = first_.result(), second = second_.result();
    for (const auto& [name, values] : head_number_list) {
      const Eigen::VectorXd &own = first.*values, &other = second.*values;
      drift.change.*values = of(other.transpose().replicate(own.size(), 1) - own.replicate(1, other.size()));
    }
    drift.change.uniform_locality = second.uniform_locality - first.uniform_locality;
    return drift;
  }

  DriftOptions options_;
  HeadNumbersMeasure first_, second_;
  Distance variation_, divergence_;
  double rows_ = 0;
};

/// How far the attention of one model or precision is from another's on the same tokens, for one layer of
/// each: distances between rows, changes of every number, and which head has become which. Heads are matched
/// by the assignment of least total variation, so that a model with reordered heads is recognised; they stay
/// in place where no order is nearer. Head counts may differ. attention: [batch, head, query, key] of the
/// same batch, tokens and mask. Cost: heads x heads logarithms a weight in double, or as many subtractions
/// without options.jensen_shannon.
/// @throws ShapeError sources that are not aligned; what sweep throws, rows of the second that are no
/// attention too
template <StackLayer A, StackLayer B>
DriftResult drift(const A& first, const B& second, DriftOptions options = {}, const SweepOptions& how = {}) {
  return detail::with_layer(first, [&](const auto& a) {
    return detail::with_layer(
        second, [&](const auto& b) { return measured(DriftMeasure(options), aligned(a, b), how); });
  });
}

/// [layer] the drift() of two lists of layers. first, second: [layer] of any attention. @throws ShapeError
/// lists of unlike length; what drift throws, naming the layer
template <StackLayer A, StackLayer B>
std::vector<DriftResult> drift_of_layers(const std::vector<A>& first, const std::vector<B>& second,
                                         DriftOptions options = {}, const SweepOptions& how = {}) {
  require<ShapeError>(first.size() == second.size(), "{} layers beside {}", first.size(), second.size());
  std::vector<DriftResult> all;
  for (std::size_t layer = 0; layer < first.size(); ++layer)
    in_context(fmt::format("layer {}", layer),
               [&] { all.push_back(drift(first[layer], second[layer], options, how)); });
  return all;
}

}  // namespace attnscope
