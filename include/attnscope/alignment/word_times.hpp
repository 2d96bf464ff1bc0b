#pragma once
#include <attnscope/alignment/time_warping.hpp>
#include <attnscope/core/tokens.hpp>

namespace attnscope {

/// What the attention of tokens on frames is given as.
enum class FrameWeights {
  probabilities,  ///< as a model hands out its attention; rows may sum below 1
  logits,         ///< before the softmax; -inf is a hidden frame
};

/// How token_times() prepares the weights.
struct TokenTimesOptions {
  FrameWeights weights = FrameWeights::probabilities;  ///< what they are
  Index frames = 0;               ///< only the first so many, where the rest is padding of the sound; 0: all
  Index median_width = 7;         ///< frames, odd; 1: no filter
  Index skip_first = 0;           ///< tokens before the text (language, task), left out of the path
  Index skip_last = 0;            ///< and after it
  double frames_per_second = 50;  ///< above 0: of the weights, Whisper's 50
  bool whisper_ties = false;      ///< see time_warping()
};

/// When something was said.
struct TimeSpan {
  double start = 0;  ///< seconds
  double end = 0;    ///< seconds
  bool operator==(const TimeSpan&) const = default;
};

/// What token_times() found.
struct TokenTimesResult {
  std::vector<TimeSpan> tokens;   ///< [token] those that are not skipped
  Eigen::MatrixXd cost;           ///< [token x frame] what the path runs through
  std::vector<WarpingStep> path;  ///< (token, frame)
};

/// [n] each number replaced by the median of the `width` numbers around it; beyond the ends the numbers stand
/// mirrored, the last one once. At most width / 2 numbers are left as they are. Cost: n width.
/// @throws ValueError a width that is even or below 1, NaN (naming its index)
inline Eigen::VectorXd median_filter(const Eigen::Ref<const Eigen::VectorXd>& x, Index width) {
  require<ValueError>(width >= 1 && width % 2 == 1, "a median of {} numbers: the width must be odd", width);
  for (Index i = 0; i < x.size(); ++i) require<ValueError>(!std::isnan(x(i)), "x[{}] is {}", i, x(i));
  const Index half = width / 2, n = x.size();
  if (n <= half) return x;
  const auto mirrored = [&](Index i) { return x(i < 0 ? -i : i < n ? i : 2 * (n - 1) - i); };
  std::vector<double> window;  // sorted
  for (Index i = -half; i <= half; ++i) window.push_back(mirrored(i));
  std::sort(window.begin(), window.end());
  Eigen::VectorXd medians(n);
  medians(0) = window[static_cast<std::size_t>(half)];
  for (Index i = 1; i < n; ++i) {
    window.erase(std::lower_bound(window.begin(), window.end(), mirrored(i - 1 - half)));
    const double next = mirrored(i + half);
    window.insert(std::upper_bound(window.begin(), window.end(), next), next);
    medians(i) = window[static_cast<std::size_t>(half)];
  }
  return medians;
}

namespace detail {

/// head: [token x frame]; every row becomes a distribution.
inline void softmax_rows(Eigen::MatrixXd& head) {
  Eigen::VectorXd largest = head.col(0), sums = Eigen::VectorXd::Zero(head.rows());
  for (Index j = 0; j < head.cols(); ++j)
    for (Index i = 0; i < head.rows(); ++i) largest(i) = std::max(largest(i), head(i, j));
  for (Index i = 0; i < head.rows(); ++i)
    require<ValueError>(std::isfinite(largest(i)), "token {}: the largest logit is {}", i, largest(i));
  for (Index j = 0; j < head.cols(); ++j) {
    for (Index i = 0; i < head.rows(); ++i) {
      head(i, j) = std::exp(head(i, j) - largest(i));
      sums(i) += head(i, j);
    }
  }
  for (Index j = 0; j < head.cols(); ++j)
    for (Index i = 0; i < head.rows(); ++i) head(i, j) /= sums(i);
}

/// @throws ValueError what is no probability, naming token and frame; a row that sums above 1.02
inline void check_probabilities(const Eigen::MatrixXd& head) {
  for (Index i = 0; i < head.rows(); ++i) {
    double sum = 0;
    for (Index j = 0; j < head.cols(); ++j) {
      const double p = head(i, j);
      require<ValueError>(std::isfinite(p) && p >= 0, "token {}, frame {}: the probability is {}", i, j, p);
      sum += p;
    }
    require<ValueError>(sum <= 1.02, "token {}: the probabilities sum to {}, more than 1 (logits?)", i, sum);
  }
}
inline void check_logits(const Eigen::MatrixXd& head) {
  for (Index i = 0; i < head.rows(); ++i)
    for (Index j = 0; j < head.cols(); ++j)
      require<ValueError>(!std::isnan(head(i, j)), "token {}, frame {}: the logit is {}", i, j, head(i, j));
}

/// Every frame's weights in standard deviations from their mean over the tokens; 0 where they are all the
/// same.
inline void standardise_frames(Eigen::MatrixXd& head) {
  const double tokens = static_cast<double>(head.rows());
  for (Index j = 0; j < head.cols(); ++j) {
    auto frame = head.col(j);
    if (frame.minCoeff() == frame.maxCoeff()) {
      frame.setZero();
      continue;
    }
    frame.array() -= frame.sum() / tokens;
    frame /= frame.cwiseAbs().maxCoeff();  // squares of tiny weights would vanish
    frame /= std::sqrt(frame.squaredNorm() / tokens);
  }
}

/// Whisper's preparation of one head: [token x frame], frames compared, smoothed over time.
inline Eigen::MatrixXd prepared_head(const Eigen::MatrixXd& head, Index frames,
                                     const TokenTimesOptions& options) {
  Eigen::MatrixXd weights = head.leftCols(frames);
  if (options.weights == FrameWeights::logits) {
    check_logits(weights);
    softmax_rows(weights);
  } else {
    check_probabilities(weights);
  }
  standardise_frames(weights);
  for (Index i = 0; i < weights.rows(); ++i) {
    const Eigen::VectorXd smooth = median_filter(weights.row(i), options.median_width);
    for (Index j = 0; j < weights.cols(); ++j) weights(i, j) = smooth(j);
  }
  return weights;
}

}  // namespace detail

/// When each token was spoken, from cross-attention on frames of sound, as Whisper finds it: softmax over
/// frames (of logits), standard scores over ALL tokens in each frame (population deviation; 0 where it is 0),
/// median filter over frames, mean over heads, and the time warping path through the negative of the rows
/// that are not skipped. A token starts with the first frame of its row on the path and ends where the next
/// one starts, the last one where the frames end. heads: [head] of [token x frame], the heads that align;
/// from a source: head_maps(select_heads(...)). Cost: heads x tokens x frames x median_width, in double
/// precision.
/// @throws ShapeError no heads, heads of unlike shape, more frames or skipped tokens than there are;
/// ValueError naming head, token and frame: NaN, what is no probability; an option out of range
inline TokenTimesResult token_times(const std::vector<Eigen::MatrixXd>& heads,
                                    TokenTimesOptions options = {}) {
  require<ShapeError>(!heads.empty(), "the times of no heads");
  const Index tokens = heads[0].rows(), frames = options.frames == 0 ? heads[0].cols() : options.frames;
  require<ShapeError>(frames >= 1 && frames <= heads[0].cols(), "{} frames of {}", frames, heads[0].cols());
  require<ShapeError>(
      options.skip_first >= 0 && options.skip_last >= 0 && options.skip_first + options.skip_last < tokens,
      "skipping {} tokens before and {} after the text leaves none of {}", options.skip_first,
      options.skip_last, tokens);
  require<ValueError>(options.frames_per_second > 0 && std::isfinite(options.frames_per_second),
                      "frames_per_second = {} is not above 0", options.frames_per_second);
  require<ValueError>(std::isfinite(static_cast<double>(frames) / options.frames_per_second),
                      "frames_per_second = {}: {} frames last longer than can be counted",
                      options.frames_per_second, frames);
  Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(tokens, frames);
  for (std::size_t h = 0; h < heads.size(); ++h)
    in_context(fmt::format("head {}", h), [&] {
      require<ShapeError>(heads[h].rows() == tokens && heads[h].cols() == heads[0].cols(),
                          "{} tokens x {} frames, but head 0 has {} x {}", heads[h].rows(), heads[h].cols(),
                          tokens, heads[0].cols());
      sum += detail::prepared_head(heads[h], frames, options);
    });

  TokenTimesResult result;
  const Index text = tokens - options.skip_first - options.skip_last;
  result.cost = sum.middleRows(options.skip_first, text) / -static_cast<double>(heads.size());
  result.path = time_warping(result.cost, {.whisper_ties = options.whisper_ties}).path;
  Index token = -1;
  for (const WarpingStep& step : result.path) {
    if (step.row == token) continue;
    const double time = static_cast<double>(step.column) / options.frames_per_second;
    if (token >= 0) result.tokens.back().end = time;
    result.tokens.push_back({time, static_cast<double>(frames) / options.frames_per_second});
    token = step.row;
  }
  return result;
}

/// [word] from the start of its first token to the end of its last. words: [token] word_index() or another;
/// what ends the text is a word of its own. @throws ShapeError unlike sizes; what count_words throws
inline std::vector<TimeSpan> word_times(const std::vector<TimeSpan>& tokens, std::span<const Index> words) {
  require<ShapeError>(tokens.size() == words.size(), "the times of {} tokens, but words for {}",
                      tokens.size(), words.size());
  std::vector<TimeSpan> times(static_cast<std::size_t>(count_words(words)));
  for (std::size_t t = tokens.size(); t-- > 0;)
    times[static_cast<std::size_t>(words[t])].start = tokens[t].start;
  for (std::size_t t = 0; t < tokens.size(); ++t)
    times[static_cast<std::size_t>(words[t])].end = tokens[t].end;
  return times;
}

}  // namespace attnscope
