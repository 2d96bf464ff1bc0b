#pragma once
#include <attnscope/attribution/attention_rows.hpp>
#include <attnscope/core/evaluations.hpp>
#include <attnscope/statistics/resampling.hpp>

#include <cmath>

namespace attnscope {

/// The caller's gradient: (attention [row x token], d L / d output) -> d L / d attention [row x token] for
/// the output that the model gives with that attention. In a framework: output.backward(output_gradient).
using AttentionPullback =
    std::function<Eigen::MatrixXd(const Eigen::MatrixXd& attention, const Eigen::VectorXd& output_gradient)>;

/// How adversarial_attention() searches.
struct AdversarialAttentionOptions {
  double tolerance = .01;     ///< 0 or more: how far the output may move (output_distance)
  Index starts = 6;           ///< in turn the reversed attention, near it, at random; three fast, three slow
  Index iterations = 300;     ///< of every start
  double learning_rate = .2;  ///< above 0: of Adam, on logits; falls to 0; a third of it for slow starts
  std::uint64_t seed = 0;     ///< of the random starts
};

/// What adversarial_attention() found.
struct AdversarialAttentionResult {
  Eigen::MatrixXd attention;   ///< [row x token] always within the tolerance
  Eigen::VectorXd output;      ///< the model's, with it
  double jensen_shannon = 0;   ///< how far it is from the model's attention, nats: attention_distance()
  double output_distance = 0;  ///< at most the tolerance
  bool found = false;          ///< false: it is the model's attention itself, for nothing else was found
  Eigen::VectorXd
      best_of_starts;     ///< [start] the divergence it reached; unlike ones: give it more iterations
  Index evaluations = 0;  ///< how often the model was asked
};

namespace detail {

/// [row x token] attention from logits: softmax over the tokens that a row sees, times the sum of the row;
/// rows that cannot change stay.
inline Eigen::MatrixXd attention_of_logits(const AttentionRows& rows, const Eigen::MatrixXd& logits) {
  Eigen::MatrixXd attention = rows.attention;
  for (Index row = 0; row < attention.rows(); ++row) {
    if (!can_change(rows, row)) continue;
    const std::vector<Index> seen = seen_tokens(rows, row);
    double most = logits(row, seen.front()), sum = 0;
    for (const Index token : seen) most = std::max(most, logits(row, token));
    for (const Index token : seen) sum += std::exp(logits(row, token) - most);
    const double share = rows.attention.row(row).sum() / sum;
    for (const Index token : seen) attention(row, token) = share * std::exp(logits(row, token) - most);
  }
  return attention;
}
/// d / d logits of what has the slope d / d attention, at attention q: q (slope - the row's mean of it).
inline Eigen::MatrixXd slope_of_logits(const AttentionRows& rows, const Eigen::MatrixXd& q,
                                       const Eigen::MatrixXd& slope) {
  Eigen::MatrixXd result = Eigen::MatrixXd::Zero(q.rows(), q.cols());
  for (Index row = 0; row < q.rows(); ++row) {
    if (!can_change(rows, row)) continue;
    const double mean = q.row(row).dot(slope.row(row)) / q.row(row).sum();
    for (Index token = 0; token < q.cols(); ++token)
      result(row, token) = q(row, token) * (slope(row, token) - mean);
  }
  return result;
}
/// d attention_distance / d q: ln(q / m) / 2 with m = (p + q) / 2, over the number of rows that can change.
inline Eigen::MatrixXd slope_of_distance(const AttentionRows& rows, const Eigen::MatrixXd& q) {
  Eigen::MatrixXd slope = Eigen::MatrixXd::Zero(q.rows(), q.cols());
  double count = 0;
  for (Index row = 0; row < q.rows(); ++row) {
    if (!can_change(rows, row)) continue;
    ++count;
    for (Index token = 0; token < q.cols(); ++token) {
      // The limit of q ln(q / m) at 0 is 0: any finite logarithm will do.
      const double weight = std::max(q(row, token), std::numeric_limits<double>::min());
      slope(row, token) = std::log(2 * weight / (weight + rows.attention(row, token))) / 2;
    }
  }
  return count > 0 ? slope / count : slope;
}
/// d output_distance(whole, output) / d output.
inline Eigen::VectorXd slope_of_output_distance(const Eigen::VectorXd& whole, const Eigen::VectorXd& output) {
  const double part = output.size() == 1 ? 1 : .5;
  Eigen::VectorXd slope(output.size());
  for (Index k = 0; k < output.size(); ++k)
    slope(k) = part * ((output(k) > whole(k) ? 1 : 0) - (output(k) < whole(k) ? 1 : 0));
  return slope;
}

/// Adam (Kingma and Ba 2015), uphill, with a rate that falls to 0 over the iterations.
class Ascent {
 public:
  Ascent(double rate, Index iterations) : rate_(rate), iterations_(static_cast<double>(iterations)) {}
  void operator()(Eigen::MatrixXd& at, const Eigen::MatrixXd& slope) {
    if (step_ == 0) mean_ = square_ = Eigen::MatrixXd::Zero(at.rows(), at.cols());
    const double rate = rate_ * (1 - step_ / iterations_);
    ++step_;
    const double of_mean = 1 - std::pow(keep_mean, step_), of_square = 1 - std::pow(keep_square, step_);
    for (Index i = 0; i < at.size(); ++i) {
      mean_(i) += (1 - keep_mean) * (slope(i) - mean_(i));
      square_(i) += (1 - keep_square) * (slope(i) * slope(i) - square_(i));
      at(i) += rate * (mean_(i) / of_mean) / (std::sqrt(square_(i) / of_square) + 1e-12);
    }
  }

 private:
  static constexpr double keep_mean = .9, keep_square = .99;
  double rate_, iterations_, step_ = 0;
  Eigen::MatrixXd mean_, square_;
};

/// One search after the other for attention that is far and changes nothing.
class AdversarySearch {
 public:
  static constexpr Index halvings = 20;

  AdversarySearch(const CounterfactualAttention& model, const AttentionPullback& pullback,
                  const AdversarialAttentionOptions& options, const ScoreProgress& progress)
      : model_(model),
        pullback_(pullback),
        options_(options),
        generator_(options.seed),
        count_(options.starts * (options.iterations + halvings), progress) {}

  AdversarialAttentionResult run() {
    AdversarialAttentionResult result = unchanged();
    result.best_of_starts = Eigen::VectorXd::Zero(options_.starts);
    if (!anything_can_change()) return result;
    for (Index start = 0; start < options_.starts; ++start) {
      best_ = unchanged();
      in_context(fmt::format("start {}", start), [&] { climb(first_logits(start), rate_of(start)); });
      result.best_of_starts(start) = best_.jensen_shannon;
      if (best_.jensen_shannon <= result.jensen_shannon) continue;
      result.attention = best_.attention;
      result.output = best_.output;
      result.jensen_shannon = best_.jensen_shannon;
      result.output_distance = best_.output_distance;
      result.found = true;
    }
    result.evaluations = evaluations_;
    return result;
  }

 private:
  bool anything_can_change() const {
    for (Index row = 0; row < model_.rows().attention.rows(); ++row)
      if (can_change(model_.rows(), row)) return true;
    return false;
  }
  AdversarialAttentionResult unchanged() const {
    return {.attention = model_.rows().attention, .output = model_.output(), .best_of_starts = {}};
  }
  /// Far ones first: the divergence is convex, so what starts near often ends at the nearest corner.
  Eigen::MatrixXd first_logits(Index start) {
    const Eigen::MatrixXd given = model_.rows().attention.array().max(1e-6).log();
    if (start == 0) return -given;
    Eigen::MatrixXd noise(given.rows(), given.cols());
    for (Index i = 0; i < noise.size(); ++i) noise(i) = 2 * draw_share(generator_) - 1;
    switch (start % 3) {
      case 0:
        return noise - given;
      case 1:
        return noise + given;
      default:
        return 3 * noise;
    }
  }
  /// A slow walk ends in another corner than a fast one: three starts of each, in turn.
  double rate_of(Index start) const { return options_.learning_rate / (start % 6 < 3 ? 1 : 3); }

  /// Climbs the divergence: within the tolerance straight up; outside it along the bounds, with a Newton step
  /// back to them.
  void climb(Eigen::MatrixXd logits, double rate) {
    const AttentionRows& rows = model_.rows();
    Ascent ascend(rate, options_.iterations);
    Eigen::MatrixXd out_of_bounds;
    for (Index iteration = 0; iteration < options_.iterations; ++iteration) {
      in_context(fmt::format("iteration {}", iteration), [&] {
        const Eigen::MatrixXd attention = attention_of_logits(rows, logits);
        const AttentionEffect effect = ask(attention);
        Eigen::MatrixXd slope = slope_of_logits(rows, attention, slope_of_distance(rows, attention));
        if (effect.output_distance > options_.tolerance) {
          out_of_bounds = attention;
          const Eigen::MatrixXd outwards =
              slope_of_logits(rows, attention, output_slope(attention, effect.output));
          const double square = outwards.squaredNorm();
          if (square > 1e-100) {  // below there is no way back to be seen
            slope -= std::max(0., slope.cwiseProduct(outwards).sum() / square) * outwards;
            const Eigen::MatrixXd back = (effect.output_distance - options_.tolerance) / square * outwards;
            logits -= back / std::max(1., back.cwiseAbs().maxCoeff());  // where it is flat, no leap
          }
        }
        ascend(logits, slope);
      });
    }
    if (out_of_bounds.size() > 0) halve(out_of_bounds);
  }
  /// The last step to the bounds: between the best attention within them and one that is not.
  void halve(const Eigen::MatrixXd& out_of_bounds) {
    const Eigen::MatrixXd within = best_.attention;
    double near = 0, far = 1;
    for (Index round = 0; round < halvings; ++round) {
      const double middle = (near + far) / 2;
      const AttentionEffect effect = ask((1 - middle) * within + middle * out_of_bounds);
      (effect.output_distance <= options_.tolerance ? near : far) = middle;
    }
  }
  /// The effect of an attention, which is kept if it is the best that is within the tolerance.
  AttentionEffect ask(const Eigen::MatrixXd& attention) {
    AttentionEffect effect = model_.effect_of(attention);
    ++evaluations_;
    if (effect.output_distance <= options_.tolerance && effect.jensen_shannon > best_.jensen_shannon)
      best_ = {.attention = attention,
               .output = effect.output,
               .jensen_shannon = effect.jensen_shannon,
               .output_distance = effect.output_distance,
               .best_of_starts = {}};
    count_();
    return effect;
  }
  Eigen::MatrixXd output_slope(const Eigen::MatrixXd& attention, const Eigen::VectorXd& output) const {
    Eigen::MatrixXd slope = pullback_(attention, slope_of_output_distance(model_.output(), output));
    require_finite_matrix("attention gradient", slope, "attention", attention);
    return slope;
  }

  const CounterfactualAttention& model_;
  const AttentionPullback& pullback_;
  const AdversarialAttentionOptions& options_;
  std::mt19937_64 generator_;
  ProgressCount count_;
  Index evaluations_ = 0;
  AdversarialAttentionResult best_;
};

}  // namespace detail

/// Adversarial attention (Jain and Wallace 2019): attention as far as possible from the model's own with
/// which it says the same: the largest mean Jensen-Shannon divergence over rows (attention_distance) with an
/// output within the tolerance (output_distance). Gradient ascent on logits from several starts, along the
/// bounds of the tolerance where it meets them; then halving towards them. The divergence is convex, so there
/// are many corners to end in, and this is a search: what it finds proves that such attention exists, what it
/// does not find proves nothing. The result is always within the tolerance: at worst the model's own
/// attention, with `found` false.
///
/// Read it with care: rows of a trained model differ as far from seed to seed (attention_variation()), and an
/// adversary of one example is not a model that attends so (Wiegreffe and Pinter 2019).
/// Evaluations: starts * (iterations + 20) at most, the total of `progress`; as many gradients at most.
/// @throws ValueError a tolerance below 0, less than one start or iteration, a learning rate that is not
/// above 0; an attention gradient that is not finite, naming start, iteration and place; ShapeError one of
/// another shape; what CounterfactualAttention throws; Stopped
inline AdversarialAttentionResult adversarial_attention(const CounterfactualAttention& model,
                                                        const AttentionPullback& pullback,
                                                        const AdversarialAttentionOptions& options = {},
                                                        const ScoreProgress& progress = {}) {
  require<ValueError>(options.tolerance >= 0, "tolerance = {} is below 0", options.tolerance);
  require<ValueError>(options.starts >= 1, "starts = {} is less than 1", options.starts);
  require<ValueError>(options.iterations >= 1, "iterations = {} is less than 1", options.iterations);
  require<ValueError>(options.learning_rate > 0 && std::isfinite(options.learning_rate),
                      "learning_rate = {} is not above 0", options.learning_rate);
  return detail::AdversarySearch(model, pullback, options, progress).run();
}

}  // namespace attnscope
