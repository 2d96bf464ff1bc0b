#pragma once
#include <attnscope/core/ordered_tasks.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/report/page_chunk.hpp>
#include <attnscope/source/rewritten.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <variant>
#include <vector>

namespace attnscope {

/// How a page stores the maps [query x key] of one batch element of a stack, those of all layers and heads
/// alike: row after row, a code for each weight, code = round((2^(8 bytes) - 1) sqrt(weight)), little endian.
/// The root keeps small weights apart: those of long texts would otherwise all be 0.
struct MapForm {
  Index queries = 0;             ///< true ones
  Index keys = 0;                ///< true ones
  Index pool = 1;                ///< a cell is the largest of pool x pool weights
  Index rows = 0;                ///< cells from the top to the bottom of a map
  Index columns = 0;             ///< cells from its left to its right
  int bytes = 1;                 ///< of a code, 1 or 2
  std::vector<Index> visible{};  ///< [row] only so many cells are stored, from the first on; the others are 0

  /// How many cells of one map are stored.
  Index cells() const {
    Index sum = 0;
    for (const Index columns_of_row : visible) sum += columns_of_row;
    return sum;
  }
};

/// The form of the maps of one batch element of a stack. @throws ShapeError layers whose maps have different
/// shapes. Cost: layers x queries
inline MapForm map_form(const DumpStack& stack, Index element, Index pool = 1, int bytes = 1) {
  MapForm form{.pool = pool, .bytes = bytes};
  for (const DumpLayer& layer : stack.layers) {
    const Layout& layout = detail::dump::layout_of(layer.attention);
    if (&layer == &stack.layers.front()) {
      form.queries = layout.queries(element);
      form.keys = layout.keys(element);
      form.rows = (form.queries + pool - 1) / pool;
      form.columns = (form.keys + pool - 1) / pool;
      form.visible.assign(static_cast<std::size_t>(form.rows), 0);
    }
    require<ShapeError>(layout.queries(element) == form.queries && layout.keys(element) == form.keys,
                        "{}: the maps of layer {} are {} x {}, those of layer {} {} x {}", stack.name,
                        layer.index, layout.queries(element), layout.keys(element),
                        stack.layers.front().index, form.queries, form.keys);
    for (Index query = 0; query < form.queries; ++query) {
      Index& columns = form.visible[static_cast<std::size_t>(query / pool)];
      columns = std::max(columns, (layout.visible(element, query).last + pool - 1) / pool);
    }
  }
  return form;
}

namespace detail {

/// Puts the rows of one map behind one another as a page has them.
class MapCodes {
 public:
  explicit MapCodes(const MapForm& form) : form_(&form), largest_(Eigen::ArrayXf::Zero(form.columns)) {}

  /// The next row: the weights of the first keys, those of the others are 0.
  template <typename Weights>
  void add(const Weights& weights) {
    const auto known = static_cast<Index>(weights.size());
    for (Index cell = 0; cell * form_->pool < known; ++cell) {
      const Index last = std::min((cell + 1) * form_->pool, known);
      for (Index key = cell * form_->pool; key < last; ++key)
        largest_(cell) = std::max(largest_(cell), static_cast<float>(weights[static_cast<std::size_t>(key)]));
    }
    ++row_;
    if (row_ % form_->pool == 0 || row_ == form_->queries) finish_cells();
  }

  const std::string& codes() const { return codes_; }

 private:
  void finish_cells() {
    const float levels = form_->bytes == 1 ? 255.0F : 65535.0F;
    const Index stored = form_->visible[static_cast<std::size_t>((row_ - 1) / form_->pool)];
    for (Index cell = 0; cell < stored; ++cell) {
      const auto code = static_cast<unsigned>(std::sqrt(std::min(largest_(cell), 1.0F)) * levels + 0.5F);
      codes_ += static_cast<char>(code & 255U);
      if (form_->bytes == 2) codes_ += static_cast<char>(code >> 8);
    }
    largest_.setZero();
  }

  const MapForm* form_;
  Eigen::ArrayXf largest_;
  Index row_ = 0;
  std::string codes_;
};

/// Rows of all heads that are read at a time.
inline constexpr Index page_band_cells = Index{1} << 20;

}  // namespace detail

/// The maps of the heads of one layer and batch element, one behind the other. Cost: one pass over the
/// layer's weights; a band of them in memory.
template <typename Weight>
std::string map_codes(const AnyAttention<Weight>& attention, Index element, const MapForm& form) {
  const Index heads = attention.layout().shape().heads;
  std::vector<detail::MapCodes> maps(static_cast<std::size_t>(heads), detail::MapCodes(form));
  const Index band =
      std::max(Index{1}, detail::page_band_cells / std::max(Index{1}, heads * std::max(Index{1}, form.keys)));
  auto reader = attention.reader();
  for (Index first = 0; first < form.queries; first += band) {
    const auto block = reader.read(element, {first, std::min(first + band, form.queries)});
    for (Index head = 0; head < heads; ++head)
      for (Index row = 0; row < block.size(); ++row)
        maps[static_cast<std::size_t>(head)].add(block.head(head).row(row));
  }
  std::string codes;
  for (const detail::MapCodes& map : maps) codes += map.codes();
  return codes;
}

/// One map that is no attention, such as rollout, in the same form. @throws ShapeError it has another shape
inline std::string map_codes(const Eigen::MatrixXd& map, const MapForm& form) {
  require<ShapeError>(map.rows() == form.queries && map.cols() == form.keys, "a map of {} x {}, not {} x {}",
                      map.rows(), map.cols(), form.queries, form.keys);
  detail::MapCodes codes(form);
  for (Index row = 0; row < map.rows(); ++row) {
    const Eigen::RowVectorXd weights = map.row(row);
    codes.add(std::span(weights.data(), static_cast<std::size_t>(weights.size())));
  }
  return codes.codes();
}

/// [layer] of a stack: the maps of its heads.
inline std::vector<PageChunk> map_chunks(const DumpStack& stack, Index element, const MapForm& form,
                                         int threads) {
  std::vector<PageChunk> chunks;
  const auto work = [&] {
    return [&](Index layer) {
      const auto codes = [&](const auto& attention) { return map_codes(attention, element, form); };
      return page_chunk(std::visit(codes, stack.layers[static_cast<std::size_t>(layer)].attention));
    };
  };
  const auto keep = [&](Index, PageChunk chunk) { chunks.push_back(std::move(chunk)); };
  const auto layers = static_cast<Index>(stack.layers.size());
  detail::ordered_tasks(layers, detail::thread_count(threads, layers), work, keep);
  return chunks;
}

/// Which batch elements of a dump a page carries, and how.
struct PagePlan {
  std::vector<Index> elements;  ///< the chosen one first
  Index pool = 1;               ///< see MapForm
  int bytes = 1;                ///< see MapForm
  Index left_out = 0;           ///< elements that do not fit
};

namespace detail {

inline bool has_even_maps(const DumpStack& stack, Index element) {
  return std::all_of(stack.layers.begin(), stack.layers.end(), [&](const DumpLayer& layer) {
    const Layout& layout = dump::layout_of(layer.attention);
    const Layout& first = dump::layout_of(stack.layers.front().attention);
    return layout.queries(element) == first.queries(element) && layout.keys(element) == first.keys(element);
  });
}

/// Codes of one batch element in all stacks.
inline double codes_of_element(const Dump& dump, Index element, Index pool) {
  double codes = 0;
  for (const DumpStack& stack : dump.stacks) {
    if (!has_even_maps(stack, element)) continue;
    const auto map = static_cast<double>(map_form(stack, element, pool).cells());
    for (const DumpLayer& layer : stack.layers) codes += map * static_cast<double>(layer.heads.size());
  }
  return codes;
}

/// Beyond it, pooling leaves nothing to pool.
inline Index longest_side(const Dump& dump, Index element) {
  Index longest = 1;
  for (const DumpStack& stack : dump.stacks)
    for (const DumpLayer& layer : stack.layers) {
      const Layout& layout = detail::dump::layout_of(layer.attention);
      longest = std::max({longest, layout.queries(element), layout.keys(element)});
    }
  return longest;
}

}  // namespace detail

/// As many elements as fit, the chosen one first, the others in their order; where that one alone is too
/// much, its weights are pooled by the smallest number with which it fits. Codes have two bytes where all
/// elements then take no more than `most_fine_bytes`.
inline PagePlan page_plan(const Dump& dump, Index chosen, double most_bytes, double most_fine_bytes) {
  PagePlan plan{.elements = {chosen}};
  double used = detail::codes_of_element(dump, chosen, plan.pool);
  const Index coarsest = detail::longest_side(dump, chosen);
  while (used > most_bytes && plan.pool < coarsest)
    used = detail::codes_of_element(dump, chosen, ++plan.pool);
  for (Index element = 0; element < dump.batch; ++element) {
    if (element == chosen) continue;
    const double more = detail::codes_of_element(dump, element, plan.pool);
    if (plan.pool > 1 || used + more > most_bytes) {
      ++plan.left_out;
      continue;
    }
    used += more;
    plan.elements.push_back(element);
  }
  if (2 * used <= most_fine_bytes && plan.left_out == 0 && plan.pool == 1) plan.bytes = 2;
  return plan;
}

}  // namespace attnscope
