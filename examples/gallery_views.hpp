#pragma once
#include <attnscope/report/figures.hpp>

/// The figures of lines and points, some of them on a dark page ("<name>_dark"), of the dumps that ship with
/// attnscope: `pair` is self-attention on a pair of sentences with queries, keys and gradients, `cipher`
/// cross-attention with gold links. Compiled by itself, while another core compiles the rest of the gallery.
std::vector<attnscope::Figure> gallery_views(const attnscope::Dump& pair, const attnscope::Dump& cipher);
