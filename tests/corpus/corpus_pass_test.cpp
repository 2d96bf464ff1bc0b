#include <attnscope/corpus/corpus_pass.hpp>

#include <atomic>

#include "corpus/made_corpus.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
CorpusList made_list() {
  CorpusList list{{}, 7};
  for (Index e = 0; e < test::made_examples; ++e) list.names.push_back(fmt::format("file {}", e));
  return list;
}
/// Every file but the ninth and the fortieth.
std::vector<ExampleNumbers> examples_of(Index item) {
  require<FileError>(item != 9, "file {} is no file", item);
  ExampleNumbers example = test::made_example(item);
  if (item == 40) example.numbers[1].values(1, 2) = INFINITY;
  return {std::move(example)};
}
struct Seen {
  std::vector<Index> blocks, items, faulty;
  std::vector<std::string> bytes;
};
Seen pass(const std::vector<Index>& blocks, CorpusPassOptions options) {
  Seen seen;
  options.statistics = test::made_options;
  pass_over_blocks(
      made_list(), blocks, options, examples_of,
      [&](Index item, const std::string* fault) {
        seen.items.push_back(item);
        if (fault) seen.faulty.push_back(item);
      },
      [&](Index block, CorpusStatistics&& state) {
        seen.blocks.push_back(block);
        seen.bytes.push_back(test::bytes_of(state));
      });
  return seen;
}
}  // namespace

TEST_CASE("blocks are the same to the bit for any number of threads, and come in order") {
  const std::vector<Index> all{0, 1, 2, 3, 4, 5, 6, 7, 8};
  const Seen one = pass(all, {.threads = 1});
  CHECK(one.blocks == all);
  CHECK(one.items.size() == 60);
  CHECK(std::is_sorted(one.items.begin(), one.items.end()));
  CHECK(one.faulty == std::vector<Index>{9});
  CHECK(one.bytes[0] == test::bytes_of(test::made_part(0, 7)));
  CHECK(one.bytes[8] == test::bytes_of(test::made_part(56, 60)));
  for (const int threads : {2, 3, 8}) CHECK(pass(all, {.threads = threads}).bytes == one.bytes);
  CHECK(pass({3, 8}, {.threads = 2}).bytes == std::vector<std::string>{one.bytes[3], one.bytes[8]});
}

TEST_CASE("what cannot be read is left out with its reason, and the rest of its block is not") {
  std::vector<LeftOutExample> left_out;
  Index examples = 0;
  pass_over_blocks(
      made_list(), {1, 5}, {.statistics = test::made_options}, examples_of, [](Index, const std::string*) {},
      [&](Index, CorpusStatistics&& state) {
        examples += state.total().examples;
        left_out.insert(left_out.end(), state.left_out().begin(), state.left_out().end());
      });
  CHECK(examples == 12);
  CHECK(left_out == std::vector<LeftOutExample>{
                        {{9, 0}, "file 9", "file 9 is no file"},
                        {{40, 0}, "example 40", "example 40: self size: layer 1, head 2 is inf"}});
}

TEST_CASE("a strict pass ends at what cannot be read; earlier blocks are kept") {
  const auto kept_before = [](const std::vector<Index>& blocks) {
    std::vector<Index> kept;
    const std::string message = message_of<Error>([&] {
      pass_over_blocks(
          made_list(), blocks, {.statistics = test::made_options, .threads = 3, .strict = true}, examples_of,
          [](Index, const std::string*) {}, [&](Index block, CorpusStatistics&&) { kept.push_back(block); });
    });
    return std::pair(message, kept);
  };
  CHECK(kept_before({0, 1, 2}) == std::pair(std::string("file 9 is no file"), std::vector<Index>{0}));
  CHECK(kept_before({4, 5, 6}) ==
        std::pair(std::string("example 40: self size: layer 1, head 2 is inf"), std::vector<Index>{4}));
}

TEST_CASE("stopping is not a file that cannot be read") {
  std::atomic<int> read = 0;
  const auto act = [&] {
    pass_over_blocks(
        made_list(), {0, 1, 2}, {.threads = 2},
        [&](Index item) -> std::vector<ExampleNumbers> {
          if (++read > 3) throw Stopped();
          return examples_of(item);
        },
        [](Index, const std::string*) {}, [](Index, CorpusStatistics&&) {});
  };
  CHECK(message_of<Stopped>(act) == "stopped by the progress callback");
}
