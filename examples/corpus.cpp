// corpus FILE... --out DIR: what the heads of a model do over many texts, on one machine or in shards on
// many.
#include <attnscope/corpus/shard.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/report/corpus_figures.hpp>
#include <attnscope/version.hpp>

#include <fmt/ranges.h>

#include <iostream>
#include <sstream>
#include <tuple>

#ifdef ATTNSCOPE_MPI
#include <attnscope/mpi.hpp>
#endif

#include "analysis.hpp"
#include "corpus/file_list.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"

namespace {

using namespace attnscope;

/// What the command line asks for.
struct Request {
  std::vector<std::string> files;  ///< or patterns
  std::string list;                ///< a file of files; "-": standard input; empty: none
  std::string folder, shard = "1/1";
  Index block = 16;
  CorpusPassOptions pass;
  AnalyzeOptions analysis;
  std::string merged;  ///< where merge writes; empty: where the shards are
  bool without_figures = false, on_ranks = false;
};

std::vector<std::string> files_of(const Request& request) {
  std::vector<std::string> all;
  for (const std::string& pattern : request.files)
    for (std::string& file : matching_files(pattern)) all.push_back(std::move(file));
  std::ifstream list(request.list == "-" ? "/dev/null" : request.list);
  require<FileError>(request.list.empty() || list, "cannot read {}", request.list);
  for (std::string& file : listed_files(request.list == "-" ? std::cin : list))
    all.push_back(std::move(file));
  require<ValueError>(!all.empty(), "no files: name some, or give a --list");
  return all;
}

/// "2/8". @throws ValueError it is no shard
Shard shard_of(const Request& request) {
  Shard shard{request.folder, 0, 0};
  const char* const text = request.shard.data();
  const char* const end = text + request.shard.size();
  const auto first = std::from_chars(text, end, shard.number);
  const bool split = first.ptr != end && *first.ptr == '/';
  const auto second = std::from_chars(split ? first.ptr + 1 : end, end, shard.count);
  require<ValueError>(split && second.ptr == end && 1 <= shard.number && shard.number <= shard.count,
                      "--shard {}: should be such as 2/8", request.shard);
  return shard;
}

Dump read(const std::string& file) { return read_split_dump({file}, {}); }

/// What all files must share, from the first one that can be read, and which that is.
std::pair<CorpusRun, std::string> common_fields(const std::vector<std::string>& files, bool strict) {
  std::string reason;
  for (const std::string& file : files) try {
      return {{corpus_fields(read(file))}, file};
    } catch (const Error& error) {
      if (strict) throw;
      if (reason.empty()) reason = error.what();
    }
  throw FileError(fmt::format("none of {} files can be read: {}", files.size(), reason));
}

CorpusRun run_of(const Request& request, const CorpusList& list, const CorpusRun& common) {
  CorpusRun run = common;
  run.fields.merge(list.fields());
  run.fields["attnscope"] = version;
  run.fields["window"] = fmt::format("{}", request.analysis.window);
  run.fields["exclude_special"] = fmt::format("{}", request.analysis.exclude_special);
  run.fields["target"] = request.analysis.target;
  run.fields["replicates"] = fmt::format("{}", request.pass.statistics.replicates);
  return run;
}

/// The examples of one file. @throws ValueError it is of another model than the first
std::vector<ExampleNumbers> numbers_of(const Request& request, const CorpusRun& common,
                                       const std::string& first, const std::string& file, Index item) {
  const Dump dump = read(file);
  const std::string unlike = CorpusRun{corpus_fields(dump)}.unlike(common, "this file", first);
  require<ValueError>(unlike.empty(), "{}: {}", file, unlike);
  return example_numbers(dump, analysis_of(dump, corpus_analysis(request.analysis)), item, file);
}

/// Says how far a run is.
class Pace {
 public:
  Pace(Progress& progress, Index total) : progress_(progress), total_(total) {}
  /// One more file is done. @throws Stopped a signal has come
  void operator()() {
    ++done_;
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const double rate = static_cast<double>(done_) / seconds;
    const double left = static_cast<double>(total_ - done_) / rate;
    const std::string said =
        fmt::format(", {} of {} files, {:.3g} a second, {:.0f} s left", done_, total_, rate, left);
    if (!progress_(done_, total_, said)) throw Stopped();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Progress& progress_;
  Index total_, done_ = 0;
  Clock::time_point start_ = Clock::now();
};

void print_summary(const CorpusReport& report) {
  const std::size_t left_out = report.statistics.left_out().size();
  fmt::print("{} examples of {} tokens in {} files", report.total.examples, report.total.tokens,
             report.run.fields.at("files"));
  if (left_out > 0) fmt::print(", {} left out", left_out);
  fmt::print("\n");
  for (const auto& [length, bucket] : report.statistics.buckets())
    fmt::print("  up to {} tokens: {} examples\n", length, bucket.examples);
  for (const std::string& sentence : findings(report)) fmt::print("{}\n", sentence);
}

void write_report(const std::filesystem::path& folder, const CorpusPartial& whole, bool with_figures) {
  const CorpusReport report(whole.run, total_of(whole));
  require<ValueError>(report.total.examples > 0, "all {} files were left out", whole.run.fields.at("files"));
  std::filesystem::create_directories(folder / "figures");
  std::vector<std::string> written;
  const auto write = [&](const std::string& name, const std::string& text) {
    stop_if_interrupted();
    write_file_atomically(folder / name, text);
    written.push_back((folder / name).string());
  };
  write("report.json", corpus_report_json(report));
  write("heads.csv", corpus_heads_csv(report));
  write("roles.csv", corpus_roles_csv(report));
  if (with_figures)
    for (const Figure& figure : figures(report)) write("figures/" + figure.name + ".svg", figure.svg);
  print_summary(report);
  fmt::print("\n{}\n", fmt::join(written, "\n"));
}

/// The files that are still to be read.
Index files_left(const CorpusList& list, const Shard& shard, const CorpusPartial& begun) {
  Index left = 0;
  const Range all = list.shard(shard.number, shard.count);
  for (Index block = all.first; block < all.last; ++block)
    if (!begun.blocks.contains(block)) left += list.items(block).size();
  return left;
}

#ifdef ATTNSCOPE_MPI
/// MPI, where the command line asks for it.
class Ranks {
 public:
  explicit Ranks(bool used) {
    if (used) session_.emplace();
  }
  /// Whether this process only works for rank 0, which lists files, tells and writes.
  bool is_worker() const { return session_ && mpi::rank_in(MPI_COMM_WORLD) > 0; }
  /// What rank 0 makes, on every rank.
  template <typename Make>
  std::string shared(const Make& make) const {
    if (!session_) return make();
    std::string text;
    mpi::together(MPI_COMM_WORLD, [&] {
      if (!is_worker()) text = make();
    });
    return mpi::shared_text(std::move(text), 0, MPI_COMM_WORLD);
  }
  /// act() on every rank.
  template <typename Act>
  void together(const Act& act) const {
    session_ ? mpi::together(MPI_COMM_WORLD, act) : act();
  }
  template <typename... Arguments>
  CorpusPartial run(const Arguments&... arguments) const {
    return session_ ? mpi::run_shard(arguments...) : run_shard(arguments...);
  }

 private:
  std::optional<mpi::Session> session_;
};
#else
/// No MPI here: this process alone.
struct Ranks {
  explicit Ranks(bool) {}
  bool is_worker() const { return false; }
  template <typename Make>
  std::string shared(const Make& make) const {
    return make();
  }
  template <typename Act>
  void together(const Act& act) const {
    act();
  }
  template <typename... Arguments>
  CorpusPartial run(const Arguments&... arguments) const {
    return run_shard(arguments...);
  }
};
#endif

CorpusList list_of(const Request& request, const Ranks& ranks) {
  std::istringstream names(
      ranks.shared([&] { return fmt::format("{}", fmt::join(files_of(request), "\n")); }));
  return {listed_files(names), request.block};
}

/// What every rank knows before it begins.
struct Prepared {
  Shard shard;
  CorpusList list;
  CorpusRun common, run;
  std::string first;  ///< the file that the others are compared with
  Index left = 0;     ///< files to read; of no worker
};
Prepared prepared(const Request& request, const Ranks& ranks) {
  Prepared all{shard_of(request), list_of(request, ranks), {}, {}, {}};
  ranks.together([&] {
    std::tie(all.common, all.first) = common_fields(all.list.names, request.pass.strict);
    all.run = run_of(request, all.list, all.common);
    if (ranks.is_worker()) return;
    std::filesystem::create_directories(all.shard.folder);
    all.left = files_left(all.list, all.shard, begun_shard(all.shard, all.run, request.pass.statistics));
  });
  return all;
}

void run_files(const Request& request, const Ranks& ranks, Progress& progress) {
  const Prepared all = prepared(request, ranks);
  if (!ranks.is_worker()) progress.step("shard " + all.shard.text());
  Pace pace(progress, all.left);
  const auto numbers = [&](Index item) {
    stop_if_interrupted();
    return numbers_of(request, all.common, all.first, all.list.names[static_cast<std::size_t>(item)], item);
  };
  const auto done = [&](Index, const std::string* fault) {
    if (fault) {
      progress.clear();
      fmt::print(stderr, "corpus: left out: {}\n", printable(*fault, fault->size()));
    }
    pace();
  };
  const CorpusPartial partial = ranks.run(all.list, all.shard, all.run, request.pass, numbers, done);
  progress.clear();
  if (ranks.is_worker()) return;
  if (all.shard.count == 1)
    write_report(request.folder, partial, !request.without_figures);
  else
    fmt::print("shard {}: {} files read, {}\n", all.shard.text(), all.left, all.shard.finished().string());
}

/// The finished shards in folders, and files as they are.
std::vector<std::filesystem::path> shards_in(const std::vector<std::string>& places) {
  std::vector<std::filesystem::path> all;
  for (const std::string& place : places) {
    if (!std::filesystem::is_directory(place)) {
      all.emplace_back(place);
      continue;
    }
    std::vector<std::filesystem::path> here;
    for (const auto& entry : std::filesystem::directory_iterator(place)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("shard-") && name.ends_with(".safetensors") && name.find(".running") == name.npos)
        here.push_back(entry.path());
    }
    std::sort(here.begin(), here.end());
    all.insert(all.end(), here.begin(), here.end());
  }
  return all;
}

void merge(const Request& request) {
  const CorpusPartial whole = merged_shards(shards_in(request.files));
  const bool one_folder = request.files.size() == 1 && std::filesystem::is_directory(request.files[0]);
  require<ValueError>(one_folder || !request.merged.empty(), "--out DIR: where should the report go?");
  write_report(request.merged.empty() ? request.files[0] : request.merged, whole, !request.without_figures);
}

void run(const CLI::App& app, Request& request) {
  note_interruptions();
  const Ranks ranks(request.on_ranks);
  if (request.on_ranks && request.pass.threads == 0) request.pass.threads = 1;
  Progress progress("corpus");
  try {
    if (app.got_subcommand("merge"))
      merge(request);
    else
      run_files(request, ranks, progress);
  } catch (const Stopped&) {
    progress.clear();
    throw Ended(128 + interrupting_signal,
                "interrupted; the same command goes on after the last whole block");
  } catch (const Error&) {
    if (ranks.is_worker()) throw Ended(0, "");  // rank 0 says it; mpirun ends all at the first that fails
    throw;
  }
}

void add_options(CLI::App& app, Request& request) {
  app.set_version_flag("--version", std::string(version), "Print the version of attnscope and exit");
  app.add_option("FILES", request.files,
                 "Dumps (docs/dump.md), or quoted patterns such as 'dumps/*.safetensors'; a batch is as many "
                 "examples");
  app.add_option("--list", request.list, "Files, one a line, in this file; - is standard input")
      ->type_name("FILE");
  CLI::Option* const out =
      app.add_option("--out", request.folder,
                     "Folder for report.json, heads.csv, roles.csv, figures/ and the shards; made if missing")
          ->type_name("DIR");

  constexpr auto running = "How it is run";
  app.add_option("--shard", request.shard,
                 "Only this part of the files, and no report: shard-I-of-N.safetensors, for corpus merge")
      ->type_name("I/N")
      ->needs(out)
      ->group(running);
  app.add_option("--block", request.block,
                 "Files whose numbers are kept at a time: what a killed run loses. Results hang on it in the "
                 "last digits, and on nothing else of how a run is cut")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(running);
  app.add_flag("--strict", request.pass.strict,
               "A file that cannot be read ends the run, rather than be left out")
      ->group(running);
  app.add_option("--threads", request.pass.threads,
                 "0: as many as the machine has; results do not depend on it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(running);

#ifdef ATTNSCOPE_MPI
  app.add_flag(
         "--mpi", request.on_ranks,
         "All ranks of mpirun share the files: rank 0 deals out and writes, the others read; by default "
         "with a thread each")
      ->group(running);
#endif

  constexpr auto found = "What is found out";
  app.add_option("--window", request.analysis.window, "Tokens on either side that count as local")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(found);
  app.add_flag("--exclude-special", request.analysis.exclude_special,
               "Leave special tokens out, as queries and as keys; rows are renormalised")
      ->group(found);
  app.add_option("--target", request.analysis.target,
                 "Whose gradients count, where dumps have those of several")
      ->type_name("NAME")
      ->group(found);
  app.add_option("--replicates", request.pass.statistics.replicates,
                 "Of the bootstrap; 0: no intervals, and a tenth of the memory")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str()
      ->group(found);
  app.add_flag("--no-figures", request.without_figures, "Write no figures")->group(found);

  CLI::App* const merging =
      app.add_subcommand("merge", "Write the report of the shards in folders, or of these files");
  merging->add_option("SHARDS", request.files, "Folders, or files")->required();
  merging->add_option("--out", request.merged, "Folder of the report; by default that of the shards")
      ->type_name("DIR");
  merging->add_flag("--no-figures", request.without_figures, "Write no figures");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "What the heads of a model do over many texts: means with intervals, quantiles and extremes of every "
      "number, by the length of the text, and the roles of the heads. In one go, or in shards on many "
      "machines "
      "and merged, which gives the same to the last bit.");
  app.name("corpus");
  Request request;
  add_options(app, request);
  app.footer(
      "Examples:\n"
      "  corpus dumps/*.safetensors --out report        all of them, in one go\n"
      "  find . -name '*.npz' | sort | corpus --list - --out report\n"
      "                                                 more than a command line holds\n"
      "  corpus 'dumps/*.safetensors' --out run --shard 2/8\n"
      "  corpus merge run                               one of eight machines, and the report of all\n"
      "\n");
  return run_program(
      app, argc, argv,
      [&] {
        if (!app.got_subcommand("merge") && request.folder.empty()) throw Ended(2, "--out DIR is required");
        run(app, request);
      },
      ", 130 interrupted by SIGINT, 143 by SIGTERM.\n"
      "Files that cannot be read are left out and counted. A run that was interrupted goes on where it was. "
      "docs/corpora.md says more.");
}
