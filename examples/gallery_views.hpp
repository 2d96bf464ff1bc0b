#pragma once
#include <attnscope/report/figures.hpp>

/// The figures of lines and points, on the dumps that ship with attnscope: `pair` is self-attention on a pair of
/// sentences with queries, keys and gradients, `cipher` cross-attention with gold links.
std::vector<attnscope::Figure> gallery_views(const attnscope::Dump& pair, const attnscope::Dump& cipher,
                                             attnscope::Theme theme);
