#include <attnscope/corpus/block_tree.hpp>

#include "corpus/made_corpus.hpp"
#include "support/catch.hpp"

#include <random>

using namespace attnscope;

namespace {
/// What was merged with what: "((0 1) 2)".
struct Spoken {
  std::string text;
  void merge(Spoken&& later) { text = text.empty() ? later.text : fmt::format("({} {})", text, later.text); }
};
BlockTree<Spoken> of(const std::vector<Index>& blocks) {
  BlockTree<Spoken> tree;
  for (const Index block : blocks) tree.add(block, {fmt::format("{}", block)});
  return tree;
}
std::vector<Index> shuffled(Index count, std::uint64_t seed) {
  std::vector<Index> blocks(static_cast<std::size_t>(count));
  for (Index b = 0; b < count; ++b) blocks[static_cast<std::size_t>(b)] = b;
  std::mt19937_64 generator(seed);
  detail::shuffle(generator, count, [&](Index i, Index j) {
    std::swap(blocks[static_cast<std::size_t>(i)], blocks[static_cast<std::size_t>(j)]);
  });
  return blocks;
}
/// The plain definition: the largest aligned halves, from the first block on.
std::string halves(Index first, Index count) {
  if (count == 1) return fmt::format("{}", first);
  return fmt::format("({} {})", halves(first, count / 2), halves(first + count / 2, count / 2));
}
std::string plain(Index count) {
  std::string all;
  Index first = 0;
  for (Index size = Index{1} << 40; size > 0; size /= 2)
    if (count & size) {
      const std::string node = halves(first, size);
      all = all.empty() ? node : fmt::format("({} {})", all, node);
      first += size;
    }
  return all;
}
constexpr Index block_size = 7, made_blocks = 9;  // of 60 examples
CorpusStatistics made_block(Index block) {
  return test::made_part(block * block_size, std::min(test::made_examples, (block + 1) * block_size));
}
}  // namespace

TEST_CASE("neighbours merge as soon as both are there, the earlier one first, in any order of arrival") {
  CHECK(of({0, 1, 2, 3, 4, 5, 6}).total(7).text == "((((0 1) (2 3)) (4 5)) 6)");
  for (Index count = 1; count < 40; ++count)
    for (std::uint64_t seed = 0; seed < 4; ++seed)
      CHECK(of(shuffled(count, seed)).total(count).text == plain(count));
  CHECK(BlockTree<Spoken>().total(0).text.empty());
}

TEST_CASE("trees of any parts merge to the same") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::mt19937_64 generator(seed);
    std::vector<BlockTree<Spoken>> parts(1 + seed % 5);
    for (const Index block : shuffled(29, seed))
      parts[generator() % parts.size()].add(block, {fmt::format("{}", block)});
    BlockTree<Spoken> all;
    for (BlockTree<Spoken>& part : parts) all.merge(std::move(part));
    CHECK(all.total(29).text == plain(29));
  }
}

TEST_CASE("a run of n blocks is held by at most 2 log2 n nodes") {
  for (const Index first : {0, 1, 37, 1000})
    for (const Index count : {1, 5, 64, 1000}) {
      BlockTree<Spoken> run;
      for (Index b = 0; b < count; ++b) run.add(first + b, {"x"});
      CHECK(static_cast<double>(run.nodes().size()) <=
            std::max(1., 2 * std::log2(static_cast<double>(count))));
      CHECK(run.size() == count);
    }
}

TEST_CASE("the same bits for any number of shards") {
  BlockTree<CorpusStatistics> serial;
  for (Index b = 0; b < made_blocks; ++b) serial.add(b, made_block(b));
  const std::string bits = test::bytes_of(serial.total(made_blocks));
  for (const Index shards : {2, 3, 4, 9}) {
    BlockTree<CorpusStatistics> all;
    for (Index shard = shards; shard-- > 0;) {
      BlockTree<CorpusStatistics> part;
      for (Index b = made_blocks * (shard + 1) / shards; b-- > made_blocks * shard / shards;)
        part.add(b, made_block(b));
      all.merge(std::move(part));
    }
    CHECK(test::bytes_of(all.total(made_blocks)) == bits);
  }
  BlockTree<CorpusStatistics>
      other;  // another block size rounds otherwise: what the test above sees is no matter of course
  for (Index b = 0; b < 60; ++b) other.add(b, test::made_part(b, b + 1));
  CHECK(test::bytes_of(other.total(60)) != bits);
}

TEST_CASE("what is there, and what is missing") {
  const BlockTree<Spoken> some = of({1, 2, 3, 7, 8});
  CHECK(some.contains(3));
  CHECK_FALSE(some.contains(4));
  CHECK_FALSE(some.contains(0));
  CHECK(some.missing(10) == std::vector<std::pair<Index, Index>>{{0, 1}, {4, 7}, {9, 10}});
  CHECK(some.missing(1) == std::vector<std::pair<Index, Index>>{{0, 1}});
  CHECK(of({0, 1}).missing(2).empty());
  CHECK(message_of<ValueError>([&] { some.total(10); }) == "of 10 blocks, 0 .. 0 are missing");
  CHECK(message_of<ValueError>([] { of({0, 1, 2}).total(2); }) == "3 blocks where there should be 2");
}

TEST_CASE("a block that is there twice throws, and changes nothing") {
  BlockTree<Spoken> some = of({0, 1, 2, 3, 6});
  CHECK(message_of<ValueError>([&] { some.add(2, {}); }) == "block 2 is there already");
  CHECK(message_of<ValueError>([&] { some.put(4, {2, {}}); }) == "block 6 is there already");
  CHECK(message_of<ValueError>([&] { some.put(2, {2, {}}); }) == "there is no node of level 2 at block 2");
  CHECK(message_of<ValueError>([&] { some.add(-1, {}); }) == "there is no node of level 0 at block -1");
  CHECK(message_of<ValueError>([&] { some.merge(of({5, 6})); }) == "block 6 is there already");
  CHECK(some.size() == 5);
}
