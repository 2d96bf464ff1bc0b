#pragma once
#include <attnscope/core/similarity_tally.hpp>
#include <attnscope/core/token_facts.hpp>

namespace attnscope::detail {

/// A dependency relation, in one direction.
struct Relation {
  std::string name;  ///< "": any
  bool to_head;      ///< from a dependent to its head; else from a head to any of its dependents
  auto operator<=>(const Relation&) const = default;
};

/// Where heads look, counted for every kind of pattern at once. Queries that see fewer than two keys are left
/// out: their pattern is forced.
class PatternTallies {
 public:
  /// self_attention: false: queries are no keys, so offsets and what is known of a query mean nothing.
  PatternTallies(Index max_offset, bool self_attention)
      : max_offset_(max_offset),
        self_attention_(self_attention),
        offsets_(static_cast<std::size_t>(2 * max_offset + 1)) {}

  /// known: of the example that the block is of
  template <typename Weight>
  void look(const Block<Weight>& block, const KnownTokens& known) {
    if (entropies_.size() == 0) entropies_.setZero(block.heads());
    const Index tokens = block.layout().keys(block.example());
    const Eigen::MatrixXd similarity = similarity_of(block, known);
    for (Index r = 0; r < block.size(); ++r) {
      const SeenRow<Weight> row(block, r);
      if (row.visible() < 2) continue;
      const std::vector<Index> largest = row.largest();
      ++queries_;
      add_entropy(row);
      add_keys(row, known, largest);
      if (!self_attention_) continue;
      add_offsets(row, largest);
      if (row.own() < 0 || row.own() >= tokens) continue;
      add_copies(row, known, largest);
      if (known.special(row.own())) continue;
      add_syntax(row, known);
      if (similarity.size() > 0) add_similarity(row, known, similarity.row(r), tokens);
    }
  }
  /// @throws ShapeError other heads
  void merge(PatternTallies&& later) {
    queries_ += later.queries_;
    add_to(entropies_, later.entropies_);
    for (std::size_t k = 0; k < offsets_.size(); ++k) offsets_[k].merge(later.offsets_[k]);
    first_.merge(later.first_);
    delimiters_.merge(later.delimiters_);
    rarest_.merge(later.rarest_);
    copies_.merge(later.copies_);
    after_copies_.merge(later.after_copies_);
    for (const auto& [relation, contest] : later.relations_) relations_[relation].merge(contest);
    similarity_.merge(std::move(later.similarity_));
  }

  Index heads() const { return entropies_.size(); }
  Index queries() const { return queries_; }  ///< that see two keys or more
  /// 0..1, the mean of entropy / log(visible keys).
  double normalized_entropy(Index head) const { return entropies_(head) / static_cast<double>(queries_); }
  const TargetTally& offset(Index k) const { return offsets_[static_cast<std::size_t>(max_offset_ + k)]; }
  const TargetTally& first() const { return first_; }
  const TargetTally& delimiters() const { return delimiters_; }
  const TargetTally& rarest() const { return rarest_; }  ///< the visible words of the least frequency
  const TargetTally& copies() const { return copies_; }  ///< earlier copies of the query's token
  const TargetTally& after_copies() const { return after_copies_; }  ///< the tokens that followed those
  const std::map<Relation, OffsetContest>& relations() const { return relations_; }
  const SimilarityTally& similarity() const { return similarity_; }

 private:
  /// [row x key] the cosines between the queries' tokens and the keys'; empty where embeddings are not known.
  template <typename Weight>
  static Eigen::MatrixXd similarity_of(const Block<Weight>& block, const KnownTokens& known) {
    const Eigen::MatrixXd& directions = known.directions();
    if (directions.size() == 0 || block.size() == 0) return {};
    const Index own = block.layout().position(block.example(), block.query(0));
    const Index first = std::clamp<Index>(own, 0, directions.rows());
    const Index last = std::clamp<Index>(own + block.size(), first, directions.rows());
    Eigen::MatrixXd similarity = Eigen::MatrixXd::Zero(block.size(), block.keys());
    if (first < last)
      similarity.middleRows(first - own, last - first) =
          directions.middleRows(first, last - first) * directions.topRows(block.keys()).transpose();
    return similarity;
  }

  template <typename Weight>
  void add_entropy(const SeenRow<Weight>& row) {
    const double most = std::log(static_cast<double>(row.visible()));
    for (Index h = 0; h < row.heads(); ++h) entropies_(h) += vector_math::entropy(row.head(h)) / most;
  }
  /// What keys alone decide.
  template <typename Weight>
  void add_keys(const SeenRow<Weight>& row, const KnownTokens& known, const std::vector<Index>& largest) {
    first_.add(row, std::array<Index, 1>{0}, largest);
    delimiters_.add(row, known.delimiters(), largest);
    if (!known.frequencies().empty()) rarest_.add(row, rarest_words(row, known), largest);
  }
  template <typename Weight>
  static std::vector<Index> rarest_words(const SeenRow<Weight>& row, const KnownTokens& known) {
    const auto frequency = [&](Index key) { return known.frequencies()[static_cast<std::size_t>(key)]; };
    std::vector<Index> rarest;
    for (Index key = row.range().first; key < row.range().last; ++key) {
      if (known.special(key) || !row.sees(key)) continue;
      if (!rarest.empty() && frequency(key) > frequency(rarest.front())) continue;
      if (!rarest.empty() && frequency(key) < frequency(rarest.front())) rarest.clear();
      rarest.push_back(key);
    }
    return rarest;
  }
  template <typename Weight>
  void add_offsets(const SeenRow<Weight>& row, const std::vector<Index>& largest) {
    for (std::size_t k = 0; k < offsets_.size(); ++k)
      offsets_[k].add(row, std::array<Index, 1>{row.own() + static_cast<Index>(k) - max_offset_}, largest);
  }
  template <typename Weight>
  void add_copies(const SeenRow<Weight>& row, const KnownTokens& known, const std::vector<Index>& largest) {
    if (!known.knows_copies()) return;
    std::vector<Index> copies, after;
    for (Index copy = known.earlier_copy(row.own()); copy >= 0; copy = known.earlier_copy(copy)) {
      copies.push_back(copy);
      after.push_back(copy + 1);
    }
    copies_.add(row, copies, largest);
    after_copies_.add(row, after, largest);
  }
  template <typename Weight>
  void add_syntax(const SeenRow<Weight>& row, const KnownTokens& known) {
    if (!known.knows_syntax()) return;
    std::map<Relation, std::vector<Index>> targets;
    const auto add = [&](const std::string& relation, bool to_head, Index target) {
      if (!row.sees(target) || known.special(target)) return;
      targets[{"", to_head}].push_back(target);
      if (!relation.empty()) targets[{relation, to_head}].push_back(target);
    };
    add(known.relation(row.own()), true, known.dependency_head(row.own()));
    for (const Index dependent : known.dependents(row.own()))
      add(known.relation(dependent), false, dependent);
    if (targets.empty()) return;
    std::vector<Index> others = known.special();
    others.push_back(row.own());
    const std::vector<Index> largest = row.largest_without(others);
    for (const auto& [relation, keys] : targets) relations_[relation].add(row, keys, largest, max_offset_);
  }
  template <typename Weight>
  void add_similarity(const SeenRow<Weight>& row, const KnownTokens& known,
                      const Eigen::RowVectorXd& similarity, Index tokens) {
    std::vector<Index> others;
    for (Index key = row.range().first; key < row.range().last; ++key)
      if (key != row.own() && row.sees(key) && !known.special(key)) others.push_back(key);
    Eigen::VectorXd of_others(static_cast<Index>(others.size()));
    for (std::size_t k = 0; k < others.size(); ++k) of_others(static_cast<Index>(k)) = similarity(others[k]);
    similarity_.add(row, others, of_others, tokens);
  }

  Index max_offset_;
  bool self_attention_;
  Index queries_ = 0;
  Eigen::VectorXd entropies_;         // [head] sums
  std::vector<TargetTally> offsets_;  // [max_offset + k]
  TargetTally first_, delimiters_, rarest_, copies_, after_copies_;
  std::map<Relation, OffsetContest> relations_;
  SimilarityTally similarity_;
};

}  // namespace attnscope::detail
