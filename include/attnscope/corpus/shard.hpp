#pragma once
#include <attnscope/corpus/corpus_pass.hpp>
#include <attnscope/corpus/partial_file.hpp>

#include <charconv>
#include <filesystem>

namespace attnscope {

/// A run of the blocks of a corpus that one process makes, and its files.
struct Shard {
  std::filesystem::path folder;  ///< of its files
  Index number = 1;              ///< 1 .. count
  Index count = 1;               ///< how many shards there are

  /// "2/8".
  std::string text() const { return fmt::format("{}/{}", number, count); }
  /// The file that is there when the shard is finished.
  std::filesystem::path finished() const { return file(""); }
  /// The file that is there until then, after each block.
  std::filesystem::path running() const { return file(".running"); }

 private:
  std::filesystem::path file(const char* state) const {
    return folder / fmt::format("shard-{}-of-{}{}.safetensors", number, count, state);
  }
};

/// What is known of a shard before anything is done: all of it, the blocks of a run that was interrupted, or
/// nothing. @throws ValueError naming what is unlike: the file is of another run; FileError it cannot be read
inline CorpusPartial begun_shard(const Shard& shard, const CorpusRun& run, const CorpusOptions& options) {
  for (const std::filesystem::path& path : {shard.finished(), shard.running()}) {
    if (!std::filesystem::exists(path)) continue;
    CorpusPartial partial = read_partial(path);
    require_same_run(run, "this run", partial.run, path.string());
    return partial;
  }
  return {run, options, {}, shard.text()};
}

/// Makes a shard, or goes on with it, where pass(blocks, keep) makes the states of blocks and gives each to
/// keep(block, state), in any order: after each block all that is known is written to shard.running(), which
/// is renamed to shard.finished() at the end. So a run that is killed loses at most the blocks that it was
/// at, and a finished shard is only read. A rewriting costs what the state has in bytes (NumberStatistics
/// says), once for each of the at most 2 log2(blocks) nodes of the tree: where that is much beside a block's
/// own time, larger blocks help. @throws what pass, begun_shard and write_partial throw
template <typename Pass>
CorpusPartial run_shard_by(const CorpusList& list, const Shard& shard, const CorpusRun& run,
                           const CorpusOptions& options, const Pass& pass) {
  CorpusPartial partial = begun_shard(shard, run, options);
  if (std::filesystem::exists(shard.finished())) return partial;
  std::vector<Index> blocks;
  const Range all = list.shard(shard.number, shard.count);
  for (Index block = all.first; block < all.last; ++block)
    if (!partial.blocks.contains(block)) blocks.push_back(block);
  pass(blocks, [&](Index block, CorpusStatistics&& state) {
    partial.blocks.add(block, std::move(state));
    write_partial(shard.running(), partial);
  });
  if (!std::filesystem::exists(shard.running())) write_partial(shard.running(), partial);
  std::filesystem::rename(shard.running(), shard.finished());
  return partial;
}
/// The same by pass_over_blocks(), which says what numbers_of and item_done are.
template <typename NumbersOf, typename ItemDone>
CorpusPartial run_shard(const CorpusList& list, const Shard& shard, const CorpusRun& run,
                        const CorpusPassOptions& options, const NumbersOf& numbers_of,
                        const ItemDone& item_done) {
  return run_shard_by(list, shard, run, options.statistics,
                      [&](const std::vector<Index>& blocks, const auto& keep) {
                        pass_over_blocks(list, blocks, options, numbers_of, item_done, keep);
                      });
}

namespace detail {

/// Which blocks are in which file, so far.
class KnownBlocks {
 public:
  /// @throws ValueError naming the file that has a block of this partial, too
  void add(const std::filesystem::path& path, const CorpusPartial& partial) {
    for (const auto& [first, node] : partial.blocks.nodes()) {
      const Range range{first, first + (Index{1} << node.level)};
      for (const auto& [other, there] : ranges_)
        require<ValueError>(range.last <= there.first || there.last <= range.first,
                            "{} and {} both have block {}", other.string(), path.string(),
                            std::max(range.first, there.first));
      ranges_.emplace_back(path, range);
    }
  }

 private:
  std::vector<std::pair<std::filesystem::path, Range>> ranges_;
};

/// A number that a run says of its list. @throws FileError it says none
inline Index list_number(const CorpusRun& run, const std::string& field) {
  const auto found = run.fields.find(field);
  Index value = 0;
  if (found != run.fields.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  require<FileError>(value > 0, "the run does not say its number of \"{}\"", field);
  return value;
}

/// "shards 2, 5 of 8: "; empty where shards are not all of one number of them, as a list can be cut into.
inline std::string missing_shards(const std::set<std::string>& known) {
  const std::size_t slash = known.begin()->find('/');
  if (slash == std::string::npos) return {};
  const std::string of = known.begin()->substr(slash);
  Index count = 0;
  std::from_chars(of.data() + 1, of.data() + of.size(), count);
  if (count > CorpusList::most_shards) return {};
  std::vector<Index> missing;
  for (Index s = 1; s <= count; ++s)
    if (!known.contains(fmt::format("{}{}", s, of))) missing.push_back(s);
  const bool alike = std::ranges::all_of(known, [&](const std::string& one) { return one.ends_with(of); });
  if (!alike || missing.empty()) return {};
  return fmt::format("shard{} {} of {}: ", missing.size() == 1 ? "" : "s", fmt::join(missing, ", "), count);
}

}  // namespace detail

/// All shards of a run in one, of which nothing is missing.
/// @throws ValueError no shards; naming two files and what is unlike in them, or a block that both have;
/// naming the shards and the places of the files that are missing; FileError what is no partial
inline CorpusPartial merged_shards(const std::vector<std::filesystem::path>& paths) {
  require<ValueError>(!paths.empty(), "there are no shards to merge");
  CorpusPartial all;
  detail::KnownBlocks known;
  std::set<std::string> shards;
  for (const std::filesystem::path& path : paths) {
    CorpusPartial partial = read_partial(path);
    if (shards.empty()) all = {partial.run, partial.options};
    require_same_run(all.run, paths.front().string(), partial.run, path.string());
    known.add(path, partial);
    shards.insert(partial.shard);
    all.blocks.merge(std::move(partial.blocks));
  }
  const Index files = detail::list_number(all.run, "files"), block = detail::list_number(all.run, "block");
  std::vector<std::string> gaps;
  for (const auto& [first, last] : all.blocks.missing(CorpusList::blocks_in(files, block)))
    gaps.push_back(fmt::format("{} to {}", first * block + 1, std::min(files, last * block)));
  require<ValueError>(gaps.empty(), "incomplete: {}files {} of {} are missing",
                      detail::missing_shards(shards), fmt::join(gaps, ", "), files);
  return all;
}
/// What all blocks of a whole run add up to. @throws ValueError blocks are missing
inline CorpusStatistics total_of(const CorpusPartial& whole) {
  return whole.blocks.total(CorpusList::blocks_in(detail::list_number(whole.run, "files"),
                                                  detail::list_number(whole.run, "block")));
}

}  // namespace attnscope
