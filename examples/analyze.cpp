// analyze DUMP --out DIR: what the attention in a file does, as a table, a report and figures.
#include <attnscope/report/csv.hpp>
#include <attnscope/report/figures.hpp>
#include <attnscope/report/json.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

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
  for (const Figure& figure : figures.drawn)
    write(std::filesystem::path("figures") / (figure.name + ".svg"), figure.svg);
  fmt::print("\n");
  for (const std::filesystem::path& path : written) fmt::print("{}\n", path.string());
}

int run(const std::string& path, const std::string& folder, const AnalyzeOptions& options, Index element) {
  const Dump dump = read_dump(path);
  const Analysis analysis = analyze(dump, options);
  print_table(analysis);
  if (folder.empty()) {
    fmt::print(stderr, "analyze: nothing written; --out DIR writes the report and figures\n");
    return 0;
  }
  const Figures drawn = figures(chosen_part(dump, options), {.element = element});
  write_report(folder, analysis, drawn);
  for (const std::string& line : drawn.left_out) fmt::print(stderr, "analyze: not drawn: {}\n", line);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "What the attention of a transformer does: a table of its layers, and with --out a report and "
      "figures.");
  std::string path = ATTNSCOPE_SHIPPED_DUMP, folder;
  attnscope::AnalyzeOptions options;
  attnscope::Index element = 0;
  app.name("analyze");
  app.add_option("DUMP", path,
                 "A safetensors dump (docs/dump.md); without one, the dump that ships with attnscope");
  app.add_option("--out", folder,
                 "Folder for report.json, heads.csv, metrics.csv and figures/; made if missing");
  app.add_option("--window", options.window, "Tokens on either side that count as local")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--layers", options.layers, "Only these layers, such as 0,2")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber);
  app.add_option("--heads", options.heads, "Only these heads of every layer")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--exclude-special", options.exclude_special,
               "Leave the dump's special_tokens out, as queries and as keys; rows are renormalised");
  app.add_option("--element", element, "The batch element that figures show; numbers are of the whole batch")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--threads", options.sweep.threads,
                 "0: as many as the machine has; results do not depend on it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.footer(
      "Examples:\n"
      "  analyze                                      the dump that ships with attnscope\n"
      "  analyze my.safetensors --out report          everything about a dump of one's own\n"
      "  analyze my.safetensors --layers 0,11 --exclude-special --out report\n"
      "Exit code: 0 done, 1 bad input, 2 bad usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return run(path, folder, options, element);
  } catch (const std::exception& error) {
    fmt::print(stderr, "analyze: {}\n", error.what());
    return 1;
  }
}
