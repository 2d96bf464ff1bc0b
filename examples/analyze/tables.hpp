#pragma once
// What analyze prints of an analysis.
#include <attnscope/heads/received.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/report/analysis.hpp>

#include "../support/terminal.hpp"

namespace tables {

using namespace attnscope;

/// "1.02 (0.59 .. 1.88)": mean and range of the heads, those of them that are defined.
inline std::string mean_and_range(const Eigen::VectorXd& values) {
  double sum = 0, least = undefined, most = undefined;
  int count = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    least = std::fmin(least, value);
    most = std::fmax(most, value);
    ++count;
  }
  if (count == 0) return "-";
  return fmt::format("{:.2f} ({:.2f} .. {:.2f})", sum / count, least, most);
}
inline double mean_of(const Eigen::VectorXd& values) {
  double sum = 0, count = 0;
  for (const double value : values)
    if (!std::isnan(value)) {
      sum += value;
      ++count;
    }
  return sum / count;  // 0 / 0: undefined
}

inline std::string number(double value) { return std::isnan(value) ? "-" : fmt::format("{:.2f}", value); }

/// A number that is its own level.
inline Table::Cell share(double value) { return {number(value), value}; }

/// Text of the dump's own, without anything that a terminal would obey.
inline std::string shown(const std::string& text) { return printable(text, text.size()); }

/// "x.safetensors (model): 1 example, …"
inline std::string headline(const Analysis& analysis) {
  return fmt::format("{}{}: {} example{}, entropy in nats, locality within {} tokens", shown(analysis.source),
                     analysis.model ? fmt::format(" ({})", shown(*analysis.model)) : "", analysis.batch,
                     analysis.batch == 1 ? "" : "s", analysis.window);
}

/// The largest of each of at most `columns` runs of the values, as a share of the largest of all.
inline std::vector<double> pooled_levels(const Eigen::VectorXd& values, Index columns) {
  const Index run = std::max<Index>(1, (values.size() + columns - 1) / std::max<Index>(1, columns));
  std::vector<double> levels;
  for (Index i = 0; i < values.size(); i += run)
    levels.push_back(values.segment(i, std::min(run, values.size() - i)).maxCoeff() / values.maxCoeff());
  return levels;
}

/// [stack][layer] of [head x key], what the tokens of one batch element receive: the mean over the queries.
using Received = std::vector<std::vector<Eigen::MatrixXd>>;

inline Received received_by_tokens(const Dump& part, Index element, const SweepOptions& how) {
  Received all;
  for (const DumpStack& stack : part.stacks) {
    all.emplace_back();
    for (const DumpLayer& layer : stack.layers) {
      const auto received = [&](const auto& attention) {
        const auto queries = static_cast<double>(attention.layout().queries(element));
        return Eigen::MatrixXd(
            received_attention(attention, how).received[static_cast<std::size_t>(element)] / queries);
      };
      all.back().push_back(std::visit(received, layer.attention));
    }
  }
  return all;
}

/// A row a head; at its end the tokens that receive its attention.
inline std::string heads_table(const Terminal& terminal, const Analysis& analysis, const Received& received) {
  Table table({{"stack", false},
               {"layer"},
               {"head"},
               {"role", false},
               {"score"},
               {"entropy"},
               {"confidence"},
               {"locality"},
               {"sink"}});
  std::vector<Eigen::VectorXd> tokens;
  for (std::size_t s = 0; s < analysis.stacks.size(); ++s)
    for (std::size_t l = 0; l < analysis.stacks[s].layers.size(); ++l) {
      const StackAnalysis& stack = analysis.stacks[s];
      const LayerAnalysis& layer = stack.layers[l];
      const LayerMetrics& all = layer.pooled;
      for (std::size_t h = 0; h < layer.heads.size(); ++h) {
        const Index head = static_cast<Index>(h);
        const HeadPattern& role = layer.patterns[h];
        table.add({{stack.name},
                   {fmt::format("{}", layer.layer)},
                   {fmt::format("{}", layer.heads[h])},
                   {role.label},
                   share(role.score),
                   {number(all.entropy.entropies(head)), all.entropy.normalized_entropies(head)},
                   share(all.confidence.confidence(head)),
                   share(all.locality ? all.locality->locality(head) : undefined),
                   share(all.sink.sink_mass(head))});
        tokens.emplace_back(received[s][l].row(head));
      }
    }
  const Index left = terminal.width - static_cast<Index>(table.width()) - 2;
  std::vector<Table::Cell> bars;
  for (const Eigen::VectorXd& received_by : tokens)
    bars.push_back(
        {.bars = pooled_levels(received_by, terminal.width == 0 ? 32 : std::clamp<Index>(left, 8, 32))});
  table.extend({"attention to the tokens", false}, std::move(bars));
  return table.text(terminal);
}

/// A row a layer, a head metric as its mean and range.
inline std::string layers_table(const Terminal& terminal, const Analysis& analysis) {
  Table table({{"stack", false},
               {"layer"},
               {"heads"},
               {"entropy", false},
               {"confidence", false},
               {"locality", false},
               {"(uniform)"},
               {"diversity"},
               {"sink mass", false}});
  for (const StackAnalysis& stack : analysis.stacks)
    for (const LayerAnalysis& layer : stack.layers) {
      const LayerMetrics& all = layer.pooled;
      const auto of_heads = [](const Eigen::VectorXd& values) {
        return Table::Cell{mean_and_range(values), mean_of(values)};
      };
      table.add({{stack.name},
                 {fmt::format("{}", layer.layer)},
                 {fmt::format("{}", layer.heads.size())},
                 {mean_and_range(all.entropy.entropies), mean_of(all.entropy.normalized_entropies)},
                 of_heads(all.confidence.confidence),
                 all.locality ? of_heads(all.locality->locality) : Table::Cell{"-"},
                 share(all.locality ? all.locality->uniform_locality : undefined),
                 share(all.similarity.diversity_score.value_or(undefined)),
                 of_heads(all.sink.sink_mass)});
    }
  return table.text(terminal);
}

/// How far attention flow, where it was asked for, says anything.
inline void print_flow(const Analysis& analysis) {
  for (const StackAnalysis& stack : analysis.stacks) {
    if (!stack.flow || stack.flow->flow.empty()) continue;
    std::vector<std::string> shares;
    for (const AttentionFlowResult& element : stack.flow->flow)
      shares.push_back(element.trivial_share ? fmt::format("{:.0f}", 100 * *element.trivial_share) : "-");
    fmt::print("\nAttention flow of {}: per cent of the flows that are just their trivial cut: {}\n",
               shown(stack.name), fmt::join(shares, " "));
  }
}

/// The heads of cross-attention that align best.
inline void print_alignment(const Analysis& analysis) {
  for (const StackAnalysis& stack : analysis.stacks) {
    if (!stack.alignment || stack.alignment->heads.empty()) continue;
    const RankedHead& best = stack.alignment->heads.front();
    const LayerAnalysis& layer = stack.layers[static_cast<std::size_t>(best.id.layer)];
    fmt::print("\nBest alignment of {}: layer {}, head {}, {} {:.3f}\n", shown(stack.name), layer.layer,
               layer.heads[static_cast<std::size_t>(best.id.head)],
               stack.alignment->by_error_rate ? "error rate" : "score, without gold links,", best.score);
  }
}

/// What the attention that tokens receive and the input gradient of one batch element say of one another, a
/// sentence a layer.
inline void print_attribution(const Analysis& analysis, Index element) {
  for (const StackAnalysis& stack : analysis.stacks) {
    if (!stack.attribution || element >= static_cast<Index>(stack.attribution->elements.size())) continue;
    fmt::print("\nAttention and the input gradient of {}{}:\n", shown(stack.name),
               analysis.batch == 1 ? "" : fmt::format(", batch element {}", element));
    for (const LayerAttribution& layer : stack.attribution->elements[static_cast<std::size_t>(element)])
      if (layer.readout == "received") fmt::print("{:>5}  {}\n", layer.layer, layer.verdict);
  }
}

/// The heads that a pruning plan removes, the first to go first.
inline void print_plans(const Analysis& analysis) {
  for (const StackAnalysis& stack : analysis.stacks) {
    if (!stack.pruning) continue;
    std::vector<std::string> heads;
    for (const HeadId& id : stack.pruning->order)
      heads.push_back(fmt::format("{}.{}", stack.layers[static_cast<std::size_t>(id.layer)].layer, id.head));
    fmt::print("\nTo prune from {}, {} heads as layer.head, the least important first: {}\n",
               shown(stack.name), heads.size(), fmt::join(heads, " "));
  }
}

}  // namespace tables
