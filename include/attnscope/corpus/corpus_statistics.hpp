#pragma once
#include <attnscope/corpus/category_statistics.hpp>
#include <attnscope/corpus/number_statistics.hpp>

#include <set>
#include <utility>

namespace attnscope {

/// The bootstrap of CorpusStatistics.
struct CorpusOptions {
  Index replicates = 200;  ///< of the bootstrap; 0: no intervals
  std::uint64_t seed = 0;  ///< of the bootstrap
  bool operator==(const CorpusOptions&) const = default;
};

namespace detail {

/// unlike: what NumberStatistics or CategoryStatistics say. @throws ShapeError naming the table: it says
/// anything
inline void require_alike(const TableName& name, const std::string& unlike) {
  require<ShapeError>(unlike.empty(), "{}: cannot pool unlike tables: {}", name.text(), unlike);
}

}  // namespace detail

/// What is kept of the examples of one length bucket, or of all.
struct BucketStatistics {
  Index examples = 0;                                    ///< how many there are
  Index tokens = 0;                                      ///< true ones, of all of them
  std::map<TableName, NumberStatistics> numbers{};       ///< by what they are of
  std::map<TableName, CategoryStatistics> categories{};  ///< by what they are of

  /// later: of later examples. @throws ShapeError naming the table: another shape, other bins
  void merge(const BucketStatistics& later) {
    const auto pool = [](auto& mine, const auto& theirs) {
      for (const auto& [name, other] : theirs)
        if (const auto [found, is_new] = mine.try_emplace(name, other); !is_new) found->second.merge(other);
    };
    later.check_alike(*this);
    pool(numbers, later.numbers);
    pool(categories, later.categories);
    examples += later.examples;
    tokens += later.tokens;
  }
  /// Asks that tables of one name can be pooled. @throws ShapeError naming the table: it is not as in
  /// `before`
  void check_alike(const BucketStatistics& before) const {
    for (const auto& [name, one] : numbers)
      if (const auto found = before.numbers.find(name); found != before.numbers.end())
        detail::require_alike(name, found->second.unlike(one.layers(), one.heads(), one.bins()));
    for (const auto& [name, one] : categories)
      if (const auto found = before.categories.find(name); found != before.categories.end())
        detail::require_alike(name, found->second.unlike(one.layers(), one.heads()));
  }
};

/// A file or example that could not be read, and so counts for nothing.
struct LeftOutExample {
  ExamplePlace place;  ///< element 0 of a file
  std::string name;    ///< by which it is shown
  std::string reason;  ///< the message of the error
  bool operator==(const LeftOutExample&) const = default;
};

/// The state of a corpus: what is known of any number of examples, by length bucket. The empty one is
/// neutral, and merging is associative: in counts, histograms, extremes, categories and the weights of
/// replicates to the bit, in means and sums up to rounding. The same merges of the same parts give the same
/// bits (BlockTree sees to that).
///
/// By length bucket because numbers of unlike lengths are not comparable: entropy grows with the keys there
/// are. Cost of an example: replicates + some operations a number; memory: NumberStatistics says.
class CorpusStatistics {
 public:
  /// The empty one.
  explicit CorpusStatistics(CorpusOptions options = {}) : options_(options) {}

  /// Those it was made with.
  const CorpusOptions& options() const { return options_; }
  /// Whether nothing is known of any example, not even that it was left out.
  bool empty() const { return buckets_.empty() && left_out_.empty(); }

  /// Examples come in list order. All or nothing.
  /// @throws ShapeError a table unlike the one of the same name before, tables of no shape; ValueError a
  /// number that is infinite; both name example and table
  void add(const ExampleNumbers& example) {
    in_context(example.name, [&] { check(example); });
    BucketStatistics& bucket = buckets_[length_bucket(example.tokens)];
    const Eigen::VectorXd weights = poisson_weights(options_.replicates, options_.seed, example.place);
    for (const NumberTable& table : example.numbers)
      bucket.numbers
          .try_emplace(table.name, table.bins, table.values.rows(), table.values.cols(), options_.replicates)
          .first->second.add(table.values, key_of(example.place), weights);
    for (const CategoryTable& table : example.categories)
      bucket.categories.try_emplace(table.name, layers_of(table), table.heads, options_.replicates)
          .first->second.add(table.categories, weights);
    ++bucket.examples;
    bucket.tokens += example.tokens;
    names_[key_of(example.place)] = example.name;
  }
  /// An example that is missing, and why.
  void leave_out(LeftOutExample example) { left_out_.push_back(std::move(example)); }

  /// later: of examples that come later in the list.
  /// @throws ValueError other options; ShapeError a table of unlike shape or bins, naming it
  void merge(CorpusStatistics&& later) {
    if (later.empty()) return;
    if (empty()) {
      *this = std::move(later);
      return;
    }
    require<ValueError>(options_ == later.options_, "cannot pool {} replicates of seed {} with {} of seed {}",
                        options_.replicates, options_.seed, later.options_.replicates, later.options_.seed);
    for (const auto& [length, theirs] : later.buckets_)
      for (const auto& [other, mine] : buckets_) theirs.check_alike(mine);
    for (auto& [length, theirs] : later.buckets_)
      if (const auto [found, is_new] = buckets_.try_emplace(length, std::move(theirs)); !is_new)
        found->second.merge(theirs);
    for (LeftOutExample& example : later.left_out_) leave_out(std::move(example));
    names_.merge(later.names_);
    names_ = names();
  }

  /// By length bucket (length_bucket()), ascending.
  const std::map<Index, BucketStatistics>& buckets() const { return buckets_; }
  /// All buckets, merged in ascending order.
  BucketStatistics total() const {
    BucketStatistics all;
    for (const auto& [length, bucket] : buckets_) all.merge(bucket);
    return all;
  }
  /// In list order.
  const std::vector<LeftOutExample>& left_out() const { return left_out_; }
  /// The example of an extreme: of what smallest_at() and largest_at() give. @throws ValueError it is none
  const std::string& name_of(std::uint64_t place) const {
    const auto found = names_.find(place);
    require<ValueError>(found != names_.end(), "no example at place {} is an extreme", place);
    return found->second;
  }
  /// The names of all extremes by place.
  std::map<std::uint64_t, std::string> names() const {
    std::map<std::uint64_t, std::string> kept;
    each_extreme([&](std::uint64_t place) { kept.try_emplace(place, name_of(place)); });
    return kept;
  }

  /// What was stored of a state: its parts, put together again. @throws ValueError an extreme without a name
  static CorpusStatistics of_parts(CorpusOptions options, std::map<Index, BucketStatistics> buckets,
                                   std::vector<LeftOutExample> left_out,
                                   std::map<std::uint64_t, std::string> names) {
    CorpusStatistics all(options);
    all.buckets_ = std::move(buckets);
    all.left_out_ = std::move(left_out);
    all.names_ = std::move(names);
    all.names_ = all.names();
    return all;
  }

 private:
  static Index layers_of(const CategoryTable& table) {
    return table.heads == 0 ? 0 : static_cast<Index>(table.categories.size()) / table.heads;
  }
  static std::uint64_t key_of(ExamplePlace place) {
    return static_cast<std::uint64_t>(place.item) << 24 | static_cast<std::uint64_t>(place.element);
  }
  void check(const ExampleNumbers& example) const {
    const auto before = [&](const TableName& name, const auto& unlike) {
      for (const auto& [length, bucket] : buckets_) detail::require_alike(name, unlike(bucket));
    };
    require<ShapeError>(
        example.place.item >= 0 && example.place.element >= 0 && example.place.element < Index{1} << 24,
        "there is no place {}, {} in a list", example.place.item, example.place.element);
    std::set<TableName> seen;
    const auto once = [&](const TableName& name) {
      require<ShapeError>(seen.insert(name).second, "{} stands twice", name.text());
    };
    for (const NumberTable& table : example.numbers) {
      once(table.name);
      const Index layers = table.values.rows(), heads = table.values.cols();
      require<ShapeError>(layers > 0 && heads > 0, "{}: [{} x {}] is no table", table.name.text(), layers,
                          heads);
      check_finite(table);
      before(table.name, [&](const BucketStatistics& bucket) {
        const auto found = bucket.numbers.find(table.name);
        return found == bucket.numbers.end() ? "" : found->second.unlike(layers, heads, table.bins);
      });
    }
    for (const CategoryTable& table : example.categories) {
      once(table.name);
      const Index layers = layers_of(table);
      require<ShapeError>(layers > 0 && layers * table.heads == static_cast<Index>(table.categories.size()),
                          "{}: {} categories for {} heads a layer", table.name.text(),
                          table.categories.size(), table.heads);
      before(table.name, [&](const BucketStatistics& bucket) {
        const auto found = bucket.categories.find(table.name);
        return found == bucket.categories.end() ? "" : found->second.unlike(layers, table.heads);
      });
    }
  }
  static void check_finite(const NumberTable& table) {
    for (Index l = 0; l < table.values.rows(); ++l)
      for (Index h = 0; h < table.values.cols(); ++h)
        require<ValueError>(!std::isinf(table.values(l, h)), "{}: layer {}, head {} is {}", table.name.text(),
                            l, h, table.values(l, h));
  }
  template <typename Visit>
  void each_extreme(const Visit& visit) const {
    for (const auto& [length, bucket] : buckets_)
      for (const auto& [name, numbers] : bucket.numbers) numbers.each_extreme(visit);
  }

  CorpusOptions options_;
  std::map<Index, BucketStatistics> buckets_;
  std::vector<LeftOutExample> left_out_;
  std::map<std::uint64_t, std::string> names_;  // of extremes, and of some that were
};

}  // namespace attnscope
