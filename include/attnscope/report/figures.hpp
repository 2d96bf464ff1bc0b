#pragma once
#include <attnscope/figure/cross_attention.hpp>
#include <attnscope/figure/head_grid.hpp>
#include <attnscope/figure/heatmap.hpp>
#include <attnscope/figure/model_view.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/source/maps.hpp>
#include <attnscope/source/rewritten.hpp>

#include <functional>
#include <iterator>
#include <set>
#include <utility>

namespace attnscope {

/// A picture of the report, to be written as `<name>.svg`.
struct Figure {
  std::string name;  ///< such as "self.0.heads"
  std::string svg;   ///< see write_svg()
};

/// Which pictures figures() draws.
struct FigureOptions {
  Index element = 0;                                      ///< the batch element to draw
  Index most_cells = Index{1} << 24;                      ///< weights of a picture; larger ones are left out
  std::function<bool(const std::string& name)> wanted{};  ///< whether to draw this one; empty: all
};

/// What figures() drew.
struct Figures {
  std::vector<Figure> drawn;          ///< in the order of the stacks
  std::vector<std::string> left_out;  ///< a line for each picture of more cells than most_cells
};

namespace detail {

inline bool is_wanted(const FigureOptions& options, const std::string& name) {
  return !options.wanted || options.wanted(name);
}

/// The title and labels that the pictures of a layer share.
inline MapOptions map_options(const Dump& dump, const DumpStack& stack, const std::string& what,
                              Index element) {
  MapOptions options{.title = what};
  if (dump.batch > 1) options.title += fmt::format(", element {} of {}", element, dump.batch);
  const auto labels = [&](const metadata::TokenLists& tokens) {
    return tokens.empty() ? std::vector<std::string>() : tokens[static_cast<std::size_t>(element)];
  };
  options.row_labels = labels(stack.queries.tokens);
  options.column_labels = labels(stack.keys.tokens);
  if (!stack.self_attention) {
    options.row_title = "Target";  // as cross_attention() has it
    options.column_title = "Source";
  }
  return options;
}

/// All heads of all layers of a stack, each head at the place of its number; in a dump of some heads only
/// those have a column.
inline std::string model_figure(const Dump& dump, const DumpStack& stack, Index element) {
  std::set<Index> numbers;
  for (const DumpLayer& layer : stack.layers) numbers.insert(layer.heads.begin(), layer.heads.end());
  const std::string what = fmt::format("{}: {} layers", stack.name, stack.layers.size());
  MapOptions options{.title = map_options(dump, stack, what, element).title, .scale = Scale::square_root};
  for (const Index head : numbers) options.head_names.push_back(fmt::format("{}", head));
  std::vector<std::vector<Eigen::MatrixXd>> maps;
  for (const DumpLayer& layer : stack.layers) {
    options.layer_names.push_back(fmt::format("{}", layer.index));
    const auto maps_of = [&](const auto& attention) { return head_maps(attention, element); };
    std::vector<Eigen::MatrixXd> heads = std::visit(maps_of, layer.attention);
    maps.emplace_back(numbers.size());
    for (std::size_t h = 0; h < heads.size(); ++h) {
      const auto place = std::distance(numbers.begin(), numbers.find(layer.heads[h]));
      maps.back()[static_cast<std::size_t>(place)] = std::move(heads[h]);
    }
  }
  return model_view(maps, options);
}

/// Whether the maps of one batch element have the same shape in all layers, and how many weights they hold.
struct StackSize {
  bool is_even = true;
  Index cells = 0;
};

inline StackSize stack_size(const DumpStack& stack, Index element) {
  const auto shape = [&](const DumpLayer& layer) {
    const Layout& layout = dump::layout_of(layer.attention);
    return std::pair(layout.queries(element), layout.keys(element));
  };
  StackSize size;
  for (const DumpLayer& layer : stack.layers) {
    const auto [queries, keys] = shape(layer);
    size.is_even = size.is_even && shape(layer) == shape(stack.layers.front());
    size.cells += queries * keys * static_cast<Index>(layer.heads.size());
  }
  return size;
}

}  // namespace detail

/// For each stack and layer the mean over heads ("self.0.mean") and all heads ("self.0.heads") of one batch
/// element, and for each stack of several layers all heads of all layers ("self.model"). Those of
/// cross-attention have the axes Target and Source. @throws ShapeError the element is not there
inline Figures figures(const Dump& dump, const FigureOptions& options = {}) {
  Figures all;
  require<ShapeError>(options.element >= 0 && options.element < dump.batch, "{}: batch element {} of {}",
                      dump.name, options.element, dump.batch);
  const auto add = [&](const std::string& name, Index cells, const auto& draw) {
    if (!detail::is_wanted(options, name)) return;
    if (cells > options.most_cells)
      all.left_out.push_back(fmt::format("{}: {} cells are more than {}", name, cells, options.most_cells));
    else if (cells > 0)
      all.drawn.push_back({name, in_context(dump.name + ": " + name, draw)});
  };
  for (const DumpStack& stack : dump.stacks) {
    for (const DumpLayer& layer : stack.layers) {
      const std::string name = fmt::format("{}.{}.", stack.name, layer.index);
      const auto title = [&](const std::string& what) {
        const std::string of_layer = fmt::format("{} layer {}{}", stack.name, layer.index, what);
        MapOptions titled = detail::map_options(dump, stack, of_layer, options.element);
        for (const Index head : layer.heads) titled.head_names.push_back(fmt::format("{}", head));
        return titled;
      };
      const Index heads = static_cast<Index>(layer.heads.size());
      const auto draw = [&](const auto& attention) {
        const Layout& layout = attention.layout();
        const Index cells = layout.queries(options.element) * layout.keys(options.element);
        const std::string count = fmt::format("{} head{}", heads, heads == 1 ? "" : "s");
        add(name + "mean", cells, [&] {
          if (!stack.self_attention) return cross_attention(head_maps(attention, options.element), title(""));
          return heatmap(head_maps(mean_heads(attention), options.element)[0], title(": mean over " + count));
        });
        add(name + "heads", cells * heads,
            [&] { return head_grid(head_maps(attention, options.element), title(": " + count)); });
      };
      std::visit(draw, layer.attention);
    }
    if (stack.layers.size() < 2) continue;
    const detail::StackSize size = detail::stack_size(stack, options.element);
    const std::string name = stack.name + ".model";
    if (size.is_even)
      add(name, size.cells, [&] { return detail::model_figure(dump, stack, options.element); });
    else if (detail::is_wanted(options, name))
      all.left_out.push_back(name + ": the maps of its layers have different shapes");
  }
  return all;
}

}  // namespace attnscope
