#pragma once
#include <attnscope/attribution/agreement.hpp>
#include <attnscope/attribution/method_agreement.hpp>
#include <attnscope/attribution/token_scores.hpp>
#include <attnscope/attribution/verdict.hpp>
#include <attnscope/flow/relevance.hpp>
#include <attnscope/io/dump_inputs.hpp>
#include <attnscope/report/analysis.hpp>

namespace attnscope {

namespace detail {

/// [batch] which true tokens of a layer are not excluded, counted from the first true one.
struct KeptTokens {
  std::vector<std::vector<Index>> queries, keys;

  explicit KeptTokens(const Layout& layout) {
    for (Index b = 0; b < layout.shape().batch; ++b) {
      queries.emplace_back();
      for (const Range& run : layout.shown_queries(b))
        for (Index i = run.first; i < run.last; ++i) queries.back().push_back(i);
      keys.emplace_back();
      for (Index j = 0; j < layout.keys(b); ++j)
        if (layout.count_keys(b, {j, j + 1}) == 1) keys.back().push_back(j);
    }
  }
};

/// Token scores of a stack, one method after the other, of the tokens that are kept.
class ScoreList {
 public:
  static constexpr std::array<ReadFrom, 2> readouts{ReadFrom::first_query, ReadFrom::received};

  explicit ScoreList(const Layout& layout) : kept_(layout) {}

  const KeptTokens& kept() const { return kept_; }
  const std::vector<TokenScores>& all() const { return all_; }
  /// The methods that are compared with one another.
  std::vector<TokenScores> compared() const {
    std::vector<TokenScores> chosen;
    for (std::size_t m = 0; m < all_.size(); ++m)
      if (compared_[m]) chosen.push_back(all_[m]);
    return chosen;
  }

  /// Scores of every true token. Returns what is kept of them.
  const TokenScores& add(TokenScores scores, bool compared = true) {
    for (std::size_t b = 0; b < scores.scores.size(); ++b)
      scores.scores[b] = Eigen::VectorXd(scores.scores[b](kept_.keys[b]));
    return append(std::move(scores), compared);
  }
  /// Maps of every true token, read as the report reads: without the rows and columns of excluded tokens.
  void add(const std::string& method, const std::vector<Eigen::MatrixXd>& maps, bool compared = true) {
    for (const ReadFrom from : readouts) {
      TokenScores scores{read_by(method, {.from = from}), {}};
      for (std::size_t b = 0; b < maps.size(); ++b) {
        const Eigen::MatrixXd kept = maps[b](kept_.queries[b], kept_.keys[b]);
        scores.scores.push_back(kept.rows() > 0 ? read_out(kept, {.from = from})
                                                : Eigen::VectorXd::Constant(kept.cols(), undefined));
      }
      append(std::move(scores), compared);
    }
  }
  /// The rank mean of some methods, called "combined"; empty of an example where one of them is undefined.
  void add_combined(const std::vector<std::string>& methods) {
    std::vector<TokenScores> chosen;
    for (const TokenScores& scores : all_)
      if (std::ranges::find(methods, scores.method) != methods.end()) chosen.push_back(scores);
    for (std::size_t b = 0; b < kept_.keys.size(); ++b) {
      const auto defined = [b](const TokenScores& scores) { return scores.scores[b].allFinite(); };
      if (std::ranges::all_of(chosen, defined)) continue;
      for (TokenScores& scores : chosen) scores.scores[b].resize(0);
    }
    append({"combined", combined_scores(chosen).scores}, true);
  }

 private:
  const TokenScores& append(TokenScores scores, bool compared) {
    compared_.push_back(compared);
    return all_.emplace_back(std::move(scores));
  }

  KeptTokens kept_;
  std::vector<TokenScores> all_;
  std::vector<bool> compared_;  // [method]
};

/// Where the tokens of the layers are not the same; empty where they are.
inline std::string unlike_tokens(const DumpStack& stack) {
  const Layout& first = dump::layout_of(stack.layers.front().attention);
  for (const DumpLayer& layer : stack.layers) {
    const Layout& layout = dump::layout_of(layer.attention);
    for (Index b = 0; b < layout.shape().batch; ++b)
      if (layout.queries(b) != first.queries(b) || layout.keys(b) != first.keys(b))
        return fmt::format("batch element {} is {} x {} tokens in layer {} and {} x {} in layer {}", b,
                           first.queries(b), first.keys(b), stack.layers.front().index, layout.queries(b),
                           layout.keys(b), layer.index);
  }
  return "";
}

/// What attention and the input gradient say of one another in each example.
inline void compare_with_gradient(const TokenScores& attention, const TokenScores& gradient, Index layer,
                                  const std::string& readout,
                                  std::vector<std::vector<LayerAttribution>>& elements) {
  const std::vector<Agreement> found = compare_scores(attention, gradient);
  const std::string first = fmt::format("attention ({})", readout), second = "the input gradient";
  elements.resize(found.size());
  for (std::size_t b = 0; b < found.size(); ++b) {
    const Agreement& one = found[b];
    const CorrelationInterval interval = spearman_interval(one.spearman_correlation, one.n);
    elements[b].push_back(
        {layer, readout, one.spearman_correlation, one.p_value, one.kendall_tau, interval.lower,
         interval.upper, one.n,
         has_scores(attention.scores[b]) || attention.scores[b].size() == 0
             ? agreement_sentence(first, second, one.spearman_correlation, one.n)
             : fmt::format("Nothing can be said of {} and {}: no query is shown.", first, second)});
  }
}

/// The input gradient in its forms, the first of them the one that attention is compared with; none where the
/// dump has none of this stack.
inline std::vector<TokenScores> gradient_scores(const Dump& dump, const DumpStack& stack) {
  if (stack.name != "self") return {};
  const auto gradient = input_gradient(dump);
  if (!gradient) return {};
  std::vector<TokenScores> scores;
  for (const GradientScore form : {GradientScore::l1, GradientScore::l2, GradientScore::signed_sum})
    scores.push_back(input_gradient_scores(*gradient, form));
  if (const auto embedding = input_embedding(dump))
    scores.push_back(input_gradient_scores(*gradient, GradientScore::times_input, *embedding));
  return scores;
}

/// The relevance of a stack; nothing where a layer has no gradient.
inline std::vector<Eigen::MatrixXd> stack_relevance(const DumpStack& stack, const SweepOptions& how) {
  std::vector<AttentionWithGradient> layers;
  for (const DumpLayer& layer : stack.layers) {
    if (!layer.gradient) return {};
    layers.push_back({layer.attention, *layer.gradient});
  }
  return attnscope::relevance(layers, how);
}

/// "attention, layer 3"
inline std::string of_layer(const char* method, Index layer) {
  return fmt::format("{}, layer {}", method, layer);
}

/// The maps of one layer, as far as it has gradients and values.
inline void add_layer_maps(const DumpLayer& layer, const LayerAnalysis& found, bool compared,
                           const SweepOptions& how, ScoreList& list) {
  if (layer.gradient)
    list.add(of_layer("attention x gradient", layer.index),
             gradient_maps(AttentionWithGradient{layer.attention, *layer.gradient}, GradientPart::all, how),
             compared);
  if (found.values && !found.values->norm_maps.empty())
    list.add(of_layer("norm map", layer.index), found.values->norm_maps, compared);
}

/// The maps that go through all layers.
inline void add_stack_maps(const DumpStack& stack, const StackFlow& found, const SweepOptions& how,
                           ScoreList& list) {
  list.add("rollout", found.rollout);
  std::vector<Eigen::MatrixXd> flow;
  for (const AttentionFlowResult& element : found.flow) flow.push_back(element.flow);
  if (!flow.empty()) list.add("flow", flow);
  if (const auto maps = stack_relevance(stack, how); !maps.empty()) list.add("relevance", maps);
}

/// What the rank mean is of, as far as it is there: one method of each kind, that cannot be negative.
/// Relevance only where a target is named: of a loss it is what speaks against the answer.
inline std::vector<std::string> combined_methods(Index last_layer, bool of_target) {
  std::vector<std::string> maps{of_layer("attention", last_layer), of_layer("norm map", last_layer),
                                "rollout", "flow"};
  if (of_target) maps.push_back("relevance");
  std::vector<std::string> methods{name_of(GradientScore::l1)};
  for (const std::string& map : maps) methods.push_back(read_by(map, {.from = ReadFrom::received}));
  return methods;
}

}  // namespace detail

/// What methods say of the input tokens of a stack of self-attention: attention of each layer, the input
/// gradient, rollout and flow, relevance, norm maps; and how they agree. Where layers have unlike tokens, or
/// the text is longer than options.most_map_tokens, `reason` says what is left out. every_token: the same
/// stack without exclusion; found: what is known of it already.
/// @throws what the parts of it throw, naming layer
inline std::optional<StackAttribution> stack_attribution(const Dump& dump, const DumpStack& stack,
                                                         const DumpStack& every_token,
                                                         const StackAnalysis& found,
                                                         const AnalyzeOptions& options, std::string& reason) {
  if (reason = detail::unlike_tokens(stack); !reason.empty()) return {};
  const Layout& layout = detail::dump::layout_of(stack.layers.front().attention);
  detail::ScoreList list(layout);
  StackAttribution result;
  result.tokens = list.kept().keys;
  const bool all = layout.shape().keys <= options.most_map_tokens;
  if (!all) reason = fmt::format("{} tokens are more than {}", layout.shape().keys, options.most_map_tokens);

  for (TokenScores& form : detail::gradient_scores(dump, stack)) list.add(std::move(form));
  const bool has_gradient = !list.all().empty();
  if (!all && !has_gradient) return {};
  for (std::size_t l = 0; l < stack.layers.size(); ++l) {
    const DumpLayer& layer = stack.layers[l];
    const bool last = l + 1 == stack.layers.size();
    for (const ReadFrom from : detail::ScoreList::readouts) {
      TokenScores attention = attention_scores(layer.attention, {.from = from}, options.sweep);
      attention.method = detail::read_by(detail::of_layer("attention", layer.index), {.from = from});
      const TokenScores& kept = list.add(std::move(attention), last);
      if (has_gradient)
        detail::compare_with_gradient(kept, list.all().front(), layer.index, name_of({.from = from}),
                                      result.elements);
    }
    if (all) detail::add_layer_maps(every_token.layers[l], found.layers[l], last, options.sweep, list);
  }
  if (!all) return result;
  if (found.flow) detail::add_stack_maps(every_token, *found.flow, options.sweep, list);
  list.add_combined(detail::combined_methods(stack.layers.back().index, !options.target.empty()));
  result.scores = list.all();
  result.agreement = method_agreement(list.compared());
  return result;
}

}  // namespace attnscope
