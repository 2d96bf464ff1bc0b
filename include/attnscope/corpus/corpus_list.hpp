#pragma once
#include <attnscope/core/layout.hpp>
#include <attnscope/corpus/corpus_run.hpp>

namespace attnscope {

/// The files of a corpus in their order, cut into blocks of a fixed number of files.
struct CorpusList {
  std::vector<std::string> names;  ///< as they are read, "texts/0001.safetensors"
  Index block_size = 16;           ///< files a block, 1 or more
  /// Beyond this a number of shards is a mistake.
  static constexpr Index most_shards = 1'000'000;

  /// How many files there are.
  Index size() const { return static_cast<Index>(names.size()); }
  /// How many blocks they are cut into.
  Index blocks() const { return blocks_in(size(), block_size); }
  /// How many blocks so many files are.
  static Index blocks_in(Index files, Index block_size) { return (files + block_size - 1) / block_size; }
  /// The files of a block.
  Range items(Index block) const { return {block * block_size, std::min(size(), (block + 1) * block_size)}; }
  /// The blocks of shard `number` (1, 2, ...) of `count`: a run, as long as those of the others, or one
  /// longer.
  /// @throws ValueError there is no such shard, or more than a million of them
  Range shard(Index number, Index count) const {
    require<ValueError>(1 <= number && number <= count, "there is no shard {}/{}", number, count);
    require<ValueError>(count <= most_shards, "{} shards are more than {}", count, most_shards);
    return {blocks() * (number - 1) / count, blocks() * number / count};
  }
  /// What of a run the list says: how long it is, and that it is this one.
  std::map<std::string, std::string> fields() const {
    return {{"files", fmt::format("{}", names.size())},
            {"files_hash", fmt::format("{:016x}", list_hash(names))},
            {"block", fmt::format("{}", block_size)}};
  }
};

}  // namespace attnscope
