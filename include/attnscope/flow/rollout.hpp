#pragma once
#include <attnscope/flow/layer_maps.hpp>

namespace attnscope {

/// Options of rollout().
struct RolloutOptions {
  LayerMapOptions map{};     ///< what makes a layer's map of its heads
  Index start_layer = 0;     ///< the layers below it are left out, and not read
  bool every_layer = false;  ///< keep the rollout of each layer, not of the top one alone
};

/// Result of rollout().
template <typename Scalar>
struct RolloutResult {
  std::vector<LayerMap<Scalar>> top;  ///< [example] of [query x key] at the last layer
  std::vector<std::vector<LayerMap<Scalar>>>
      layers;  ///< [layer from start_layer on][example], the last one too; empty unless every_layer
};

namespace detail {

/// product = lower * product, both lower triangles, in panels of columns and, from the last rows up, of rows:
/// a sixth of the dense product's work. band: how many keys a row of `lower` sees, itself the last; 0: all.
template <typename Scalar>
void multiply_lower(const LayerMap<Scalar>& lower, Index band, LayerMap<Scalar>& product) {
  constexpr Index panel = 128;
  const Index n = lower.rows();
  for (Index column = 0; column < n; column += panel) {
    const Index width = std::min(panel, n - column);
    for (Index row = (n - 1) / panel * panel; row >= column; row -= panel) {
      const Index height = std::min(panel, n - row);
      const Index first = std::max(column, band > 0 ? row + 1 - band : 0), size = row + height - first;
      product.block(row, column, height, width) =
          (lower.block(row, first, height, size) * product.block(first, column, size, width)).eval();
    }
  }
}

}  // namespace detail

/// See rollout(). Fed one layer after the other, as a forward pass makes them.
template <typename Scalar = double>
class Rollout {
 public:
  /// @throws ValueError options out of their range
  explicit Rollout(RolloutOptions options = {}) : options_(std::move(options)) {
    detail::check_map_options(options_.map);
    require<ValueError>(options_.start_layer >= 0, "start_layer = {} is negative", options_.start_layer);
  }

  /// The next layer. If it throws, this rollout has lost its layers: start a new one.
  /// @throws what rollout() throws, naming the layer
  template <StackLayer Layer>
  void add(const Layer& layer) {
    require<Error>(whole_, "layer {} failed: this rollout has no result", layers_ - 1);
    if (layers_++ < options_.start_layer) return;
    whole_ = false;
    in_context(fmt::format("layer {}", layers_ - 1), [&] {
      detail::with_layer(layer, [&](const auto& attention) { multiply(source_of(attention)); });
    });
    if (options_.every_layer) each_layer_.push_back(top_);
    whole_ = true;
  }

  /// @throws ShapeError no layer from start_layer on
  RolloutResult<Scalar> result() const& {
    check_result();
    return {top_, each_layer_};
  }
  /// The same, without a copy.
  RolloutResult<Scalar> result() && {
    check_result();
    return {std::move(top_), std::move(each_layer_)};
  }

 private:
  template <AttentionSource Source>
  void multiply(const Source& source) {
    const Layout& layout = source.layout();
    const Index batch = layout.shape().batch;
    const bool first = layers_ - 1 == options_.start_layer, causal = layout.mask().causal;
    if (first) top_.resize(static_cast<std::size_t>(batch));
    require<ShapeError>(static_cast<Index>(top_.size()) == batch, "{} batch elements, those before have {}",
                        batch, top_.size());
    lower_ = causal && (first || lower_);
    for (Index b = 0; b < batch; ++b) {
      LayerMap<Scalar> map = layer_map<Scalar>(source, b, options_.map);
      LayerMap<Scalar>& product = top_[static_cast<std::size_t>(b)];
      require<ShapeError>(first || map.rows() == product.rows(),
                          "batch element {}: {} tokens, the layers before have {}", b, map.rows(),
                          product.rows());
      if (first)
        product = std::move(map);
      else if (lower_)
        detail::multiply_lower(map, layout.mask().sliding_window, product);
      else
        product = map * product;
    }
  }
  void check_result() const {
    require<Error>(whole_, "layer {} failed: this rollout has no result", layers_ - 1);
    require<ShapeError>(layers_ > options_.start_layer, "start_layer = {} of {} layers", options_.start_layer,
                        layers_);
  }

  RolloutOptions options_;
  Index layers_ = 0;  // seen, those below start_layer too
  bool whole_ = true, lower_ = false;
  std::vector<LayerMap<Scalar>> top_;
  std::vector<std::vector<LayerMap<Scalar>>> each_layer_;
};

/// Attention rollout (Abnar & Zuidema 2020): how much of each input token is in each token of a layer, were
/// tokens mixed by attention and residual alone,
///     R_l = M_l R_(l-1), R_start = M_start, M_l the layer's map (see layer_map).
/// Rows sum to 1 where the maps' do; causal stacks give lower triangles, and multiply them alone: three
/// times faster and more. layers: self-attention of the same tokens, the first layer first; the head counts
/// may differ. Cost: tokens^3 multiplications a layer and example; memory: one map an example, and three of
/// one example.
/// @throws ShapeError no layer from start_layer on; layers of unlike batch or tokens; what layer_map throws,
/// naming the layer
template <typename Scalar = double, StackLayers Layers>
RolloutResult<Scalar> rollout(Layers&& layers, RolloutOptions options = {}) {
  Rollout<Scalar> all(std::move(options));
  for (const auto& layer : layers) all.add(layer);
  return std::move(all).result();
}

/// Options of rollout_row().
struct RolloutRowOptions {
  LayerMapOptions map{};  ///< what makes a layer's map of its heads
  Index start_layer = 0;  ///< the layers below it are left out, and not read
};

namespace detail {

/// The range outside of which a row is 0.
template <typename Row>
Range carried(const Row& row) {
  Range range{0, row.size()};
  while (range.size() > 0 && row(range.first) == 0) ++range.first;
  while (range.size() > 0 && row(range.last - 1) == 0) --range.last;
  return range;
}
/// act(layer, rows of its map) from the top layer down to start_layer, for what begins at one query there.
/// Rows in the precision of `Scalar`, or of the weights where that is void.
template <typename Scalar, typename Layers, typename Act>
void each_map_from_top(Layers&& layers, Index example, Index query, const RolloutRowOptions& options,
                       const Act& act) {
  const Index count = static_cast<Index>(std::ranges::size(layers));
  require<ShapeError>(options.start_layer >= 0 && options.start_layer < count,
                      "start_layer = {} of {} layers", options.start_layer, count);
  Index tokens = 0;
  const auto visit = [&](Index l, const auto& attention) {
    const auto source = source_of(attention);
    using Source = std::remove_const_t<decltype(source)>;
    using Number = std::conditional_t<std::is_void_v<Scalar>, typename Source::Weight, Scalar>;
    MapRows<Source, Number> map_rows(source, example, options.map);
    if (l == count - 1) tokens = map_rows.tokens();
    require<ShapeError>(map_rows.tokens() == tokens, "batch element {}: {} tokens, the layers above have {}",
                        example, map_rows.tokens(), tokens);
    require_query(map_rows.layout(), example, query);
    act(l, map_rows);
  };
  for (Index l = count; l-- > options.start_layer;)
    in_context(fmt::format("layer {}", l), [&] {
      const auto layer = std::ranges::begin(layers) + static_cast<std::ranges::range_difference_t<Layers>>(l);
      with_layer(*layer, [&](const auto& attention) { visit(l, attention); });
    });
}

}  // namespace detail

/// [key] one query's row of the rollout at the top layer: a chain of vector-matrix products from the top
/// down, which no map is stored for. It reads each layer once, of causal ones the rows up to the query (a
/// discard per map reads it twice and keeps its fused weights). Rows are fused in the precision of the
/// weights: of float, it is within 1e-7 of the row of rollout(). Cost: one pass over the attention.
/// @throws ShapeError a query that is not there; what rollout() throws
template <typename Scalar = double, StackLayers Layers>
requires std::ranges::random_access_range<Layers> Eigen::Matrix<Scalar, 1, Eigen::Dynamic> rollout_row(
    Layers&& layers, Index example, Index query, const RolloutRowOptions& options = {}) {
  Eigen::Matrix<Scalar, 1, Eigen::Dynamic> row, below;
  detail::each_map_from_top<void>(layers, example, query, options, [&](Index, auto& map_rows) {
    if (row.size() == 0) row = decltype(row)::Unit(map_rows.tokens(), query);
    below.setZero(row.size());
    map_rows.each_unfinished(detail::carried(row), [&](Range queries, const auto& rows) {
      using Number = typename std::remove_cvref_t<decltype(rows)>::Scalar;
      Eigen::Matrix<Number, 1, Eigen::Dynamic> shares(queries.size());
      for (Index r = 0; r < queries.size(); ++r) {
        const auto [factor, residual] = map_rows.finish(r);
        const double share = static_cast<double>(row(queries.first + r));
        shares(r) = static_cast<Number>(share * factor);
        below(queries.first + r) += static_cast<Scalar>(share * residual);
      }
      below.head(rows.cols()) += (shares * rows).template cast<Scalar>();
    });
    row.swap(below);
  });
  return row;
}

}  // namespace attnscope
