#include <attnscope/corpus/corpus_list.hpp>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
CorpusList list_of(Index files, Index block) {
  return {std::vector<std::string>(static_cast<std::size_t>(files), "x"), block};
}
}  // namespace

TEST_CASE("blocks hold every file once, the last of them what is left") {
  const CorpusList list = list_of(10, 4);
  CHECK(list.blocks() == 3);
  CHECK(list.items(0) == Range{0, 4});
  CHECK(list.items(2) == Range{8, 10});
  CHECK(list_of(8, 4).blocks() == 2);
  CHECK(list_of(0, 4).blocks() == 0);
}

TEST_CASE("shards hold every block once, and differ by one block at most") {
  for (const Index files : {1, 7, 64, 1000})
    for (const Index shards : {1, 2, 3, 8, 100}) {
      const CorpusList list = list_of(files, 4);
      Index next = 0;
      for (Index s = 1; s <= shards; ++s) {
        const Range blocks = list.shard(s, shards);
        CHECK(blocks.first == next);
        CHECK(std::abs(blocks.size() * shards - list.blocks()) < shards);
        next = blocks.last;
      }
      CHECK(next == list.blocks());
    }
  CHECK(message_of<ValueError>([] { list_of(3, 1).shard(0, 2); }) == "there is no shard 0/2");
  CHECK(message_of<ValueError>([] { list_of(3, 1).shard(3, 2); }) == "there is no shard 3/2");
  CHECK(list_of(3, 1).shard(999'999, 1'000'000) == Range{2, 2});
  constexpr Index too_many = std::numeric_limits<Index>::max();
  CHECK(message_of<ValueError>([] { list_of(3, 1).shard(too_many - 1, too_many); }) ==
        "9223372036854775807 shards are more than 1000000");
}

TEST_CASE("a run says which list it is over") {
  const CorpusList list{{"a", "b"}, 4};
  CHECK(list.fields() ==
        std::map<std::string, std::string>{
            {"files", "2"}, {"files_hash", fmt::format("{:016x}", list_hash({"a", "b"}))}, {"block", "4"}});
  CHECK(CorpusList{{"b", "a"}, 4}.fields() != list.fields());
}
