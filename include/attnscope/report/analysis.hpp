#pragma once
#include <attnscope/alignment/head_selection.hpp>
#include <attnscope/attribution/method_agreement.hpp>
#include <attnscope/flow/attention_flow.hpp>
#include <attnscope/heads/confidence.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/head_clusters.hpp>
#include <attnscope/heads/head_map.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/heads/importance.hpp>
#include <attnscope/heads/locality.hpp>
#include <attnscope/heads/patterns.hpp>
#include <attnscope/heads/pruning.hpp>
#include <attnscope/heads/redundancy.hpp>
#include <attnscope/heads/sink.hpp>
#include <attnscope/heads/token_groups.hpp>
#include <attnscope/values/mixing.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

/// @file
/// What a report says, apart from how it is found out (analyze.hpp) and written down (json.hpp, csv.hpp).
namespace attnscope {

/// What analyze() looks at, and how closely.
struct AnalyzeOptions {
  Index window = 3;              ///< of locality, tokens on either side
  std::vector<Index> layers{};   ///< original indices; empty: all
  std::vector<Index> heads{};    ///< of every layer; empty: all
  bool exclude_special = false;  ///< leave the dump's special_tokens out, as queries and as keys, rows
                                 ///< renormalised
  std::string target{};          ///< whose gradients count, as "toxicity" in attention_gradient.toxicity and
                                 ///< embedding_gradient.toxicity; empty: those without a target
  std::optional<double> pruning_fraction{};  ///< 0..1: plan the removal of this share of a stack's heads
  double most_comparisons = 4e9;  ///< of a stack with more pairs of weights, heads are not compared across
                                  ///< layers: some seconds
  bool flow = false;              ///< attention flow, too: seconds where many tokens are far from uniform
  Index most_map_tokens = 512;    ///< maps of longer texts are left out of the report: rollout and flow, and
                                  ///< norm maps as soon as those of all layers have as many numbers
  SweepOptions sweep{};           ///< threads; progress is called for each layer anew
  std::function<void(const std::string& what)> step{};  ///< told what begins, such as "self, layer 3"
};

/// What cross-attention says of an alignment, for each head.
struct AlignmentNumbers {
  AlignmentMetricsResult metrics;         ///< of the heads
  std::optional<ErrorRateResult> errors;  ///< where the dump has gold links; special tokens left out
};

/// What the head measures say of one layer, over a whole batch or one element.
struct LayerMetrics {
  EntropyResult entropy;                       ///< see entropy()
  ConfidenceResult confidence;                 ///< see confidence()
  SinkResult sink;                             ///< see sink()
  HeadSimilarityResult similarity;             ///< see head_similarity()
  std::optional<LocalityResult> locality;      ///< of self-attention, where distances have a meaning
  std::optional<ImportanceResult> importance;  ///< where the dump has gradients; every token counts, whatever
                                               ///< is excluded elsewhere: it is the whole head that goes
  std::optional<AlignmentNumbers> alignment;   ///< of cross-attention
};

/// What a layer's values do to its attention; every token counts.
struct ValueNumbers {
  Through through = Through::attention;  ///< as far as the dump's fields go
  MixingResult mixing;                   ///< over the whole batch
  std::vector<Eigen::MatrixXd>
      norm_maps;  ///< [batch] of [query x key]; empty where that is too much to write
};

/// What an analysis says of one layer.
struct LayerAnalysis {
  Index layer = 0;                                           ///< its index in the model
  std::vector<Index> heads;                                  ///< which heads the numbers are of
  LayerMetrics pooled;                                       ///< over all true queries of all batch elements
  std::vector<LayerMetrics> elements;                        ///< [batch]
  std::vector<HeadPattern> patterns;                         ///< [head], over the whole batch
  std::vector<std::vector<HeadPattern>> element_patterns{};  ///< [batch] of [head]
  std::optional<GroupMassResult> groups;                     ///< where the dump tells groups of tokens apart
  std::vector<GroupMassResult> element_groups{};             ///< [batch], where there are groups
  std::optional<ValueNumbers> values;                        ///< where the dump has the values of all heads
  std::optional<AlignmentNumbers> mean_heads_alignment;      ///< of cross-attention: of the mean over heads
};

/// How all heads of a stack, of all its layers, lie to one another, by the Jensen-Shannon distance between
/// their rows.
struct HeadComparison {
  std::vector<HeadId> heads;    ///< [head] the stack's layer (counted, not the model's number) and head
  HeadMapResult map;            ///< see head_map()
  HeadClustersResult clusters;  ///< see head_clusters()
  RedundancyResult redundancy;  ///< by 1 - distance / ln 2
};

/// Which heads of cross-attention align, and the links of the best one; special tokens left out.
struct StackAlignment {
  bool by_error_rate = false;         ///< or by alignment_score(), where the dump has no gold links
  std::vector<RankedHead> heads;      ///< the best first, named by the stack's layer (counted) and head
  std::vector<AlignmentLinks> links;  ///< [batch] of the first of `heads`, its targets' argmax
  std::optional<HeadSelectionResult> selection;  ///< with gold links of two sentences or more
};

/// How information flows from the input tokens to the top of a stack of self-attention.
struct StackFlow {
  std::vector<Eigen::MatrixXd> rollout;   ///< [batch] of [token x input]
  std::vector<AttentionFlowResult> flow;  ///< [batch], where it was asked for
};

/// How the attention of a layer, read in one way, and the input gradient order the tokens of one batch
/// element.
struct LayerAttribution {
  Index layer = 0;                             ///< its index in the model
  std::string readout;                         ///< "first query" or "received"
  std::optional<double> spearman_correlation;  ///< nothing where it is undefined: constant scores, n < 2
  std::optional<double> p_value;               ///< of it, two-sided, by Student's t
  std::optional<double> kendall_tau;           ///< -1 .. 1, tau-b
  std::optional<double> lower;  ///< of the 95 % interval of spearman_correlation; nothing below 4 tokens
  std::optional<double> upper;  ///< likewise
  Index n = 0;                  ///< tokens
  std::string verdict;          ///< a sentence
};

/// What methods say of the input tokens of a stack of self-attention, and of one another.
struct StackAttribution {
  std::vector<std::vector<LayerAttribution>>
      elements;  ///< [batch] of [layer, readout]; empty without the input gradient
  std::vector<std::vector<Index>>
      tokens;                       ///< [batch] the tokens that are scored, counted from the first true one
  std::vector<TokenScores> scores;  ///< a method each; empty where that is too much to write
  std::optional<MethodAgreementResult> agreement;  ///< where there are scores
};

/// What an analysis says of one stack of layers.
struct StackAnalysis {
  std::string name;            ///< "self", "encoder", "decoder", "cross", or a name of the model's own
  bool self_attention = true;  ///< queries and keys are the same tokens
  std::vector<std::vector<std::string>> query_tokens;  ///< [batch] of [query], or empty
  std::vector<std::vector<std::string>> key_tokens;    ///< [batch] of [key], or empty
  std::vector<LayerAnalysis> layers;                   ///< in rising order, those that were chosen
  std::optional<HeadComparison> comparison;            ///< of all heads of all layers
  std::optional<StackAlignment> alignment;             ///< of cross-attention
  std::optional<StackFlow> flow;                       ///< of self-attention whose queries are all its keys
  std::optional<StackAttribution> attribution;         ///< of self-attention, all layers over the same tokens
  std::optional<PruningPlan> pruning;  ///< by per_example importance, every layer divided by its norm;
                                       ///< key-value groups go together, redundant heads not all at once
};

/// Layer and head as the model counts them. id: as results count them, among the layers and heads analysed.
inline HeadId model_head(const StackAnalysis& stack, const HeadId& id) {
  const LayerAnalysis& layer = stack.layers[static_cast<std::size_t>(id.layer)];
  return {layer.layer, layer.heads[static_cast<std::size_t>(id.head)]};
}

/// Everything that the library knows to say of a dump.
struct Analysis {
  std::string source;                 ///< the file's name
  std::optional<std::string> model;   ///< as the dump names it
  Index batch = 0;                    ///< how many elements it has
  Index window = 3;                   ///< AnalyzeOptions::window
  bool excluded_special = false;      ///< AnalyzeOptions::exclude_special
  std::vector<StackAnalysis> stacks;  ///< in the order of the dump
  std::vector<std::string> left_out;  ///< a line for each part that was not computed, and why
  std::string target{};               ///< whose gradients count; empty: those without a target
};

}  // namespace attnscope
