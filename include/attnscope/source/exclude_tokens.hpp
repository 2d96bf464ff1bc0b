#pragma once
#include <attnscope/source/rewritten.hpp>

namespace attnscope {

/// Tokens to leave out, one list a batch element, counted from its first true token; an empty list excludes
/// nothing.
struct ExcludedTokens {
  std::vector<std::vector<Index>> queries{};  ///< whose rows are not shown
  std::vector<std::vector<Index>> keys{};     ///< that nobody sees
  bool renormalise = true;  ///< scale what is left of each row to sum to 1; else the excluded mass is lost
};

namespace detail {

struct ExcludeTokens {
  ExcludedTokens excluded;

  /// Lists of the inner source stay excluded too.
  Layout layout(const Layout& inner) const {
    Mask mask = inner.mask();
    join("queries", mask.excluded_queries, excluded.queries);
    join("keys", mask.excluded_keys, excluded.keys);
    return Layout(inner.shape(), std::move(mask));
  }
  static Range inner_queries(Index, Range queries) { return queries; }
  template <typename Weight, typename To>
  void write(const Block<Weight>& block, Index example, Range queries, To& rewritten) const {
    for (Index h = 0; h < block.heads(); ++h)
      rewritten.middleRows(h * queries.size(), queries.size()) = block.head(h).matrix();
    if (excluded.keys.empty()) return;
    for (const Index key : excluded.keys[static_cast<std::size_t>(example)])
      if (key < block.keys()) rewritten.col(key).setZero();
    if (!excluded.renormalise) return;
    for (Index row = 0; row < rewritten.rows(); ++row)
      if (const Weight left = rewritten.row(row).sum(); left > 0) rewritten.row(row) /= left;
  }

 private:
  static void join(const char* name, std::vector<std::vector<Index>>& known,
                   const std::vector<std::vector<Index>>& more) {
    require<ShapeError>(known.empty() || more.empty() || known.size() == more.size(),
                        "{} lists of excluded {} for {} batch elements", more.size(), name, known.size());
    if (known.empty()) known.resize(more.size());
    for (std::size_t b = 0; b < more.size(); ++b)
      known[b].insert(known[b].end(), more[b].begin(), more[b].end());
  }
};

}  // namespace detail

/// Attention without some tokens: the special-token-free, sink-free form of every measure. Positions stay
/// those of the original tokens, so distances mean what they meant; an excluded key counts as not visible. A
/// row whose whole mass was on excluded keys becomes 0. @throws ShapeError a token that is not there
template <Borrowable A>
auto exclude_tokens(A&& attention, ExcludedTokens excluded) {
  return Rewritten(source_of(std::forward<A>(attention)), detail::ExcludeTokens{std::move(excluded)});
}

}  // namespace attnscope
