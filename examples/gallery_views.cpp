#include "gallery_views.hpp"

#include <attnscope/alignment/word_times.hpp>
#include <attnscope/figure/attribution_scatter.hpp>
#include <attnscope/figure/flow_graph.hpp>
#include <attnscope/figure/head_view.hpp>
#include <attnscope/figure/neuron_view.hpp>
#include <attnscope/figure/sankey.hpp>
#include <attnscope/figure/token_links.hpp>
#include <attnscope/figure/word_timings.hpp>
#include <attnscope/flow/minimum_cut.hpp>
#include <attnscope/flow/top_targets.hpp>
#include <attnscope/report/stack_alignment.hpp>
#include <attnscope/source/maps.hpp>
#include <attnscope/statistics/rank_correlation.hpp>

#include "support/stack_of.hpp"

namespace {

using namespace attnscope;

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// [token x dim] one head of `query` or `key` of a layer, batch element 0.
Eigen::MatrixXd head_vectors(const DumpLayer& layer, const char* field, Index head, Index tokens) {
  const RawTensor& tensor = layer.fields.at(field);  // [batch, head, token, dim]
  const Index stored = tensor.shape[2], dim = tensor.shape[3];
  const auto numbers = detail::dump::as_weights<double>(field, tensor);
  return Eigen::Map<const RowMajor>(numbers.get() + head * stored * dim, tokens, dim);
}

/// The pair of sentences: one stack of self-attention, one batch element.
struct Pair {
  const Dump& dump;
  const DumpStack& stack;
  Theme theme;
  std::vector<LoadedAttention> layers{};
  std::vector<std::string> tokens = stack.keys.tokens[0];
  Index boundary = 21;

  Pair(const Dump& the_dump, Theme the_theme)
      : dump(the_dump), stack(stack_of(the_dump, "self")), theme(the_theme) {
    for (const DumpLayer& layer : stack.layers) layers.push_back(layer.attention);
  }
  Index token(const std::string& word) const {
    return std::find(tokens.begin(), tokens.end(), word) - tokens.begin();
  }
  std::vector<Eigen::MatrixXd> maps(std::size_t layer) const {
    return std::visit([](const auto& attention) { return head_maps(attention); }, layers[layer]);
  }

  std::string heads_of_token() const {
    return head_view(maps(4), {.title = "Layer 4: what \u201cit\u201d attends to",
                               .query_tokens = tokens,
                               .key_tokens = tokens,
                               .queries = all_but_first,
                               .keys = all_but_first,
                               .query = token("it"),
                               .high = .3,
                               .theme = theme});
  }
  std::string heads_between_sentences() const {
    return head_view(maps(3), {.title = "Layer 3, three heads: from the second sentence to the first",
                               .query_tokens = tokens,
                               .key_tokens = tokens,
                               .heads = {.only = {1, 4, 6}},
                               .queries = all_but_first,
                               .keys = all_but_first,
                               .sentences = SentenceFilter::b_to_a,
                               .sentence_boundary = boundary,
                               .least_weight = .05,
                               .high = .4,
                               .theme = theme});
  }
  std::string neurons() const {
    const DumpLayer& layer = stack.layers[4];
    const Index head = 0, count = static_cast<Index>(tokens.size()), it = token("it");
    return neuron_view(head_vectors(layer, "query", head, count).row(it),
                       head_vectors(layer, "key", head, count),
                       {.title = "Layer 4, head 0: how \u201cit\u201d comes by its weights",
                        .query_token = "it",
                        .key_tokens = tokens,
                        .theme = theme});
  }
  std::string sankey_of_heads() const {
    const Index it = token("it");
    const auto targets = std::visit(
        [&](const auto& attention) { return top_targets(attention, it, {.top_k = 3}); }, layers[4]);
    std::vector<std::string> names;
    for (std::size_t h = 0; h < targets.heads.size(); ++h) names.push_back(fmt::format("head {}", h));
    return sankey(head_sankey(targets, it), {.title = "Layer 4: where the heads of \u201cit\u201d look",
                                             .tokens = tokens,
                                             .kinds = names,
                                             .theme = theme});
  }
  std::string sankey_of_layers() const {
    std::vector<std::string> steps;
    for (std::size_t l = layers.size(); l-- > 0;) steps.push_back(fmt::format("above layer {}", l));
    steps.push_back("input");
    return sankey(flow_sankey(target_flow(layers, token("it"), {.top_k = 3})),
                  {.title = "What flows into \u201cit\u201d, by rollout",
                   .tokens = tokens,
                   .step_titles = steps,
                   .theme = theme});
  }
  std::string graph_of_flow() const {
    // Of the whole stack nearly every cut is a single layer.
    const std::vector<LoadedAttention> lowest(layers.begin(), layers.begin() + 3);
    const std::vector<Eigen::MatrixXd> capacities = layer_maps(lowest);
    const Index query = token("it"), input = token("narrow");
    const MinimumCut cut = minimum_cut(capacities, query, input);
    const TargetFlow flow =
        target_flow(lowest, query, {.top_k = static_cast<Index>(tokens.size()), .min_weight = 0});
    Eigen::MatrixXd shares =
        Eigen::MatrixXd::Zero(static_cast<Index>(lowest.size()) + 1, static_cast<Index>(tokens.size()));
    for (const FlowNode& node : flow.nodes) shares(node.level, node.token) = node.share;
    return flow_graph(
        capacities,
        {.title = fmt::format(
             "Layers 0 to 2: attention flow from \u201cit\u201d to \u201cnarrow\u201d, {:.3f}", cut.flow),
         .tokens = tokens,
         .query = query,
         .input = input,
         .marked = layer_edges(cut.edges),
         .shares = shares,
         .least_weight = .05,
         .theme = theme});
  }
  std::string attention_against_attribution() const {
    const RawTensor& tensor = dump.inputs.at("embedding_gradient");
    const auto numbers = detail::dump::as_weights<double>("input.embedding_gradient", tensor);
    const Eigen::VectorXd attribution =
        Eigen::Map<const RowMajor>(numbers.get(), static_cast<Index>(tokens.size()), tensor.shape[2])
            .cwiseAbs()
            .rowwise()
            .sum();
    Eigen::VectorXd attention = Eigen::VectorXd::Zero(attribution.size());
    const std::vector<Eigen::MatrixXd> heads = maps(layers.size() - 1);
    for (const Eigen::MatrixXd& head : heads)
      attention += head.colwise().mean().transpose() / static_cast<double>(heads.size());
    const auto tau = kendall(attention, attribution);
    return attribution_scatter(
        attention, attribution,
        {.title = "Do attention and gradients agree?",
         .tokens = tokens,
         .attention_title = "attention received in the last layer",
         .attribution_title = "|d loss / d embedding|",
         .ranks = true,
         .note = fmt::format("Kendall's tau {:.2f}", tau.statistic.value_or(undefined)),
         .theme = theme});
  }
};

/// A sentence, its translation, and the links between them that a head of cross-attention makes and misses.
std::string alignment(const Dump& cipher, Theme theme) {
  const DumpStack& stack = stack_of(cipher, "cross");
  const auto links = links_of_head(content_layers(cipher, stack), {1, 2});
  const std::size_t element = 4;
  return alignment_links(stack.keys.tokens[element], stack.queries.tokens[element], links[element].links,
                         gold_links(cipher, stack)[element],
                         {.title = "Cross-attention, layer 1, head 2, as an alignment", .theme = theme});
}

/// Attention on sound that is made up: no model of speech ships with attnscope.
std::string timings(Theme theme) {
  const std::vector<std::string> tokens{"\u2581the", "\u2581door", "way", "\u2581was",
                                        "\u2581too", "\u2581na",   "rrow"};
  const std::vector<double> middles{6, 20, 34, 50, 62, 78, 94}, widths{4, 6, 5, 5, 4, 6, 8};
  Eigen::MatrixXd head(7, 110);
  for (Index i = 0; i < head.rows(); ++i)
    for (Index j = 0; j < head.cols(); ++j) {
      const auto token = static_cast<std::size_t>(i);
      const double from = (static_cast<double>(j) + .5 - middles[token]) / widths[token];
      head(i, j) = -from * from / 2 + .4 * std::sin(static_cast<double>(7 * i + 5 * j));
    }
  const TokenTimesResult times = token_times({head}, {.weights = FrameWeights::logits, .median_width = 3});
  const std::vector<Index> words = word_index(tokens, Subwords::sentence_piece);
  const std::vector<std::string> texts = word_texts(tokens, words, Subwords::sentence_piece);
  const std::vector<TimeSpan> spans = word_times(times.tokens, words);
  std::vector<TimedWord> timed;
  for (std::size_t w = 0; w < spans.size(); ++w) timed.push_back({texts[w], spans[w].start, spans[w].end});
  return word_timings(timed, {.title = "When was each word spoken? (made-up attention)",
                              .map = -times.cost,
                              .path = map_steps(times.path),
                              .tokens = tokens,
                              .theme = theme});
}

}  // namespace

std::vector<Figure> gallery_views(const Dump& dump, const Dump& cipher) {
  const Pair pair(dump, Theme::light), dark(dump, Theme::dark);
  return {{"head_view_token", pair.heads_of_token()},
          {"head_view_sentences", pair.heads_between_sentences()},
          {"neuron_view", pair.neurons()},
          {"sankey_heads", pair.sankey_of_heads()},
          {"sankey_layers", pair.sankey_of_layers()},
          {"sankey_layers_dark", dark.sankey_of_layers()},
          {"flow_graph", pair.graph_of_flow()},
          {"attribution_scatter", pair.attention_against_attribution()},
          {"attribution_scatter_dark", dark.attention_against_attribution()},
          {"alignment_links", alignment(cipher, Theme::light)},
          {"word_timings", timings(Theme::light)}};
}
