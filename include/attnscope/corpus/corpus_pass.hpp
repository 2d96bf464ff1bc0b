#pragma once
#include <attnscope/core/ordered_tasks.hpp>
#include <attnscope/corpus/corpus_list.hpp>
#include <attnscope/corpus/corpus_statistics.hpp>

#include <optional>

namespace attnscope {

/// How pass_over_blocks() reads.
struct CorpusPassOptions {
  CorpusOptions statistics{};  ///< of the states that it makes
  int threads = 0;             ///< 0: as many as the machine has; the result has the same bits for any number
  bool strict = false;         ///< the first file that cannot be read ends the pass
};

namespace detail {

/// What one file gave: examples, or why there are none.
struct ReadItem {
  std::vector<ExampleNumbers> examples{};
  std::optional<std::string> fault{};
};
template <typename NumbersOf>
ReadItem read_item(Index item, bool strict, const NumbersOf& numbers_of) {
  if (strict) return {numbers_of(item), {}};
  try {
    return {numbers_of(item), {}};
  } catch (const Stopped&) {
    throw;
  } catch (const Error& error) {
    return {{}, error.what()};
  }
}
/// Adds an example, or leaves it out where that cannot be.
inline void add_example(ExampleNumbers example, bool strict, CorpusStatistics& to) {
  try {
    to.add(example);
  } catch (const Error& error) {
    if (strict) throw;
    to.leave_out({example.place, std::move(example.name), error.what()});
  }
}

}  // namespace detail

/// Makes the states of some blocks, one block after the other, its files in parallel.
///
/// numbers_of(item): the examples of a file, called from any thread; what it throws but Stopped leaves the
/// file out, with the message, unless the pass is strict. item_done(item, fault): told of each file in list
/// order, one call at a time, fault being null or why it is left out; keep(block, state): what is known of
/// each block. If a thread ends by an exception, it is rethrown; blocks that were kept stay so. Memory: a
/// state, and the numbers of at most 4 files a thread.
template <typename NumbersOf, typename ItemDone, typename Keep>
void pass_over_blocks(const CorpusList& list, const std::vector<Index>& blocks,
                      const CorpusPassOptions& options, const NumbersOf& numbers_of,
                      const ItemDone& item_done, const Keep& keep) {
  std::vector<Index> items;
  for (const Index block : blocks)
    for (Index item = list.items(block).first; item < list.items(block).last; ++item) items.push_back(item);
  const auto count = static_cast<Index>(items.size());
  CorpusStatistics state(options.statistics);
  const auto work = [&] {
    return [&](Index task) {
      return detail::read_item(items[static_cast<std::size_t>(task)], options.strict, numbers_of);
    };
  };
  const auto add = [&](Index task, detail::ReadItem&& read) {
    const Index item = items[static_cast<std::size_t>(task)], block = item / list.block_size;
    for (ExampleNumbers& example : read.examples)
      detail::add_example(std::move(example), options.strict, state);
    if (read.fault) state.leave_out({{item, 0}, list.names[static_cast<std::size_t>(item)], *read.fault});
    item_done(item, read.fault ? &*read.fault : nullptr);
    if (item + 1 == list.items(block).last)
      keep(block, std::exchange(state, CorpusStatistics(options.statistics)));
  };
  detail::ordered_tasks(count, detail::thread_count(options.threads, count), work, add);
}

}  // namespace attnscope
