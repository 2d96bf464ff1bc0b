#pragma once
#include <attnscope/source/source.hpp>

#include <vector>

namespace attnscope {

/// A source seen through a rule, the mechanism of every adaptor. A rule has
/// - `layout(inner)`: the layout of the rewritten source;
/// - `inner_queries(example, queries)`: which inner rows these rows are made of;
/// - `write(block, example, queries, rewritten)`: adds up `rewritten` [head * query x key], 0 before, from
/// them; or, where it has `overwrites`, writes all of it, whatever stood there.
/// The source is held by value (sources are views), so rules nest.
template <AttentionSource Source, typename Rule>
class Rewritten {
 public:
  using Weight = typename Source::Weight;
  /// What rule.layout() throws passes through.
  Rewritten(Source source, Rule rule)
      : source_(std::move(source)), rule_(std::move(rule)), layout_(rule_.layout(source_.layout())) {}
  const Layout& layout() const { return layout_; }

  class Reader {
   public:
    explicit Reader(const Rewritten& outer) : outer_(&outer), inner_(outer.source_.reader()) {}
    Block<Weight> read(Index example, Range queries) {
      const Layout& layout = outer_->layout_;
      const Index rows = queries.size();
      const Index keys = layout.visible(example, queries).last;
      const Block<Weight> block = inner_.read(example, outer_->rule_.inner_queries(example, queries));
      rewritten_.resize(layout.shape().heads * rows, keys);
      if constexpr (!requires { Rule::overwrites; }) rewritten_.setZero();
      outer_->rule_.write(block, example, queries, rewritten_);
      return {rewritten_.data(), rows * keys, keys, example, queries, keys, layout};
    }

   private:
    const Rewritten* outer_;
    decltype(std::declval<const Source&>().reader()) inner_;
    RowMatrix<Weight> rewritten_;
  };
  Reader reader() const { return Reader(*this); }

 private:
  Source source_;
  Rule rule_;
  Layout layout_;
};

namespace detail {

struct MeanHeads {
  static constexpr bool overwrites = true;

  static Layout layout(const Layout& inner) {
    Shape shape = inner.shape();
    require<ShapeError>(shape.heads > 0, "the mean over no heads");
    shape.heads = 1;
    return Layout(shape, inner.mask());
  }
  static Range inner_queries(Index, Range queries) { return queries; }
  template <typename Weight, typename To>
  static void write(const Block<Weight>& block, Index, Range, To& rewritten) {
    for (Index r = 0; r < block.size(); ++r) {
      const MatrixView<Weight> heads = block.across_heads(r);
      vector_math::mean_of_rows(heads.data(), heads.outerStride(), heads.rows(), heads.cols(),
                                rewritten.row(r).data());
    }
  }
};

struct SelectHeads {
  static constexpr bool overwrites = true;

  std::vector<Index> heads;

  Layout layout(const Layout& inner) const {
    Shape shape = inner.shape();
    for (const Index h : heads)
      require<ShapeError>(h >= 0 && h < shape.heads, "head {} of {}", h, shape.heads);
    shape.heads = static_cast<Index>(heads.size());
    return Layout(shape, inner.mask());
  }
  static Range inner_queries(Index, Range queries) { return queries; }
  template <typename Weight, typename To>
  void write(const Block<Weight>& block, Index, Range queries, To& rewritten) const {
    for (std::size_t h = 0; h < heads.size(); ++h)
      rewritten.middleRows(static_cast<Index>(h) * queries.size(), queries.size()) =
          block.head(heads[h]).matrix();
  }
};

}  // namespace detail

/// The mean over heads, as attention with one head. @throws ShapeError no heads
template <Borrowable A>
auto mean_heads(A&& attention) {
  return Rewritten(source_of(std::forward<A>(attention)), detail::MeanHeads{});
}

/// Some heads, in the order given. @throws ShapeError a head that is not there
template <Borrowable A>
auto select_heads(A&& attention, std::vector<Index> heads) {
  return Rewritten(source_of(std::forward<A>(attention)), detail::SelectHeads{std::move(heads)});
}

}  // namespace attnscope
