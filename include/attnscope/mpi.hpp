#pragma once
#include <attnscope/corpus/shard.hpp>

#include <exception>
#include <limits>
#include <tuple>

#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX  // the C++ bindings, which MPI has given up
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX
#endif
#include <mpi.h>

/// A corpus on the ranks of MPI, by its C interface. Rank 0 deals blocks out and merges what comes back, the
/// others read: each gets a new block as soon as it has made one, and so nobody waits for the slowest.
namespace attnscope::mpi {

/// MPI from here to the end of its life, once in a program.
class Session {
 public:
  /// MPI_Init.
  Session() { MPI_Init(nullptr, nullptr); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// MPI_Finalize.
  ~Session() { MPI_Finalize(); }
};
/// The number of this rank.
inline int rank_in(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank;
}
/// How many ranks there are.
inline int size_of(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  return size;
}

/// A text that one rank has, on every rank.
inline std::string shared_text(std::string text, int from, MPI_Comm comm) {
  std::int64_t size = std::ssize(text);
  MPI_Bcast(&size, 1, MPI_INT64_T, from, comm);
  text.resize(static_cast<std::size_t>(size));
  MPI_Bcast(text.data(), static_cast<int>(size), MPI_CHAR, from, comm);
  return text;
}
/// act() on every rank, which all end together: an exception on one of them is everybody's.
/// @throws Error on every rank, with the text of the first rank that failed, which it names unless that is 0
template <typename Act>
void together(MPI_Comm comm, const Act& act) {
  constexpr int nobody = std::numeric_limits<int>::max();
  int failed = nobody, first = nobody;
  std::string fault;
  try {
    act();
  } catch (const std::exception& error) {
    failed = rank_in(comm);
    fault = error.what();
  }
  MPI_Allreduce(&failed, &first, 1, MPI_INT, MPI_MIN, comm);
  if (first == nobody) return;
  fault = shared_text(std::move(fault), first, comm);
  throw Error(first == 0 ? fault : fmt::format("rank {}: {}", first, fault));
}

namespace detail {

/// What a rank brings to rank 0; bytes follow.
enum class Brought : std::int64_t { nothing, block, fault };
struct Message {
  Brought what = Brought::nothing;
  std::int64_t block = 0, bytes = 0;
};
enum Tag { message_tag = 1, bytes_tag, block_tag };
inline constexpr std::int64_t no_more = -1;
inline constexpr std::size_t piece = std::size_t{1} << 30;  // counts are ints

inline void send_bytes(std::span<const std::byte> bytes, int to, MPI_Comm comm) {
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size())))
    MPI_Send(bytes.data(), static_cast<int>(std::min(piece, bytes.size())), MPI_BYTE, to, bytes_tag, comm);
}
inline std::vector<std::byte> received_bytes(std::size_t count, int from, MPI_Comm comm) {
  std::vector<std::byte> bytes(count);
  for (std::size_t at = 0; at < count; at += piece)
    MPI_Recv(bytes.data() + at, static_cast<int>(std::min(piece, count - at)), MPI_BYTE, from, bytes_tag,
             comm, MPI_STATUS_IGNORE);
  return bytes;
}
/// Rank 0's side: who asks gets a block, until there is none left, or something went wrong.
class Dealer {
 public:
  explicit Dealer(MPI_Comm comm) : comm_(comm), working_(size_of(comm) - 1) {}

  /// take(block, state) of every block, as they come. @throws Error what went wrong on a rank, naming it;
  /// what take throws
  template <typename Take>
  void deal(const std::vector<Index>& blocks, const Take& take) {
    std::size_t next = 0;
    while (working_ > 0) {
      const int rank = await(take);
      if (next < blocks.size())
        answer(rank, blocks[next++]);
      else
        dismiss(rank);
    }
  }
  /// Sends everybody home who still asks.
  void finish() {
    while (working_ > 0) {
      MPI_Status status;
      const Message message = receive(status);
      received_bytes(static_cast<std::size_t>(message.bytes), status.MPI_SOURCE, comm_);
      dismiss(status.MPI_SOURCE);
    }
  }

 private:
  Message receive(MPI_Status& status) const {
    Message message;
    MPI_Recv(&message, sizeof message, MPI_BYTE, MPI_ANY_SOURCE, message_tag, comm_, &status);
    return message;
  }
  /// The rank that asks for work next, once what it brought is taken.
  template <typename Take>
  int await(const Take& take) {
    MPI_Status status;
    const Message message = receive(status);
    const int rank = status.MPI_SOURCE;
    const auto bytes = received_bytes(static_cast<std::size_t>(message.bytes), rank, comm_);
    try {
      if (message.what == Brought::fault)
        throw Error(fmt::format("rank {}: {}", rank,
                                std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
      if (message.what == Brought::block) {
        const CorpusPartial partial = parse_partial(bytes);
        take(message.block, CorpusStatistics(partial.blocks.nodes().at(message.block).state));
      }
    } catch (...) {
      dismiss(rank);
      throw;
    }
    return rank;
  }
  void answer(int rank, std::int64_t block) const {
    MPI_Send(&block, 1, MPI_INT64_T, rank, block_tag, comm_);
  }
  void dismiss(int rank) {
    answer(rank, no_more);
    --working_;
  }

  MPI_Comm comm_;
  int working_;  // ranks that have not been sent home
};

/// What a rank makes of a block: its state, or why there is none.
template <typename NumbersOf>
std::pair<Brought, std::vector<std::byte>> made(Index block, const CorpusList& list,
                                                const CorpusPassOptions& options,
                                                const NumbersOf& numbers_of) {
  try {
    CorpusPartial partial{{}, options.statistics};
    pass_over_blocks(
        list, {block}, options, numbers_of, [](Index, const std::string*) {},
        [&](Index, CorpusStatistics&& state) { partial.blocks.add(block, std::move(state)); });
    return {Brought::block, partial_bytes(partial)};
  } catch (const std::exception& error) {
    const auto text = std::as_bytes(std::span(std::string_view(error.what())));
    return {Brought::fault, {text.begin(), text.end()}};
  }
}
/// The other ranks' side: asks for blocks until there are no more.
template <typename NumbersOf>
void work(const CorpusList& list, const CorpusPassOptions& options, const NumbersOf& numbers_of,
          MPI_Comm comm) {
  Message message;
  std::vector<std::byte> bytes;
  for (;;) {
    MPI_Send(&message, sizeof message, MPI_BYTE, 0, message_tag, comm);
    send_bytes(bytes, 0, comm);
    MPI_Recv(&message.block, 1, MPI_INT64_T, 0, block_tag, comm, MPI_STATUS_IGNORE);
    if (message.block == no_more) return;
    std::tie(message.what, bytes) = made(message.block, list, options, numbers_of);
    message.bytes = std::ssize(bytes);
  }
}
/// Tells of the files of a block that came from elsewhere.
template <typename ItemDone>
void report_items(const Range& items, const CorpusStatistics& state, const ItemDone& item_done) {
  for (Index item = items.first; item < items.last; ++item) {
    const std::string* fault = nullptr;
    for (const LeftOutExample& one : state.left_out())
      if (one.place == ExamplePlace{item, 0}) fault = &one.reason;
    item_done(item, fault);
  }
}

}  // namespace detail

/// attnscope::run_shard() by all ranks of a communicator, each of which calls this with the same arguments:
/// the same to the bit for any number of them. One rank alone does everything; of several, rank 0 only deals
/// out and merges, and has the result, calls item_done and writes files, in its turn; the others return an
/// empty partial. options.threads: of each rank.
///
/// An exception on one rank ends all: each finishes the block that it is at.
/// @throws Error on every rank, with the same text, which names the rank that it came from unless that is 0
template <typename NumbersOf, typename ItemDone>
CorpusPartial run_shard(const CorpusList& list, const Shard& shard, const CorpusRun& run,
                        const CorpusPassOptions& options, const NumbersOf& numbers_of,
                        const ItemDone& item_done, MPI_Comm comm = MPI_COMM_WORLD) {
  if (size_of(comm) == 1) return attnscope::run_shard(list, shard, run, options, numbers_of, item_done);
  CorpusPartial partial;
  const auto deal = [&] {
    detail::Dealer dealer(comm);
    const auto pass = [&](const std::vector<Index>& blocks, const auto& keep) {
      dealer.deal(blocks, [&](Index block, CorpusStatistics&& state) {
        detail::report_items(list.items(block), state, item_done);
        keep(block, std::move(state));
      });
    };
    try {
      partial = run_shard_by(list, shard, run, options.statistics, pass);
    } catch (...) {
      dealer.finish();
      throw;
    }
    dealer.finish();
  };
  together(comm, [&] {
    if (rank_in(comm) == 0)
      deal();
    else
      detail::work(list, options, numbers_of, comm);
  });
  return partial;
}

}  // namespace attnscope::mpi
