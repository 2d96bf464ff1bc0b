// long_context [FILE]: what the heads of a long text do, from queries and keys, without the n x n matrix.
#include <attnscope/heads/distance_profile.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/locality.hpp>
#include <attnscope/heads/received.hpp>
#include <attnscope/heads/sink.hpp>
#include <attnscope/heads/top_keys.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/statistics/top_k.hpp>

#include "support/long_figure.hpp"
#include "support/made_heads.hpp"
#include "support/peak_memory.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"

namespace {

using namespace attnscope;

struct Options {
  std::string path, stack = "self", figure;
  std::optional<Index> layer;  ///< none: the first
  Index element = 0;
  Index tokens = 32768, heads = 8, dim = 64, window = 0;
  std::optional<Index> kv_heads;  ///< none: as many as heads
  std::uint64_t seed = 1;
  bool full = false;
  int threads = 0;
};

/// What is looked at.
struct Subject {
  std::string name;
  LoadedAttention attention;
  double input_bytes;
  std::vector<std::string> heads;   ///< what each is made to do; empty where nobody knows
  std::vector<std::string> tokens;  ///< the keys of the element, where they are named

  const Layout& layout() const {
    return std::visit([](const auto& source) -> const Layout& { return source.layout(); }, attention);
  }
};

Subject made(const Options& options) {
  const Index n = options.tokens, kv_heads = options.kv_heads.value_or(options.heads);
  require<ShapeError>(options.heads % kv_heads == 0, "{} query heads cannot share {} key heads",
                      options.heads, kv_heads);
  require<ValueError>(!options.full || options.window == 0, "--window is of causal attention, not of --full");
  const Layout layout({1, options.heads, n, n}, {.causal = !options.full, .sliding_window = options.window});
  const auto both = std::make_shared<const MadeHeads>(n, options.heads, kv_heads, options.dim, options.seed);
  const QueryKeyAttention<float> source(both->queries().data(), both->keys().data(), layout, kv_heads,
                                        options.dim);
  Subject subject{fmt::format("made with seed {}", options.seed),
                  AnyAttention<float>(source, both),
                  4 * static_cast<double>((options.heads + kv_heads) * n * options.dim),
                  {},
                  {}};
  for (Index head = 0; head < options.heads; ++head) subject.heads.emplace_back(MadeHeads::name(head));
  return subject;
}

/// Without the weights of layers that have queries and keys as well.
void leave_weights_out(RawTensors& tensors) {
  std::erase_if(tensors, [&](const auto& tensor) {
    const std::size_t at = tensor.first.find(".attention");
    if (at == std::string::npos || tensor.first.find(".attention_bias") == at) return false;
    const std::string layer = tensor.first.substr(0, at);
    return tensors.contains(layer + ".query") && tensors.contains(layer + ".key");
  });
}

/// Reads every page of a mapped file, which is then counted as input and not as what the analysis takes.
void touch(const RawTensor& tensor) {
  [[maybe_unused]] volatile std::byte page{};
  for (std::size_t i = 0; i < tensor.bytes.size(); i += 4096) page = tensor.bytes[i];
}

Subject read(const Options& options) {
  TensorFile file = read_tensor_files({options.path});
  leave_weights_out(file.tensors);
  const Dump dump = make_dump(std::filesystem::path(options.path).filename().string(), file.tensors,
                              std::move(file.metadata));
  const DumpStack& stack = stack_of(dump, options.stack);
  const Index index = options.layer.value_or(stack.layers.front().index);
  const auto layer = std::ranges::find(stack.layers, index, &DumpLayer::index);
  require<ValueError>(layer != stack.layers.end(), "{}: {} has no layer {}", dump.name, stack.name, index);
  const std::string name = fmt::format("{} {}.{}", dump.name, stack.name, index);
  require<ValueError>(layer->fields.contains("query") && layer->fields.contains("key"),
                      "{}: there is no query and key", name);
  require<ShapeError>(options.element < dump.batch, "{}: batch element {} of {}", name, options.element,
                      dump.batch);
  Subject subject{name, layer->attention, 0, {}, {}};
  for (const char* field : {"query", "key"}) {
    touch(layer->fields.at(field));
    subject.input_bytes += static_cast<double>(layer->fields.at(field).bytes.size());
  }
  if (!stack.keys.tokens.empty())
    subject.tokens = stack.keys.tokens[static_cast<std::size_t>(options.element)];
  return subject;
}

/// All that one sweep finds.
struct Found {
  EntropyResult entropy;
  SinkResult sink;
  LocalityResult locality;
  DistanceProfileResult distances;
  Eigen::MatrixXd received;  ///< [head x key] share of the whole attention of the element's queries
  ExampleTopKeys last;       ///< of the element's last query
  ExamplePooledMaps maps;
  double seconds;
  std::optional<double> bytes;  ///< that the sweep took at most
};

Found find_out(const Subject& subject, const Options& options, Progress& progress) {
  const Layout& layout = subject.layout();
  const auto element = static_cast<std::size_t>(options.element);
  TopKeysOptions top{.count = 5,
                     .queries{static_cast<std::size_t>(layout.shape().batch), std::vector<Index>{}}};
  const Index queries = layout.queries(options.element);
  require<ShapeError>(queries > 0, "{}: batch element {} has no queries", subject.name, options.element);
  top.queries[element] = {queries - 1};

  EntropyMeasure entropy;
  SinkMeasure sink;
  LocalityMeasure locality;
  DistanceProfileMeasure distances;
  ReceivedMeasure received;
  TopKeysMeasure top_keys(top);
  PooledMapsMeasure maps(long_figure_cells);

  using Clock = std::chrono::steady_clock;
  const auto since = [start = Clock::now()] {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const auto tell = [&](Index done, Index total) {
    const double left = since() * static_cast<double>(total - done) / static_cast<double>(done);
    return progress(done, total, fmt::format(", {} of {} queries, {:.0f} s left", done, total, left));
  };
  progress.step(subject.name);
  const PeakMemory memory;
  const auto look = [&](const auto& attention) {
    sweep(attention, {.threads = options.threads, .progress = tell}, entropy, sink, locality, distances,
          received, top_keys, maps);
  };
  in_context(subject.name, [&] { std::visit(look, subject.attention); });
  Found found{entropy.result(),
              sink.result(),
              locality.result(),
              distances.result(),
              received.result().received[element] / static_cast<double>(queries),
              top_keys.result().examples[element],
              maps.result().examples[element],
              since(),
              {}};
  found.bytes = memory.grown();
  return found;
}

// ---- what is printed

std::string bytes(double count) {
  const char* const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; count >= 1024 && unit + 1 < std::size(units); ++unit) count /= 1024;
  return fmt::format("{:.{}f} {}", count, unit > 0 && count < 10 ? 1 : 0, units[unit]);
}

std::string mask_of(const Mask& mask) {
  if (!mask.causal) return "every query sees every key";
  return mask.sliding_window == 0 ? "causal" : fmt::format("causal, window {}", mask.sliding_window);
}

void print_size(const Subject& subject, const Found& found, int threads) {
  const Layout& layout = subject.layout();
  const Shape& s = layout.shape();
  const auto rows = static_cast<double>(found.entropy.queries * s.heads);
  const double weight = std::holds_alternative<AnyAttention<float>>(subject.attention) ? 4 : 8;
  fmt::print("{}: {}{} heads, {} queries, {} keys; {}\n", subject.name,
             s.batch > 1 ? fmt::format("{} examples, ", s.batch) : "", s.heads, s.queries, s.keys,
             mask_of(layout.mask()));
  fmt::print("{:.0f} rows in {:.2f} s, {:.0f} rows a second, {} threads\n", rows, found.seconds,
             rows / found.seconds,
             threads > 0 ? static_cast<unsigned>(threads) : std::thread::hardware_concurrency());
  fmt::print(
      "memory: queries and keys {}, beside them {}; the weights would take {}\n\n",
      bytes(subject.input_bytes), found.bytes ? bytes(*found.bytes) : "?",
      bytes(weight * static_cast<double>(s.batch * s.heads * s.queries) * static_cast<double>(s.keys)));
}

/// A table that begins with the number of each head, and its name where it has one.
Table table_of_heads(const Subject& subject) {
  Table table({{"head"}});
  const Index heads = subject.layout().shape().heads;
  for (Index head = 0; head < heads; ++head) table.add({{fmt::format("{}", head)}});
  if (subject.heads.empty()) return table;
  std::vector<Table::Cell> names;
  for (const std::string& name : subject.heads) names.push_back({name});
  table.extend({"made as", false}, names);
  return table;
}

/// One more column: cell(head) of each.
template <typename Cell>
void extend(Table& table, const Subject& subject, Table::Column column, const Cell& cell) {
  std::vector<Table::Cell> cells;
  for (Index head = 0; head < subject.layout().shape().heads; ++head) cells.push_back(cell(head));
  table.extend(std::move(column), std::move(cells));
}

Table::Cell share(double value) { return {fmt::format("{:.2f}", value), value}; }

std::string key_name(const Subject& subject, Index key) {
  if (subject.tokens.empty()) return fmt::format("{}", key);
  return fmt::format("{} {}", key, subject.tokens[static_cast<std::size_t>(key)]);
}

/// The keys beside the first that receive a hundredth of the attention or more: at most three.
std::string receivers(const Subject& subject, const Eigen::MatrixXd& received, Index head) {
  std::string text;
  Eigen::VectorXd row = received.row(head);
  row(0) = 0;
  for (const Index key : top_k(row, std::min<Index>(3, row.size())))
    if (row(key) >= .01)
      text +=
          fmt::format("{}{} ({:.0f} %)", text.empty() ? "" : ", ", key_name(subject, key), 100 * row(key));
  return text.empty() ? "-" : text;
}

void print_heads(const Subject& subject, const Found& found) {
  Table table = table_of_heads(subject);
  const auto column = [&](const char* title, const auto& cell) { extend(table, subject, {title}, cell); };
  column("entropy", [&](Index h) { return Table::Cell{fmt::format("{:.2f}", found.entropy.entropies(h))}; });
  column("normalised", [&](Index h) { return share(found.entropy.normalized_entropies(h)); });
  column("first key", [&](Index h) { return share(found.sink.sink_mass(h)); });
  column("within 3", [&](Index h) { return share(found.locality.locality(h)); });
  column("distance",
         [&](Index h) { return Table::Cell{fmt::format("{:.1f}", found.locality.mean_distance(h))}; });
  extend(table, subject, {"receive most beside the first", false},
         [&](Index h) { return Table::Cell{receivers(subject, found.received, h)}; });
  fmt::print("{}", table.text(terminal_of(stdout)));
}

/// 512, 1k, 2k: where a bin begins.
std::string short_number(Index number) {
  return number < 1024 ? fmt::format("{}", number) : fmt::format("{}k", number / 1024);
}
Table::Cell per_cent(double value) {
  if (value == 0) return {"0"};
  return {value < .005 ? "<1" : fmt::format("{:.0f}", 100 * value), value};
}

void print_distances(const Found& found) {
  const DistanceProfileResult& profile = found.distances;
  fmt::print("\nattention by distance, per cent: from so many tokens to the next\n");
  Table table({{"head"}});
  for (const Range& bin : profile.distances) table.extend({short_number(bin.first)}, {});
  for (Index head = 0; head <= profile.mass.rows(); ++head) {
    const bool even = head == profile.mass.rows();
    Table::Row row{{even ? "even" : fmt::format("{}", head)}};
    for (Index bin = 0; bin < profile.uniform.size(); ++bin)
      row.push_back(per_cent(even ? profile.uniform(bin) : profile.mass(head, bin)));
    table.add(std::move(row));
  }
  fmt::print("{}", table.text(terminal_of(stdout)));
}

void print_last(const Subject& subject, const Found& found, Index element) {
  const Index batch = subject.layout().shape().batch;
  fmt::print("\nwhat the last query, {}{}, looks at\n", found.last.queries.front(),
             batch > 1 ? fmt::format(" of batch element {}", element) : "");
  Table table = table_of_heads(subject);
  extend(table, subject, {"keys and their weights", false}, [&](Index head) {
    const std::vector<TopKey>& keys = found.last.heads[static_cast<std::size_t>(head)].front();
    std::string text;
    for (const TopKey& top : keys)
      if (top.weight >= .01 * keys.front().weight)
        text +=
            fmt::format("{}{} ({:.2g})", text.empty() ? "" : ", ", key_name(subject, top.key), top.weight);
    return Table::Cell{text};
  });
  fmt::print("{}", table.text(terminal_of(stdout)));
}

void write_figure(const Subject& subject, const Found& found, const Options& options) {
  const Layout& layout = subject.layout();
  const std::string title = fmt::format("{}, {} keys", subject.name, layout.keys(options.element));
  write_svg(options.figure, long_figure(found.maps, layout, options.element, title, subject.heads));
  fmt::print("\n{}\n", options.figure);
}

void run(const Options& options) {
  note_interruptions();
  Progress progress("long_context");
  try {
    const Subject subject = options.path.empty() ? made(options) : read(options);
    const Found found = find_out(subject, options, progress);
    progress.clear();
    print_size(subject, found, options.threads);
    print_heads(subject, found);
    print_distances(found);
    print_last(subject, found, options.element);
    if (!options.figure.empty()) write_figure(subject, found, options);
  } catch (const Stopped&) {
    throw Ended(128 + interrupting_signal, "interrupted");
  } catch (const std::bad_alloc&) {
    throw Ended(1, "there is not enough memory for these queries and keys");
  }
}

void add_options(CLI::App& app, Options& options) {
  CLI::Option* const file = app.add_option(
      "FILE", options.path, "A dump with query and key (docs/dump.md). Without one, heads are made");
  app.add_option("--stack", options.stack, "self, encoder, decoder, cross")->capture_default_str();
  app.add_option("--layer", options.layer, "The layer; by default the first")->check(CLI::NonNegativeNumber);
  app.add_option("--element", options.element,
                 "The batch element whose keys are named and whose maps are drawn")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--figure", options.figure, "SVG file for a map of each head, pooled");
  app.add_option("--threads", options.threads,
                 "0: as many as the machine has; the numbers do not depend on it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();

  constexpr auto making = "Heads that are made";
  const auto made = [&](const char* name, auto& value, const char* help) {
    return app.add_option(name, value, help)->group(making)->excludes(file);
  };
  made("--tokens", options.tokens, "")->check(CLI::Range(2, 1 << 24))->capture_default_str();
  made("--heads", options.heads, "One of each of 8 kinds, and again")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  made("--kv-heads", options.kv_heads, "Key heads, each shared by as many heads; by default one a head")
      ->check(CLI::Range(1, 1024));
  made("--dim", options.dim, "Numbers of a query or key")
      ->check(CLI::Range(static_cast<int>(MadeHeads::least_dim), 4096))
      ->capture_default_str();
  made("--seed", options.seed, "")->capture_default_str();
  made("--window", options.window, "Keys that a query sees at most, ending at its own; 0: all before it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--full", options.full, "Every query sees every key, not those before it alone")
      ->group(making)
      ->excludes(file);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "What the heads of a long text do, from queries and keys, a block of rows at a time: the n x n matrix "
      "never exists.");
  Options options;
  app.name("long_context");
  add_options(app, options);
  app.footer(
      "Examples:\n"
      "  long_context --tokens 8192 --figure heads.svg\n"
      "  long_context my.safetensors --layer 3\n");
  return run_program(
      app, argc, argv, [&] { run(options); },
      ",\n130 interrupted by SIGINT, 143 by SIGTERM. The figure is written whole or not at all.");
}
