#pragma once
#include <attnscope/source/source.hpp>

#include <algorithm>
#include <array>

namespace Eigen {
template <typename Scalar, int Axes, int Options, typename Index>
class Tensor;  // declared: its header takes longer to compile than a measure
}  // namespace Eigen

namespace attnscope {

/// [batch, head, query, key], owned, the keys side by side. Whoever makes one includes
/// <unsupported/Eigen/CXX11/Tensor>.
template <typename Scalar>
using AttentionTensor = Eigen::Tensor<Scalar, 4, Eigen::RowMajor, Index>;

/// An Eigen matrix, map or block whose numbers lie in memory: [query x key] of one head, either storage
/// order.
template <typename M>
concept StoredMatrix = std::derived_from<M, Eigen::MatrixBase<M>> &&(M::Flags& Eigen::DirectAccessBit) != 0;

namespace detail {
template <typename M, typename Scalar>
concept MatrixOf = StoredMatrix<M> && std::same_as<typename M::Scalar, Scalar>;
template <typename M>
concept OwningMatrix = StoredMatrix<M> && std::derived_from<M, Eigen::PlainObjectBase<M>>;
}  // namespace detail

/// Stored attention, borrowed, of any strides. Scalar: float, double, Eigen::half, Eigen::bfloat16.
/// float and double whose keys lie side by side are never copied; anything else is converted a block at a
/// time. Weights that the mask hides, and padding, may hold anything: they are never shown.
///
/// A [layer, head, query, key] array is a view whose batch axis is the layer; `example(layer)` is one of
/// them.
template <typename Scalar>
class AttentionView {
 public:
  using Weight = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;
  /// How many elements lie between one batch element, head, query, key and the next.
  using Strides = std::array<Index, 4>;
  /// Whether the numbers have 16 bits.
  static constexpr bool narrow = vector_math::is_narrow<Scalar>;

  /// @throws ShapeError no data for a shape that is not empty
  AttentionView(const Scalar* data, Layout layout, Strides strides)
      : data_(data), layout_(std::move(layout)), strides_(strides) {
    const Shape& s = layout_.shape();
    require<ShapeError>(data != nullptr || s.batch * s.heads * s.queries * s.keys == 0,
                        "no data for attention of shape [{}, {}, {}, {}]", s.batch, s.heads, s.queries,
                        s.keys);
  }
  /// Dense, row-major.
  AttentionView(const Scalar* data, Layout layout) : AttentionView(data, layout, dense(layout.shape())) {}

  /// A tensor, which must outlive the view.
  explicit AttentionView(const AttentionTensor<Scalar>& tensor, Mask mask = {})
      : AttentionView(tensor.data(), Layout({tensor.dimension(0), tensor.dimension(1), tensor.dimension(2),
                                             tensor.dimension(3)},
                                            std::move(mask))) {}
  explicit AttentionView(AttentionTensor<Scalar>&&, Mask = {}) = delete;  // would dangle

  /// One head of one example.
  template <detail::MatrixOf<Scalar> M>
  explicit AttentionView(const M& matrix, Mask mask = {})
      : AttentionView(matrix.data(), Layout({1, 1, matrix.rows(), matrix.cols()}, std::move(mask)),
                      {0, 0, matrix.rowStride(), matrix.colStride()}) {}
  template <detail::OwningMatrix M>
  explicit AttentionView(M&&, Mask = {}) = delete;  // would dangle

  const Layout& layout() const { return layout_; }
  const Scalar* data() const { return data_; }         ///< the first element, padding included
  const Strides& strides() const { return strides_; }  ///< in elements

  /// One batch element. @throws ShapeError it is not there
  AttentionView example(Index b) const {
    const Shape& s = layout_.shape();
    detail::require_example(layout_, b);
    Mask mask = layout_.mask();
    keep_one(b, mask.query_lengths, mask.key_lengths, mask.query_starts, mask.key_starts,
             mask.excluded_queries, mask.excluded_keys);
    return {data_ + b * strides_[0], Layout({1, s.heads, s.queries, s.keys}, std::move(mask)), strides_};
  }
  /// Heads first .. first + count - 1. @throws ShapeError they are not all there
  AttentionView heads(Index first, Index count) const {
    Shape s = layout_.shape();
    require<ShapeError>(first >= 0 && count >= 0 && count <= s.heads - first, "heads {} .. {} of {}", first,
                        first + count - 1, s.heads);
    s.heads = count;
    return {data_ + first * strides_[1], Layout(s, layout_.mask()), strides_};
  }
  /// The same weights under another mask.
  AttentionView masked(Mask mask) const {
    return {data_, Layout(layout_.shape(), std::move(mask)), strides_};
  }

  class Reader {
   public:
    explicit Reader(const AttentionView& view) : view_(&view) {}

    Block<Weight> read(Index example, Range queries) { return read(example, queries, heads()); }
    /// Where heads lie side by side, query by query, all of them together are what memory reads best.
    bool reads_heads() const { return std::abs(view_->strides_[1]) >= std::abs(view_->strides_[2]); }
    Block<Weight> read(Index example, Range queries, Range heads) {
      if constexpr (std::is_same_v<Scalar, Weight>) {
        const Block<Weight> stored(view_->row(example, heads.first, queries.first), view_->strides_[1],
                                   view_->strides_[2], example, heads, queries,
                                   layout().visible(example, queries).last, layout());
        if (view_->strides_[3] == 1 && hidden_is_zero(stored)) return stored;
      }
      return copy(example, heads, queries, {});
    }

    // Numbers of 16 bits are summarised while they are converted.
    bool summarises() const requires narrow { return view_->strides_[3] == 1; }
    Block<Weight> read(Index example, Range queries, std::vector<RowSummary>& summaries) requires narrow {
      summaries.resize(static_cast<std::size_t>(heads().size() * queries.size()));
      return copy(example, heads(), queries, {.summaries = summaries.data()});
    }
    RowSummaries<Weight> summarise(Index example, Index head, Range queries,
                                   SummaryParts parts) requires narrow {
      const Index keys = layout().visible(example, queries).last;
      summaries_.resize(static_cast<std::size_t>(queries.size()));
      Told told{.summaries = summaries_.data(), .parts = parts};
      if (parts.columns && layout().excluded_keys(example).empty())
        told.columns = summariser_.empty_columns(room_for(example, 1, queries.size()), keys);
      const Block<Weight> block = copy(example, {head, head + 1}, queries, told);
      return summariser_.with(block.head(head), summaries_.data(), told.columns);
    }

   private:
    const Layout& layout() const { return view_->layout_; }
    Range heads() const { return {0, layout().shape().heads}; }

    /// Whether a block may be lent as it is. Without a mask nothing needs to be looked at.
    bool hidden_is_zero(const Block<Weight>& block) const {
      const std::span<const Index> excluded = layout().excluded_keys(block.example());
      if (!layout().mask().causal && excluded.empty()) return true;
      for (Index h = block.which_heads().first; h < block.which_heads().last; ++h)
        for (Index r = 0; r < block.size(); ++r) {
          const HeadRows<Weight> one = block.head(h, {r, r + 1});
          const std::span<const Weight> row = one.row(0);
          const Range seen = one.visible(0);
          if (!vector_math::all_zero(row.first(static_cast<std::size_t>(seen.first))) ||
              !vector_math::all_zero(row.subspan(static_cast<std::size_t>(seen.last))))
            return false;
          for (const Index key : excluded)
            if (key < block.keys() && row[static_cast<std::size_t>(key)] != 0) return false;
        }
      return true;
    }

    /// What 16-bit rows tell while they are converted.
    struct Told {
      RowSummary* summaries = nullptr;  ///< [head x row], where not null
      SummaryParts parts{};             ///< of these
      Weight* columns = nullptr;        ///< [key] to which rows are added, where not null
    };
    struct Place {
      Index head, query;
    };
    /// What is read after these rows of a head: the next head's, or the next ones of the last head.
    Place next_of(Index example, Index head, Range heads, Range queries) const {
      if (head + 1 < heads.last) return {head + 1, queries.first};
      if (queries.last < layout().queries(example)) return {head, queries.last};
      return {std::min(head + 1, layout().shape().heads - 1), 0};
    }
    /// As much as any rows need: growing with causal ones, it would be moved again and again.
    Weight* room_for(Index example, Index heads, Index rows) {
      copy_.open(heads, rows * layout().keys(example));
      return copy_.head(0);
    }
    Block<Weight> copy(Index example, Range heads, Range queries, Told told) {
      const Index rows = queries.size(), keys = layout().visible(example, queries).last;
      const Weight* const first = room_for(example, heads.size(), rows);
      for (Index h = heads.first; h < heads.last; ++h) {
        copy_head(example, h, queries, next_of(example, h, heads, queries), keys, copy_.head(h - heads.first),
                  told);
        if (told.summaries) told.summaries += rows;
      }
      return {first, copy_.stride(), keys, example, heads, queries, keys, layout()};
    }

    /// to [row x keys] = these rows of one head, what they may not see 0. next: what is read after these, and
    /// fetched meanwhile.
    void copy_head(Index example, Index head, Range queries, Place next, Index keys, Weight* to,
                   Told told) const {
      const Index ahead = std::max<Index>(1, bytes_ahead / (keys * Index{sizeof(Scalar)} + 1));
      for (Index query = queries.first; query < queries.last; ++query, to += keys) {
        const Index beyond = query + ahead - queries.last;
        const Place later =
            beyond < 0 ? Place{head, query + ahead}
                       : Place{next.head, std::min(next.query + beyond, layout().queries(example) - 1)};
        const Range seen = layout().visible(example, query);
        std::fill(to, to + seen.first, Weight(0));
        convert(example, {head, query}, later, seen, to + seen.first, told);
        std::fill(to + seen.last, to + keys, Weight(0));
        hide_excluded(example, query, keys, to, told);
        if (told.summaries) ++told.summaries;
      }
    }
    /// to [seen] = what a row sees, excluded keys among it.
    void convert(Index example, Place place, Place later, Range seen, Weight* to, const Told& told) const {
      const Index step = view_->strides_[3];
      const Scalar* from = view_->row(example, place.head, place.query) + seen.first * step;
      const Scalar* ahead = view_->row(example, later.head, later.query) + seen.first * step;
      if constexpr (narrow)
        if (told.summaries) {
          *told.summaries = vector_math::widen_and_summarise(
              from, ahead, seen.size(), layout().position(example, place.query) - seen.first, told.parts, to,
              told.columns ? told.columns + seen.first : nullptr);
          return;
        }
      vector_math::widen(from, ahead, step, seen.size(), to);
    }
    void hide_excluded(Index example, Index query, Index keys, Weight* row, const Told& told) const {
      const std::span<const Index> excluded = layout().excluded_keys(example);
      if (excluded.empty()) return;
      for (const Index key : excluded)
        if (key < keys) row[key] = Weight(0);
      if (told.summaries)
        *told.summaries = vector_math::summary(std::span<const Weight>(row, static_cast<std::size_t>(keys)),
                                               layout().position(example, query), told.parts);
    }

    static constexpr Index bytes_ahead = 8 << 10;
    const AttentionView* view_;
    detail::PackedHeads<Weight> copy_;
    std::vector<RowSummary> summaries_;
    Summariser<Weight> summariser_;
  };
  Reader reader() const { return Reader(*this); }

 private:
  /// Where a row begins, hidden keys included.
  const Scalar* row(Index example, Index head, Index query) const {
    const auto& [by_batch, by_head, by_query, by_key] = strides_;
    return data_ + example * by_batch + head * by_head + (layout_.query_start(example) + query) * by_query +
           layout_.key_start(example) * by_key;
  }
  static Strides dense(const Shape& s) {
    return {s.heads * s.queries * s.keys, s.queries * s.keys, s.keys, 1};
  }
  template <typename... Lists>
  static void keep_one(Index b, Lists&... lists) {
    const auto keep = [b](auto& list) {
      if (list.empty()) return;
      list.front() = list[static_cast<std::size_t>(b)];
      list.resize(1);
    };
    (keep(lists), ...);
  }

  const Scalar* data_;
  Layout layout_;
  Strides strides_;
};

/// @cond
template <StoredMatrix M>
AttentionView(const M&, Mask = {}) -> AttentionView<typename M::Scalar>;
/// @endcond

/// A tensor is a batch without padding or mask.
template <typename Scalar>
struct AsSource<AttentionTensor<Scalar>> {
  static AttentionView<Scalar> of(const AttentionTensor<Scalar>& tensor) {
    return AttentionView<Scalar>(tensor);
  }
};
/// A matrix is one head of one example, without a mask.
template <StoredMatrix M>
struct AsSource<M> {
  static AttentionView<typename M::Scalar> of(const M& matrix) {
    return AttentionView<typename M::Scalar>(matrix);
  }
};

}  // namespace attnscope
