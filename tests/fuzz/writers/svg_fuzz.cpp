// Every figure of any numbers, sizes, texts and options: refused, or a picture that a parser of XML takes.
#include <attnscope/figure/attribution_scatter.hpp>
#include <attnscope/figure/cross_attention.hpp>
#include <attnscope/figure/depth_curve.hpp>
#include <attnscope/figure/flow_graph.hpp>
#include <attnscope/figure/head_grid.hpp>
#include <attnscope/figure/head_scatter.hpp>
#include <attnscope/figure/head_view.hpp>
#include <attnscope/figure/heatmap.hpp>
#include <attnscope/figure/interval_curves.hpp>
#include <attnscope/figure/metric_map.hpp>
#include <attnscope/figure/model_view.hpp>
#include <attnscope/figure/neuron_view.hpp>
#include <attnscope/figure/sankey.hpp>
#include <attnscope/figure/token_links.hpp>
#include <attnscope/figure/word_timings.hpp>

#include "fuzz/writers/well_formed.hpp"

using namespace attnscope;
using Eigen::Index;

/// What the options of figures are made of.
class Maker {
 public:
  explicit Maker(FuzzedDataProvider& data) : data_(data), tame_(data.ConsumeBool()) {}

  bool flag() { return data_.ConsumeBool(); }
  Index count(Index most, Index least = 0) { return fuzz::up_to(data_, most, least); }
  std::string text() { return fuzz::text(data_, 40); }
  /// One each, none, or sometimes one too many.
  std::vector<std::string> names(Index count) {
    if (flag()) return {};
    return fuzz::texts(data_, static_cast<std::size_t>(count) + (this->count(15) == 0));
  }
  /// A number; of half the pictures all of them are weights, so that they are drawn.
  double number() { return tame_ ? data_.ConsumeIntegral<std::uint8_t>() / 255. : fuzz::number(data_); }
  double size() { return count(3) > 0 ? 300 : fuzz::number(data_); }
  std::optional<double> perhaps() { return count(3) > 0 ? std::nullopt : std::optional(number()); }
  Index place(Index size) {
    return count(31) == 0 ? data_.ConsumeIntegral<Index>() : count(std::max<Index>(size, 1) - 1);
  }
  std::optional<std::ptrdiff_t> perhaps_place(Index size) {
    return flag() ? std::nullopt : std::optional<std::ptrdiff_t>(place(size));
  }
  Eigen::MatrixXd matrix(Index rows, Index columns) {
    Eigen::MatrixXd all(rows, columns);
    for (double& x : all.reshaped()) x = number();
    return all;
  }
  std::vector<Eigen::MatrixXd> matrices(Index count, Index rows, Index columns) {
    std::vector<Eigen::MatrixXd> all;
    for (Index i = 0; i < count; ++i) all.push_back(matrix(rows, columns));
    if (this->count(31) == 0) all.push_back(matrix(this->count(3), this->count(3)));
    return all;
  }
  Filter filter(Index size) {
    Filter filter;
    if (count(3) > 0) return filter;
    for (Index i = count(2); i > 0; --i) (flag() ? filter.only : filter.without).push_back(place(size));
    return filter;
  }
  Theme theme() { return flag() ? Theme::dark : Theme::light; }
  template <typename Enum>
  Enum option(int last) {
    return static_cast<Enum>(count(last));
  }
  std::optional<Palette> palette() { return flag() ? std::nullopt : std::optional(option<Palette>(4)); }
  MapOptions map(Index rows, Index columns) {
    MapOptions o{.title = text(), .row_labels = names(rows), .column_labels = names(columns)};
    if (flag()) o.row_title = text();
    if (flag()) o.column_title = text();
    o.rows = filter(rows);
    o.columns = filter(columns);
    o.low = perhaps();
    o.high = perhaps();
    o.palette = palette();
    o.scale = option<Scale>(2);
    if (count(3) == 0) o.cell_size = size();
    if (count(3) == 0) o.most_cells = count(9) == 0 ? data_.ConsumeIntegral<Index>() : count(40);
    if (count(7) == 0) o.pool = count(9) == 0 ? data_.ConsumeIntegral<Index>() : count(4);
    o.theme = theme();
    return o;
  }
  template <typename List>
  void several(List& list, Index most) {
    list.resize(static_cast<std::size_t>(count(most)));
  }

 private:
  FuzzedDataProvider& data_;
  bool tame_;
};

std::string map_figure(Maker& make, Index kind) {
  const Index rows = make.count(6), columns = make.count(6), heads = make.count(3), layers = make.count(3);
  MapOptions options = make.map(rows, columns);
  options.head_names = make.names(heads);
  options.layer_names = make.names(layers);
  options.heads = make.filter(heads);
  options.layers = make.filter(layers);
  if (kind == 0) return heatmap(make.matrix(rows, columns), options);
  if (kind == 1) return head_grid(make.matrices(heads, rows, columns), options);
  if (kind == 2) return layer_grid(make.matrices(layers, rows, columns), options);
  if (kind == 3) return cross_attention(make.matrices(heads, rows, columns), options);
  if (kind == 4) {
    std::vector<std::vector<Eigen::MatrixXd>> maps;
    for (Index l = 0; l < layers; ++l) maps.push_back(make.matrices(heads, rows, columns));
    return model_view(maps, options);
  }
  MetricMapOptions metric{.map = options};
  if (make.flag()) metric.decimals = static_cast<int>(make.count(14));
  if (make.flag())
    for (Index l = 0; l < layers; ++l) metric.roles.push_back(make.names(heads));
  return metric_map(make.matrix(layers, heads), metric);
}
std::string head_picture(Maker& make) {
  const Index queries = make.count(5), keys = make.count(5), heads = make.count(3);
  HeadViewOptions o{.title = make.text(),
                    .query_tokens = make.names(queries),
                    .key_tokens = make.names(keys),
                    .query_title = make.text(),
                    .key_title = make.text(),
                    .head_names = make.names(heads)};
  o.heads = make.filter(heads);
  o.queries = make.filter(queries);
  o.keys = make.filter(keys);
  o.query = make.perhaps_place(queries);
  o.sentences = make.option<SentenceFilter>(4);
  o.sentence_boundary = make.place(queries);
  o.least_weight = make.perhaps().value_or(.02);
  o.high = make.perhaps().value_or(1);
  o.theme = make.theme();
  return head_view(make.matrices(heads, queries, keys), o);
}
std::string neuron_picture(Maker& make) {
  const Index keys = make.count(5), dim = make.count(4);
  NeuronViewOptions o{.title = make.text(),
                      .query_token = make.text(),
                      .key_tokens = make.names(keys),
                      .scale = make.perhaps()};
  if (make.flag()) o.weights = Eigen::VectorXd(make.matrix(keys, 1));
  o.theme = make.theme();
  return neuron_view(make.matrix(dim, 1), make.matrix(keys, dim), o);
}
std::string sankey_picture(Maker& make) {
  SankeyGraph graph;
  make.several(graph.nodes, 5);
  make.several(graph.links, 5);
  for (SankeyNode& node : graph.nodes)
    node = {make.place(3), make.place(3), make.number(), make.flag() ? 0 : make.number()};
  for (SankeyLink& link : graph.links)
    link = {make.place(2), make.place(3), make.place(3), make.number(),
            static_cast<std::size_t>(make.place(3))};
  SankeyOptions o{.title = make.text(),
                  .tokens = make.names(3),
                  .query_tokens = make.names(3),
                  .step_titles = make.names(2),
                  .kinds = make.names(3),
                  .height = make.size()};
  o.theme = make.theme();
  return sankey(graph, o);
}
std::string flow_picture(Maker& make) {
  const Index layers = make.count(3), tokens = make.count(4);
  FlowGraphOptions o{.title = make.text(),
                     .tokens = make.names(tokens),
                     .query = make.perhaps_place(tokens),
                     .input = make.perhaps_place(tokens)};
  if (make.flag())
    for (Index l = 0; l < layers; ++l) o.layers.push_back(make.place(9));
  make.several(o.marked, 3);
  for (LayerEdge& edge : o.marked) edge = {make.place(layers), make.place(tokens), make.place(tokens)};
  o.marked_name = make.text();
  if (make.flag()) o.shares = make.matrix(layers + 1, tokens);
  o.least_weight = make.perhaps().value_or(.02);
  o.high = make.perhaps();
  o.theme = make.theme();
  return flow_graph(make.matrices(layers, tokens, tokens), o);
}
std::string links_picture(Maker& make) {
  const std::vector<std::string> left = make.names(4), right = make.names(4);
  std::vector<TokenLink> links;
  make.several(links, 5);
  for (TokenLink& link : links)
    link = {make.place(std::ssize(left)), make.place(std::ssize(right)), make.number(),
            static_cast<std::size_t>(make.place(2))};
  TokenLinksOptions o{.title = make.text(),
                      .left_title = make.text(),
                      .right_title = make.text(),
                      .high = make.perhaps().value_or(1)};
  make.several(o.kinds, 3);
  for (LinkKind& kind : o.kinds) kind = {.name = make.text(), .dashed = make.flag()};
  o.theme = make.theme();
  return token_links(left, right, links, o);
}
std::string depth_picture(Maker& make) {
  const Index layers = make.count(4);
  std::vector<Eigen::VectorXd> numbers;
  for (Index l = 0; l < layers; ++l) numbers.emplace_back(make.matrix(make.count(3), 1));
  DepthCurveOptions o{.title = make.text(),
                      .metric = make.text(),
                      .baseline_name = make.text(),
                      .low = make.perhaps(),
                      .high = make.perhaps(),
                      .width = make.size(),
                      .height = make.size()};
  if (make.flag())
    for (Index l = 0; l < layers; ++l) o.layers.push_back(make.place(9));
  if (make.flag())
    for (Index l = 0; l < layers; ++l) o.baseline.push_back(make.number());
  o.theme = make.theme();
  return depth_curve(numbers, o);
}
std::string interval_picture(Maker& make) {
  std::vector<IntervalSeries> series;
  make.several(series, 3);
  for (IntervalSeries& one : series) {
    one.name = make.text();
    make.several(one.points, 3);
    for (IntervalPoint& point : one.points)
      point = {make.number(), make.number(), make.number(), make.number()};
  }
  IntervalCurvesOptions o{.title = make.text(),
                          .x_title = make.text(),
                          .y_title = make.text(),
                          .note = make.text(),
                          .x_numbers = make.option<AxisNumbers>(3),
                          .low = make.perhaps(),
                          .high = make.perhaps(),
                          .width = make.size(),
                          .height = make.size()};
  o.theme = make.theme();
  return interval_curves(series, o);
}
std::string scatter_picture(Maker& make) {
  const Index heads = make.count(5);
  HeadScatterOptions o{.title = make.text(),
                       .names = make.names(heads),
                       .roles = make.names(heads),
                       .role_order = make.names(3),
                       .no_role = make.text(),
                       .side = make.size()};
  o.theme = make.theme();
  return head_scatter(make.matrix(heads, make.count(15) == 0 ? 3 : 2), o);
}
std::string attribution_picture(Maker& make) {
  const Index tokens = make.count(5);
  AttributionScatterOptions o{.title = make.text(),
                              .tokens = make.names(tokens),
                              .attention_title = make.text(),
                              .attribution_title = make.text(),
                              .ranks = make.flag(),
                              .note = make.text(),
                              .width = make.size(),
                              .height = make.size()};
  o.theme = make.theme();
  return attribution_scatter(make.matrix(tokens, 1), make.matrix(tokens, 1), o);
}
std::string timings_picture(Maker& make) {
  std::vector<TimedWord> words;
  make.several(words, 4);
  for (TimedWord& word : words) word = {make.text(), make.number(), make.number()};
  const Index rows = make.count(4), frames = make.count(5);
  WordTimingsOptions o{.title = make.text(),
                       .tokens = make.names(rows),
                       .frames_per_second = make.size(),
                       .palette = make.palette(),
                       .low = make.perhaps(),
                       .high = make.perhaps(),
                       .width = make.size()};
  if (make.flag()) o.map = make.matrix(rows, frames);
  make.several(o.path, 3);
  for (MapStep& step : o.path) step = {make.place(rows), make.place(frames)};
  o.theme = make.theme();
  return word_timings(words, o);
}
void run(FuzzedDataProvider& data) {
  constexpr std::string (*others[])(Maker&) = {
      head_picture,  neuron_picture,   sankey_picture,  flow_picture,        links_picture,
      depth_picture, interval_picture, scatter_picture, attribution_picture, timings_picture};
  const Index kind = fuzz::up_to(data, 5 + std::ssize(others));
  Maker make(data);
  const std::string svg = kind <= 5 ? map_figure(make, kind) : others[kind - 6](make);
  fuzz::check_svg(svg);
  fuzz::expect(svg.find("<script") == svg.npos, "a script in a picture");
}
std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (int kind = 0; kind < 64; ++kind) {
    std::string bytes;
    for (int t = 0; t < 6; ++t) bytes += fuzz::seed_text("a</text><script>\"'&\xff\xe2\x96\x81");
    unsigned state = static_cast<unsigned>(kind) + 1;
    for (int i = 0; i < 240; ++i) bytes += static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    all.push_back(bytes + static_cast<char>(kind % 2) + static_cast<char>(kind / 4));
  }
  return all;
}
const fuzz::Register registered("svg", run, seeds);
