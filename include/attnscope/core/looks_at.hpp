#pragma once
#include <attnscope/core/row_products.hpp>

/// What a measure looks at, told from its look() alone: a sweep reads and shows accordingly.
namespace attnscope::detail {

using vector_math::detail::sums_alone;

/// Whether M looks at all of these together.
template <typename M, typename... Seen>
concept LooksAt = requires(M& measure, const Seen&... seen) {
  measure.look(seen...);
};

/// Shows a measure everything, or the first alone where that is what it looks at.
template <typename M, typename First, typename... Rest>
void show(M& measure, const First& first, const Rest&... rest) {
  if constexpr (LooksAt<M, First, Rest...>)
    measure.look(first, rest...);
  else if constexpr (LooksAt<M, First>)
    measure.look(first);
}

template <typename M, typename... Weights>
inline constexpr bool looks_at_products = false;
template <typename M, typename First, typename Second>
inline constexpr bool looks_at_products<M, First, Second> = LooksAt<M, RowProducts<First, Second>>;

/// Whether M looks at several heads' rows side by side, so that the sources must have the same heads.
template <typename M, typename... Weights>
concept PairsHeads = sizeof...(Weights) > 1 &&
                     (LooksAt<M, HeadRows<Weights>...> || looks_at_products<M, Weights...>);

template <typename M, typename First, typename... Rest>
concept Sees = LooksAt<M, HeadRows<First>> || LooksAt<M, RowSummaries<First>> || LooksAt<M, Block<First>> ||
    LooksAt<M, HeadRows<First>, HeadRows<Rest>...> || LooksAt<M, Block<First>, Block<Rest>...> ||
    looks_at_products<M, First, Rest...>;

/// Whether M looks at the rows themselves, one by one.
template <typename M, typename First, typename... Rest>
concept LooksAtRows = LooksAt<M, HeadRows<First>> || LooksAt<M, HeadRows<First>, HeadRows<Rest>...>;

/// Whether M compares heads.
template <typename M, typename First, typename... Rest>
concept ComparesHeads = LooksAt<M, Block<First>> || LooksAt<M, Block<First>, Block<Rest>...>;

/// Whether M never asks for finished weights.
template <typename M, typename Weight>
concept NeedsSummariesAlone =
    LooksAt<M, RowSummaries<Weight>> && !LooksAt<M, HeadRows<Weight>> && !LooksAt<M, Block<Weight>>;

template <typename M>
constexpr SummaryParts declared_parts() {
  if constexpr (requires { M::summary_parts; })
    return M::summary_parts;
  else
    return {};
}
/// The parts of a summary that M needs.
template <typename M, typename Weight>
constexpr SummaryParts parts_for() {
  if constexpr (!LooksAt<M, RowSummaries<Weight>>)
    return sums_alone;
  else
    return declared_parts<M>();
}

}  // namespace attnscope::detail
