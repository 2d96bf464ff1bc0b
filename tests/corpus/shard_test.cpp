#include <attnscope/corpus/shard.hpp>

#include "corpus/made_corpus.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;

namespace {
constexpr auto ignored = [](Index, const std::string*) {};

CorpusList made_list() {
  CorpusList list{{}, 7};
  for (Index e = 0; e < test::made_examples; ++e) list.names.push_back(fmt::format("file {}", e));
  return list;
}
CorpusRun made_run(const std::string& window = "3") {
  CorpusRun run{made_list().fields()};
  run.fields["window"] = window;
  return run;
}
/// How many files were read.
Index run(const Shard& shard, const CorpusRun& of = made_run(), Index stop_at = -1) {
  Index read = 0;
  run_shard(
      made_list(), shard, of, {.statistics = test::made_options, .threads = 1},
      [&](Index item) -> std::vector<ExampleNumbers> {
        if (item == stop_at) throw Stopped();
        ++read;
        return {test::made_example(item)};
      },
      ignored);
  return read;
}
std::string whole_bytes(const std::vector<std::filesystem::path>& paths) {
  return test::bytes_of(total_of(merged_shards(paths)));
}
}  // namespace

TEST_CASE("shards merge to the bits of one run, in any order of their files") {
  const test::TemporaryFolder folder;
  const Shard whole{folder.path(), 1, 1};
  CHECK(run(whole) == 60);
  const std::string bits = whole_bytes({whole.finished()});
  for (const Index count : {2, 5, 12}) {
    std::vector<std::filesystem::path> paths;
    Index read = 0;
    for (Index s = count; s >= 1; --s) {
      read += run({folder.path(), s, count});
      paths.push_back(Shard{folder.path(), s, count}.finished());
    }
    CHECK(read == 60);
    CHECK(whole_bytes(paths) == bits);
  }
}

TEST_CASE("a run that was ended goes on after its last whole block, and to the same bits") {
  const test::TemporaryFolder folder, other;
  const Shard shard{folder.path(), 1, 1};
  for (const Index stop : {3, 30, 33}) {
    CHECK_THROWS_AS(run(shard, made_run(), stop), Stopped);
    CHECK_FALSE(std::filesystem::exists(shard.finished()));
  }
  CHECK(begun_shard(shard, made_run(), {}).blocks.size() == 4);
  CHECK(run(shard) == 60 - 28);
  CHECK_FALSE(std::filesystem::exists(shard.running()));
  CHECK(run({other.path(), 1, 1}) == 60);
  CHECK(whole_bytes({shard.finished()}) == whole_bytes({Shard{other.path(), 1, 1}.finished()}));
}

TEST_CASE("a finished shard is not made again, and one of another run is not taken for it") {
  const test::TemporaryFolder folder;
  const Shard shard{folder.path(), 2, 3};
  CHECK(run(shard) == 21);
  const auto written = std::filesystem::last_write_time(shard.finished());
  CHECK(run(shard) == 0);
  CHECK(std::filesystem::last_write_time(shard.finished()) == written);
  CHECK(message_of<ValueError>([&] { run(shard, made_run("5")); }) ==
        "parts of unlike runs do not pool: window is 5 in this run and 3 in " + shard.finished().string());
  CHECK_THROWS_AS(run({folder.path(), 1, 3}, made_run(), 10), Stopped);
  CHECK(message_of<ValueError>([&] {
          run({folder.path(), 1, 3}, made_run("5"));
        }).ends_with("shard-1-of-3.running.safetensors"));
}

TEST_CASE("a shard without a file is one, too") {
  const test::TemporaryFolder folder;
  const Shard shard{folder.path(), 1, 100};
  CHECK(run(shard) == 0);
  CHECK(std::filesystem::exists(shard.finished()));
}

TEST_CASE("missing, duplicate and unlike shards are named") {
  const test::TemporaryFolder folder;
  const auto file = [&](Index s, Index count) { return Shard{folder.path(), s, count}.finished(); };
  for (const Index s : {1, 2, 3, 4}) run({folder.path(), s, 4});
  run({folder.path(), 2, 2});
  const auto refused = [](const std::vector<std::filesystem::path>& paths) {
    return message_of<ValueError>([&] { merged_shards(paths); });
  };
  CHECK(refused({file(1, 4), file(3, 4)}) ==
        "incomplete: shards 2, 4 of 4: files 15 to 28, 43 to 60 of 60 are missing");
  CHECK(refused({file(1, 4), file(2, 4), file(3, 4)}) ==
        "incomplete: shard 4 of 4: files 43 to 60 of 60 are missing");
  CHECK(refused({file(1, 4), file(2, 2)}) == "incomplete: files 15 to 28 of 60 are missing");
  CHECK(refused({file(1, 4), file(3, 4), file(2, 2)}) ==
        fmt::format("{} and {} both have block 4", file(3, 4).string(), file(2, 2).string()));
  CHECK(refused({}) == "there are no shards to merge");
  CHECK_FALSE(whole_bytes({file(1, 4), file(2, 4), file(2, 2)}).empty());  // cut otherwise, and whole
  // What a partial calls itself is text of a file, and may be any.
  const test::TemporaryFolder other;
  for (const std::string called : {"", "one", "1/", "1/x", "1/9223372036854775807", "1/-3"}) {
    CorpusPartial partial = read_partial(file(1, 4));
    partial.shard = called;
    write_partial(other / "called", partial);
    CHECK(refused({other / "called"}) == "incomplete: files 15 to 60 of 60 are missing");
  }
  run({other.path(), 2, 4}, made_run("5"));
  const auto unlike = Shard{other.path(), 2, 4}.finished();
  CHECK(refused({file(1, 4), unlike}) ==
        fmt::format("parts of unlike runs do not pool: window is 3 in {} and 5 in {}", file(1, 4).string(),
                    unlike.string()));
  write_partial(other / "x", {{{{"files", "many"}}}});
  CHECK(message_of<FileError>([&] { merged_shards({other / "x"}); }) ==
        "the run does not say its number of \"files\"");
}
