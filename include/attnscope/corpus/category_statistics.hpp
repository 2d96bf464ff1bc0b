#pragma once
#include <attnscope/corpus/example_numbers.hpp>

#include <map>

namespace attnscope {

/// How often every head of a stack fell into each category, over examples; and for each layer the share of
/// its heads in a category.
class CategoryStatistics {
 public:
  /// What is kept of one category.
  struct Tally {
    Eigen::ArrayXd counts;  ///< [layer * heads + head] examples
    Eigen::MatrixXd sums;   ///< [layer x replicate] heads, weighted
  };

  /// The empty one.
  CategoryStatistics(Index layers, Index heads, Index replicates)
      : layers_(layers), heads_(heads), replicates_(replicates) {}

  /// Of each head's categories.
  Index layers() const { return layers_; }
  /// Of each layer.
  Index heads() const { return heads_; }
  /// By category.
  const std::map<std::string, Tally>& tallies() const { return tallies_; }

  /// What is unlike in another table of the same name; empty if nothing is.
  std::string unlike(Index layers, Index heads) const {
    if (layers == layers_ && heads == heads_) return "";
    return fmt::format("[{} x {}] here and [{} x {}] before", layers, heads, layers_, heads_);
  }
  /// The tally of a category, made if it is new.
  Tally& tally(const std::string& category) {
    const auto [found, is_new] = tallies_.try_emplace(category);
    if (is_new)
      found->second = {Eigen::ArrayXd::Zero(layers_ * heads_), Eigen::MatrixXd::Zero(layers_, replicates_)};
    return found->second;
  }
  /// categories: [layer * heads + head], empty where there is none; weights: [replicate].
  void add(const std::vector<std::string>& categories, const Eigen::VectorXd& weights) {
    for (Index e = 0; e < layers_ * heads_; ++e) {
      const std::string& category = categories[static_cast<std::size_t>(e)];
      if (category.empty()) continue;
      Tally& to = tally(category);
      to.counts(e) += 1;
      // A row of a matrix without columns would be an offset from a null pointer.
      if (replicates_ > 0) to.sums.row(e / heads_) += weights.transpose();
    }
  }
  /// later: of later examples; unlike() finds nothing in it.
  void merge(const CategoryStatistics& later) {
    for (const auto& [category, other] : later.tallies_) {
      Tally& to = tally(category);
      to.counts += other.counts;
      to.sums += other.sums;
    }
  }

  /// [layer x head] examples in which the head fell into any category.
  Eigen::ArrayXXd counts() const {
    Eigen::ArrayXd all = Eigen::ArrayXd::Zero(layers_ * heads_);
    for (const auto& [category, one] : tallies_) all += one.counts;
    return of_heads(all);
  }
  /// [layer x head] those in which it fell into this one.
  Eigen::ArrayXXd counts(const std::string& category) const {
    const auto found = tallies_.find(category);
    if (found == tallies_.end()) return Eigen::ArrayXXd::Zero(layers_, heads_);
    return of_heads(found->second.counts);
  }
  /// visit(category, name, numbers, shape) for all that is to be stored.
  template <typename Self, typename Visit>
  static void each_part(Self& self, const Visit& visit) {
    for (auto& [category, one] : self.tallies_) {
      visit(category, "count", one.counts, PartShape{{self.layers_, self.heads_}});
      visit(category, "replicate_sums", one.sums, PartShape{{self.layers_}, self.replicates_});
    }
  }
  /// The category that a head fell into most often, the first by name of equals; empty if into none.
  std::string most_frequent(Index layer, Index head) const {
    std::string best;
    double most = 0;
    for (const auto& [category, one] : tallies_) {
      const double count = one.counts(layer * heads_ + head);
      if (count <= most) continue;
      most = count;
      best = category;
    }
    return best;
  }
  /// [layer] 0..1, the share of a category among the heads of a layer, pooled over examples; NaN of none.
  Eigen::ArrayXd layer_share(const std::string& category) const {
    Eigen::ArrayXd share = counts(category).rowwise().sum();
    const Eigen::ArrayXd all = counts().rowwise().sum();
    for (Index layer = 0; layer < layers_; ++layer) share(layer) /= all(layer);
    return share;
  }
  /// Its bootstrap interval over examples: heads of one example are not independent. @throws ValueError a
  /// confidence not between 0 and 1
  ConfidenceInterval interval_of_layer_share(const std::string& category, Index layer,
                                             double confidence = .95) const {
    const auto found = tallies_.find(category);
    std::vector<double> shares;
    for (Index r = 0; r < replicates_; ++r) {
      double all = 0;
      for (const auto& [other, one] : tallies_) all += one.sums(layer, r);
      if (all > 0) shares.push_back(found == tallies_.end() ? 0 : found->second.sums(layer, r) / all);
    }
    return percentile_interval(std::move(shares), confidence);
  }

 private:
  Eigen::ArrayXXd of_heads(const Eigen::ArrayXd& flat) const {
    Eigen::ArrayXXd numbers(layers_, heads_);
    for (Index e = 0; e < flat.size(); ++e) numbers(e / heads_, e % heads_) = flat(e);
    return numbers;
  }

  Index layers_, heads_, replicates_;
  std::map<std::string, Tally> tallies_;
};

}  // namespace attnscope
