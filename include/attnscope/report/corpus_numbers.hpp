#pragma once
#include <attnscope/corpus/example_numbers.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/report/metrics.hpp>

#include <map>

namespace attnscope {

/// The name of the mean of a number over the heads of a layer.
inline std::string of_layer_mean(const std::string& number) { return number + "_layer_mean"; }

/// Where the histogram of a number of the report expects it: shares in 64 bins, correlations in 64, entropies
/// in eighths of a nat, distances in quarters of octaves, importance, which has any size, in halves of
/// octaves.
inline Bins bins_of_number(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
  if (has("importance_")) return Bins::octaves(-60, 20, 2);
  if (has("mean_distance")) return Bins::octaves(-6, 20, 4);
  if (name.starts_with("entropies") || has("absent_mindedness")) return Bins::linear(0, 16, 128);
  if (has("coverage_penalty")) return Bins::linear(-64, 0, 128);
  if (has("coverage_deviation")) return Bins::linear(-1, 0, 64);
  if (has("correlation") || has("kendall_tau")) return Bins::linear(-1, 1, 64);
  return Bins::linear(0, 1, 64);
}

/// How many layers and heads of the model a stack has, as far as the dump knows: one more than the largest
/// number.
struct StackShape {
  Index layers = 0;  ///< the model's
  Index heads = 0;   ///< of the layer that has most
};

namespace detail {

/// More layers or heads than any model has: the number of one must be a mistake.
inline constexpr Index most_layers = 1024, most_heads = 4096;

inline StackShape shape_of(const DumpStack& stack) {
  StackShape shape;
  for (const DumpLayer& layer : stack.layers) {
    shape.layers = std::max(shape.layers, layer.index + 1);
    for (const Index head : layer.heads) shape.heads = std::max(shape.heads, head + 1);
  }
  require<ShapeError>(shape.layers <= most_layers && shape.heads <= most_heads,
                      "{}: {} layers of {} heads are more than {} of {}", stack.name, shape.layers,
                      shape.heads, most_layers, most_heads);
  return shape;
}

/// The tables of one stack and batch element, put together layer by layer.
class StackTables {
 public:
  StackTables(std::string stack, StackShape shape) : stack_(std::move(stack)), shape_(shape) {}

  void add_heads(const LayerAnalysis& layer, const std::string& name, const Eigen::VectorXd& values) {
    Eigen::ArrayXXd& table = at(name, false);
    double sum = 0, count = 0;
    for (Index h = 0; h < values.size(); ++h) {
      table(layer.layer, layer.heads[static_cast<std::size_t>(h)]) = values(h);
      if (std::isnan(values(h))) continue;
      sum += values(h);
      ++count;
    }
    add_layer(layer, of_layer_mean(name), sum / count);
  }
  void add_layer(const LayerAnalysis& layer, const std::string& name, double value) {
    at(name, true)(layer.layer, 0) = value;
  }
  void add_roles(const LayerAnalysis& layer, const std::vector<HeadPattern>& patterns) {
    roles_.resize(static_cast<std::size_t>(shape_.layers * shape_.heads));
    for (std::size_t h = 0; h < patterns.size(); ++h)
      roles_[static_cast<std::size_t>(layer.layer * shape_.heads + layer.heads[h])] = patterns[h].label;
  }
  void move_to(ExampleNumbers& example) {
    for (auto& [name, values] : tables_)
      example.numbers.push_back({name, bins_of_number(name.name), std::move(values)});
    if (!roles_.empty()) example.categories.push_back({{stack_, "role"}, shape_.heads, std::move(roles_)});
  }

 private:
  Eigen::ArrayXXd& at(const std::string& name, bool of_layers) {
    const Index heads = of_layers ? 1 : shape_.heads;
    return tables_
        .try_emplace({stack_, name, of_layers}, Eigen::ArrayXXd::Constant(shape_.layers, heads, undefined))
        .first->second;
  }

  std::string stack_;
  StackShape shape_;
  std::map<TableName, Eigen::ArrayXXd> tables_;
  std::vector<std::string> roles_;
};

/// What the queries of each group give to the keys of each, a number a head, and beside it what uniform
/// attention would, a number a layer.
inline void add_groups(const LayerAnalysis& layer, const GroupMassResult& groups, StackTables& tables) {
  for (std::size_t from = 0; from < groups.names.size(); ++from)
    for (std::size_t to = 0; to < groups.names.size(); ++to) {
      std::string name = fmt::format("from_{}_to_{}", groups.names[from], groups.names[to]);
      std::ranges::replace(name, ' ', '_');
      const Index i = static_cast<Index>(from), j = static_cast<Index>(to);
      Eigen::VectorXd mass(std::ssize(groups.mass));
      for (Index h = 0; h < mass.size(); ++h) mass(h) = groups.mass[static_cast<std::size_t>(h)](i, j);
      tables.add_heads(layer, "attention_" + name, mass);
      tables.add_layer(layer, "uniform_attention_" + name, groups.uniform_mass(i, j));
    }
}

inline double mean_mixing(const MixingResult& mixing, std::size_t element) {
  double sum = 0, count = 0;
  for (const double ratio : mixing.per_query[element]) {
    if (std::isnan(ratio)) continue;
    sum += ratio;
    ++count;
  }
  return sum / count;
}

/// All that an analysis says of one layer and batch element.
inline void add_layer_numbers(const StackAnalysis& stack, const LayerAnalysis& layer, std::size_t element,
                              StackTables& tables) {
  const LayerMetrics& metrics = layer.elements[element];
  for (const HeadMetric& metric : table_metrics(metrics)) tables.add_heads(layer, metric.name, metric.values);
  for (const LayerMetric& metric : layer_metrics(metrics)) tables.add_layer(layer, metric.name, metric.value);
  for (const LayerMetric& metric : attribution_metrics(stack, layer.layer, static_cast<Index>(element)))
    if (!metric.name.ends_with("p_value")) tables.add_layer(layer, metric.name, metric.value);
  if (!layer.element_groups.empty()) add_groups(layer, layer.element_groups[element], tables);
  if (layer.values) tables.add_layer(layer, "mixing_ratio", mean_mixing(layer.values->mixing, element));
  tables.add_roles(layer, layer.element_patterns[element]);
}

}  // namespace detail

/// What all dumps of a corpus must share, by name: the model, as far as it is named, and the layers and heads
/// of every stack.
/// @throws ShapeError layers or heads beyond those of any model
inline std::map<std::string, std::string> corpus_fields(const Dump& dump) {
  std::map<std::string, std::string> fields{{"model", dump.model().value_or("not named")}};
  for (const DumpStack& stack : dump.stacks) {
    const StackShape shape = detail::shape_of(stack);
    fields["stack " + stack.name] = fmt::format("{} layers of {} heads", shape.layers, shape.heads);
  }
  return fields;
}

/// What is asked of each dump of a corpus: no more than numbers of its heads and layers.
inline AnalyzeOptions corpus_analysis(AnalyzeOptions options) {
  options.most_comparisons = 0;
  options.most_map_tokens = 0;
  options.flow = false;
  options.sweep.threads = 1;
  return options;
}

/// The numbers of every batch element of a dump, from its analysis: those of metrics.csv, what groups of
/// tokens give to one another, the mixing ratio, and the role of each head. Those of heads also as the mean
/// over the heads of a layer. Rows and columns of the tables are the model's numbers of layers and heads. An
/// example is as long as its keys. item: the place of the file in the list; name: what it is called there.
/// @throws ShapeError a batch element of which nothing is shown
inline std::vector<ExampleNumbers> example_numbers(const Dump& dump, const Analysis& analysis, Index item,
                                                   const std::string& name) {
  std::vector<ExampleNumbers> examples;
  const Layout& layout = detail::dump::layout_of(dump.stacks.front().layers.front().attention);
  for (Index b = 0; b < dump.batch; ++b)
    examples.push_back({{item, b}, dump.batch == 1 ? name : fmt::format("{}[{}]", name, b), layout.keys(b)});
  for (std::size_t s = 0; s < analysis.stacks.size(); ++s) {
    const StackAnalysis& stack = analysis.stacks[s];
    for (std::size_t b = 0; b < examples.size(); ++b) {
      detail::StackTables tables(stack.name, detail::shape_of(dump.stacks[s]));
      for (const LayerAnalysis& layer : stack.layers) {
        require<ShapeError>(layer.elements.size() == examples.size(),
                            "{}: {} of {} batch elements have queries", stack.name, layer.elements.size(),
                            examples.size());
        detail::add_layer_numbers(stack, layer, b, tables);
      }
      tables.move_to(examples[b]);
    }
  }
  return examples;
}

}  // namespace attnscope
