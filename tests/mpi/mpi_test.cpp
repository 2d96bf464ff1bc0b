// mpirun -n RANKS test_mpi: what the ranks make is, to the bit, what one process makes. No Catch: all ranks
// must walk through the same calls.
#include <attnscope/mpi.hpp>

#include <cstdio>
#include <thread>

#include "corpus/made_corpus.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;

namespace {

int failures = 0;

void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "rank %d: not so: %s\n", mpi::rank_in(MPI_COMM_WORLD), what);
}

CorpusList made_list() {
  CorpusList list{{}, 3};
  for (Index e = 0; e < test::made_examples; ++e) list.names.push_back(fmt::format("file {}", e));
  return list;
}
const CorpusPassOptions options{.statistics = test::made_options, .threads = 1};

/// A folder that all ranks know, and rank 0 removes.
class SharedFolder {
 public:
  SharedFolder() {
    if (mpi::rank_in(MPI_COMM_WORLD) == 0) folder_.emplace();
    path_ = mpi::shared_text(folder_ ? folder_->path().string() : "", 0, MPI_COMM_WORLD);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::optional<test::TemporaryFolder> folder_;
  std::filesystem::path path_;
};

/// Early blocks take longest, so that they come back last.
std::vector<ExampleNumbers> slow_example(Index item) {
  if (item < 12) std::this_thread::sleep_for(std::chrono::milliseconds(3 * (12 - item)));
  require<FileError>(item != 20, "file {} is no file", item);
  return {test::made_example(item)};
}

CorpusPartial run(const std::filesystem::path& folder, const auto& numbers_of, const auto& done,
                  const CorpusPassOptions& how = options) {
  return mpi::run_shard(made_list(), {folder, 1, 1}, {made_list().fields()}, how, numbers_of, done);
}
/// The message of what is thrown; empty if nothing is.
std::string message_of(const auto& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

void same_bits() {
  const SharedFolder folder;
  std::vector<Index> done, faulty;
  const CorpusPartial partial = run(folder.path(), slow_example, [&](Index item, const std::string* fault) {
    done.push_back(item);
    if (fault) faulty.push_back(item);
  });
  if (mpi::rank_in(MPI_COMM_WORLD) != 0)
    return check(partial.blocks.size() == 0, "rank 0 alone has the result");
  check(done.size() == 60, "every file is told of once");
  check(faulty == std::vector<Index>{20}, "the file that cannot be read is told of");
  const test::TemporaryFolder serial;
  const CorpusPartial alone = attnscope::run_shard(made_list(), {serial.path(), 1, 1}, {made_list().fields()},
                                                   options, slow_example, [](Index, const std::string*) {});
  check(test::bytes_of(total_of(partial)) == test::bytes_of(total_of(alone)), "the same bits as one process");
  check(test::text_of(Shard{folder.path(), 1, 1}.finished()) ==
            test::text_of(Shard{serial.path(), 1, 1}.finished()),
        "the same file");
}

void everybody_works() {
  const SharedFolder folder;
  int mine = 0, most = 0, all = 0;
  run(
      folder.path(),
      [&](Index item) {
        ++mine;
        return slow_example(item);
      },
      [](Index, const std::string*) {});
  MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  MPI_Allreduce(&mine, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  check(all == 60, "every file is read once");
  check(mpi::size_of(MPI_COMM_WORLD) < 3 || most < 60, "more than one rank reads");
}

void errors_end_all() {
  const SharedFolder folder;
  const auto quiet = [](Index, const std::string*) {};
  const auto failing = [](Index item) {
    if (item == 7) throw ValueError("head 3 of file 7");
    return slow_example(item);
  };
  CorpusPassOptions strict = options;
  strict.strict = true;
  const std::string message = message_of([&] { run(folder.path(), failing, quiet, strict); });
  const bool alone = mpi::size_of(MPI_COMM_WORLD) == 1;
  check(alone ? message == "head 3 of file 7"
              : message.starts_with("rank ") && message.ends_with(": head 3 of file 7"),
        "the error of one rank is everybody's");
  MPI_Barrier(MPI_COMM_WORLD);
  // And on it goes after the last block that was kept, without the file that failed.
  check(message_of([&] { run(folder.path(), slow_example, quiet); }).empty(), "a run goes on");

  const SharedFolder other;
  if (mpi::rank_in(MPI_COMM_WORLD) == 0) test::write_text(Shard{other.path(), 1, 1}.running(), "bad");
  MPI_Barrier(MPI_COMM_WORLD);
  check(message_of([&] { run(other.path(), slow_example, quiet); }).find("too few for a safetensors file") !=
            std::string::npos,
        "what rank 0 cannot read ends all");
}

void errors_outside_are_shared() {
  const int last = mpi::size_of(MPI_COMM_WORLD) - 1;
  const std::string message = message_of([&] {
    mpi::together(MPI_COMM_WORLD, [&] { require<ValueError>(mpi::rank_in(MPI_COMM_WORLD) != last, "here"); });
  });
  check(message == (last == 0 ? "here" : fmt::format("rank {}: here", last)),
        "the last rank's error is everybody's");
}

}  // namespace

int main() {
  const mpi::Session session;
  same_bits();
  everybody_works();
  errors_end_all();
  errors_outside_are_shared();
  int all = 0;
  MPI_Allreduce(&failures, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (mpi::rank_in(MPI_COMM_WORLD) == 0 && all == 0)
    std::printf("%d ranks: all is so\n", mpi::size_of(MPI_COMM_WORLD));
  return all == 0 ? 0 : 1;
}
