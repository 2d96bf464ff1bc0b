#pragma once
#include <attnscope/figure/head_grid.hpp>
#include <attnscope/figure/heatmap.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/source/maps.hpp>
#include <attnscope/source/rewritten.hpp>

namespace attnscope {

/// A picture of the report, to be written as <name>.svg.
struct Figure {
  std::string name;  ///< such as "self.0.heads"
  std::string svg;
};

struct FigureOptions {
  Index element = 0;                  ///< the batch element to draw
  Index most_cells = Index{1} << 20;  ///< larger pictures are left out
};

struct Figures {
  std::vector<Figure> drawn;
  std::vector<std::string> left_out;  ///< a line for each picture of more cells than most_cells
};

namespace detail {

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
    options.row_title = "target (query)";
    options.column_title = "source (key)";
  }
  return options;
}

}  // namespace detail

/// For each stack and layer the mean over heads ("<stack>.<layer>.mean") and all heads
/// ("<stack>.<layer>.heads") of one batch element. @throws ShapeError the element is not there
inline Figures figures(const Dump& dump, const FigureOptions& options = {}) {
  Figures all;
  require<ShapeError>(options.element >= 0 && options.element < dump.batch, "{}: batch element {} of {}",
                      dump.name, options.element, dump.batch);
  for (const DumpStack& stack : dump.stacks)
    for (const DumpLayer& layer : stack.layers) {
      const auto add = [&](const char* what, Index cells, const auto& draw) {
        const std::string name = fmt::format("{}.{}.{}", stack.name, layer.index, what);
        if (cells > options.most_cells)
          all.left_out.push_back(
              fmt::format("{}: {} cells are more than {}", name, cells, options.most_cells));
        else if (cells > 0)
          all.drawn.push_back({name, in_context(dump.name + ": " + name, draw)});
      };
      const auto title = [&](const std::string& what) {
        return detail::map_options(dump, stack, fmt::format("{} layer {}: {}", stack.name, layer.index, what),
                                   options.element);
      };
      const Index heads = static_cast<Index>(layer.heads.size());
      const auto draw = [&](const auto& attention) {
        const Layout& layout = attention.layout();
        const Index cells = layout.queries(options.element) * layout.keys(options.element);
        add("mean", cells, [&] {
          return heatmap(head_maps(mean_heads(attention), options.element)[0],
                         title(fmt::format("mean over {} head{}", heads, heads == 1 ? "" : "s")));
        });
        add("heads", cells * heads, [&] {
          MapOptions titled = title(fmt::format("{} head{}", heads, heads == 1 ? "" : "s"));
          for (const Index head : layer.heads) titled.map_titles.push_back(fmt::format("head {}", head));
          return head_grid(head_maps(attention, options.element), titled);
        });
      };
      std::visit(draw, layer.attention);
    }
  return all;
}

}  // namespace attnscope
