#pragma once
#include <attnscope/source/source.hpp>

#include <tuple>

namespace attnscope {

namespace detail {

/// @throws ShapeError unless rows of two sources belong together: batch size, true tokens and mask agree
inline void check_aligned(const Layout& a, const Layout& b) {
  const Mask &x = a.mask(), &y = b.mask();
  require<ShapeError>(a.shape().batch == b.shape().batch, "aligned sources have {} and {} batch elements",
                      a.shape().batch, b.shape().batch);
  require<ShapeError>(
      x.causal == y.causal && x.sliding_window == y.sliding_window &&
          x.excluded_queries == y.excluded_queries && x.excluded_keys == y.excluded_keys,
      "aligned sources hide different weights (causal, sliding_window or excluded tokens differ)");
  for (Index e = 0; e < a.shape().batch; ++e) {
    require<ShapeError>(a.queries(e) == b.queries(e) && a.keys(e) == b.keys(e),
                        "batch element {}: aligned sources have {} x {} and {} x {} true tokens", e,
                        a.queries(e), a.keys(e), b.queries(e), b.keys(e));
    require<ShapeError>(a.position(e, 0) == b.position(e, 0),
                        "batch element {}: the first query of aligned sources stands at key {} and {}", e,
                        a.position(e, 0), b.position(e, 0));
  }
}

}  // namespace detail

/// Several sources whose rows belong together, swept side by side: attention and its gradient, two layers,
/// two models. A measure that looks at one source sees the first; one whose look() takes more sees as many.
/// The companions need not be distributions, only finite. Head counts may differ where measures compare whole
/// blocks.
template <AttentionSource First, AttentionSource... Companions>
class Aligned {
 public:
  /// @throws ShapeError unless batch size, true tokens and mask agree
  explicit Aligned(First first, Companions... companions)
      : sources_(std::move(first), std::move(companions)...) {
    std::apply(
        [&](const First& main, const Companions&... other) {
          (detail::check_aligned(main.layout(), other.layout()), ...);
        },
        sources_);
  }
  /// The main source first.
  const std::tuple<First, Companions...>& sources() const { return sources_; }
  const Layout& layout() const { return std::get<0>(sources_).layout(); }

 private:
  std::tuple<First, Companions...> sources_;
};

/// The sources of `attention` and its companions side by side: sweep(aligned(attention, gradient),
/// importance).
template <Borrowable... A>
auto aligned(A&&... attention) {
  return Aligned<SourceOf<std::remove_cvref_t<A>>...>(source_of(std::forward<A>(attention))...);
}

}  // namespace attnscope
