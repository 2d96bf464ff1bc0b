#pragma once
#include <attnscope/core/layout.hpp>

#include <span>

namespace attnscope {

/// [rows x columns], row-major, owned.
template <typename Number>
using RowMatrix = Eigen::Matrix<Number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// [rows x columns], row-major, borrowed; the columns lie side by side.
template <typename Weight>
using MatrixView = Eigen::Map<const RowMatrix<Weight>, Eigen::Unaligned, Eigen::OuterStride<>>;

/// Which rows they are: some consecutive queries of one head of one example.
class HeadPlace {
 public:
  /// queries: counted from the example's first true token; layout: must outlive this
  HeadPlace(Index example, Index head, Range queries, const Layout& layout)
      : example_(example), head_(head), queries_(queries), layout_(&layout) {}

  Index example() const { return example_; }      ///< the batch element
  Index head() const { return head_; }            ///< the head
  Index size() const { return queries_.size(); }  ///< how many rows
  const Layout& layout() const { return *layout_; }
  /// The token whose row r is, counted from the example's first true token.
  Index query(Index r) const { return queries_.first + r; }
  /// The key at which that token itself stands.
  Index position(Index r) const { return layout_->position(example_, query(r)); }
  /// The keys that row r may see, excluded ones among them.
  Range visible(Index r) const { return layout_->visible(example_, query(r)); }
  /// How many keys row r really sees.
  Index visible_keys(Index r) const { return layout_->visible_keys(example_, query(r)); }

 private:
  Index example_, head_;
  Range queries_;
  const Layout* layout_;
};

/// What a measure of single heads looks at: some consecutive queries of one head of one example.
///
/// The promise of every source: only true tokens stand here (no padding), and the weight of a key that a
/// query may not see is exactly 0. Therefore a measure never masks. Borrowed: valid during the call that
/// shows it.
template <typename Weight>
class HeadRows : public HeadPlace {
 public:
  /// data: [row x key], the first row's first key, rows row_stride apart; keys: how many
  HeadRows(const Weight* data, Index row_stride, Index example, Index head, Range queries, Index keys,
           const Layout& layout)
      : HeadPlace(example, head, queries, layout), data_(data), row_stride_(row_stride), keys_(keys) {}

  /// Keys 0 .. keys()-1 stand in every row; no row of these sees a later one.
  Index keys() const { return keys_; }
  /// How far apart two rows lie in memory.
  Index row_stride() const { return row_stride_; }

  /// [key] the weights of row r.
  std::span<const Weight> row(Index r) const {
    return {data_ + r * row_stride_, static_cast<std::size_t>(keys_)};
  }
  /// [row x key]
  MatrixView<Weight> matrix() const { return {data_, size(), keys_, Eigen::OuterStride<>(row_stride_)}; }

 private:
  const Weight* data_;
  Index row_stride_, keys_;
};

/// What a source gives, and what a measure between heads looks at: the same consecutive queries of ALL heads.
/// The same promise as HeadRows. A sweep whose measures look at single heads may read one head alone.
template <typename WeightType>
class Block {
 public:
  using Weight = WeightType;  ///< float or double; 16-bit sources arrive as float

  /// data: the first query's first key in the first head; the strides count elements; heads: which of the
  /// source's
  Block(const Weight* data, Index head_stride, Index row_stride, Index example, Range heads, Range queries,
        Index keys, const Layout& layout)
      : data_(data),
        head_stride_(head_stride),
        row_stride_(row_stride),
        example_(example),
        heads_(heads),
        queries_(queries),
        keys_(keys),
        layout_(&layout) {}
  /// All heads.
  Block(const Weight* data, Index head_stride, Index row_stride, Index example, Range queries, Index keys,
        const Layout& layout)
      : Block(data, head_stride, row_stride, example, {0, layout.shape().heads}, queries, keys, layout) {}

  Index example() const { return example_; }      ///< the batch element
  Index heads() const { return heads_.size(); }   ///< how many
  Range which_heads() const { return heads_; }    ///< of the source's; for measures all
  Index size() const { return queries_.size(); }  ///< how many rows in each head
  /// Keys 0 .. keys()-1 stand in every row; no row of these sees a later one.
  Index keys() const { return keys_; }
  /// The tokens whose rows these are, counted from the example's first true token.
  Range queries() const { return queries_; }
  /// The token whose row r is.
  Index query(Index r) const { return queries_.first + r; }
  const Layout& layout() const { return *layout_; }

  /// The rows `part` (0 .. size()) of one of the source's heads.
  HeadRows<Weight> head(Index head, Range part) const {
    return {data_ + (head - heads_.first) * head_stride_ + part.first * row_stride_,
            row_stride_,
            example_,
            head,
            {queries_.first + part.first, queries_.first + part.last},
            keys_,
            *layout_};
  }
  /// All rows of one head.
  HeadRows<Weight> head(Index head) const { return this->head(head, {0, size()}); }
  /// [head x key]: row r of every head.
  MatrixView<Weight> across_heads(Index r) const {
    return {data_ + r * row_stride_, heads(), keys_, Eigen::OuterStride<>(head_stride_)};
  }

 private:
  const Weight* data_;
  Index head_stride_, row_stride_, example_;
  Range heads_, queries_;
  Index keys_;
  const Layout* layout_;
};

}  // namespace attnscope
