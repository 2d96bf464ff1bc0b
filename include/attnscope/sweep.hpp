#pragma once
#include <attnscope/core/looks_at.hpp>
#include <attnscope/core/ordered_tasks.hpp>
#include <attnscope/core/states.hpp>
#include <attnscope/core/vector_math.hpp>
#include <attnscope/source/aligned.hpp>
#include <attnscope/source/stored.hpp>

#include <functional>
#include <tuple>

namespace attnscope {

/// A measure is an accumulator, a regular value: copy it, keep it, sweep more examples with it. It has
/// - `look(const HeadRows<Weight>&)`: the rows of one head at a time, in query order (most measures);
/// - or `look(const RowSummaries<Weight>&)`: the same rows by what one pass tells of each, which all such
///   measures share, by single weights and by column sums. Where all measures of a sweep do, a source that
///   computes its weights is at its fastest;
/// - or `look(const Block<Weight>&)`: all heads at once (whatever compares heads);
/// - or HeadRows or Block with several arguments: those of aligned sources;
/// - or `look(const RowProducts<Weight, Companion>&)`: the products of the rows of two of them;
/// - `merge(M&& later)`: joins what an equal measure saw of LATER rows or examples;
/// - `empty()`: the neutral element of merge, with the same options;
/// - `result()`: a named struct of plain Eigen matrices.
template <typename M>
concept Measure = std::copyable<M> && requires(M& measure, const M& same, M&& later) {
  { same.empty() } -> std::same_as<M>;
  measure.merge(std::move(later));
  same.result();
};

/// What a sweep asks of every row before it shows it.
enum class RowCheck {
  distribution,  ///< finite, not negative, sum at most 1 (less is a dropped sink); aligned companions: finite
  finite,        ///< finite numbers, such as gradients on their own
  none,          ///< nothing
};

/// How a sweep goes about it: the last argument of everything that sweeps.
struct SweepOptions {
  int threads = 0;  ///< 0: as many as the machine has; the result does not depend on it
  RowCheck check = RowCheck::distribution;  ///< what is asked of every row
  double row_sum_tolerance = 2e-2;  ///< a row may sum to 1 + this: bfloat16 does, logits and dropout do not
  /// Called one at a time with the rows done so far and in all, on whichever thread; false stops the sweep
  /// (Stopped).
  std::function<bool(Index done, Index total)> progress{};
};

namespace detail {

/// One block fits the second-level cache beside the measures' states.
inline constexpr Index block_bytes = Index{1} << 19;
/// One piece, the rows of one head that all measures see in turn, fits the first-level cache, or nearly.
inline constexpr Index piece_bytes = Index{64} << 10;
/// The most rows of a piece. Measures that look at no rows, but at what one pass tells of them, have as many.
inline constexpr Index piece_rows = 64;
/// Heads are read one after the other where a task has so much of each: at its end nothing is fetched ahead.
inline constexpr Index head_bytes = Index{256} << 10;
/// A task this long pays for its own states: zeroing, page faults, merging.
inline constexpr Index task_rows = 256;
/// Rows of one head that a source summarises at a time, where not 16 or more: their weights fit the
/// second-level cache.
inline constexpr Index summary_bytes = Index{256} << 10;
/// Less work than this is done before a second thread has started.
inline constexpr Index serial_bytes = Index{1} << 20;

struct Task {
  Index example;
  Range queries;
};

/// The partition depends on the layout alone, so the result does not depend on the threads. At most some 64
/// tasks a run of shown queries; every example has one, even without rows.
inline std::vector<Task> tasks_of(const Layout& layout) {
  std::vector<Task> tasks;
  for (Index b = 0; b < layout.shape().batch; ++b)
    for (const Range& run : layout.shown_queries(b)) {
      const Index step = std::max(task_rows, run.size() / 64);
      Index first = run.first;
      do {
        tasks.push_back({b, {first, std::min(run.last, first + step)}});
        first += step;
      } while (first < run.last);
    }
  return tasks;
}

inline std::string place(const HeadPlace& rows, Index r) {
  return fmt::format("batch element {}, head {}, query {}", rows.example(), rows.head(), rows.query(r));
}

/// @throws ValueError the first row that is not what `check` asks for
template <typename Weight>
void check_rows(const RowSummaries<Weight>& rows, RowCheck check, double tolerance) {
  if (check == RowCheck::none) return;
  const bool distribution = check == RowCheck::distribution;
  for (Index r = 0; r < rows.size(); ++r) {
    const RowSummary& row = rows[r];
    if (std::isfinite(row.sum) && (!distribution || (row.sum <= 1 + tolerance && row.smallest >= 0)))
      continue;
    for (Index key = rows.keys().first; key < rows.keys().last; ++key) {
      const double weight = rows.weight(r, key);
      require<ValueError>(std::isfinite(weight), "{}, key {}: the weight is {}", place(rows, r), key, weight);
      require<ValueError>(!distribution || weight >= 0, "{}, key {}: the weight {} is negative",
                          place(rows, r), key, weight);
    }
    require<ValueError>(false, "{}: the weights sum to {}, more than 1 (logits, or dropout in training?)",
                        place(rows, r), row.sum);
  }
}

template <typename Weight>
void check_rows(const HeadRows<Weight>& rows, RowCheck check, double tolerance) {
  if (check == RowCheck::none) return;
  check_rows(Summariser<Weight>().of(rows, sums_alone), check, tolerance);
}

/// One block in pieces, head by head: `show(head, part)`.
template <typename Weight, typename Show>
void in_pieces(const Block<Weight>& block, Index piece, const Show& show) {
  for (Index h = block.which_heads().first; h < block.which_heads().last; ++h) {
    Index first = 0;
    do {
      show(h, Range{first, std::min(first + piece, block.size())});
      first += piece;
    } while (first < block.size());
  }
}
/// What is looked at after this piece of a block.
template <typename Weight>
HeadRows<Weight> next_piece(const Block<Weight>& block, Index h, Range part) {
  const bool ends = part.last == block.size();
  const Index first = ends ? 0 : part.last, head = ends && h + 1 < block.which_heads().last ? h + 1 : h;
  return block.head(head, {first, std::min(first + part.size(), block.size())});
}

template <typename Weight>
void check_companion(const RowSummaries<Weight>& rows, RowCheck check) {
  in_context("beside the attention", [&] { check_rows(rows, std::max(check, RowCheck::finite), 0); });
}
template <typename Weight>
void check_companion(Summariser<Weight>& summariser, const Block<Weight>& block, Index h, Range part,
                     RowCheck check) {
  if (h >= block.which_heads().last) return;
  check_companion(summariser.of(block.head(h, part), sums_alone, next_piece(block, h, part)), check);
}

/// The products of a piece with its companion's, both checked.
template <typename First, typename Companion>
RowProducts<First, Companion> checked_products(Multiplier<First, Companion>& multiplier,
                                               const SweepOptions& options, const Block<First>& block,
                                               const Block<Companion>& beside, Index h, Range part) {
  const HeadRows<First> rows = block.head(h, part);
  const HeadRows<Companion> companion = beside.head(h, part);
  const RowProducts<First, Companion> products =
      multiplier.of(rows, next_piece(block, h, part), companion, next_piece(beside, h, part));
  check_rows(multiplier.sums(rows), options.check, options.row_sum_tolerance);
  check_companion(multiplier.companion_sums(companion), options.check);
  return products;
}

/// What one thread keeps from block to block.
template <typename First, typename... Rest>
struct BlockBuffers {
  Summariser<First> summariser{};
  PackedHeads<First> packed{};
  std::tuple<Summariser<Rest>...> companions{};
  std::tuple<Multiplier<First, Rest>...> multipliers{};
};

/// One block past all measures: head by head in pieces, then across heads while the block is still in cache.
/// summaries: [head x row] where the source knows them; else null.
template <typename... Measures, typename First, typename... Rest>
void show_block(std::tuple<Measures...>& measures, const SweepOptions& options,
                BlockBuffers<First, Rest...>& buffers, const RowSummary* summaries, const Block<First>& block,
                const Block<Rest>&... rest) {
  const auto show_all = [&](const auto&... seen) {
    std::apply([&](Measures&... each) { (show(each, seen...), ...); }, measures);
  };
  const auto check_companions = [&](Index h, Range part) {
    std::apply([&](auto&... of) { (check_companion(of, rest, h, part, options.check), ...); },
               buffers.companions);
  };

  constexpr bool looks_at_rows = (LooksAtRows<Measures, First, Rest...> || ...);
  const Index row_bytes = std::max<Index>(1, block.keys() * static_cast<Index>(sizeof(First)));
  const Index piece = looks_at_rows ? std::clamp<Index>(piece_bytes / row_bytes, 4, piece_rows) : piece_rows;
  // Comparing heads reads each row several times: where these come from memory, that is faster from a copy,
  // which the summaries' pass makes on the way.
  constexpr bool packs = std::same_as<First, float> && (ComparesHeads<Measures, First, Rest...> || ...);
  const Shape& shape = block.layout().shape();
  const bool copies = packs && !summaries && shape.queries * shape.keys * Index{sizeof(First)} > head_bytes;
  if (copies) buffers.packed.open(block.heads(), block.size() * block.keys(), block.head(0).row(0).data());
  constexpr bool multiplies = (looks_at_products<Measures, First, Rest...> || ...);
  constexpr bool looks_at_summaries = (LooksAt<Measures, RowSummaries<First>> || ...);
  in_pieces(block, piece, [&](Index h, Range part) {
    const HeadRows<First> rows = block.head(h, part);
    if constexpr (looks_at_summaries || packs || !multiplies) {
      constexpr SummaryParts parts = (sums_alone | ... | parts_for<Measures, First>());
      const RowSummaries<First> known =
          summaries
              ? buffers.summariser.with(rows, summaries + h * block.size() + part.first)
              : buffers.summariser.of(rows, parts, next_piece(block, h, part),
                                      copies ? buffers.packed.head(h) + part.first * block.keys() : nullptr);
      check_rows(known, options.check, options.row_sum_tolerance);
      show_all(known);
    }
    if constexpr (multiplies)  // a pass that tells the rows' sums as well
      (show_all(checked_products(std::get<0>(buffers.multipliers), options, block, rest, h, part)), ...);
    else
      check_companions(h, part);
    if constexpr ((PairsHeads<Measures, First, Rest...> || ...))
      show_all(rows, rest.head(h, part)...);
    else
      show_all(rows);
  });
  // Companions may have more heads, where no measure pairs them.
  for (Index h = block.which_heads().last; h < std::max({Index{0}, rest.which_heads().last...}); ++h)
    check_companions(h, {0, block.size()});
  if (copies)
    show_all(Block<First>(buffers.packed.head(0), buffers.packed.stride(), block.keys(), block.example(),
                          block.queries(), block.keys(), block.layout()),
             rest...);
  else
    show_all(block, rest...);
}

/// Rows of one block: heads x rows x keys is half a MiB in all sources together, so that every measure after
/// the first finds it in cache.
inline Index rows_in_block(const Shape& shape, std::size_t weight_bytes) {
  const Index row_bytes = std::max<Index>(1, shape.heads * shape.keys * static_cast<Index>(weight_bytes));
  return std::clamp<Index>(block_bytes / row_bytes, 8, task_rows);
}

/// What one thread reads tasks with, and its buffers.
template <typename First, typename... Rest>
class TaskReader {
 public:
  using Weight = typename First::Weight;
  explicit TaskReader(const std::tuple<First, Rest...>& sources)
      : readers_(std::apply([](const auto&... source) { return std::tuple(source.reader()...); }, sources)) {
    if constexpr (can_read_heads)
      reads_heads_ =
          std::apply(
              [](const First& first, const Rest&... rest) {
                return ((rest.layout().shape().heads == first.layout().shape().heads) && ...);
              },
              sources) &&
          std::apply([](const auto&... reader) { return (reader.reads_heads() && ...); }, readers_);
  }

  /// One task past all measures.
  template <typename... Measures>
  void show(const Task& task, const Layout& layout, const SweepOptions& options,
            std::tuple<Measures...>& measures) {
    const Shape& shape = layout.shape();
    if constexpr (can_summarise) {
      if (std::get<0>(readers_).summarises()) {
        if constexpr ((NeedsSummariesAlone<Measures, Weight> && ...))
          return show_summaries(task, shape, options, measures);
        else
          return in_parts(task, rows_in_block(shape, bytes), [&](Range part) {
            const Block<Weight> block = std::get<0>(readers_).read(task.example, part, summaries_);
            show_block(measures, options, buffers_, summaries_.data(), block);
          });
      }
    }
    if constexpr (can_read_heads && !(ComparesHeads<Measures, Weight, typename Rest::Weight...> || ...))
      if (reads_heads_ && task.queries.size() * shape.keys * static_cast<Index>(bytes) >= head_bytes) {
        const Shape one{shape.batch, 1, shape.queries, shape.keys};
        for (Index h = 0; h < shape.heads; ++h)
          show_blocks(task, rows_in_block(one, bytes), options, measures, [&](auto& reader, Range part) {
            return reader.read(task.example, part, Range{h, h + 1});
          });
        return;
      }
    show_blocks(task, rows_in_block(shape, bytes), options, measures,
                [&](auto& reader, Range part) { return reader.read(task.example, part); });
  }

 private:
  template <typename Source>
  using ReaderOf = decltype(std::declval<const Source&>().reader());
  static constexpr bool can_summarise = SummarisingReader<ReaderOf<First>, Weight> && sizeof...(Rest) == 0;
  static constexpr bool can_read_heads =
      (HeadReader<ReaderOf<First>, Weight> && ... && HeadReader<ReaderOf<Rest>, typename Rest::Weight>);
  static constexpr std::size_t bytes = (sizeof(Weight) + ... + sizeof(typename Rest::Weight));

  /// At least once, maybe with an empty part.
  template <typename Show>
  static void in_parts(const Task& task, Index rows, const Show& show) {
    Range part{task.queries.first, task.queries.first};
    do {
      part = {part.last, std::min(task.queries.last, part.last + rows)};
      show(part);
    } while (part.last < task.queries.last);
  }
  /// read(reader, queries): the block of one source.
  template <typename... Measures, typename Read>
  void show_blocks(const Task& task, Index rows, const SweepOptions& options,
                   std::tuple<Measures...>& measures, const Read& read) {
    in_parts(task, rows, [&](Range part) {
      std::apply(
          [&](auto&... reader) { show_block(measures, options, buffers_, nullptr, read(reader, part)...); },
          readers_);
    });
  }
  /// Head after head, so that the keys of one head stay in cache.
  template <typename... Measures>
  void show_summaries(const Task& task, const Shape& shape, const SweepOptions& options,
                      std::tuple<Measures...>& measures) {
    constexpr SummaryParts parts = (sums_alone | ... | parts_for<Measures, Weight>());
    const Index row_bytes = std::max<Index>(1, shape.keys * static_cast<Index>(sizeof(Weight)));
    for (Index h = 0; h < shape.heads; ++h)
      in_parts(task, std::clamp<Index>(summary_bytes / row_bytes, 16, piece_rows), [&](Range part) {
        const RowSummaries<Weight> rows = std::get<0>(readers_).summarise(task.example, h, part, parts);
        check_rows(rows, options.check, options.row_sum_tolerance);
        std::apply([&](Measures&... each) { (each.look(rows), ...); }, measures);
      });
  }

  std::tuple<ReaderOf<First>, ReaderOf<Rest>...> readers_;
  bool reads_heads_ = false;
  BlockBuffers<Weight, typename Rest::Weight...> buffers_;
  std::vector<RowSummary> summaries_;
};

inline int threads_for(const SweepOptions& options, const Layout& layout, Index tasks) {
  const Shape& s = layout.shape();
  if (s.batch * s.heads * s.queries * s.keys * static_cast<Index>(sizeof(float)) < serial_bytes) return 1;
  return thread_count(options.threads, tasks);
}

template <typename... Measures>
void merge_each(std::tuple<Measures...>& states, std::tuple<Measures...>&& later) {
  const auto merge = [&]<std::size_t... I>(std::index_sequence<I...>) {
    (std::get<I>(states).merge(std::move(std::get<I>(later))), ...);
  };
  merge(std::index_sequence_for<Measures...>{});
}

}  // namespace detail

/// Shows every true row of the aligned sources to every measure, in parallel, reading the weights once.
/// Measures keep what they knew before, so a corpus is the same measures swept over many examples. Bitwise
/// the same result for any number of threads. If anything throws, no measure has changed.
/// @throws ValueError a row that is not what options.check asks for, naming batch element, head, query, key
/// and weight
/// @throws ShapeError other heads than the measures saw before, or than the companions have
/// @throws Stopped options.progress said so; and whatever a source, measure or callback throws, from any
/// thread
template <typename First, typename... Companions, Measure... Measures>
void sweep(const Aligned<First, Companions...>& attention, const SweepOptions& options,
           Measures&... measures) {
  using Weight = typename First::Weight;
  static_assert((detail::Sees<Measures, Weight, typename Companions::Weight...> && ...),
                "a measure looks at more sources, or other ones, than are swept");
  const Layout& layout = attention.layout();
  if constexpr ((detail::PairsHeads<Measures, Weight, typename Companions::Weight...> || ...))
    std::apply(
        [&](const auto&... source) {
          (require<ShapeError>(source.layout().shape().heads == layout.shape().heads,
                               "{} heads beside {}: a measure pairs them", source.layout().shape().heads,
                               layout.shape().heads),
           ...);
        },
        attention.sources());

  const std::vector<detail::Task> tasks = detail::tasks_of(layout);
  const std::tuple<Measures...> empty{measures.empty()...};
  std::tuple<Measures...> total = empty;
  Index rows = 0, done = 0;
  for (const detail::Task& task : tasks) rows += task.queries.size();

  const auto work = [&] {
    return [&, reader = detail::TaskReader(attention.sources())](Index index) mutable {
      std::tuple<Measures...> states = empty;
      reader.show(tasks[static_cast<std::size_t>(index)], layout, options, states);
      return states;
    };
  };
  const auto keep = [&](Index index, std::tuple<Measures...>&& states) {
    detail::merge_each(total, std::move(states));
    done += tasks[static_cast<std::size_t>(index)].queries.size();
    if (options.progress && !options.progress(done, rows)) throw Stopped();
  };
  const auto count = static_cast<Index>(tasks.size());
  detail::ordered_tasks(count, detail::threads_for(options, layout, count), work, keep);

  std::tuple<Measures...> changed{measures...};
  detail::merge_each(changed, std::move(total));
  std::tie(measures...) = std::move(changed);
}
/// The same of any attention.
template <Attention A, typename... Measures>
void sweep(const A& attention, const SweepOptions& options, Measures&... measures) {
  sweep(aligned(attention), options, measures...);
}
/// The same with the usual options.
template <typename A, Measure... Measures>
void sweep(const A& attention, Measures&... measures) {
  sweep(attention, SweepOptions{}, measures...);
}

/// Sweeps one measure and gives its result: what every free function is made of.
template <Measure M, typename A>
auto measured(M measure, const A& attention, const SweepOptions& options) {
  sweep(attention, options, measure);
  return measure.result();
}

/// Any measure, kept apart for every example and pooled on demand: one pass gives both.
template <Measure M>
class EachExample {
 public:
  static constexpr SummaryParts summary_parts = detail::declared_parts<M>();

  /// measure: one that has seen nothing
  explicit EachExample(M measure) : empty_(std::move(measure)) {}
  EachExample empty() const { return EachExample(empty_); }

  /// Whatever the measure looks at.
  template <typename... Seen>
  requires detail::LooksAt<M, Seen...>
  void look(const Seen&... seen) {
    examples_.at(std::get<0>(std::tie(seen...)), [&] { return empty_; }).look(seen...);
  }
  void merge(EachExample&& later) { examples_.merge(std::move(later.examples_)); }

  /// [example] the results, in the order they were swept.
  auto result() const {
    std::vector<decltype(empty_.result())> results;
    for (const M& example : examples_.parts()) results.push_back(example.result());
    return results;
  }
  /// The result over all examples together.
  auto pooled() const {
    M all = empty_;
    for (M example : examples_.parts()) all.merge(std::move(example));
    return all.result();
  }

 private:
  M empty_;
  PerExample<M> examples_;
};

}  // namespace attnscope
