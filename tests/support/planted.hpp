#pragma once
// A layer with one head of each kind, made from tokens and facts that are made up.
#include <attnscope/core/token_facts.hpp>
#include <attnscope/source/stored.hpp>

#include <unsupported/Eigen/CXX11/Tensor>

#include <functional>
#include <random>

namespace attnscope::test {

struct PlantedModel {
  Layout layout;
  AttentionTensor<float> attention;
  std::vector<TokenFacts> facts;
  std::vector<std::string> labels;  // [head]

  AttentionView<float> view() const { return {attention.data(), layout}; }
};

/// Numbers of one generator, the same everywhere (the standard's distributions are not).
class Dice {
 public:
  explicit Dice(unsigned seed) : generator_(seed) {}
  Index below(Index n) {
    return static_cast<Index>(generator_() % static_cast<std::mt19937::result_type>(n));
  }
  double unit() { return (static_cast<double>(generator_()) + .5) / 4294967296.0; }

 private:
  std::mt19937 generator_;
};

/// Text of some 30 different words between special tokens, a comma here and there, a tree over it, vectors.
inline TokenFacts made_up_facts(Index tokens, Dice& dice) {
  TokenFacts facts{.delimiters = std::vector<Index>{}, .special = {0, tokens - 1}};
  facts.embeddings.resize(tokens, 8);
  for (Index t = 0; t < tokens; ++t) {
    const bool special = t == 0 || t == tokens - 1, comma = t % 9 == 5;
    facts.identities.push_back(special ? 1000 + t : comma ? 999 : dice.below(20));
    if (special || comma) facts.delimiters->push_back(t);
    facts.frequencies.push_back(static_cast<double>(1 + dice.below(100000)));
    for (Index d = 0; d < 8; ++d) facts.embeddings(t, d) = dice.unit() - .5;
    Index head =
        t < 2 || special ? -1 : 1 + dice.below(t - 1);  // an earlier word: there for causal heads too
    facts.dependency_heads.push_back(head);
    facts.relations.push_back(head < 0 ? "root" : t % 3 == 0 ? "nsubj" : "dobj");
  }
  return facts;
}

/// Which keys a planted head looks at, of those that its query sees; none: it looks at the first.
using Rule = std::function<std::vector<Index>(const TokenFacts& facts, Index query, Range seen)>;

namespace detail {

/// The one of the visible words, the query's own left out unless `own`, for which value() is largest.
template <typename Value>
std::vector<Index> best_word(const TokenFacts& facts, Index query, Range seen, bool own, const Value& value) {
  std::vector<Index> best;
  for (Index j = seen.first; j < seen.last; ++j) {
    if (j == facts.special.front() || j == facts.special.back() || (j == query && !own)) continue;
    if (best.empty() || value(j) > value(best.front())) best = {j};
  }
  return best;
}

inline std::vector<std::pair<std::string, Rule>> planted_rules(bool causal) {
  const auto offset = [](Index k) {
    return [k](const TokenFacts&, Index i, Range) { return std::vector<Index>{i + k}; };
  };
  const auto at = [](const auto& list, Index t) { return list[static_cast<std::size_t>(t)]; };
  const auto copies = [at](Index shift) {
    return [at, shift](const TokenFacts& facts, Index i, Range) {
      std::vector<Index> keys;
      for (Index j = 0; j < i; ++j)
        if (at(facts.identities, j) == at(facts.identities, i)) keys.push_back(j + shift);
      return keys;
    };
  };
  std::vector<std::pair<std::string, Rule>> rules{
      {"previous token", offset(-1)},
      {"same token", offset(0)},
      {"offset -3", offset(-3)},
      {"first token", [](const TokenFacts&, Index, Range) { return std::vector<Index>{0}; }},
      {"delimiter", [](const TokenFacts& facts, Index, Range) { return *facts.delimiters; }},
      {"rare token",
       [at](const TokenFacts& facts, Index i, Range seen) {
         return best_word(facts, i, seen, true, [&](Index j) { return -at(facts.frequencies, j); });
       }},
      {"syntactic", [at](const TokenFacts& facts, Index i,
                         Range) { return std::vector<Index>{at(facts.dependency_heads, i)}; }},
      {"semantic",
       [](const TokenFacts& facts, Index i, Range seen) {
         return best_word(facts, i, seen, false, [&](Index j) {
           return facts.embeddings.row(i).normalized().dot(facts.embeddings.row(j).normalized());
         });
       }},
      {"broad",
       [](const TokenFacts&, Index, Range seen) {
         std::vector<Index> keys;
         for (Index j = seen.first; j < seen.last; ++j) keys.push_back(j);
         return keys;
       }},
      {"duplicate token", copies(0)},
      {"induction", copies(1)},
      {"none",  // a hash of the query says where
       [](const TokenFacts&, Index i, Range seen) {
         return std::vector<Index>{seen.first + (i * i * 7 + 3 * i + 5) % 31 % seen.size()};
       }},
  };
  if (!causal) {
    rules.push_back({"next token", offset(1)});
    rules.push_back({"offset +5", offset(5)});
  }
  return rules;
}

}  // namespace detail

/// Heads that put `strength` of each row on their targets and spread the rest over all that the query sees;
/// what the mask hides is NaN.
inline PlantedModel planted_model(const std::vector<Index>& lengths, const std::vector<Index>& starts,
                                  bool causal, double strength = .8, unsigned seed = 1) {
  const auto rules = detail::planted_rules(causal);
  const Index batch = static_cast<Index>(lengths.size()), heads = static_cast<Index>(rules.size());
  Index stored = 0;
  for (std::size_t b = 0; b < lengths.size(); ++b)
    stored = std::max(stored, lengths[b] + (starts.empty() ? 0 : starts[b]));
  PlantedModel model{
      Layout({batch, heads, stored, stored}, self_padding(lengths, starts, {.causal = causal})),
      AttentionTensor<float>(batch, heads, stored, stored),
      {},
      {}};
  model.attention.setConstant(std::numeric_limits<float>::quiet_NaN());
  Dice dice(seed);
  for (const auto& [label, rule] : rules) model.labels.push_back(label);
  for (Index b = 0; b < batch; ++b) {
    const TokenFacts& facts =
        model.facts.emplace_back(made_up_facts(lengths[static_cast<std::size_t>(b)], dice));
    const Index start = model.layout.key_start(b);
    for (Index h = 0; h < heads; ++h)
      for (Index i = 0; i < model.layout.queries(b); ++i) {
        const Range seen = model.layout.visible(b, i);
        std::vector<Index> targets = rules[static_cast<std::size_t>(h)].second(facts, i, seen);
        std::erase_if(targets, [&](Index j) { return j < seen.first || j >= seen.last; });
        if (targets.empty()) targets = {0};
        for (Index j = seen.first; j < seen.last; ++j) {
          const double hits = static_cast<double>(std::ranges::count(targets, j));
          model.attention(b, h, start + i, start + j) =
              static_cast<float>((1 - strength) / static_cast<double>(seen.size()) +
                                 strength * hits / static_cast<double>(targets.size()));
        }
      }
  }
  return model;
}

/// The same weights in every row, but in an order of their own among the keys that the query sees.
inline AttentionTensor<float> shuffled_keys(const AttentionTensor<float>& attention, const Layout& layout,
                                            unsigned seed) {
  AttentionTensor<float> shuffled = attention;
  Dice dice(seed);
  for (Index b = 0; b < layout.shape().batch; ++b)
    for (Index h = 0; h < layout.shape().heads; ++h)
      for (Index i = 0; i < layout.queries(b); ++i) {
        const Range seen = layout.visible(b, i);
        float* row = &shuffled(b, h, layout.query_start(b) + i, layout.key_start(b));
        for (Index j = seen.last - 1; j > seen.first; --j)
          std::swap(row[j], row[seen.first + dice.below(j - seen.first + 1)]);
      }
  return shuffled;
}

}  // namespace attnscope::test
