// analyze DUMP... --out DIR: what the attention in files does, as tables, a report and figures.
#include <attnscope/io/token_file.hpp>
#include <attnscope/report/analysis_figures.hpp>
#include <attnscope/report/chosen_part.hpp>
#include <attnscope/report/csv.hpp>
#include <attnscope/report/findings.hpp>
#include <attnscope/report/json.hpp>
#include <attnscope/report/page.hpp>
#include <attnscope/version.hpp>

#include "analysis.hpp"
#include "analyze/drift_table.hpp"
#include "analyze/figure_choice.hpp"
#include "analyze/tables.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"

namespace {

using namespace attnscope;

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

/// What the command line asks for.
struct Request {
  std::vector<std::filesystem::path> paths{ATTNSCOPE_SHIPPED_DUMP};
  std::vector<std::filesystem::path> other;  ///< of --compare; empty: none
  BareArrays arrays;
  AnalyzeOptions options;
  Index element = 0;
  std::string folder, json;  ///< empty: none; json "-": standard output
  std::vector<std::string> figures{"all"};
  bool without_page = false;

  bool prints_json() const { return json == "-"; }
};

/// Everything that is found out, before any of it is printed or written.
struct Found {
  Dump part;
  Analysis analysis;
  tables::Received received;
  std::optional<DriftReport> drift;
};

Dump read_part(const std::vector<std::filesystem::path>& paths, const Request& request) {
  return chosen_part(
      read_split_dump(paths, {.stack = request.arrays.stack, .metadata = metadata_of(request.arrays)}),
      request.options);
}

/// @throws Ended no figure has a name that is asked for
void check_figures(const FigureChoice& choice, const Dump& part) {
  const std::vector<std::string> names = figure_names(part);
  if (const auto unknown = choice.unknown(names))
    throw Ended(
        2, fmt::format("--figures {}: there is no such figure, but all, none, {}", tables::shown(*unknown),
                       tables::shown(fmt::format("{}", fmt::join(names, ", ")))));
}

Found find_out(const Request& request, Progress& progress) {
  const AnalyzeOptions& options = request.options;
  const Dump dump = read_split_dump(request.paths,
                                    {.stack = request.arrays.stack, .metadata = metadata_of(request.arrays)});
  Found found{chosen_part(dump, options), {}, {}, {}};
  require<ShapeError>(request.element < dump.batch, "{}: batch element {} of {}", dump.name, request.element,
                      dump.batch);
  check_figures(FigureChoice(request.figures), found.part);
  if (!request.other.empty())
    found.drift = drift_report(found.part, read_part(request.other, request),
                               {.drift = {.numbers = {.window = options.window}},
                                .sweep = options.sweep,
                                .step = [&](const std::string& what) { progress.step("drift of " + what); }});
  found.analysis = analysis_of(dump, options);
  if (request.prints_json()) return found;
  progress.step("attention to each token");
  found.received = tables::received_by_tokens(found.part, request.element, options.sweep);
  return found;
}

void print_tables(const Found& found, Index element) {
  const Terminal terminal = terminal_of(stdout);
  const Analysis& analysis = found.analysis;
  fmt::print("{}\n\n{}", tables::headline(analysis), tables::heads_table(terminal, analysis, found.received));
  fmt::print("\n{}", tables::layers_table(terminal, analysis));
  tables::print_flow(analysis);
  tables::print_alignment(analysis);
  tables::print_attribution(analysis, element);
  tables::print_plans(analysis);
  if (found.drift) fmt::print("\n{}", tables::drift_table(terminal, *found.drift));
  fmt::print("\n");
  for (const std::string& sentence : findings(analysis)) fmt::print("{}\n", tables::shown(sentence));
}

/// Files, each of them whole or not at all; between two of them an interruption ends the program.
class Writer {
 public:
  void write(const std::filesystem::path& path, const std::string& text) {
    stop_if_interrupted();
    write_file_atomically(path, text);
    written_.push_back(path.string());
  }
  const std::vector<std::string>& written() const { return written_; }

 private:
  std::vector<std::string> written_;
};

/// A name of the dump's own, such as a stack's, as the name of a file: it must not lead to another folder.
std::string file_name(std::string name) {
  std::ranges::replace(name, '/', '_');
  return name;
}

void write_figures(const Request& request, const Found& found, Progress& progress, Writer& writer) {
  const FigureChoice choice(request.figures);
  const FigureOptions options{.element = request.element, .wanted = [&](const std::string& name) {
                                const bool wanted = choice(name);
                                if (wanted) progress.step("figure " + name);
                                return wanted;
                              }};
  Figures all = figures(found.part, options);
  std::ranges::move(figures(found.analysis, options).drawn, std::back_inserter(all.drawn));
  const std::filesystem::path folder = std::filesystem::path(request.folder) / "figures";
  if (!all.drawn.empty()) std::filesystem::create_directories(folder);
  for (const Figure& figure : all.drawn) writer.write(folder / file_name(figure.name + ".svg"), figure.svg);
  progress.clear();
  for (const std::string& line : all.left_out) fmt::print(stderr, "analyze: not drawn: {}\n", line);
}

void write_report(const Request& request, const Found& found, Progress& progress, Writer& writer) {
  const std::filesystem::path folder = request.folder;
  std::filesystem::create_directories(folder);
  const Analysis& analysis = found.analysis;
  writer.write(folder / "report.json", report_json(analysis));
  writer.write(folder / "heads.csv", heads_csv(analysis));
  writer.write(folder / "metrics.csv", metrics_csv(analysis));
  if (!request.without_page) {
    progress.step("report.html");
    const PageOptions page{.element = request.element, .threads = request.options.sweep.threads};
    writer.write(folder / "report.html", page_html(found.part, analysis, page));
  }
  if (found.drift) writer.write(folder / "drift.csv", drift_csv(*found.drift));
  for (const StackAnalysis& stack : analysis.stacks)
    if (stack.pruning)
      writer.write(folder / file_name("pruning." + stack.name + ".json"), pruning_plan_json(stack));
  write_figures(request, found, progress, writer);
}

void print_json(const Analysis& analysis) {
  const std::string text = report_json(analysis);
  require<FileError>(
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0,
      "cannot write report.json to standard output");
}

void act(const Request& request, Progress& progress) {
  const Found found = find_out(request, progress);
  progress.clear();
  if (!request.prints_json()) print_tables(found, request.element);
  for (const std::string& line : found.analysis.left_out) fmt::print(stderr, "analyze: left out: {}\n", line);
  Writer writer;
  if (request.prints_json())
    print_json(found.analysis);
  else if (!request.json.empty())
    writer.write(request.json, report_json(found.analysis));
  if (!request.folder.empty()) write_report(request, found, progress, writer);
  std::FILE* const messages = request.prints_json() ? stderr : stdout;
  if (!writer.written().empty())
    fmt::print(messages, "\n{}\n", fmt::join(writer.written(), "\n"));
  else if (!request.prints_json())
    fmt::print(stderr, "analyze: nothing written; --out DIR writes the report and figures\n");
}

void run(Request& request) {
  note_interruptions();
  Progress progress("analyze");
  request.options.sweep.progress = [&](Index done, Index total) { return progress(done, total); };
  request.options.step = [&](const std::string& what) { progress.step(what); };
  try {
    act(request, progress);
  } catch (const Stopped&) {
    throw Ended(128 + interrupting_signal, "interrupted");
  }
}

void add_options(CLI::App& app, Request& request) {
  AnalyzeOptions& options = request.options;
  BareArrays& arrays = request.arrays;
  app.set_version_flag("--version", std::string(attnscope::version),
                       "Print the version of attnscope and exit");
  app.add_option("DUMP", request.paths,
                 "A dump (docs/dump.md): .safetensors, .npz or .npy; several files, or a folder of them, are "
                 "its parts. Without one, the dump that ships with attnscope");

  constexpr auto output = "What is written";
  CLI::Option* const out =
      app.add_option(
             "--out", request.folder,
             "Folder for report.html, report.json, heads.csv, metrics.csv and figures/; made if missing")
          ->type_name("DIR")
          ->group(output);
  app.add_option("--figures", request.figures,
                 "Which figures, comma-separated: names as they are written, or patterns with *, such as "
                 "'*.roles,self.0.*'; all, none")
      ->type_name("LIST")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->needs(out)
      ->capture_default_str()
      ->group(output);
  app.add_flag("--no-html", request.without_page,
               "Do not write report.html, the page to explore in a browser")
      ->needs(out)
      ->group(output);
  app.add_option(
         "--json", request.json,
         "Write report.json to this file, too; - writes it to standard output, in place of the tables")
      ->type_name("FILE")
      ->group(output);

  constexpr auto part = "What of the dump counts";
  app.add_option("--layers", options.layers, "Only these layers, such as 0,2")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber)
      ->group(part);
  app.add_option("--heads", options.heads, "Only these heads of every layer")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber)
      ->group(part);
  app.add_flag("--exclude-special", options.exclude_special,
               "Leave the dump's special_tokens out, as queries and as keys; rows are renormalised")
      ->group(part);
  app.add_option(
         "--element", request.element,
         "The batch element that figures and the blocks of the table show; numbers are of the whole batch")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(part);
  app.add_option("--target", options.target,
                 "Whose gradients count, where a dump has those of several: attention_gradient.TARGET and "
                 "embedding_gradient.TARGET")
      ->type_name("NAME")
      ->group(part);

  constexpr auto analysis = "What is found out";
  app.add_option("--window", options.window, "Tokens on either side that count as local")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(analysis);
  app.add_option("--compare", request.other,
                 "Another dump, of the same stacks, layers and tokens: how far its attention is from this "
                 "one's. With --out also as drift.csv")
      ->type_name("DUMP")
      ->allow_extra_args(false)
      ->group(analysis);
  app.add_flag("--flow", options.flow,
               "Attention flow, too: the maximum flow from every token at the top to every input token")
      ->group(analysis);
  app.add_flag_callback(
         "--rollout", [&] { options.most_map_tokens = std::numeric_limits<attnscope::Index>::max(); },
         "Write rollout, flow and norm maps of any size; they are left out above 512 tokens")
      ->group(analysis);
  app.add_option("--pruning-plan", options.pruning_fraction,
                 "Plan the removal of this share of the heads, 0 to 1; needs gradients. With --out also as "
                 "pruning.STACK.json")
      ->check(CLI::Range(0.0, 1.0))
      ->group(analysis);
  app.add_option("--threads", options.sweep.threads,
                 "0: as many as the machine has; results do not depend on it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(analysis);

  constexpr auto bare = "What files cannot say themselves";
  app.add_option("--stack", arrays.stack,
                 "What arrays without names of a dump are: self, encoder, decoder, cross")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(bare);
  app.add_flag("--causal", arrays.causal, "A query sees no later key")->group(bare);
  app.add_option(
         "--tokens", arrays.tokens,
         "File of tokens: one a line, an empty line between batch elements; or JSON, if it ends in .json")
      ->type_name("FILE")
      ->group(bare);
  app.add_option("--lengths", arrays.lengths, "True tokens of each batch element, such as 13,7")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber)
      ->group(bare);
  app.add_option("--starts", arrays.starts, "Where they begin: padding on the left")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber)
      ->group(bare);
  app.add_option("--metadata", arrays.metadata, "In place of what the files say; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->group(bare);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "What the attention of a transformer does: tables of its heads and layers and what they say in words, "
      "and with --out a report and figures. Without --out and --json nothing is written.");
  app.name("analyze");
  Request request;
  add_options(app, request);
  app.footer(
      "Examples:\n"
      "  analyze                                        the dump that ships with attnscope\n"
      "  analyze my.safetensors --out report            everything about a dump of one's own\n"
      "  analyze my.safetensors --out report --figures 'self.model,*.roles'\n"
      "                                                 two kinds of figures alone\n"
      "  analyze my.safetensors --layers 0,11 --exclude-special --out report\n"
      "                                                 two layers, without special tokens\n"
      "  analyze layers/ --out report                   a folder with a file a layer\n"
      "  analyze a.npy --causal --tokens words.txt      an array [layer, (batch,) head, query, key]\n"
      "  analyze before.safetensors --compare after.safetensors --out report\n"
      "                                                 what training, or another precision, has changed\n"
      "  analyze my.safetensors --json - | jq '.stacks.self.layers[0].entropies'\n"
      "                                                 numbers for another program\n"
      "\n"
      "Environment:\n"
      "  NO_COLOR    not empty: no colours. Nor are there any in a pipe or where TERM is dumb.\n"
      "  COLORTERM   truecolor or 24bit: as many colours as there are, in place of 256.\n"
      "\n");
  return run_program(
      app, argc, argv, [&] { run(request); },
      ", 130 interrupted by SIGINT, 143 by SIGTERM.\n"
      "Every file is written whole or not at all, also when the program is interrupted. docs/analyze.md says "
      "more.");
}
