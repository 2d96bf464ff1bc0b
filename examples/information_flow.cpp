// information_flow [DUMP]: how information moves through the layers, by every method that the dump has the
// numbers for.
#include <attnscope/attribution/token_scores.hpp>
#include <attnscope/figure/heatmap.hpp>
#include <attnscope/flow/attention_flow.hpp>
#include <attnscope/flow/minimum_cut.hpp>
#include <attnscope/flow/relevance.hpp>
#include <attnscope/flow/top_targets.hpp>
#include <attnscope/io/dump_inputs.hpp>
#include <attnscope/io/dump_values.hpp>
#include <attnscope/report/known_tokens.hpp>
#include <attnscope/statistics/rank_correlation.hpp>
#include <attnscope/statistics/top_k.hpp>
#include <attnscope/values/contributions.hpp>
#include <attnscope/values/mixing.hpp>
#include <attnscope/values/norm_maps.hpp>

#include "support/program.hpp"

namespace {

using namespace attnscope;

struct Options {
  std::string stack = "self", out;
  Index element = 0;
  std::optional<Index> token;  ///< none: the one that takes most from others
  Index top = 6;
};

/// [token x input] what one method says of one example.
struct Method {
  std::string name;
  Eigen::MatrixXd map;
};

/// One stack of a dump, one batch element.
struct Text {
  const Dump& dump;
  const DumpStack& stack;
  Index element;
  std::vector<LoadedAttention> layers;
  std::vector<Eigen::MatrixXd> capacities;  ///< [layer] half the head mean, half the token itself
  std::vector<std::string> tokens;

  Text(const Dump& the_dump, const Options& options)
      : dump(the_dump), stack(stack_of(the_dump, options.stack)), element(options.element) {
    require<ValueError>(stack.self_attention,
                        "{} is cross-attention: information flows through self-attention", stack.name);
    require<ShapeError>(element < dump.batch, "batch element {} of {}", element, dump.batch);
    for (const DumpLayer& layer : stack.layers) layers.push_back(layer.attention);
    capacities = layer_maps(layers, element);
    require<ShapeError>(count() > 0, "batch element {} has no tokens", element);
    if (!stack.keys.tokens.empty()) tokens = stack.keys.tokens[static_cast<std::size_t>(element)];
    for (Index i = static_cast<Index>(tokens.size()); i < count(); ++i)
      tokens.push_back(fmt::format("{}", i));
  }
  Index count() const { return capacities.front().rows(); }
  const std::string& token(Index i) const { return tokens[static_cast<std::size_t>(i)]; }
};

/// [layer] the values; empty unless every layer has them.
std::vector<LoadedValues> values_of(const Text& text) {
  std::vector<LoadedValues> all;
  for (const DumpLayer& layer : text.stack.layers) {
    std::optional<LoadedValues> values = layer_values(text.dump, text.stack, layer);
    if (!values) return {};
    all.push_back(std::move(*values));
  }
  return all;
}

std::vector<Method> methods_of(const Text& text, const Eigen::MatrixXd& flow) {
  const auto e = static_cast<std::size_t>(text.element);
  std::vector<Method> all;
  all.push_back({"attention of the top layer", layer_map(text.layers.back(), text.element, {.residual = 0})});
  all.push_back({"rollout", rollout(text.layers).top[e]});
  all.push_back({"attention flow", flow});

  std::vector<AttentionWithGradient> graded;
  for (const DumpLayer& layer : text.stack.layers)
    if (layer.gradient) graded.push_back({layer.attention, *layer.gradient});
  if (graded.size() == text.layers.size())  // without the 1 that every token begins with
    all.push_back({"relevance (with gradients)",
                   relevance(graded)[e] - Eigen::MatrixXd::Identity(text.count(), text.count())});

  const std::vector<LoadedValues> values = values_of(text);
  if (values.empty()) return all;
  std::vector<Eigen::MatrixXd> norms, shares;
  for (std::size_t l = 0; l < values.size(); ++l) {
    const auto norm_map = [&](const auto& attention, const auto& v) { return norm_maps(attention, v)[e]; };
    norms.push_back(std::visit(norm_map, text.layers[l], values[l]));
    shares.push_back(rows_normalised(norms.back()));
  }
  all.push_back({"norm map of the top layer", norms.back()});
  all.push_back({"rollout of norm maps", rollout(shares, {.map = {.residual = 0}}).top[0]});
  all.push_back({"rollout of contributions (ALTI)", contribution_rollout(text.layers, values)[e]});
  return all;
}

/// A row a layer: how much mixes in it, and what is left of each token and of what flow can tell above it.
void print_layers(const Text& text, const std::vector<AttentionFlowResult>& flows) {
  const auto rollouts = rollout(text.layers, {.every_layer = true}).layers;
  fmt::print("{:>5} {:>13} {:>21} {:>19}\n", "layer", "mixing ratio", "own share in rollout",
             "trivial flows");
  for (std::size_t l = 0; l < text.layers.size(); ++l) {
    const DumpLayer& layer = text.stack.layers[l];
    std::string mixing_ratio = "-";
    if (const auto values = layer_values(text.dump, text.stack, layer)) {
      const auto mix = [](const auto& attention, const auto& v) { return mixing(attention, v).mixing_ratio; };
      mixing_ratio = fmt::format("{:.2f}", std::visit(mix, layer.attention, *values));
    }
    const std::optional<double> trivial = flows[l].trivial_share;
    fmt::print("{:>5} {:>13} {:>21.2f} {:>19}\n", layer.index, mixing_ratio,
               rollouts[l][static_cast<std::size_t>(text.element)].diagonal().mean(),
               trivial ? fmt::format("{:.0f} %", 100 * *trivial) : "-");
  }
}

/// What reaches one token: its strongest inputs by each method, as shares of its row.
void print_token(const Text& text, const std::vector<Method>& methods, Index token, Index top) {
  fmt::print("\nwhat reaches token {} \"{}\" at the top, in per cent of its row\n", token, text.token(token));
  for (const Method& method : methods) {
    const Eigen::VectorXd row = rows_normalised(method.map.row(token)).transpose();
    fmt::print("  {:<32}", method.name);
    for (const Index j : top_k(row, std::min(top, row.size())))
      fmt::print(" {} {:.0f}", text.token(j), 100 * row(j));
    fmt::print("\n");
  }
}

/// Down through the layers: where the token looks in each, as far as much of it goes there.
void print_targets(const Text& text, Index token) {
  const TargetFlow flow = target_flow(text.layers, token, {.top_k = 3, .example = text.element});
  fmt::print(
      "\nwhere it comes from, layer by layer (its three largest sources of 5 % or more, and theirs)\n");
  Index layer = -1;
  for (const FlowLink& link : flow.links) {
    if (link.share < .03) continue;
    if (link.layer != layer)
      fmt::print("{}  layer {:<3}", layer < 0 ? "" : "\n",
                 text.stack.layers[static_cast<std::size_t>(link.layer)].index);
    layer = link.layer;
    fmt::print("  {} < {} {:.0f}", text.token(link.from), text.token(link.to), 100 * link.share);
  }
  fmt::print("\n");
}

/// Where the flow from the input that matters most, but for the token itself, gets stuck.
void print_cut(const Text& text, const Eigen::MatrixXd& rollout, Index token) {
  Eigen::VectorXd row = rollout.row(token);
  row(token) = -1;
  Index input = 0;
  row.maxCoeff(&input);
  if (input == token) return;
  const MinimumCut cut = minimum_cut(text.capacities, token, input);
  fmt::print("\n{:.3f} can flow to it from token {} \"{}\"; the bottleneck is {} edges:", cut.flow, input,
             text.token(input), cut.edges.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(cut.edges.size(), 4); ++i) {
    const CutEdge& edge = cut.edges[i];
    fmt::print(" layer {}: {} to {} ({:.3f})", text.stack.layers[static_cast<std::size_t>(edge.layer)].index,
               text.token(edge.to), text.token(edge.from), edge.capacity);
  }
  fmt::print("{}\n", cut.edges.size() > 4 ? " ..." : "");
}

/// How well each method ranks the tokens as the input gradient does, by its columns and by one row.
void print_agreement(const Text& text, const std::vector<Method>& methods, Index token) {
  const auto gradients = input_gradient(text.dump);
  if (!gradients || text.stack.name != text.dump.stacks.front().name) return;  // else of other tokens
  const Eigen::VectorXd gradient =
      input_gradient_scores(*gradients).scores[static_cast<std::size_t>(text.element)];
  const auto rho = [&](const Eigen::VectorXd& scores) {
    const CorrelationResult found = spearman(scores, gradient);
    return found.statistic ? fmt::format("{:.2f}", *found.statistic) : "-";
  };
  fmt::print("\nrank agreement with input gradients (Spearman)  all rows   row {}\n", token);
  for (const Method& method : methods)
    fmt::print("  {:<44} {:>9} {:>7}\n", method.name, rho(method.map.colwise().mean()),
               rho(method.map.row(token)));
}

void write_figures(const Text& text, const std::vector<Method>& methods, const std::string& folder) {
  std::filesystem::create_directories(folder);
  for (const Method& method : methods) {
    std::string name = method.name.substr(0, method.name.find(" ("));
    std::ranges::replace(name, ' ', '_');
    const std::filesystem::path path = std::filesystem::path(folder) / (name + ".svg");
    write_svg(path, heatmap(method.map, {.title = method.name,
                                         .row_labels = text.tokens,
                                         .column_labels = text.tokens,
                                         .row_title = "token at the top",
                                         .column_title = "input token"}));
    fmt::print("{}\n", path.string());
  }
}

void run(const std::string& path, const Options& options) {
  const Dump dump = read_dump(path);
  in_context(dump.name, [&] {
    const Text text(dump, options);
    const std::vector<AttentionFlowResult> flows = attention_flow_by_layer(text.capacities);
    const std::vector<Method> methods = methods_of(text, flows.back().flow);
    const Eigen::MatrixXd& rolled_out = methods[1].map;
    Index token = options.token.value_or(0);
    if (!options.token) rolled_out.diagonal().minCoeff(&token);
    require<ShapeError>(token < text.count(), "token {} of {}", token, text.count());

    fmt::print("{}{}, {}, example {} of {}: {} tokens\n\n", dump.name,
               dump.model() ? fmt::format(" ({})", *dump.model()) : "", text.stack.name, text.element,
               dump.batch, text.count());
    print_layers(text, flows);
    print_token(text, methods, token, options.top);
    print_targets(text, token);
    print_cut(text, rolled_out, token);
    print_agreement(text, methods, token);
    if (!options.out.empty()) write_figures(text, methods, options.out);
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "How information moves from the input tokens to the top of a model, by rollout, attention flow, "
      "relevance and what values do.");
  std::string path = ATTNSCOPE_SHIPPED_DUMP;
  Options options;
  app.name("information_flow");
  app.add_option("DUMP", path, "A dump (docs/dump.md). Without one, the dump that ships with attnscope");
  app.add_option("--stack", options.stack, "A stack of self-attention")->capture_default_str();
  app.add_option("--element", options.element, "The batch element")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--token", options.token,
                 "The token to look at, from 0; by default the one that keeps least of itself")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--top", options.top, "How many of its inputs to print")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--out", options.out, "Folder for a heatmap of each method; made if missing");
  app.footer(
      "Relevance needs attention_gradient, values and their norms value, output_projection and residual, the "
      "agreement input.embedding_gradient.\n"
      "Examples:\n"
      "  information_flow --token 5\n"
      "  information_flow my.safetensors --element 2 --out flow\n");
  return run_program(app, argc, argv, [&] { run(path, options); });
}
