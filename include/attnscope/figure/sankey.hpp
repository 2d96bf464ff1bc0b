#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/sheet.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace attnscope {

/// A token that something arrives at; step 0 is where all begins.
struct SankeyNode {
  std::ptrdiff_t step = 0;   ///< its column
  std::ptrdiff_t token = 0;  ///< its number
  double share = 0;          ///< what arrives
  double dropped = 0;        ///< what goes on to none of the tokens of the next step that are drawn
};
/// What token `from` of step `step` hands to token `to` of the next one.
struct SankeyLink {
  std::ptrdiff_t step = 0;  ///< that it leaves
  std::ptrdiff_t from = 0;  ///< the number of its token there
  std::ptrdiff_t to = 0;    ///< the number of its token in the next step
  double share = 0;         ///< what it hands on
  std::size_t kind = 0;     ///< its colour, such as the number of a head
};
/// What sankey() draws.
struct SankeyGraph {
  std::vector<SankeyNode> nodes;  ///< each token of a step once
  std::vector<SankeyLink> links;  ///< between nodes that are there
};

/// The graph of one token through all layers, step by step from its level down to the inputs: of what
/// target_flow() gives, or anything with such nodes (level, token, share, dropped) and links (layer, from,
/// to, share).
template <typename Flow>
SankeyGraph flow_sankey(const Flow& flow) {
  SankeyGraph graph;
  std::ptrdiff_t top = 0;
  for (const auto& node : flow.nodes) top = std::max<std::ptrdiff_t>(top, node.level);
  for (const auto& node : flow.nodes)
    graph.nodes.push_back({top - node.level, node.token, node.share, node.dropped});
  for (const auto& link : flow.links)
    graph.links.push_back({top - 1 - link.layer, link.from, link.to, link.share, 0});
  return graph;
}

/// The graph of one token and one layer, a colour for each head, every head an equal share: of what
/// top_targets() gives, or anything with such heads ([head] of [n] of key and weight) and `dropped` ([head]).
template <typename Targets>
SankeyGraph head_sankey(const Targets& targets, std::ptrdiff_t query) {
  SankeyGraph graph;
  const double heads = static_cast<double>(targets.heads.size());
  std::map<std::ptrdiff_t, double> received;
  SankeyNode start{0, query, 0, 0};
  for (std::size_t head = 0; head < targets.heads.size(); ++head) {
    for (const auto& target : targets.heads[head]) {
      const double share = target.weight / heads;
      graph.links.push_back({0, query, target.key, share, head});
      received[target.key] += share;
      start.share += share;
    }
    start.dropped += targets.dropped(static_cast<std::ptrdiff_t>(head)) / heads;
  }
  start.share += start.dropped;
  graph.nodes.push_back(start);
  for (const auto& [token, share] : received) graph.nodes.push_back({1, token, share, 0});
  return graph;
}

/// How sankey() draws.
struct SankeyOptions {
  std::string title = {};                   ///< above the figure; none where it is empty
  std::vector<std::string> tokens{};        ///< [token], those of the last step, too; none: their numbers
  std::vector<std::string> query_tokens{};  ///< of step 0 where they are others; none: `tokens`
  std::vector<std::string> step_titles{};   ///< one a step, or none
  std::vector<std::string> kinds{};         ///< names of the colours, or none; several have a legend
  double height = 320;                      ///< px of the largest share
  Theme theme = Theme::light;               ///< of paper or screen
};

namespace detail {

/// Where the nodes and the bands between them lie.
class SankeyLayout {
 public:
  /// A node's bar.
  struct Bar {
    const SankeyNode* node;
    Box box;
    double in, out;  ///< how much of its height is taken at either side
  };

  SankeyLayout(const SankeyGraph& graph, double height, double first, double top, double between)
      : unit_(height / largest_share(graph)) {
    for (const SankeyNode& node : graph.nodes) steps_[node.step][node.token] = {&node, {}, 0, 0};
    for (auto& [step, bars] : steps_) {
      const double least = bars.size() <= 40 ? 13 : 4;  // room for a label
      double y = top;
      for (auto& [token, bar] : bars) {
        const double length = std::max(1., unit_ * bar.node->share), slot = std::max(length + 3, least);
        bar.box = {first + static_cast<double>(step) * between, y + (slot - length) / 2, bar_width, length};
        y += slot;
      }
      bottom_ = std::max(bottom_, y);
    }
  }

  static constexpr double bar_width = 8;

  double unit() const { return unit_; }
  double bottom() const { return bottom_; }
  std::ptrdiff_t last_step() const { return steps_.rbegin()->first; }
  Bar* find(std::ptrdiff_t step, std::ptrdiff_t token) {
    const auto bars = steps_.find(step);
    if (bars == steps_.end()) return nullptr;
    const auto bar = bars->second.find(token);
    return bar == bars->second.end() ? nullptr : &bar->second;
  }
  template <typename Act>
  void each_bar(const Act& act) const {
    for (const auto& [step, bars] : steps_)
      for (const auto& [token, bar] : bars) act(bar);
  }

 private:
  static double largest_share(const SankeyGraph& graph) {
    double largest = 0;
    for (const SankeyNode& node : graph.nodes) largest = std::max(largest, node.share);
    return largest > 0 ? largest : 1;
  }

  double unit_, bottom_ = 0;
  std::map<std::ptrdiff_t, std::map<std::ptrdiff_t, Bar>> steps_;
};

inline constexpr double band_opacity = .7;

/// The line along the middle of a band, whose dashes tell its kind from others.
inline Stroke band_line(std::size_t kind, Theme theme) {
  const Colour band = category_colour(kind, theme), ground = theme_colours(theme).background;
  const auto seen = [](std::uint8_t over, std::uint8_t under) {
    return static_cast<std::uint8_t>(band_opacity * over + (1 - band_opacity) * under);
  };
  const Colour mixed{seen(band.red, ground.red), seen(band.green, ground.green),
                     seen(band.blue, ground.blue)};
  return {text_colour_on(mixed), 1, band_opacity, category_dashes(kind)};
}

/// Words that may lie on bands, on a ground of their own.
inline void draw_label(Svg& svg, Point at, const std::string& words, const TextStyle& style) {
  const double width = text_width(words, style.size), height = 1.1 * style.size;
  const double left = at.x - (style.anchor == Anchor::end ? width : 0);
  if (!words.empty())
    draw_box(svg, {left - 1, at.y - height / 2, width + 2, height}, svg.colours().background, .8);
  svg.text(at, words, style);
}

/// The curve of a path that is there to the next point, level at both ends.
inline std::string level_curve(Point from, Point to) {
  const double middle = (from.x + to.x) / 2;
  return "C" + place({middle, from.y}) + " " + place({middle, to.y}) + " " + place(to);
}
/// A band of one height from one bar to the next.
inline std::string band_path(Point from, Point to, double height) {
  const Point below{to.x, to.y + height};
  return "M" + place(from) + level_curve(from, to) + "L" + place(below) +
         level_curve(below, {from.x, from.y + height}) + "z";
}

/// The labels that a node's is one of.
inline const std::vector<std::string>& words_of(const SankeyNode& node, const SankeyOptions& options) {
  return node.step == 0 && !options.query_tokens.empty() ? options.query_tokens : options.tokens;
}

inline void check_sankey(const SankeyGraph& graph, const SankeyOptions& options) {
  require<ShapeError>(!graph.nodes.empty(), "a Sankey figure of no tokens");
  require<ValueError>(options.height >= 10 && options.height <= 10'000,
                      "a height of {} px is not 10 to 10000", options.height);
  const auto share = [](double value) { return std::isfinite(value) && value >= 0; };
  std::map<std::pair<std::ptrdiff_t, std::ptrdiff_t>, double> leaving;
  std::ptrdiff_t last = 0;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const SankeyNode& node = graph.nodes[n];
    require<ShapeError>(node.step >= 0 && node.token >= 0, "node {}: step {}, token {}", n, node.step,
                        node.token);
    require<ValueError>(share(node.share) && share(node.dropped),
                        "node {}: its share is {}, {} of it dropped", n, node.share, node.dropped);
    const bool fresh = leaving.emplace(std::pair(node.step, node.token), node.dropped).second;
    require<ShapeError>(fresh, "node {}: token {} of step {} stands twice", n, node.token, node.step);
    last = std::max(last, node.step);
  }
  require<ShapeError>(last < static_cast<std::ptrdiff_t>(graph.nodes.size()), "step {} of {} tokens", last,
                      graph.nodes.size());
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const SankeyNode& node = graph.nodes[n];
    const std::vector<std::string>& words = words_of(node, options);
    require<ShapeError>(words.empty() || static_cast<std::size_t>(node.token) < words.size(),
                        "node {}: token {} of {} labels", n, node.token, words.size());
  }
  require<ShapeError>(
      options.step_titles.empty() || static_cast<std::ptrdiff_t>(options.step_titles.size()) == last + 1,
      "{} titles for {} steps", options.step_titles.size(), last + 1);
  for (std::size_t n = 0; n < graph.links.size(); ++n) {
    const SankeyLink& link = graph.links[n];
    require<ShapeError>(
        leaving.contains({link.step, link.from}) && leaving.contains({link.step + 1, link.to}),
        "link {}: token {} of step {} or token {} of step {} is not there", n, link.from, link.step, link.to,
        link.step + 1);
    require<ShapeError>(options.kinds.empty() || link.kind < options.kinds.size(), "link {}: kind {} of {}",
                        n, link.kind, options.kinds.size());
    require<ValueError>(share(link.share), "link {}: its share is {}", n, link.share);
    leaving[{link.step, link.from}] += link.share;
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const double gone = leaving[{graph.nodes[n].step, graph.nodes[n].token}], came = graph.nodes[n].share;
    require<ValueError>(gone <= came * (1 + 1e-6) + 1e-9, "node {}: {} arrives, but {} leaves", n, came,
                        gone);
  }
}

}  // namespace detail

/// Where what a token takes comes from (SVG): a bar for each token, as high as its share, in a column for
/// each step, and a band from bar to bar for each link, as wide as its share; what is dropped ends in a grey
/// tip. One px is the same share everywhere. Several kinds of links have colours, a dashed line along the
/// middle of their bands, a legend, and their names on the bands that have room. Give flow_sankey() or
/// head_sankey(), or a graph of your own.
/// @throws ShapeError no nodes, a token that stands twice in a step, links of tokens that are not there, too
/// few labels or names of kinds; ValueError a share that is not finite or is negative, more leaving a token
/// than arrives, a height that is not 10 to 10000 px
inline std::string sankey(const SankeyGraph& graph, const SankeyOptions& options = {}) {
  detail::check_sankey(graph, options);
  const auto last_step =
      std::max_element(graph.nodes.begin(), graph.nodes.end(), [](const auto& a, const auto& b) {
        return a.step < b.step;
      })->step;
  const std::size_t longest = last_step > 6 ? 9 : 16;
  const auto word = [&](const SankeyNode& node) {
    const std::vector<std::string>& words = detail::words_of(node, options);
    return words.empty() ? fmt::format("{}", node.token)
                         : readable_token(words[static_cast<std::size_t>(node.token)], longest);
  };
  constexpr double size = 10, gap = 5;
  double widest = 0, widest_first = 0, widest_last = 0;
  for (const SankeyNode& node : graph.nodes) {
    double& side = node.step == 0 ? widest_first : node.step == last_step ? widest_last : widest;
    side = std::max(side, std::ceil(text_width(word(node), size)) + gap);
  }
  Sheet sheet(options.title, options.theme);
  Svg& svg = sheet.svg();
  const double between = detail::SankeyLayout::bar_width + std::max(widest + 60, last_step < 3 ? 200. : 90.);
  const double first = Sheet::margin + widest_first, titles = options.step_titles.empty() ? 0 : 20;
  detail::SankeyLayout layout(graph, options.height, first, sheet.top() + titles, between);
  double right =
      first + static_cast<double>(last_step) * between + detail::SankeyLayout::bar_width + widest_last;

  for (std::size_t s = 0; s < options.step_titles.size(); ++s) {
    const detail::Caption title{readable_line(options.step_titles[s], 40),
                                {.size = 11, .colour = svg.colours().quiet}};
    const double x = first + static_cast<double>(s) * between;
    const bool is_last = s + 1 == options.step_titles.size();
    if (title.width() > between - 6 && !is_last) continue;
    title.draw(svg, {x, sheet.top() + 9});
    right = std::max(right, x + title.width());
  }

  // Bands leave and arrive in the order of the tokens at their other ends.
  std::vector<const SankeyLink*> links;
  for (const SankeyLink& link : graph.links) links.push_back(&link);
  std::stable_sort(links.begin(), links.end(), [](const SankeyLink* a, const SankeyLink* b) {
    return std::tuple(a->step, a->from, a->to, a->kind) < std::tuple(b->step, b->from, b->to, b->kind);
  });
  const auto kind_name = [&](std::size_t kind) {
    return options.kinds.empty() ? "" : readable_line(options.kinds[kind], 40) + ": ";
  };
  // What a colour means also stands on its bands, before the bar that they arrive at.
  constexpr double kind_size = 8;
  const bool several = std::any_of(links.begin(), links.end(),
                                   [&](const SankeyLink* link) { return link->kind != links.front()->kind; });
  std::vector<std::pair<Point, std::string>> kind_labels;
  for (const SankeyLink* link : links) {
    detail::SankeyLayout::Bar &from = *layout.find(link->step, link->from),
                              &to = *layout.find(link->step + 1, link->to);
    const double height = layout.unit() * link->share;
    const Point start{from.box.right(), from.box.top + from.out}, end{to.box.left, to.box.top + to.in};
    draw_area(svg, detail::band_path(start, end, height), category_colour(link->kind, options.theme),
              detail::band_opacity,
              fmt::format("{}{} \u2013 {}: {:.3g}", kind_name(link->kind), word(*from.node), word(*to.node),
                          link->share));
    if (several && height >= 3) {
      const Point middle{start.x, start.y + height / 2};
      draw_line(svg, "M" + detail::place(middle) + detail::level_curve(middle, {end.x, end.y + height / 2}),
                detail::band_line(link->kind, options.theme));
    }
    if (options.kinds.size() > 1 && height >= 1.2 * kind_size)
      kind_labels.push_back(
          {{to.box.left - 4, to.box.top + to.in + height / 2}, readable_line(options.kinds[link->kind], 10)});
    from.out += height;
    to.in += height;
  }
  for (const auto& [at, words] : kind_labels)
    detail::draw_label(svg, at, words, {.size = kind_size, .anchor = Anchor::end});
  bool dropped = false;
  double last_label = -1e9;
  std::ptrdiff_t column = -1;
  std::vector<std::pair<Point, std::string>> labels;
  layout.each_bar([&](const detail::SankeyLayout::Bar& bar) {
    const SankeyNode& node = *bar.node;
    if (const double height = layout.unit() * node.dropped; height > .2) {
      dropped = true;
      const Point top{bar.box.right(), bar.box.top + bar.out};
      draw_area(svg,
                fmt::format("M{}l24 {}L{}z", detail::place(top), svg_number(height / 2),
                            detail::place({top.x, top.y + height})),
                svg.colours().line, .5,
                fmt::format("{}: {:.3g} to tokens that are not drawn", word(node), node.dropped));
    }
    draw_box(svg, bar.box, svg.colours().text, .85, fmt::format("{}: {:.3g}", word(node), node.share));
    const Point middle = bar.box.centre();
    if (std::exchange(column, node.step) == node.step && middle.y - last_label < 1.1 * size) return;
    last_label = middle.y;
    if (node.step == 0)
      svg.text({bar.box.left - gap, middle.y}, word(node), {.size = size, .anchor = Anchor::end});
    else
      labels.push_back({{bar.box.right() + gap, middle.y}, word(node)});
  });
  for (const auto& [at, words] : labels) detail::draw_label(svg, at, words, {.size = size});
  std::vector<LegendEntry> legend;
  if (options.kinds.size() > 1)
    for (std::size_t kind = 0; kind < options.kinds.size(); ++kind)
      legend.push_back({.name = options.kinds[kind],
                        .line = {category_colour(kind, options.theme), 8, detail::band_opacity},
                        .inner = detail::band_line(kind, options.theme)});
  return sheet.document(
      {Sheet::margin, sheet.top(), right - Sheet::margin, layout.bottom() - sheet.top()}, Legend(legend),
      dropped ? "grey: to tokens that are not drawn" : "", "where a token's information comes from",
      fmt::format("{} tokens in {} steps, {} links.", graph.nodes.size(), last_step + 1, graph.links.size()));
}

}  // namespace attnscope
