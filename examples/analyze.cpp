// analyze DUMP... --out DIR: what the attention in files does, as a table, a report and figures.
#include <attnscope/io/token_file.hpp>
#include <attnscope/report/analysis_figures.hpp>
#include <attnscope/report/chosen_part.hpp>
#include <attnscope/report/csv.hpp>
#include <attnscope/report/figures.hpp>
#include <attnscope/report/json.hpp>
#include <attnscope/version.hpp>

#include "analysis.hpp"
#include "support/program.hpp"

namespace {

using namespace attnscope;

/// "1.02 (0.59 .. 1.88)": mean and range of the heads, those of them that are defined.
std::string mean_and_range(const Eigen::VectorXd& values) {
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

std::string number(double value) { return std::isnan(value) ? "-" : fmt::format("{:.2f}", value); }

/// The headline: a row a layer, a head metric as its mean and range.
void print_table(const Analysis& analysis) {
  fmt::print("{}{}: {} example{}, mean (range) over heads, entropy in nats, locality within {} tokens\n\n",
             analysis.source, analysis.model ? fmt::format(" ({})", *analysis.model) : "", analysis.batch,
             analysis.batch == 1 ? "" : "s", analysis.window);
  constexpr auto row = "{:<10} {:>5} {:>5}  {:<21} {:<21} {:<21} {:>9} {:>9}  {:<21}\n";
  fmt::print(row, "stack", "layer", "heads", "entropy", "confidence", "locality", "(uniform)", "diversity",
             "sink mass");
  for (const StackAnalysis& stack : analysis.stacks)
    for (const LayerAnalysis& layer : stack.layers) {
      const LayerMetrics& all = layer.pooled;
      fmt::print(row, stack.name, layer.layer, layer.heads.size(), mean_and_range(all.entropy.entropies),
                 mean_and_range(all.confidence.confidence),
                 all.locality ? mean_and_range(all.locality->locality) : "-",
                 number(all.locality ? all.locality->uniform_locality : undefined),
                 number(all.similarity.diversity_score.value_or(undefined)),
                 mean_and_range(all.sink.sink_mass));
    }
}

/// How far attention flow, where it was asked for, says anything.
void print_flow(const Analysis& analysis) {
  for (const StackAnalysis& stack : analysis.stacks) {
    if (!stack.flow || stack.flow->flow.empty()) continue;
    std::vector<std::string> shares;
    for (const AttentionFlowResult& element : stack.flow->flow)
      shares.push_back(element.trivial_share ? fmt::format("{:.0f}", 100 * *element.trivial_share) : "-");
    fmt::print("\nAttention flow of {}: per cent of the flows that are just their trivial cut: {}\n",
               stack.name, fmt::join(shares, " "));
  }
}

/// The heads of cross-attention that align best.
void print_alignment(const Analysis& analysis) {
  for (const StackAnalysis& stack : analysis.stacks) {
    if (!stack.alignment || stack.alignment->heads.empty()) continue;
    const RankedHead& best = stack.alignment->heads.front();
    const LayerAnalysis& layer = stack.layers[static_cast<std::size_t>(best.id.layer)];
    fmt::print("\nBest alignment of {}: layer {}, head {}, {} {:.3f}\n", stack.name, layer.layer,
               layer.heads[static_cast<std::size_t>(best.id.head)],
               stack.alignment->by_error_rate ? "error rate" : "score, without gold links,", best.score);
  }
}

/// What the attention that tokens receive and the input gradient of one batch element say of one another, a
/// sentence a layer.
void print_attribution(const Analysis& analysis, Index element) {
  for (const StackAnalysis& stack : analysis.stacks) {
    if (!stack.attribution || element >= static_cast<Index>(stack.attribution->elements.size())) continue;
    fmt::print("\nAttention and the input gradient of {}{}:\n", stack.name,
               analysis.batch == 1 ? "" : fmt::format(", batch element {}", element));
    for (const LayerAttribution& layer : stack.attribution->elements[static_cast<std::size_t>(element)])
      if (layer.readout == "received") fmt::print("{:>5}  {}\n", layer.layer, layer.verdict);
  }
}

/// The heads that a pruning plan removes, the first to go first.
void print_plans(const Analysis& analysis) {
  for (const StackAnalysis& stack : analysis.stacks) {
    if (!stack.pruning) continue;
    std::vector<std::string> heads;
    for (const HeadId& id : stack.pruning->order)
      heads.push_back(fmt::format("{}.{}", stack.layers[static_cast<std::size_t>(id.layer)].layer, id.head));
    fmt::print("\nTo prune from {}, {} heads as layer.head, the least important first: {}\n", stack.name,
               heads.size(), fmt::join(heads, " "));
  }
}

void write_report(const std::filesystem::path& folder, const Analysis& analysis, const Figures& figures) {
  std::filesystem::create_directories(folder / "figures");
  std::vector<std::filesystem::path> written;
  const auto write = [&](const std::filesystem::path& name, const std::string& text) {
    write_file_atomically(folder / name, text);
    written.push_back(folder / name);
  };
  write("report.json", report_json(analysis));
  write("heads.csv", heads_csv(analysis));
  write("metrics.csv", metrics_csv(analysis));
  for (const StackAnalysis& stack : analysis.stacks)
    if (stack.pruning) write("pruning." + stack.name + ".json", pruning_plan_json(stack));
  for (const Figure& figure : figures.drawn)
    write(std::filesystem::path("figures") / (figure.name + ".svg"), figure.svg);
  fmt::print("\n");
  for (const std::filesystem::path& path : written) fmt::print("{}\n", path.string());
}

/// What the command line says of files that cannot say it themselves.
struct BareArrays {
  std::string stack = "self", tokens;
  bool causal = false;
  std::vector<Index> lengths, starts;
  std::vector<std::string> metadata;  ///< KEY=VALUE
};

/// What the metadata of the stack's one token axis begin with. @throws ValueError there are two axes
std::string token_prefix(const std::string& stack) {
  if (stack == "self") return "";
  if (stack == "encoder") return "source_";
  if (stack == "decoder") return "target_";
  throw ValueError(fmt::format(
      "--tokens, --lengths and --starts cannot say which side of {} they mean; say it by --metadata, such "
      "as --metadata source_lengths=[5,7]",
      stack));
}

/// The same as the metadata of a dump.
Metadata metadata_of(const BareArrays& arrays) {
  Metadata metadata;
  for (const std::string& pair : arrays.metadata) {
    const std::size_t equals = pair.find('=');
    require<ValueError>(equals != pair.npos && equals > 0, "--metadata {}: should be KEY=VALUE", pair);
    metadata[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  const auto along_tokens = [&](const char* key, const std::string& value) {
    metadata[token_prefix(arrays.stack) + key] = value;
  };
  if (!arrays.tokens.empty()) along_tokens("tokens", read_tokens(arrays.tokens));
  if (!arrays.lengths.empty()) along_tokens("lengths", fmt::format("[{}]", fmt::join(arrays.lengths, ",")));
  if (!arrays.starts.empty()) along_tokens("starts", fmt::format("[{}]", fmt::join(arrays.starts, ",")));
  if (arrays.causal) {
    require<ValueError>(arrays.stack == "self", "--causal is said of self; a decoder always is, {} never",
                        arrays.stack);
    metadata["causal"] = "true";
  }
  return metadata;
}

void run(const std::vector<std::filesystem::path>& paths, const BareArrays& arrays, const std::string& folder,
         const AnalyzeOptions& options, Index element) {
  const Dump dump = read_split_dump(paths, {.stack = arrays.stack, .metadata = metadata_of(arrays)});
  const Analysis analysis = analysis_of(dump, options);
  print_table(analysis);
  print_flow(analysis);
  print_alignment(analysis);
  print_attribution(analysis, element);
  print_plans(analysis);
  for (const std::string& line : analysis.left_out) fmt::print(stderr, "analyze: left out: {}\n", line);
  if (folder.empty()) {
    fmt::print(stderr, "analyze: nothing written; --out DIR writes the report and figures\n");
    return;
  }
  Figures drawn = figures(chosen_part(dump, options), {.element = element});
  std::ranges::move(figures(analysis, {.element = element}).drawn, std::back_inserter(drawn.drawn));
  write_report(folder, analysis, drawn);
  for (const std::string& line : drawn.left_out) fmt::print(stderr, "analyze: not drawn: {}\n", line);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "What the attention of a transformer does: a table of its layers, and with --out a report and "
      "figures.");
  std::vector<std::filesystem::path> paths{ATTNSCOPE_SHIPPED_DUMP};
  std::string folder;
  BareArrays arrays;
  attnscope::AnalyzeOptions options;
  attnscope::Index element = 0;
  app.name("analyze");
  app.set_version_flag("--version", std::string(attnscope::version),
                       "Print the version of attnscope and exit");
  app.add_option(
      "DUMP", paths,
      "A dump (docs/dump.md): .safetensors, .npz or .npy; several files, or a folder of them, are its "
      "parts. Without one, the dump that ships with attnscope");
  app.add_option("--out", folder,
                 "Folder for report.json, heads.csv, metrics.csv and figures/; made if missing");
  app.add_option("--window", options.window, "Tokens on either side that count as local")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--layers", options.layers, "Only these layers, such as 0,2")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber);
  app.add_option("--heads", options.heads, "Only these heads of every layer")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--exclude-special", options.exclude_special,
               "Leave the dump's special_tokens out, as queries and as keys; rows are renormalised");
  app.add_option("--target", options.target,
                 "Whose gradients count, where a dump has those of several: attention_gradient.TARGET and "
                 "embedding_gradient.TARGET");
  app.add_option("--pruning-plan", options.pruning_fraction,
                 "Plan the removal of this share of the heads, 0 to 1; needs gradients. With --out also as "
                 "pruning.STACK.json")
      ->check(CLI::Range(0.0, 1.0));
  app.add_flag("--flow", options.flow,
               "Attention flow, too: the maximum flow from every token at the top to every input token");
  app.add_flag_callback(
      "--rollout", [&] { options.most_map_tokens = std::numeric_limits<attnscope::Index>::max(); },
      "Write rollout, flow and norm maps of any size; they are left out above 512 tokens");
  app.add_option("--element", element, "The batch element that figures show; numbers are of the whole batch")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--stack", arrays.stack,
                 "What arrays without names of a dump are: self, encoder, decoder, cross")
      ->capture_default_str();
  app.add_flag("--causal", arrays.causal, "A query sees no later key");
  app.add_option(
      "--tokens", arrays.tokens,
      "File of tokens: one a line, an empty line between batch elements; or JSON, if it ends in .json");
  app.add_option("--lengths", arrays.lengths, "True tokens of each batch element, such as 13,7")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber);
  app.add_option("--starts", arrays.starts, "Where they begin: padding on the left")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber);
  app.add_option("--metadata", arrays.metadata, "KEY=VALUE in place of what the files say; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--threads", options.sweep.threads,
                 "0: as many as the machine has; results do not depend on it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.footer(
      "Examples:\n"
      "  analyze                                      the dump that ships with attnscope\n"
      "  analyze my.safetensors --out report          everything about a dump of one's own\n"
      "  analyze my.safetensors --layers 0,11 --exclude-special --out report\n"
      "  analyze layers/ --out report                 a folder with a file a layer\n"
      "  analyze a.npy --causal --tokens words.txt    an array [layer, (batch,) head, query, key]\n");
  return run_program(app, argc, argv, [&] { run(paths, arrays, folder, options, element); });
}
