#pragma once
#include <attnscope/core/finite.hpp>
#include <attnscope/core/layout.hpp>

#include <cmath>
#include <map>
#include <optional>
#include <string>

namespace attnscope {

/// What is known of the tokens of one example, counted from its first true token. All of it is optional: an
/// empty list is not known. They are the tokens of the keys; in self-attention a query is the key at its
/// position.
struct TokenFacts {
  std::vector<Index> identities{};                 ///< [token] equal numbers are equal tokens: vocabulary ids
  std::optional<std::vector<Index>> delimiters{};  ///< positions of special tokens and punctuation
  std::vector<Index> special{};  ///< positions of special tokens: no words, so they have no syntax, no
                                 ///< copies, no meaning and no frequency
  std::vector<Index> dependency_heads{};  ///< [token] the token it depends on; -1: a root, or none
  std::vector<std::string> relations{};   ///< [token] the name of that dependency, such as "nsubj"
  std::vector<double> frequencies{};      ///< [token] how common it is: counts or shares of any corpus
  Eigen::MatrixXd embeddings{};           ///< [token x dim] whose cosine is similarity
};

/// [token] the tokens' identities: equal strings get equal numbers.
inline std::vector<Index> identities_of(const std::vector<std::string>& tokens) {
  std::map<std::string, Index> known;
  std::vector<Index> identities;
  for (const std::string& token : tokens)
    identities.push_back(known.try_emplace(token, static_cast<Index>(known.size())).first->second);
  return identities;
}

namespace detail {

/// TokenFacts checked, with what follows from them.
class KnownTokens {
 public:
  /// @throws ShapeError, ValueError naming the token: lists of unlike length, a position that is not there, a
  /// token that depends on itself, a frequency that is negative or not finite, an embedding that is not
  /// finite
  explicit KnownTokens(TokenFacts facts) : facts_(std::move(facts)) {
    check_lists();
    check_dependencies();
    for (std::size_t i = 0; i < facts_.frequencies.size(); ++i)
      require<ValueError>(std::isfinite(facts_.frequencies[i]) && facts_.frequencies[i] >= 0,
                          "token {}: the frequency {} is not a count or a share", i, facts_.frequencies[i]);
    link_copies();
    dependents_.resize(facts_.dependency_heads.size());
    for (std::size_t i = 0; i < dependents_.size(); ++i)
      if (const Index head = facts_.dependency_heads[i]; head >= 0)
        dependents_[static_cast<std::size_t>(head)].push_back(static_cast<Index>(i));
    normalise_embeddings();
  }

  /// @throws ShapeError they are the facts of another number of tokens
  void check_fit(Index tokens) const {
    const auto fits = [&](const char* what, Index size) {
      require<ShapeError>(size == 0 || size == tokens, "{} {} for {} tokens", size, what, tokens);
    };
    fits("identities", static_cast<Index>(facts_.identities.size()));
    fits("dependency heads", static_cast<Index>(facts_.dependency_heads.size()));
    fits("frequencies", static_cast<Index>(facts_.frequencies.size()));
    fits("embeddings", facts_.embeddings.rows());
    const auto reach = [&](const char* what, const std::vector<Index>& positions) {
      for (const Index token : positions)
        require<ShapeError>(token < tokens, "{} token {} of {}", what, token, tokens);
    };
    reach("delimiter", delimiters());
    reach("special", facts_.special);
  }

  bool special(Index token) const {
    return std::binary_search(facts_.special.begin(), facts_.special.end(), token);
  }
  const std::vector<Index>& special() const { return facts_.special; }
  /// Empty where they are not known.
  const std::vector<Index>& delimiters() const {
    static const std::vector<Index> none;
    return facts_.delimiters ? *facts_.delimiters : none;
  }
  const std::vector<double>& frequencies() const { return facts_.frequencies; }
  bool knows_copies() const { return !facts_.identities.empty(); }
  /// The nearest earlier equal token, or -1. A special token has no copies.
  Index earlier_copy(Index token) const { return earlier_copy_[static_cast<std::size_t>(token)]; }
  bool knows_syntax() const { return !facts_.dependency_heads.empty(); }
  Index dependency_head(Index token) const {
    return facts_.dependency_heads[static_cast<std::size_t>(token)];
  }
  const std::vector<Index>& dependents(Index token) const {
    return dependents_[static_cast<std::size_t>(token)];
  }
  /// Of a token to its head; "" where relations are not named.
  const std::string& relation(Index token) const {
    static const std::string unnamed;
    return facts_.relations.empty() ? unnamed : facts_.relations[static_cast<std::size_t>(token)];
  }
  /// [token x dim] of length 1 each, or 0; empty where they are not known.
  const Eigen::MatrixXd& directions() const { return facts_.embeddings; }

 private:
  void check_lists() {
    require<ShapeError>(facts_.relations.empty() || facts_.relations.size() == facts_.dependency_heads.size(),
                        "{} relations for {} dependency heads", facts_.relations.size(),
                        facts_.dependency_heads.size());
    const auto sort = [](const char* what, std::vector<Index>& positions) {
      std::sort(positions.begin(), positions.end());
      positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
      require<ShapeError>(positions.empty() || positions.front() >= 0, "{} token {}", what,
                          positions.empty() ? 0 : positions.front());
    };
    if (facts_.delimiters) sort("delimiter", *facts_.delimiters);
    sort("special", facts_.special);
  }
  void check_dependencies() const {
    const Index tokens = static_cast<Index>(facts_.dependency_heads.size());
    for (Index i = 0; i < tokens; ++i) {
      const Index head = dependency_head(i);
      require<ShapeError>(head >= -1 && head < tokens, "token {}: the dependency head {} of {} tokens", i,
                          head, tokens);
      require<ValueError>(head != i, "token {} is its own dependency head; a root has -1", i);
    }
  }
  void link_copies() {
    std::map<Index, Index> last;
    for (const Index identity : facts_.identities) {
      const Index token = static_cast<Index>(earlier_copy_.size());
      earlier_copy_.push_back(-1);
      if (special(token)) continue;
      const auto [found, first] = last.try_emplace(identity, token);
      if (!first) earlier_copy_.back() = std::exchange(found->second, token);
    }
  }
  void normalise_embeddings() {
    for (Index i = 0; i < facts_.embeddings.rows(); ++i) {
      require<ValueError>(all_finite(facts_.embeddings.row(i)), "token {}: the embedding is not finite", i);
      facts_.embeddings.row(i).normalize();
    }
  }

  TokenFacts facts_;
  std::vector<Index> earlier_copy_;             // [token]
  std::vector<std::vector<Index>> dependents_;  // [token]
};

}  // namespace detail
}  // namespace attnscope
