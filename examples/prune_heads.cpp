// prune_heads DUMP: how much the loss hangs on each head, and which heads to remove for it.
#include <attnscope/core/atomic_file.hpp>
#include <attnscope/heads/importance.hpp>
#include <attnscope/heads/pruning.hpp>

#include "support/program.hpp"

namespace {

using namespace attnscope;

ImportanceResult importance_of(const DumpLayer& layer) {
  require<ValueError>(
      layer.gradient.has_value(),
      "no attention_gradient, which importance is made of (docs/importance.md has how to get it)");
  const auto sweep_both = [](const auto& attention, const auto& gradient) {
    return importance(aligned(attention, gradient));
  };
  return std::visit(sweep_both, layer.attention, *layer.gradient);
}

struct Options {
  std::string stack = "self", by = "per_example", json;
  bool l2_by_layer = false;
  PruningOptions plan;
};

/// The definitions by the name that --by and the table have for them.
const std::map<std::string, Eigen::VectorXd ImportanceScores::*> definitions{
    {"elementwise", &ImportanceScores::elementwise},
    {"per_position", &ImportanceScores::per_position},
    {"per_example", &ImportanceScores::per_example},
    {"per_batch", &ImportanceScores::per_batch}};

void print_importance(const std::vector<DumpLayer>& layers, const std::vector<ImportanceResult>& results,
                      const PruningPlan& plan) {
  fmt::print("{:>5} {:>4}  {:>12} {:>12} {:>12} {:>12} {:>14}  {}\n", "layer", "head", "elementwise",
             "per_position", "per_example", "per_batch", "gate gradient", "removed");
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const ImportanceScores& mean = results[layer].mean;
    for (Index head = 0; head < mean.elementwise.size(); ++head) {
      const auto turn = std::ranges::find(plan.order, HeadId{static_cast<Index>(layer), head});
      fmt::print("{:>5} {:>4}  {:>12.4g} {:>12.4g} {:>12.4g} {:>12.4g} {:>14.4g}{}\n", layers[layer].index,
                 head, mean.elementwise(head), mean.per_position(head), mean.per_example(head),
                 mean.per_batch(head), results[layer].gate_gradient(head),
                 turn == plan.order.end() ? "" : fmt::format("  {}.", turn - plan.order.begin() + 1));
    }
  }
}

void run(const std::string& path, Options options) {
  const Dump dump = read_dump(path);
  const DumpStack& stack = stack_of(dump, options.stack);
  std::vector<ImportanceResult> results;
  std::vector<Index> numbers;
  HeadScores scores;
  in_context(dump.name, [&] {
    for (const DumpLayer& layer : stack.layers)
      in_context(fmt::format("{}.{}", stack.name, layer.index), [&] {
        results.push_back(importance_of(layer));
        scores.push_back(results.back().mean.*definitions.at(options.by));
        numbers.push_back(layer.index);
        options.plan.group_sizes.push_back(heads_per_key_value(layer));
      });
    if (options.l2_by_layer) scores = l2_normalized_by_layer(std::move(scores));
    const PruningPlan plan = plan_pruning(scores, options.plan);

    const std::string* loss = metadata::text(dump.metadata, "loss");
    fmt::print("{}{}, {}: importance in units of the loss{}, mean over {} example{} with {} tokens\n\n",
               dump.name, dump.model() ? fmt::format(" ({})", *dump.model()) : "", stack.name,
               loss ? fmt::format(" ({})", *loss) : "", dump.batch, dump.batch == 1 ? "" : "s",
               results.front().tokens);
    print_importance(stack.layers, results, plan);
    fmt::print("\n{} of {} heads to remove, least {}{} first; {} asked for\n", plan.order.size(),
               heads_in(every_head(heads_by_layer(scores))).size(), options.by,
               options.l2_by_layer ? " by layer norm" : "", plan.asked);
    if (options.json.empty()) return;
    write_file_atomically(options.json, pruning_json(plan, numbers));
    fmt::print("{}\n", options.json);
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("How much the loss hangs on each head, to first order, and which heads to remove for it.");
  std::string path = ATTNSCOPE_SHIPPED_DUMP;
  Options options;
  options.plan.fraction = .25;
  app.name("prune_heads");
  app.add_option(
      "DUMP", path,
      "A dump with attention_gradient (docs/dump.md). Without one, the dump that ships with attnscope");
  app.add_option("--stack", options.stack, "self, encoder, decoder, cross")->capture_default_str();
  app.add_option("--by", options.by,
                 "elementwise, per_position, per_example or per_batch (docs/importance.md)")
      ->check(CLI::IsMember(definitions))
      ->capture_default_str();
  app.add_flag("--l2-by-layer", options.l2_by_layer,
               "Divide every layer by its norm, so that layers are pruned alike");
  app.add_option("--fraction", options.plan.fraction, "Share of the heads to remove, rounded down")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_flag("--by-layer", options.plan.by_layer, "That share of every layer, rather than of all heads");
  app.add_option("--keep", options.plan.keep_per_layer, "Heads that a layer keeps at least")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--json", options.json, "File for the plan, to be read in Python (docs/pruning.md)");
  app.footer(
      "Heads that share a key-value head, where the dump has its keys or values, go together.\n"
      "Examples:\n"
      "  prune_heads                                        the dump that ships with attnscope\n"
      "  prune_heads my.safetensors --fraction 0.3 --json plan.json\n");
  return run_program(app, argc, argv, [&] { run(path, options); });
}
