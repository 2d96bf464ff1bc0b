#pragma once
#include <attnscope/source/any.hpp>
#include <attnscope/sweep.hpp>

#include <ranges>

namespace attnscope {

/// The attention of a layer and d output / d attention, both loaded from a dump: {layer.attention,
/// *layer.gradient}. Where precision is known at compile time, aligned(attention, gradient) is a layer, too.
struct AttentionWithGradient {
  LoadedAttention attention;  ///< [batch, head, query, key]
  LoadedAttention gradient;   ///< the same shape, finite
};

/// Which products A dA count.
enum class GradientPart {
  all,       ///< signed: what speaks for the output, less what speaks against it
  positive,  ///< max(0, A dA) of every head: what speaks for it alone
};

namespace detail {

template <typename L>
inline constexpr bool is_pair = false;
template <AttentionSource A, AttentionSource G>
inline constexpr bool is_pair<Aligned<A, G>> = true;

/// Attention with its gradient beside it.
template <typename L>
concept GradientLayer = std::same_as<L, AttentionWithGradient> || is_pair<L>;

template <typename R>
concept GradientLayers = std::ranges::forward_range<R> && GradientLayer<std::ranges::range_value_t<R>>;

/// act(aligned(attention, gradient)), whatever their precision.
template <AttentionSource A, AttentionSource G, typename Act>
decltype(auto) with_aligned(const Aligned<A, G>& layer, const Act& act) {
  return act(layer);
}
template <std::same_as<AttentionWithGradient> L, typename Act>
decltype(auto) with_aligned(const L& layer, const Act& act) {
  return std::visit([&](const auto& a, const auto& g) { return act(aligned(a, g)); }, layer.attention,
                    layer.gradient);
}

using ProductRows = RowMatrix<double>;

/// Adds A dA of every head to the maps [example] of [query x key]. It writes where the rows belong, and no
/// row is shown twice, so nothing is left to merge.
class ProductSum {
 public:
  ProductSum(std::vector<ProductRows>& maps, GradientPart part) : maps_(&maps), part_(part) {}
  ProductSum empty() const { return *this; }

  template <typename Weight, typename Gradient>
  void look(const HeadRows<Weight>& attention, const HeadRows<Gradient>& gradient) {
    const Index keys = std::min(attention.keys(), gradient.keys());  // beyond, one of them is hidden and 0
    if (attention.size() == 0 || keys == 0) return;
    const auto a = attention.matrix().leftCols(keys).template cast<double>();
    const auto g = gradient.matrix().leftCols(keys).template cast<double>();
    auto rows = (*maps_)[static_cast<std::size_t>(attention.example())].block(attention.query(0), 0,
                                                                              attention.size(), keys);
    if (part_ == GradientPart::positive)
      rows += a.cwiseProduct(g).cwiseMax(0.);
    else
      rows += a.cwiseProduct(g);
  }
  static void merge(ProductSum&&) {}
  static void result() {}

 private:
  std::vector<ProductRows>* maps_;
  GradientPart part_;
};

/// [example] of [query x key]: the mean of the products over heads; 0 where a row is not shown.
template <AttentionSource A, AttentionSource G>
std::vector<ProductRows> mean_products(const Aligned<A, G>& layer, GradientPart part,
                                       const SweepOptions& how) {
  const Layout& layout = layer.layout();
  require<ShapeError>(layout.shape().heads > 0, "the mean over no heads");
  std::vector<ProductRows> maps;
  for (Index b = 0; b < layout.shape().batch; ++b)
    maps.emplace_back(ProductRows::Zero(layout.queries(b), layout.keys(b)));
  ProductSum sum(maps, part);
  sweep(layer, how, sum);
  for (ProductRows& map : maps) map /= static_cast<double>(layout.shape().heads);
  return maps;
}

}  // namespace detail

/// [example] of [query x key] attention times its gradient in one layer: the mean over heads of A dA, or of
/// max(0, A dA), the Ā of relevance(). In units of the output that the gradient is of: to first order, A dA
/// is what the output would lose without the weight. layer: aligned(attention, gradient) or
/// AttentionWithGradient; rows that are not shown are 0. Cost: one sweep of both, and the maps.
/// @throws ShapeError no heads, unlike heads; what sweep throws
template <detail::GradientLayer L>
std::vector<Eigen::MatrixXd> gradient_maps(const L& layer, GradientPart part = GradientPart::all,
                                           const SweepOptions& how = {}) {
  return detail::with_aligned(layer, [&](const auto& sources) {
    const std::vector<detail::ProductRows> maps = detail::mean_products(sources, part, how);
    return std::vector<Eigen::MatrixXd>(maps.begin(), maps.end());
  });
}

}  // namespace attnscope
