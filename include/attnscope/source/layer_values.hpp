#pragma once
#include <attnscope/core/block.hpp>

#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <variant>

namespace attnscope {

/// What stands between a layer's values and its output; whatever is empty is not there.
template <typename Scalar>
struct LayerValueParts {
  std::span<const Scalar> value_bias{};         ///< [kv_head, dim], unless the values have it in them
  std::span<const Scalar> output_projection{};  ///< [head * dim, model]; empty: the heads' outputs stay side
                                                ///< by side, and the model is head * dim wide
  std::span<const Scalar> output_bias{};        ///< [model]
  std::span<const Scalar> residual{};     ///< [batch, query, model] what the attention's output is added to
  std::span<const Scalar> norm_weight{};  ///< [model] of the layer norm of that sum
  std::span<const Scalar> norm_bias{};    ///< [model]
  double norm_epsilon = 1e-5;             ///< what the norm adds to the variance
  /// Query and key at Layout::position are one token, so that the residual is what this key contributes.
  /// false (cross-attention): the residual is of no key.
  bool self_attention = true;
};

/// The values of a layer of attention, and what becomes of them: f_h(x_j) = (v_hj + value bias) Wo_h, the
/// vector of the model's width that head h would add to a query with all its weight on key j (Kobayashi et
/// al. 2020). values: [batch, kv_head, key, dim], dense, row-major, padding included as `layout` says, which
/// is that of the attention; head h reads value head h / (heads / kv_heads). Scalar: float, double,
/// Eigen::half, Eigen::bfloat16. values and residual are borrowed, or live as long as `owner`; the rest is
/// copied, to double, in which everything is computed. Copies are cheap.
template <typename Scalar>
class LayerValues {
 public:
  using Parts = LayerValueParts<Scalar>;  ///< what stands between values and output

  /// @throws ShapeError a part whose size is not that of its shape, heads that are not a multiple of kv_heads
  /// @throws ValueError a number of a true token, or of what all tokens share, that is not finite; a negative
  /// epsilon
  LayerValues(std::span<const Scalar> values, Layout layout, Index kv_heads, Index dim,
              const Parts& parts = {}, std::shared_ptr<const void> owner = nullptr)
      : values_(values),
        residual_(parts.residual),
        layout_(std::move(layout)),
        kv_heads_(kv_heads),
        dim_(dim),
        self_attention_(parts.self_attention),
        owner_(std::move(owner)) {
    const Shape& s = layout_.shape();
    require<ShapeError>(dim > 0, "values of width {}", dim);
    require<ShapeError>(kv_heads > 0 && s.heads > 0 && s.heads % kv_heads == 0,
                        "{} heads cannot share {} value heads", s.heads, kv_heads);
    require<ShapeError>(size_of(values) == s.batch * kv_heads * s.keys * dim,
                        "value has {} numbers, not [batch {}, kv_head {}, key {}, dim {}]", values.size(),
                        s.batch, kv_heads, s.keys, dim);
    const Index mixed = s.heads * dim;
    require<ShapeError>(size_of(parts.output_projection) % mixed == 0,
                        "output_projection has {} numbers, no multiple of {} heads of width {}",
                        parts.output_projection.size(), s.heads, dim);
    const bool projects = !parts.output_projection.empty();
    model_ = projects ? size_of(parts.output_projection) / mixed : mixed;
    require<ShapeError>(residual_.empty() || size_of(residual_) == s.batch * s.queries * model_,
                        "residual has {} numbers, not [batch {}, query {}, model {}]", residual_.size(),
                        s.batch, s.queries, model_);
    require<ValueError>(std::isfinite(parts.norm_epsilon) && parts.norm_epsilon >= 0, "norm_epsilon = {}",
                        parts.norm_epsilon);
    auto shared = std::make_shared<Shared>();
    shared->value_bias = copied("value_bias", parts.value_bias, kv_heads, dim, "kv_head", "dim");
    if (projects)
      shared->projection =
          copied("output_projection", parts.output_projection, mixed, model_, "head * dim", "model");
    shared->output_bias = copied("output_bias", parts.output_bias, 1, model_, nullptr, "model");
    shared->norm_weight = copied("norm_weight", parts.norm_weight, 1, model_, nullptr, "model");
    shared->norm_bias = copied("norm_bias", parts.norm_bias, 1, model_, nullptr, "model");
    shared->norm_epsilon = parts.norm_epsilon;
    shared_ = std::move(shared);
    for (Index b = 0; b < s.batch; ++b) {
      for (Index h = 0; h < kv_heads; ++h)
        require_finite(fmt::format("value: batch element {}, kv_head {}, key", b, h),
                       stored_values(b, h, {0, layout_.keys(b)}));
      if (has_residual())
        require_finite(fmt::format("residual: batch element {}, query", b),
                       stored_residual(b, {0, layout_.queries(b)}));
    }
  }

  const Layout& layout() const { return layout_; }
  Index heads() const { return layout_.shape().heads; }    ///< query heads
  Index kv_heads() const { return kv_heads_; }             ///< value heads
  Index dim() const { return dim_; }                       ///< the width of a value
  Index model() const { return model_; }                   ///< the width of what heads write
  bool self_attention() const { return self_attention_; }  ///< see LayerValueParts
  /// Whether what the attention's output is added to is known.
  bool has_residual() const { return !residual_.empty(); }
  /// Whether a layer norm follows; it counts where the sum that it is of is known.
  bool has_norm() const { return has_residual() && shared_->norm_weight.size() > 0; }

  /// [key x dim] what a head reads of these true keys, value bias added.
  Eigen::MatrixXd values(Index example, Index head, Range keys) const {
    const Index kv_head = head / (heads() / kv_heads_);
    Eigen::MatrixXd read = stored_values(example, kv_head, keys).template cast<double>();
    if (shared_->value_bias.size() > 0) read.rowwise() += shared_->value_bias.row(kv_head);
    return read;
  }
  /// [key x model] f_h(x_j) of these true keys.
  Eigen::MatrixXd transformed(Index example, Index head, Range keys) const {
    const Eigen::MatrixXd read = values(example, head, keys);
    if (projects()) return read * shared_->projection.middleRows(head * dim_, dim_);
    Eigen::MatrixXd placed = Eigen::MatrixXd::Zero(keys.size(), model_);
    placed.middleCols(head * dim_, dim_) = read;
    return placed;
  }
  /// [row x model] of the heads' outputs side by side [row x head * dim], output bias left out.
  Eigen::MatrixXd project(const Eigen::MatrixXd& side_by_side) const {
    if (!projects()) return side_by_side;
    return side_by_side * shared_->projection;
  }
  /// [query x model] the residual of these true queries; has_residual() must hold.
  Eigen::MatrixXd residual(Index example, Range queries) const {
    return stored_residual(example, queries).template cast<double>();
  }
  const Eigen::MatrixXd& output_bias() const { return shared_->output_bias; }  ///< [1 x model], or empty
  const Eigen::MatrixXd& norm_weight() const { return shared_->norm_weight; }  ///< [1 x model], or empty
  const Eigen::MatrixXd& norm_bias() const { return shared_->norm_bias; }      ///< [1 x model], or empty
  double norm_epsilon() const { return shared_->norm_epsilon; }                ///< see LayerValueParts

 private:
  using Map = Eigen::Map<const RowMatrix<Scalar>>;
  struct Shared {
    Eigen::MatrixXd value_bias, projection, output_bias, norm_weight, norm_bias;
    double norm_epsilon = 0;
  };

  static Index size_of(std::span<const Scalar> part) { return static_cast<Index>(part.size()); }
  bool projects() const { return shared_->projection.size() > 0; }

  Map stored_values(Index example, Index kv_head, Range keys) const {
    const Index first = layout_.key_start(example) + keys.first;
    return {values_.data() + ((example * kv_heads_ + kv_head) * layout_.shape().keys + first) * dim_,
            keys.size(), dim_};
  }
  Map stored_residual(Index example, Range queries) const {
    const Index first = layout_.query_start(example) + queries.first;
    return {residual_.data() + (example * layout_.shape().queries + first) * model_, queries.size(), model_};
  }
  /// `what` ends with the name of the rows: "value: batch element 0, kv_head 1, key".
  static void require_finite(const std::string& what, const Map& numbers) {
    for (Index r = 0; r < numbers.rows(); ++r)
      for (Index c = 0; c < numbers.cols(); ++c) {
        const double number = static_cast<double>(numbers(r, c));
        require<ValueError>(std::isfinite(number), "{} {}, column {} is {}", what, r, c, number);
      }
  }
  /// In double; empty where the part is.
  static Eigen::MatrixXd copied(const char* name, std::span<const Scalar> part, Index rows, Index columns,
                                const char* row, const char* column) {
    if (part.empty()) return {};
    const std::string axes = row ? fmt::format("{} {}, ", row, rows) : std::string();
    require<ShapeError>(size_of(part) == rows * columns, "{} has {} numbers, not [{}{} {}]", name,
                        part.size(), axes, column, columns);
    const Map numbers(part.data(), rows, columns);
    require_finite(fmt::format("{}: row", name), numbers);
    return numbers.template cast<double>();
  }

  std::span<const Scalar> values_, residual_;
  Layout layout_;
  Index kv_heads_, dim_, model_ = 0;
  bool self_attention_;
  std::shared_ptr<const Shared> shared_;
  std::shared_ptr<const void> owner_;
};

/// Values whose precision is known at run time alone (a file).
using LoadedValues = std::variant<LayerValues<float>, LayerValues<double>>;

namespace detail {

/// act(values), whatever their precision.
template <typename Scalar, typename Act>
decltype(auto) with_values(const LayerValues<Scalar>& values, const Act& act) {
  return act(values);
}
template <typename Act>
decltype(auto) with_values(const LoadedValues& values, const Act& act) {
  return std::visit(act, values);
}

}  // namespace detail

}  // namespace attnscope
