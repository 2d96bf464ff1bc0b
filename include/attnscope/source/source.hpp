#pragma once
#include <attnscope/core/row_summaries.hpp>

#include <concepts>
#include <type_traits>

namespace attnscope {

/// A thread's own way into a source; it owns whatever buffers the source needs.
/// read(example, queries) is the block of these true queries, valid until the next read.
template <typename R, typename Weight>
concept AttentionReader = requires(R& reader, Index example, Range queries) {
  { reader.read(example, queries) } -> std::same_as<Block<Weight>>;
};

/// A reader that need not touch the other heads to read some of them. Where reads_heads() says so,
/// read(example, queries, heads) is the block of these: a sweep whose measures look at single heads then goes
/// along one head after the other, as memory does.
template <typename R, typename Weight>
concept HeadReader = AttentionReader<R, Weight> &&
    requires(R& reader, const R& same, Index example, Range queries) {
  { same.reads_heads() } -> std::same_as<bool>;
  { reader.read(example, queries, queries) } -> std::same_as<Block<Weight>>;
};

/// A reader that can do better for measures of single heads: it need not finish the weights of a head that
/// nobody asks for one by one, and knows what its rows sum up to. Where summarises() says so,
/// - summarise(example, head, queries, parts) is what measures see of these rows of one head;
/// - read(example, queries, summaries) is the block, and [head x query] its rows' summaries besides.
template <typename R, typename Weight>
concept SummarisingReader = AttentionReader<R, Weight> &&
    requires(R& reader, const R& same, Index example, Range queries, SummaryParts parts,
             std::vector<RowSummary>& summaries) {
  { same.summarises() } -> std::same_as<bool>;
  { reader.summarise(example, example, queries, parts) } -> std::same_as<RowSummaries<Weight>>;
  { reader.read(example, queries, summaries) } -> std::same_as<Block<Weight>>;
};

/// Anything that hands out rows of attention: stored weights, queries and keys, another source seen
/// differently. It keeps the promise of HeadRows: what may not be seen is exactly 0, and padding never
/// appears. Sources are small values that borrow; what they borrow from must outlive them.
template <typename S>
concept AttentionSource = std::copy_constructible<S> && requires(const S& source) {
  typename S::Weight;
  requires std::same_as<typename S::Weight, float> || std::same_as<typename S::Weight, double>;
  { source.layout() } -> std::same_as<const Layout&>;
  { source.reader() } -> AttentionReader<typename S::Weight>;
};

/// How a T becomes a source: AsSource<T>::of(t). Specialise it for another kind of attention (a tensor, a
/// file). A class template and not an overload set: Eigen's types live in namespace Eigen, where
/// argument-dependent lookup would never find an overload of ours.
template <typename T>
struct AsSource {};

/// A source is its own.
template <AttentionSource S>
struct AsSource<S> {
  static const S& of(const S& source) { return source; }
};

/// What the free functions take: a source, or something that AsSource knows.
template <typename A>
concept Attention = requires(const A& attention) {
  AsSource<A>::of(attention);
};

/// The source that an A becomes.
template <Attention A>
using SourceOf = std::remove_cvref_t<decltype(AsSource<A>::of(std::declval<const A&>()))>;

/// What may be kept as a source after the call: sources, and lvalues of what owns its weights. A view on a
/// temporary tensor would dangle, so it does not compile.
template <typename A>
concept Borrowable = Attention<std::remove_cvref_t<A>> &&
    (AttentionSource<std::remove_cvref_t<A>> || std::is_lvalue_reference_v<A>);

/// The source behind `attention`, by value.
template <Borrowable A>
auto source_of(A&& attention) {
  return SourceOf<std::remove_cvref_t<A>>(AsSource<std::remove_cvref_t<A>>::of(attention));
}

}  // namespace attnscope
