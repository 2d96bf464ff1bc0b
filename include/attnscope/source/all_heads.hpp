#pragma once
#include <attnscope/core/head_mask.hpp>
#include <attnscope/source/aligned.hpp>
#include <attnscope/source/any.hpp>

namespace attnscope {

/// See all_heads().
template <typename WeightType>
class AllHeads {
 public:
  using Weight = WeightType;

  /// @throws ShapeError as all_heads()
  explicit AllHeads(std::vector<LoadedAttention> layers) : layers_(std::move(layers)) {
    require<ShapeError>(!layers_.empty(), "the heads of no layers");
    Shape shape = layout_of(0).shape();
    for (std::size_t layer = 1; layer < layers_.size(); ++layer) {
      in_context(fmt::format("layers 0 and {}", layer),
                 [&] { detail::check_aligned(layout_of(0), layout_of(layer)); });
      shape.heads += layout_of(layer).shape().heads;
    }
    layout_ = Layout(shape, layout_of(0).mask());
  }
  const Layout& layout() const { return layout_; }
  /// [head] where each head comes from; layers count as they were given.
  std::vector<HeadId> origins() const {
    std::vector<HeadId> origins;
    for (std::size_t layer = 0; layer < layers_.size(); ++layer)
      for (Index head = 0; head < layout_of(layer).shape().heads; ++head)
        origins.push_back({static_cast<Index>(layer), head});
    return origins;
  }

  class Reader {
   public:
    explicit Reader(const AllHeads& source) : source_(&source) {
      for (const LoadedAttention& layer : source.layers_)
        std::visit([&](const auto& held) { readers_.emplace_back(held.reader()); }, layer);
    }
    Block<Weight> read(Index example, Range queries) {
      const Layout& layout = source_->layout_;
      const Index rows = queries.size();
      const Index keys = layout.visible(example, queries).last;
      rows_.resize(static_cast<std::size_t>(layout.shape().heads * rows * keys));
      Weight* to = rows_.data();
      const auto copy = [&](const auto& block) {
        for (Index h = 0; h < block.heads(); ++h)
          for (Index r = 0; r < rows; ++r, to += keys) copy_row(block.head(h).row(r), to);
      };
      for (LayerReader& layer : readers_)
        std::visit([&](auto& reader) { copy(reader.read(example, queries)); }, layer);
      return {rows_.data(), rows * keys, keys, example, queries, keys, layout};
    }

   private:
    using LayerReader = std::variant<AnyAttention<float>::Reader, AnyAttention<double>::Reader>;

    template <typename Held>
    static void copy_row(std::span<const Held> row, Weight* to) {
      if constexpr (std::is_same_v<Held, Weight>)
        std::copy(row.begin(), row.end(), to);
      else
        vector_math::widen(row.data(), row.data(), 1, static_cast<Index>(row.size()), to);
    }

    const AllHeads* source_;
    std::vector<LayerReader> readers_;
    std::vector<Weight> rows_;  // [head * query x key]
  };
  Reader reader() const { return Reader(*this); }

 private:
  const Layout& layout_of(std::size_t layer) const {
    return std::visit([](const auto& held) -> const Layout& { return held.layout(); }, layers_[layer]);
  }

  std::vector<LoadedAttention> layers_;
  Layout layout_;
};

/// The heads of several layers as the heads of one source, layer after layer, so that every measure between
/// heads works between ALL heads of ALL layers. The layers may differ in their number of heads and in the
/// side of their padding, in nothing else. Sources are held by value. Cost: one copy of every block.
/// @throws ShapeError no layers; layers of unlike batch size, true tokens or mask, naming them
template <AttentionSource Source>
AllHeads<typename Source::Weight> all_heads(const std::vector<Source>& layers) {
  std::vector<LoadedAttention> erased;
  for (const Source& layer : layers) erased.emplace_back(AnyAttention<typename Source::Weight>(layer));
  return AllHeads<typename Source::Weight>(std::move(erased));
}
/// Layers of a file: in single precision, unless one of them is in double.
inline LoadedAttention all_heads(std::vector<LoadedAttention> layers) {
  const auto is_double = [](const auto& layer) {
    return std::holds_alternative<AnyAttention<double>>(layer);
  };
  if (std::any_of(layers.begin(), layers.end(), is_double))
    return AnyAttention(AllHeads<double>(std::move(layers)));
  return AnyAttention(AllHeads<float>(std::move(layers)));
}

}  // namespace attnscope
