#pragma once
#include <attnscope/source/stored.hpp>
#include <attnscope/sweep.hpp>

#include <optional>

namespace attnscope {

/// Options of validate().
struct ValidateOptions {
  /// How far above 1 a row may sum. Nothing: 1e-4 for float and double, 5e-3 for half, 2e-2 for bfloat16.
  std::optional<double> row_sum_tolerance{};
};

/// One kind of oddity: how often, and where first (by batch element, then block of queries, then head).
/// Tokens count from the batch element's first true token.
struct Finding {
  Index count = 0;             ///< how often; 0: never, and the rest says nothing
  Index example = 0;           ///< batch element
  Index head = 0;              ///< of the first one
  Index query = 0;             ///< of the first one
  std::optional<Index> key{};  ///< of the first one; nothing where it is about the whole row
  double value = 0;            ///< the weight, or the row's sum
};

/// Result of validate().
struct ValidationResult {
  Index rows = 0;                  ///< how many were looked at
  double min_row_sum = undefined;  ///< over the rows of finite weights that see keys
  double max_row_sum = undefined;  ///< likewise
  // What no attention has:
  Finding not_finite;     ///< weights that are NaN or infinite
  Finding negative;       ///< weights below 0
  Finding row_sum_above;  ///< rows that sum above 1 + tolerance: logits, or dropout in training
  Finding leaking;  ///< weights other than 0 on keys that the mask hides: the mask is wrong, or these are
                    ///< gradients
  // What may be meant:
  Finding row_sum_below;  ///< rows that sum below 1 - tolerance, but not to 0: a dropped attention sink
  Finding empty_row;      ///< rows that see keys and give them nothing
  Finding blind_row;      ///< rows that see no key

  /// Whether this is attention: nothing of the first group. Sweeps do not look at hidden weights: `leaking`
  /// is harmless to every number, but tells that the mask is not the model's.
  bool ok() const { return not_finite.count + negative.count + row_sum_above.count + leaking.count == 0; }

  /// One line for everything found, with its first place.
  std::string text() const {
    std::string all = fmt::format("{} rows, sums {:.6g} .. {:.6g}\n", rows, min_row_sum, max_row_sum);
    const auto line = [&](const Finding& f, std::string_view what) {
      if (f.count == 0) return;
      all += fmt::format("{} {}, first: batch element {}, head {}, query {}", f.count, what, f.example,
                         f.head, f.query);
      all += f.key ? fmt::format(", key {}: {}\n", *f.key, f.value) : fmt::format(": sum {}\n", f.value);
    };
    line(not_finite, "weights not finite");
    line(negative, "negative weights");
    line(row_sum_above, "rows sum above 1 (logits, or dropout in training?)");
    line(leaking, "weights on keys that the mask hides (causal leakage)");
    line(row_sum_below, "rows sum below 1 (a dropped attention sink?)");
    line(empty_row, "rows without any weight");
    line(blind_row, "rows that see no key");
    return all;
  }
};

/// See validate(). It looks at rows whose mask has been taken off, and knows the mask itself.
class ValidationMeasure {
 public:
  /// masked: the layout with its mask; tolerance: see ValidateOptions
  ValidationMeasure(Layout masked, double tolerance) : masked_(std::move(masked)), tolerance_(tolerance) {}
  ValidationMeasure empty() const { return {masked_, tolerance_}; }

  template <typename Weight>
  void look(const HeadRows<Weight>& rows) {
    for (Index r = 0; r < rows.size(); ++r) look_at_row(rows, r);
  }
  void merge(ValidationMeasure&& later) {
    ValidationResult& a = found_;
    const ValidationResult& b = later.found_;
    a.rows += b.rows;
    a.min_row_sum = std::fmin(a.min_row_sum, b.min_row_sum);  // fmin and fmax pass over what is undefined
    a.max_row_sum = std::fmax(a.max_row_sum, b.max_row_sum);
    for (const auto kind : kinds) {
      const Index count = (a.*kind).count + (b.*kind).count;
      if ((a.*kind).count == 0) a.*kind = b.*kind;
      (a.*kind).count = count;
    }
  }
  ValidationResult result() const { return found_; }

 private:
  static constexpr Finding ValidationResult::*kinds[] = {
      &ValidationResult::not_finite, &ValidationResult::negative,      &ValidationResult::row_sum_above,
      &ValidationResult::leaking,    &ValidationResult::row_sum_below, &ValidationResult::empty_row,
      &ValidationResult::blind_row};

  template <typename Weight>
  void look_at_row(const HeadRows<Weight>& rows, Index r) {
    const std::span<const Weight> row = rows.row(r);
    const auto note = [&](Finding& finding, std::optional<Index> key, double value) {
      if (finding.count++ == 0) finding = {1, rows.example(), rows.head(), rows.query(r), key, value};
    };
    const Range seen = masked_.visible(rows.example(), rows.query(r));
    double sum = 0;
    for (Index j = 0; j < static_cast<Index>(row.size()); ++j) {
      const double weight = static_cast<double>(row[static_cast<std::size_t>(j)]);
      const bool visible = j >= seen.first && j < seen.last && !masked_.excludes_key(rows.example(), j);
      if (!visible) {
        if (weight != 0) note(found_.leaking, j, weight);
        continue;
      }
      if (!std::isfinite(weight)) note(found_.not_finite, j, weight);
      if (weight < 0) note(found_.negative, j, weight);
      sum += weight;
    }
    ++found_.rows;
    if (masked_.visible_keys(rows.example(), rows.query(r)) == 0) return note(found_.blind_row, {}, sum);
    if (!std::isfinite(sum)) return;
    found_.min_row_sum = std::fmin(found_.min_row_sum, sum);
    found_.max_row_sum = std::fmax(found_.max_row_sum, sum);
    if (sum > 1 + tolerance_) note(found_.row_sum_above, {}, sum);
    if (sum == 0)
      note(found_.empty_row, {}, sum);
    else if (sum < 1 - tolerance_)
      note(found_.row_sum_below, {}, sum);
  }

  Layout masked_;
  double tolerance_;
  ValidationResult found_;
};

/// Says whether stored weights are attention under their mask, and where they are not: what to call on a
/// tensor from elsewhere before anything else. attention: [batch, head, query, key]. Looks at true tokens
/// only; throws nothing about the weights. Cost: one pass, weight by weight.
template <typename Scalar>
ValidationResult validate(const AttentionView<Scalar>& attention, ValidateOptions options = {},
                          SweepOptions how = {}) {
  constexpr double usual = std::is_same_v<Scalar, Eigen::half>       ? 5e-3
                           : std::is_same_v<Scalar, Eigen::bfloat16> ? 2e-2
                                                                     : 1e-4;
  Mask bare = attention.layout().mask();
  bare.causal = false;
  bare.sliding_window = 0;
  bare.excluded_keys.clear();
  how.check = RowCheck::none;
  return measured(ValidationMeasure(attention.layout(), options.row_sum_tolerance.value_or(usual)),
                  attention.masked(std::move(bare)), how);
}
/// The same of a tensor or matrix without a mask.
template <typename A>
ValidationResult validate(const A& tensor, ValidateOptions options = {}, SweepOptions how = {}) {
  return validate(AsSource<A>::of(tensor), options, std::move(how));
}

}  // namespace attnscope
